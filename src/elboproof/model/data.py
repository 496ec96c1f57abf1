"""Data points, read and checked once, as exact numbers and as balls: nothing is rounded away on the way in."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import RECTANGULAR, plain_array, require_finite
from elboproof.model.latent_model import LatentModel
from elboproof.model.supports import Support
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import exact

Given = Any
"""Shape (D,) or (N, D): an array, a tensor, a frame (a row is a data point) or nested lists of numbers and strings;
booleans, too, where data are whole numbers."""
LARGEST = 2**53
"""Integers up to here are doubles."""


@dataclass(frozen=True, eq=False)
class Data:
    """N data points of dimension D; each form is made when it is first asked for.

    Attributes
    ----------
    array : (D,) or (N, D)
        Float64, or objects that `exact` reads.
    """

    array: NDArray[Any]

    def __len__(self) -> int:
        return len(self.array) if self.batch else 1

    @property
    def batch(self) -> bool:
        """Whether x was given with an axis N."""
        return self.array.ndim == 2

    @cached_property
    def rows(self) -> list[list[Fraction]]:
        """Exact numbers, N rows; an error names the entry that is none."""
        # tolist() gives Python's own numbers for any dtype, so that exact() sees what was meant.
        return [self.row(n) for n in range(len(self))]

    def part(self, which: list[int]) -> "Data":
        """Return some rows, in the order given, as a batch; x of shape (D,) is a row and not D of them."""
        return Data(self.array.reshape(-1, self.array.shape[-1])[which])

    def row(self, n: int) -> list[Fraction]:
        """Return one row of exact numbers, without reading the others."""
        entries = self.array.reshape(-1, self.array.shape[-1])[n].tolist()
        return [exact(value, _entry(self.array, n, j)) for j, value in enumerate(entries)]

    @cached_property
    def balls(self) -> BallArray:
        """Balls of shape (N, D): doubles are points, other numbers are enclosed."""
        if self.array.dtype == np.float64:
            return BallArray(self.array.reshape(-1, self.array.shape[-1]))
        # (N, D). Each exact number becomes the ball around its nearest double; there must be one, because
        # searches start there.
        # `double` raises where the number is beyond all doubles, and the error names the entry.
        for n, row in enumerate(self.rows):
            for j, number in enumerate(row):
                double(number, _entry(self.array, n, j))
        numbers = [number for row in self.rows for number in row]
        balls = [BallArray.from_fraction(n.numerator, n.denominator).reshape(1) for n in numbers]
        return BallArray.concatenate(balls).reshape(-1, self.array.shape[-1])

    def require(self, support: Support) -> None:
        """Raise ``ValueError`` that names the first entry that a likelihood does not allow, or that is no number."""
        if self.array.dtype == np.float64:
            support.require_array(self.array, "x")
            return
        # Exact numbers are compared exactly: 1 + 1e-30 is not binary.
        for n, row in enumerate(self.rows):
            if not support.everything:
                support.require_row(row, f"x[{n}]" if self.batch else "x")


def data_of(model: LatentModel, x: Given) -> Data:
    """Return x, read for a model; what was read before as it is.

    Raises
    ------
    TypeError, ValueError
        If x is no such array of finite numbers, or outside of the likelihood's support.
    """
    if isinstance(x, Data):
        return x
    # Either all entries are doubles, and then the array is copied as it is, or all are read exactly. Both ways
    # the array that is kept is no longer the caller's.
    array = model.likelihood.support.numbers(_checked(rectangular(x), model.data_dim))
    if _are_doubles(array):
        array = array.astype(np.float64)
        require_finite(array, "x")
    data = Data(array)
    data.require(model.likelihood.support)
    return data


def exact_rows(model: LatentModel, x: Given) -> tuple[list[list[Fraction]], bool]:
    """Return x as exact rows of length D, and whether it was a batch (N, D); raises as `data_of`."""
    data = data_of(model, x)
    return data.rows, data.batch


def rectangular(x: Given) -> NDArray[Any]:
    """Return x as an array; lists stay objects, because NumPy would round exact numbers that stand beside floats.

    Raises
    ------
    TypeError
        If it is no array, or its entries cannot be numbers: dates, records and the like.
    ValueError
        If the nesting is ragged, or an entry is masked.
    """
    array = plain_array(x, "x", dtype=object if isinstance(x, list | tuple) else None)
    # Floats, integers, booleans, objects and text: `exact` reads or refuses them entry by entry, by name.
    if array.dtype.kind not in "fiubOU":
        raise wrong_type("x", x, "real numbers")
    if array.dtype == object and array.ndim == 0 and not isinstance(x, Number):
        raise wrong_type("x", x, "an array, a tensor, a frame or lists of real numbers")
    if array.dtype == object and any(isinstance(value, list | tuple | np.ndarray) for value in array.flat):
        raise bad("x", x, RECTANGULAR)
    return array


def _checked(array: NDArray[Any], width: int) -> NDArray[Any]:
    """Return an array of shape (D,) or (N, D).

    Raises
    ------
    ValueError
        If it has another shape, or no entries.
    """
    if array.ndim not in (1, 2) or array.shape[-1] != width or 0 in array.shape:
        raise ValueError(f"x: got shape {array.shape}; expected ({width},) or (N, {width})")
    return array


def _are_doubles(array: NDArray[Any]) -> bool:
    """Whether float64 holds every entry."""
    # Lists are looked at entry by entry, because 2**53 + 1 or "1/3" may stand beside floats.
    kind = array.dtype.kind
    if kind == "O":
        return all(
            isinstance(v, float | np.float32) or (type(v) is int and abs(v) <= LARGEST) for v in array.flat
        )
    if kind in "iu":
        return bool((array <= LARGEST).all() and (array >= -LARGEST).all())
    return kind == "f" and array.dtype.itemsize <= 8


def double(value: Fraction, name: str) -> float:
    """Return the nearest double, from which searches start.

    Raises
    ------
    ValueError
        If there is none.
    """
    try:
        return float(value)
    except OverflowError as error:
        raise bad(name, value, "a number in the range of float64, from which the search starts") from error


def _entry(array: NDArray[Any], n: int, j: int) -> str:
    return f"x[{j}]" if array.ndim == 1 else f"x[{n}][{j}]"

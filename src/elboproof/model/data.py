"""Data points as exact numbers and as balls: nothing is rounded away on the way in."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import RECTANGULAR, bad, finite_array, plain_array, wrong_type
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import exact

Data = Any
"""Shape (D,) or (N, D): an array, or nested lists of numbers and strings."""
LARGEST = 2**53
"""Integers up to here are doubles."""


def rectangular(x: Data) -> NDArray[Any]:
    """Return x as an array; lists stay objects, because NumPy would round exact numbers that stand beside floats.

    Raises
    ------
    TypeError
        If its entries cannot be numbers: dates, records and the like.
    ValueError
        If the nesting is ragged, or an entry is masked.
    """
    array = plain_array(x, "x", dtype=object if isinstance(x, list | tuple) else None)
    if array.dtype.kind not in "fiubOU":
        raise wrong_type("x", x, "real numbers")
    if array.dtype == object and any(isinstance(value, list | tuple | np.ndarray) for value in array.flat):
        raise bad("x", x, RECTANGULAR)
    return array


def checked(model: LatentModel, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of shape (D,) or (N, D).

    Raises
    ------
    ValueError
        If it has another shape, or no entries.
    """
    if array.ndim not in (1, 2) or array.shape[-1] != model.data_dim or 0 in array.shape:
        raise ValueError(f"x: got shape {array.shape}; expected ({model.data_dim},) or (N, {model.data_dim})")
    return array


def ball_data(model: LatentModel, x: Data) -> BallArray:
    """Return x as balls of shape (N, D): exact numbers are enclosed.

    Raises
    ------
    TypeError, ValueError
        If x is no such array of finite numbers, or not binary where the likelihood demands it.
    """
    array = rectangular(x)
    if _are_doubles(array):
        axes = ("N", model.data_dim) if array.ndim == 2 else (model.data_dim,)
        data = BallArray(finite_array(array.astype(np.float64), "x", axes).reshape(-1, model.data_dim))
    else:
        data = _enclosed(checked(model, array))
    if model.likelihood.binary and not (np.isin(data.mid, (0.0, 1.0)).all() and not data.rad.any()):
        raise not_binary(x)
    return data


def not_binary(x: Data) -> ValueError:
    """Return the error for data that a Bernoulli likelihood does not take."""
    return bad("x", x, "zeros and ones, the data of a Bernoulli likelihood")


def _are_doubles(array: NDArray[Any]) -> bool:
    """Whether float64 holds every entry."""
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


def _enclosed(array: NDArray[Any]) -> BallArray:
    rows = named_rows(array)
    for n, row in enumerate(rows):
        for j, number in enumerate(row):
            double(number, _entry(array, n, j))
    numbers = [number for row in rows for number in row]
    balls = [BallArray.from_fraction(n.numerator, n.denominator).reshape(1) for n in numbers]
    return BallArray.concatenate(balls).reshape(-1, array.shape[-1])


def named_rows(array: NDArray[Any]) -> list[list[Fraction]]:
    """Return the entries of an array (D,) or (N, D) as exact numbers, N rows; errors name the entry."""
    return [
        [exact(value, _entry(array, n, j)) for j, value in enumerate(row)]
        for n, row in enumerate(array.reshape(-1, array.shape[-1]).tolist())
    ]


def _entry(array: NDArray[Any], n: int, j: int) -> str:
    return f"x[{j}]" if array.ndim == 1 else f"x[{n}][{j}]"


def exact_rows(model: LatentModel, x: Data) -> tuple[list[list[Fraction]], bool]:
    """Return x as exact rows of length D, and whether it was a batch (N, D).

    Raises
    ------
    TypeError, ValueError
        If x is no such array of finite numbers, or not binary where the likelihood demands it.
    """
    array = checked(model, rectangular(x))
    rows = named_rows(array)
    if model.likelihood.binary and not all(value in (0, 1) for row in rows for value in row):
        raise not_binary(x)
    return rows, array.ndim == 2

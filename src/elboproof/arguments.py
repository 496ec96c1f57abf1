"""What every room asks of its arguments, and the one form of the errors: argument, value, requirement.

Messages read ``name: got <value>; expected <requirement>``.
"""

from collections.abc import Sequence
from dataclasses import fields
from os import PathLike, fspath
from pathlib import Path
from sys import maxsize
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Shape = Sequence[int | str]
"""One entry per axis: an integer is a required length, a word is the name of a free one."""


def shown(value: object, limit: int = 60) -> str:
    """Return a short text of a value for an error message."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = f"a {type(value).__name__} too long to write"
    return text if len(text) <= limit else f"{text[:limit]}..."


def written(value: object) -> str:
    """Return ``str(value)``, or what it is where Python does not write it."""
    try:
        return str(value)
    except ValueError:
        return f"a {type(value).__name__} too long to write"


def record_text(record: Any) -> str:
    """Return the repr of a dataclass, whatever its fields hold: Python writes no integer of more than 4300 digits."""
    texts = (f"{one.name}={shown(getattr(record, one.name), maxsize)}" for one in fields(record))
    return f"{type(record).__name__}({', '.join(texts)})"


def bad(name: str, value: object, requirement: str) -> ValueError:
    """Return the error for an argument of the right type and a forbidden value."""
    return ValueError(f"{name}: got {shown(value)}; expected {requirement}")


def wrong_type(name: str, value: object, requirement: str) -> TypeError:
    """Return the error for an argument of the wrong type."""
    return TypeError(f"{name}: got {shown(value)} of type {type(value).__name__}; expected {requirement}")


class Sealed:
    """A record that is what its fields say.

    Proofs read the fields of such a record. A subclass that computes something else in their place would be read as
    what it is not, so that there is none outside this package.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        base = next(one for one in cls.__mro__[1:] if issubclass(one, Sealed))
        if base is not Sealed and cls.__module__.partition(".")[0] != __name__.partition(".")[0]:
            raise TypeError(
                f"{cls.__name__}: got a subclass of {base.__name__}; expected none: proofs read the fields of a "
                f"{base.__name__}, and nothing that a subclass puts in their place"
            )


def require_positive(**limits: object) -> None:
    """Raise unless every argument, given by its name, is a positive finite number.

    Raises
    ------
    ValueError
        If one is not.
    """
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
            raise bad(name, value, "a positive number")


def file_path(value: object, name: str) -> Path:
    """Return ``value`` as a path.

    Raises
    ------
    TypeError
        If it is neither text nor a path; an integer would be a file descriptor elsewhere.
    ValueError
        If it holds a null character, which no file's name does.
    """
    if not isinstance(value, str | PathLike) or not isinstance(fspath(value), str):
        raise wrong_type(name, value, "the path of a file, a string or a pathlib.Path")
    if "\0" in fspath(value):
        raise bad(name, value, "the path of a file, without null characters")
    return Path(value)


def finite_array(value: ArrayLike, name: str, shape: Shape) -> FloatArray:
    """Return ``value`` as a float64 array of the shape asked, with every entry finite.

    Raises
    ------
    TypeError
        If the entries are not real numbers (strings and booleans are not).
    ValueError
        If the shape does not fit, an axis is empty, or an entry is infinite or NaN.
    """
    array = _real_array(value, name)
    _require_shape(array, name, shape)
    require_finite(array, name)
    return array.astype(np.float64)


def _real_array(value: ArrayLike, name: str) -> NDArray[np.generic]:
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged nesting
        raise bad(name, value, "numbers in a rectangular array") from error
    if array.dtype.kind not in "fiu":
        raise wrong_type(name, value, "real numbers")
    return array


def _require_shape(array: NDArray[np.generic], name: str, shape: Shape) -> None:
    wanted = f"shape ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}) with no empty axis"
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits or 0 in array.shape:
        raise ValueError(f"{name}: got shape {array.shape}; expected {wanted}")


def require_finite(array: NDArray[np.generic], name: str) -> None:
    """Raise if an entry of an array is infinite or NaN, naming the first one."""
    finite = np.isfinite(array)
    if not finite.all():
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        place = "".join(f"[{i}]" for i in index)
        raise ValueError(f"{name}: got {array[index]} at {name}{place}; expected finite numbers")


def float_array(value: ArrayLike, name: str, shape: Shape) -> NDArray[np.floating[Any]]:
    """Return ``value`` as `finite_array` does, but leave float32 as it is; other numbers become float64.

    The array is not copied when it is of one of these two types already.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If the shape does not fit, an axis is empty, or an entry is infinite or NaN.
    """
    array = _real_array(value, name)
    _require_shape(array, name, shape)
    require_finite(array, name)
    precision = np.float32 if array.dtype == np.float32 else np.float64
    return array.astype(precision, copy=False)

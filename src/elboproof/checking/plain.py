"""From the numbers of many libraries to what JSON can hold: floats and text."""

import math
import numbers
import sys
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import plain_array

Plain: TypeAlias = float | str | None
"""A number, the text of an exact or symbolic value, or nothing."""


def plain(value: object) -> Plain:
    """Return a value as a float if that loses nothing, else as text; None stays None.

    NumPy scalars and zero-dimensional arrays become floats. Fractions, balls, SymPy numbers, intervals
    and complex numbers become their text, because a float would hide that they are exact or enclosures.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = plain_array(value, "value")[()]
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, numbers.Integral):
        return _integer(int(value))
    return str(value)


def _integer(value: int) -> Plain:
    exact = abs(value) <= 2**53
    return float(value) if exact else str(value)


def plain_series(data: Mapping[str, object]) -> dict[str, list[float]]:
    """Return named series as lists of floats.

    Raises
    ------
    ValueError
        If a series is no one-dimensional sequence of real numbers.
    TypeError
        If a name is no text.
    """
    series = {}
    for name, values in data.items():
        if not isinstance(name, str):
            raise wrong_type("data", name, "names that are text")
        array = plain_array(values, f"data[{name!r}]")
        if array.ndim != 1 or array.dtype.kind not in "fiu":
            raise bad(f"data[{name!r}]", values, "a one-dimensional sequence of real numbers")
        series[name] = [float(value) for value in array]
    return series


def to_json(value: float | str | None) -> float | str | None:
    """Return a value for JSON, which knows no NaN and no infinities: those become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def from_json(value: object) -> Plain:
    """Return the value that `to_json` wrote.

    Raises
    ------
    TypeError
        If it is neither number, text nor null.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | None):
        raise wrong_type("value", value, "a number, a text or null")
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, int):
        if abs(value) > sys.float_info.max:
            raise bad("value", value, "a number in the range of float64")
        return float(value)
    return value


def series_to_json(data: Mapping[str, Sequence[float]] | None) -> dict[str, list[float | str | None]] | None:
    """Return series for JSON, see `to_json`."""
    return None if data is None else {name: [to_json(v) for v in values] for name, values in data.items()}


def series_from_json(data: Mapping[str, Sequence[object]] | None) -> dict[str, list[float]] | None:
    """Return the series that `series_to_json` wrote."""
    given: object = data
    if given is None or data is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(values, list) for values in data.values()):
        raise wrong_type("data", data, "an object of lists of numbers")
    return {name: [float(str(value)) for value in values] for name, values in data.items()}

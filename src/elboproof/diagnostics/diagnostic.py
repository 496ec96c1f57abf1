"""One number of a trained model: its value, its error, and how it is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elboproof.numbers.enclosure import Enclosure

FloatArray = NDArray[np.float64]
KINDS = ("exact", "proved", "estimate", "indicator", "none")
BOUNDS = ("", "at least", "at most")


@dataclass(frozen=True)
class Diagnostic:
    """One number.

    Attributes
    ----------
    name : str
    value : float
        NaN if there is none.
    error : float
        Of what is "exact" 0: it follows from the data and q by arithmetic in float64. Of what is "proved" the half
        width of the enclosure. Of an "estimate" the standard error of the draws, for these data. Of an "indicator" 0.
    kind : str
        One of `KINDS`; "none" if there is no number, and ``status`` says why.
    status : str
        A sentence; empty if there is nothing to add.
    bound : str
        "at least" or "at most", where the number is a bound of what is named, up to its error.
    unit : str
    """

    name: str
    value: float
    error: float
    kind: str
    status: str = ""
    bound: str = ""
    unit: str = "nats"


def exact(name: str, value: float, status: str = "", *, unit: str = "nats") -> Diagnostic:
    """Return a number that follows from the data and q by arithmetic."""
    return Diagnostic(name, float(value), 0.0, "exact", status, "", unit)


def estimate(
    name: str, value: float, error: float, status: str = "", *, bound: str = "", unit: str = "nats"
) -> Diagnostic:
    """Return a number with its standard error."""
    return Diagnostic(name, float(value), float(error), "estimate", status, bound, unit)


def of_draws(name: str, draws: Sequence[float], status: str = "", *, unit: str = "nats") -> Diagnostic:
    """Return the mean of independent draws of a number, at least two, with its standard error."""
    mean, error = mean_and_error(draws)
    return estimate(name, mean, error, status, unit=unit)


def mean_and_error(draws: Sequence[float]) -> tuple[float, float]:
    """Return the mean of independent numbers and its standard error."""
    count, mean = len(draws), math.fsum(draws) / len(draws)
    return mean, math.sqrt(math.fsum((one - mean) ** 2 for one in draws) / (count - 1) / count)


def jackknife(function: Callable[[FloatArray], float], draws: FloatArray) -> tuple[float, float]:
    """Return a function of the mean over draws (S, ...), S at least 2, and its standard error by leaving out each."""
    count, total = len(draws), draws.sum(0)
    without = [function((total - one) / (count - 1)) for one in draws]
    _, error = mean_and_error(without)
    return function(total / count), (count - 1) * error


def proved(name: str, value: Enclosure, status: str = "", *, bound: str = "") -> Diagnostic:
    """Return an enclosure as its midpoint and half width; the half width is rounded outward."""
    low, high = float(value.lower), float(value.upper)
    middle = low + (high - low) / 2
    half = math.nextafter(max(high - middle, middle - low), math.inf) if high > low else 0.0
    return Diagnostic(name, middle, half, "proved", status, bound)


def missing(name: str, reason: str, *, unit: str = "nats") -> Diagnostic:
    """Return what stands in the place of a number that there is none of."""
    return Diagnostic(name, math.nan, math.nan, "none", reason, "", unit)

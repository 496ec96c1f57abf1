"""Base measures: what log p(x) has beside the logarithm of the integral over z, exact numbers that no cell sees."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from flint import arb

from elboproof.evidence.integrand import Integrand
from elboproof.model.data import Data
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import bits_for

if TYPE_CHECKING:
    from elboproof.evidence.evidences import Evidence

SPARE_BITS = 60
Ends = tuple[arb, arb]


def log_bases(integrand: Integrand, data: Data, digits: float) -> list[arb] | None:
    """Return log h(x) of every row with a few digits more than asked; None if there is no base measure."""
    with working_precision(bits_for(digits, SPARE_BITS)):
        if integrand.log_base(data.row(0)) is None:
            return None
        return [integrand.log_base(row) for row in data.rows]


def cancelled_digits(bases: list[arb] | None) -> float:
    """Return how many digits before the point cancel when the base measures are added: floats have fewer after it."""
    sizes = [float(abs(base).mid()) for base in bases or []]
    return max((math.log10(1 + size) for size in sizes if math.isfinite(size)), default=0.0)


def with_bases(evidence: "Evidence", bases: list[arb] | None, digits: float) -> "Evidence":
    """Return the evidences of the integrals times h(x)."""
    # One more rounding for each end, outward; where there are balls the floats come from these, because the integral's
    # logarithm and log h(x) may be large and cancel.
    if bases is None:
        return evidence
    found, ends = evidence.enclosure, Enclosure.from_balls(bases)
    lower = (BallArray(found.lower) + BallArray(ends.lower)).lower()
    upper = (BallArray(found.upper) + BallArray(ends.upper)).upper()
    lower = np.where(np.isfinite(found.lower), lower, -np.inf)
    upper = np.where(np.isfinite(found.upper), upper, np.inf)
    with working_precision(bits_for(digits, SPARE_BITS)):
        pairs = zip(evidence.balls, bases, strict=bool(evidence.balls))
        balls = tuple(((low + base).lower(), (high + base).upper()) for (low, high), base in pairs)
    for n, (low, high) in enumerate(balls):
        lower[n] = max(lower[n], Enclosure.from_balls(low).lower if low.is_finite() else -np.inf)
        upper[n] = min(upper[n], Enclosure.from_balls(high).upper if high.is_finite() else np.inf)
    return replace(evidence, enclosure=Enclosure(lower, upper), balls=balls)

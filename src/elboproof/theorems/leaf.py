"""A leaf of a proof: a box with its control points and what is known over it; numbers rounded for claims."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from flint import arb

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.statements import STEP, Box
from elboproof.theorems.natural import ControlPoint, Theta
from elboproof.theorems.polynomials import rational

CLAIM = Fraction(1, 10**7)


@dataclass
class Leaf:
    """A box with its control points, and what is known of the quantity over it.

    Attributes
    ----------
    controls
        None if the variance is not seen to be positive over the box.
    guess
        Float estimates of the lower and the upper bound, not trusted.
    lower, upper
        Proved bounds.
    above
        Whether the gap is proved to be at least the statement's lower bound.
    unbounded
        Whether an exponent that must be is not seen to be bounded above: its integral may be infinite.
    radius
        R where integrals are taken over |z| <= R only (`truncation`), else None.
    """

    box: Box
    point: tuple[Fraction, ...]
    centre: ControlPoint
    controls: list[ControlPoint] | None
    posterior: GaussianPosterior | None = None
    guess: tuple[float, float] = (-inf, inf)
    middle: tuple[float, float] = (-inf, inf)
    lower: float = -inf
    upper: float = inf
    above: bool = False
    unbounded: bool = False
    radius: Fraction | None = None

    def before(self, control: ControlPoint) -> Theta:
        """Return c - h (b - c)."""
        h = rational(STEP)
        return tuple(c - h * (b - c) for b, c in zip(control.theta, self.centre.theta, strict=True))


def middle(low: Fraction, high: Fraction) -> Fraction:
    """Return where an interval is cut: at 0, near the geometric mean if its ends are far apart, else in the middle."""
    # Any cut is sound. At 0 a parameter's powers stop changing sign; a short decimal near the geometric mean keeps
    # the numbers of a certificate short, and cuts ratios evenly where an interval spans orders of magnitude.
    if low < 0 < high:
        return Fraction(0)
    if (low > 0 or high < 0) and max(low / high, high / low) > 2:
        mean = float(low * high) ** 0.5 * (1 if low > 0 else -1)
        cut = Fraction(f"{mean:.2g}")
        if low < cut < high:
            return cut
    return (low + high) / 2


def claim_above(bound: float) -> Fraction:
    """Return a short number above a bound by at least `CLAIM`: a check has its own rounding."""
    # Exact rationals: the claim is weaker than what was proved, never stronger.
    return Fraction(math.ceil((Fraction(bound) + CLAIM * (1 + abs(Fraction(bound)))) * 10**8), 10**8)


def claim_below(bound: float) -> Fraction:
    """Return a short number below a bound, likewise."""
    return -claim_above(-bound)


def greatest(values: Sequence[arb]) -> arb:
    """Return the greatest of some balls; infinite if one is a NaN or there is none."""
    # The greatest of balls is enclosed by balls' `max`; a NaN would compare as nothing, so it counts as infinite.
    if not values or any(value.is_nan() for value in values):
        return arb.pos_inf()
    top = values[0]
    for value in values[1:]:
        top = top.max(value)
    return top

"""Balls for claims: exact numbers at the working precision, and certified Gaussian expectations on the line.

E_q[g] with q = N(m, s) is computed by acb.integral on [m - T, m + T]; outside, |g| <= bound there and the Gaussian tail
P(|z - m| > T) <= exp(-T^2 / (2 s)) bounds the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from flint import acb, arb, fmpq
from sympy import Expr

from elboproof import Enclosure
from elboproof.checking.points import enclosure
from elboproof.numbers.precision import working_precision

CUTOFF = 14
"""T in standard deviations: exp(-98) = 3e-43 of the mass is left outside."""

Function = Callable[[acb], acb]


def ball(number: Fraction | int | str) -> arb:
    """Return a rational, or the decimal or ratio that a string spells, as a ball at the working precision."""
    ratio = Fraction(number)
    return arb(fmpq(ratio.numerator, ratio.denominator))


def constant(number: Expr | Enclosure) -> arb:
    """Return a real SymPy constant, or a scalar enclosure, as a ball at the working precision."""
    return spanned(number) if isinstance(number, Enclosure) else enclosure(number).real


def spanned(interval: Enclosure) -> arb:
    """Return a scalar enclosure as a ball, with all its digits; the union rounds outward."""
    if interval.exact is not None:
        low, high = interval.exact
        return ball(low.item()).union(ball(high.item()))
    return arb(float(interval.lower)).union(arb(float(interval.upper)))


@dataclass(frozen=True)
class Line:
    """q = N(m, s) on the line, with exact m and s."""

    mean: Fraction
    variance: Fraction

    def __str__(self) -> str:
        return f"N({self.mean}, {self.variance})"

    def expectation(
        self, g: Function, growth: int = 1000, pieces: int = 1, tolerance: float | None = None
    ) -> arb:
        """Return E_q[g(z)] as a ball.

        Parameters
        ----------
        g
            Analytic on a neighbourhood of the real line.
        growth
            C with |g(z)| <= C (1 + |u|^4), u = (z - m) / sqrt(s), on the real line.
        pieces
            Intervals of equal length that are integrated one by one: more where g has poles next to the line, as the
            integrator gives up after so many evaluations.
        tolerance
            Of each integral, absolute or relative, at which the integrator may stop; if None, that of the precision.
            Its balls hold in any case.
        """
        s = ball(self.variance)
        scale = s.sqrt()

        def integrand(u: acb, _: bool) -> acb:
            return (-u * u / 2).exp() * g(ball(self.mean) + scale * u)

        cuts = [arb(CUTOFF) * (2 * k - pieces) / pieces for k in range(pieces + 1)]
        goal = None if tolerance is None else arb(tolerance)
        parts = [acb.integral(integrand, a, b, rel_tol=goal, abs_tol=goal).real for a, b in pairwise(cuts)]
        inner = sum(parts, arb(0)) / (2 * arb.pi()).sqrt()
        # E[(1 + u^4); |u| > T] <= 2 T^4 exp(-T^2 / 2) for T >= 5, by parts
        tail = 2 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp() * growth
        return inner + tail * arb(0, 1)

    def mean_slope(self, g: Function, tolerance: float | None = None) -> arb:
        """Return d/dm E_q[g] = E[g (z - m) / s]: the density is differentiated, g is not."""
        m, s = ball(self.mean), ball(self.variance)
        return self.expectation(lambda z: g(z) * (z - m) / s, tolerance=tolerance)

    def variance_slope(self, g: Function, tolerance: float | None = None) -> arb:
        """Return d/ds E_q[g] = E[g ((z - m)^2 / s - 1) / (2 s)]: the density is differentiated, g is not."""
        m, s = ball(self.mean), ball(self.variance)
        return self.expectation(lambda z: g(z) * ((z - m) * (z - m) / s - 1) / (2 * s), tolerance=tolerance)


__all__ = ["CUTOFF", "Function", "Line", "ball", "constant", "spanned", "working_precision"]

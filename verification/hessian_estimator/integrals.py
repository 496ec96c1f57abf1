"""Certified Gaussian expectations on the line.

E_q[g] with q = N(m, s) is computed by acb.integral on [m - T, m + T]; outside, |g| <= bound there and the Gaussian tail
P(|z - m| > T) <= exp(-T^2 / (2 s)) bounds the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import acb, arb, fmpq

BITS = 160
WIDTH = 1e-25
"""Half width asked of a difference of two sides. Reached: below 1e-33; the sides are between 0.01 and 10."""
CUTOFF = 14
"""T in standard deviations: exp(-98) = 3e-43 of the mass is left outside."""

Function = Callable[[acb], acb]


def ball(number: Fraction | int) -> arb:
    """Return a rational as a ball at the working precision."""
    ratio = Fraction(number)
    return arb(fmpq(ratio.numerator, ratio.denominator))


@dataclass(frozen=True)
class Line:
    """q = N(m, s) on the line, with exact m and s."""

    mean: Fraction
    variance: Fraction

    def expectation(self, g: Function, growth: int = 1000) -> arb:
        """Return E_q[g(z)] as a ball.

        Parameters
        ----------
        g
            Analytic on a neighbourhood of the real line.
        growth
            C with |g(z)| <= C (1 + |u|^4), u = (z - m) / sqrt(s), on the real line.
        """
        s = ball(self.variance)
        scale = s.sqrt()

        def integrand(u: acb, _: bool) -> acb:
            return (-u * u / 2).exp() * g(ball(self.mean) + scale * u)

        inner = acb.integral(integrand, -CUTOFF, CUTOFF).real / (2 * arb.pi()).sqrt()
        # E[(1 + u^4); |u| > T] <= 2 T^4 exp(-T^2 / 2) for T >= 5, by parts
        tail = 2 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp() * growth
        return inner + tail * arb(0, 1)

    def mean_slope(self, g: Function) -> arb:
        """Return d/dm E_q[g] = E[g (z - m) / s]: the density is differentiated, g is not."""
        m, s = ball(self.mean), ball(self.variance)
        return self.expectation(lambda z: g(z) * (z - m) / s)

    def variance_slope(self, g: Function) -> arb:
        """Return d/ds E_q[g] = E[g ((z - m)^2 / s - 1) / (2 s)]: the density is differentiated, g is not."""
        m, s = ball(self.mean), ball(self.variance)
        return self.expectation(lambda z: g(z) * ((z - m) * (z - m) / s - 1) / (2 * s))


LINES = (
    Line(Fraction(0), Fraction(1)),
    Line(Fraction(3, 10), Fraction(1, 4)),
    Line(Fraction(-7, 5), Fraction(9, 4)),
    Line(Fraction(2), Fraction(1, 100)),
)
"""Wide and narrow, centred and not."""


@dataclass(frozen=True)
class Curve:
    """A function with its two derivatives, written out by hand apart from any library."""

    value: Function
    slope: Function
    bend: Function


def _tanh(a: int) -> Curve:
    def slope(z: acb) -> acb:
        t = (a * z).tanh()
        return a * (1 - t * t)

    return Curve(lambda z: (a * z).tanh(), slope, lambda z: -2 * a * (a * z).tanh() * slope(z))


def _sigmoid() -> Curve:
    def value(z: acb) -> acb:
        return 1 / (1 + (-z).exp())

    def slope(z: acb) -> acb:
        return value(z) * (1 - value(z))

    return Curve(value, slope, lambda z: slope(z) * (1 - 2 * value(z)))


def _loss() -> Curve:
    """(x - tanh z)^2 / (2 r) with x = 1/2, r = 1/5: a reconstruction term."""
    x, r = ball(Fraction(1, 2)), ball(Fraction(1, 5))
    f = _tanh(1)

    def bend(z: acb) -> acb:
        return (f.slope(z) * f.slope(z) - (x - f.value(z)) * f.bend(z)) / r

    return Curve(
        lambda z: (x - f.value(z)) * (x - f.value(z)) / (2 * r),
        lambda z: -(x - f.value(z)) * f.slope(z) / r,
        bend,
    )


CURVES: dict[str, Callable[[], Curve]] = {
    "tanh z": lambda: _tanh(1),
    "tanh 3z": lambda: _tanh(3),
    "sigmoid z": _sigmoid,
    "(1/2 - tanh z)^2 5/2": _loss,
}
"""Each is bounded by 12 with its derivatives on the real line; made anew at each working precision."""

"""Gaussians on the line and functions on it, for certified expectations."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import acb

import elboproof as ep

from .._shared.balls import Function, Line, ball

BITS = 160
WIDTH = 1e-25
"""Half width asked of a ball around the difference of two sides that contains 0. Reached: below 1e-33."""
WITHIN = f"{2 * WIDTH:.0e}"
"""What such a ball proves of the difference."""

LINES = (
    Line(Fraction(0), Fraction(1)),
    Line(Fraction(3, 10), Fraction(1, 4)),
    Line(Fraction(-7, 5), Fraction(9, 4)),
    Line(Fraction(2), Fraction(1, 100)),
)
"""Wide and narrow, centred and not."""
GAUSSIANS = ", ".join(map(str, LINES))
ASIDE = Fraction(1, 100)
"""A control's error of the mean: it is seen where both sides are 0 too, as for odd functions at N(0, 1)."""


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
FUNCTIONS = ", ".join(CURVES)

EXPRESSIONS = {"tanh z": "tanh(z)", "(1/2 - tanh z)^2 5/2": "(1/2 - tanh(z))**2*5/2"}
"""Some of them as SymPy reads them, for `expected_derivative`."""


def expected_derivative(name: str, order: int, line: Line) -> float:
    """Return E_q of a derivative of g by ``ep.expectation``: SymPy differentiates, and nothing here integrates."""
    z = sympy.Symbol("z", real=True)
    derivative = sympy.parse_expr(EXPRESSIONS[name], {"z": z}).diff(z, order)
    found = ep.expectation(derivative, ep.GaussianPosterior(line.mean, line.variance), digits=10)
    return float(found.midpoint)

r"""Compiled expressions in majorants, and the tails of Gaussian expectations that they bound.

The tail of an expectation over eps ~ N(0, I_d): with k = n + d - 1 and R > a,

    int_{|eps| > R} phi(eps) r^n exp(a r) = |S^(d-1)| (2 pi)^(-d/2) int_R^oo r^k exp(a r - r^2/2) dr
        <= |S^(d-1)| (2 pi)^(-d/2) R^k exp(a R - R^2/2) / (R - a - k/R)        if R - a - k/R > 0,

because the logarithmic slope k/r + a - r of the integrand falls from there on.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import MOMENTS
from elboproof.numbers.majorant_ranges import BOUNDED, NoMajorantError, above_float, below_float, up
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.precision import DOUBLE_BITS, working_precision


def _rational(p: int, q: int) -> Majorant:
    # float() rounds a Fraction to nearest: where it is not the number itself, the number lies between its neighbours
    value = Fraction(p, q)
    try:
        near = float(value)
    except OverflowError as error:
        raise NoMajorantError("a constant beyond the range of float64") from error
    if Fraction(near) == value:
        return Majorant.constant(near)
    return Majorant.constant(below_float(near), above_float(near))


_METHODS = (
    "exp",
    "expm1",
    "sinh",
    "cosh",
    "log",
    "log1p",
    "sqrt",
    "asinh",
    "tan",
    "softplus",
    "sigmoid",
    "abs",
)


def _moment(t: Majorant, n: int) -> Majorant:
    """E_n(t) = int_0^1 s^n e^(t s) ds is at most e^max(t, 0)/(n + 1), and at least e^min(t, 0)/(n + 1)."""
    scale = Majorant.constant(below_float(1 / (n + 1)), above_float(1 / (n + 1)))
    positive, negative = t.max(Majorant.constant(0.0)), t.min(Majorant.constant(0.0))
    most, least = positive.exp() * scale, negative.exp() * scale
    return Majorant(most.terms, least.low, most.high, decay=least.decaying)._trimmed()


def _names() -> Mapping[str, Any]:
    return {
        "pi": Majorant.between(3.14, 3.15),
        "rational": _rational,
        "ranged": lambda name, _: Majorant.between(*BOUNDED[name]),
        "precision": lambda: 53,
        "moment": _moment,
    }


MAJORANTS = Ring(
    name="majorants",
    templates=INFIX
    | {"square": "{0}.square()", "pi": "pi"}
    | {name: f"{{0}}.{name}()" for name in _METHODS}
    | {name: f"ranged({name!r}, {{0}})" for name in BOUNDED if name not in _METHODS}
    | {name: f"{{0}}.{name}({{1}})" for name in ("max", "min", "pow", "logaddexp")}
    | {f"moment{n}": f"moment({{0}}, {n})" for n in MOMENTS},
    namespace=_names,
    fixed="renewed",
    constant="rational({p}, {q})",
)
"""Arguments and values are ``Majorant``."""


def tail(majorant: Majorant, degree: int, d: int, radius: float) -> float:
    """Return an upper bound of E[|t| r^degree; r > radius] for eps ~ N(0, I_d); infinite where the formula fails."""
    from flint import arb

    with working_precision(DOUBLE_BITS):
        total = arb(0)
        big = arb(radius)
        for (n, a), c in majorant.terms.items():
            # one term c r^n exp(a r) times r^degree and the sphere's r^(d-1): k = power of the module's formula, whose
            # condition R - a - k/R > 0 is decided in balls. |G| <= sum of terms, so their bounds add up; a term that
            # fails makes the whole infinite, never smaller
            power = n + degree + d - 1
            slope = big - a - power / big
            if not slope > 0:
                return math.inf
            total += c * big ** arb(power) * (a * big - big * big / 2).exp() / slope
        # |S^(d-1)| (2 pi)^(-d/2) = 2^(1 - d/2) / Gamma(d/2)
        surface = arb(2) ** (1 - arb(d) / 2) / (arb(d) / 2).gamma()
        return up(float((total * surface).upper()))

"""Intervals with ends of their own, infinite ones too: what an expression is for all z >= B.

A ball has one radius, so that of an infinite one nothing is left. Here each end is an exact arb, rounded outward, or
infinite, which stands for values without a bound and is no value itself: 0 times it is 0. What has no rule, or is not
defined on the whole argument, is the whole line and says so: bounds alone would not show that 1/(z - 9)^2 has a pole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flint import arb, fmpq

from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import INFIX, Ring

_INFINITE = arb.pos_inf()


@dataclass(frozen=True)
class Span:
    """All numbers t with low <= t <= high.

    Attributes
    ----------
    low, high : arb
        Without radius; minus or plus infinity where there is no bound.
    defined : bool
        Whether the expression was seen to be defined and differentiable on the whole argument.
    """

    low: arb
    high: arb
    defined: bool = True

    @staticmethod
    def of(ball: arb) -> "Span":
        """Return what a ball holds, the whole line if that is nothing known."""
        return Span(ball.lower(), ball.upper()) if ball.is_finite() else UNDEFINED

    def __add__(self, other: "Span") -> "Span":
        return Span((self.low + other.low).lower(), (self.high + other.high).upper(), self._with(other))

    def __neg__(self) -> "Span":
        return Span(-self.high, -self.low, self.defined)

    def __sub__(self, other: "Span") -> "Span":
        return self + -other

    def __mul__(self, other: "Span") -> "Span":
        # a product is linear in each factor: its least and greatest values are at the ends
        parts = [_times(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        low, high = parts[0].lower(), parts[0].upper()
        for part in parts[1:]:
            low = part.lower() if part.lower() < low else low
            high = part.upper() if part.upper() > high else high
        return Span(low, high, self._with(other))

    def square(self) -> "Span":
        """Return t^2."""
        size = self.abs()
        return size * size

    def __truediv__(self, other: "Span") -> "Span":
        # 1/t falls on either side of 0, where it has a pole, also where 0 is an end
        if other.low > 0:
            return self * Span(_inverse(other.high).lower(), _inverse(other.low).upper(), other.defined)
        if other.high < 0:
            return -(self / -other)
        return UNDEFINED

    def _with(self, other: "Span") -> bool:
        return self.defined and other.defined

    def abs(self) -> "Span":
        """Return |t|; squares use it, which have no kink."""
        if self.low >= 0:
            return self
        if self.high <= 0:
            return -self
        return Span(arb(0), self.high if self.high > -self.low else -self.low, self.defined)

    def max(self, other: "Span") -> "Span":
        """Return the larger one."""
        return Span(
            self.low if self.low > other.low else other.low,
            self.high if self.high > other.high else other.high,
            self._with(other),
        )

    def min(self, other: "Span") -> "Span":
        """Return the smaller one."""
        return -(-self).max(-other)


WHOLE = Span(arb.neg_inf(), _INFINITE)
UNDEFINED = Span(arb.neg_inf(), _INFINITE, False)


def _times(a: arb, b: arb) -> arb:
    # an infinite end is no number of the interval, and 0 times each of them is 0
    return arb(0) if a == 0 or b == 0 else a * b


def _inverse(end: arb) -> arb:
    return 1 / end if end.is_finite() else arb(0)


Function = Callable[[arb], arb]


def _increasing(function: Function, least: arb | None, most: arb | None) -> Callable[[Span], Span]:
    """Return an increasing function with its limits at minus and plus infinity, None where there are none."""

    def enclosed(t: Span) -> Span:
        low = function(t.low).lower() if t.low.is_finite() else least
        high = function(t.high).upper() if t.high.is_finite() else most
        if low is None or high is None or low.is_nan() or high.is_nan():
            return UNDEFINED
        return Span(low, high, t.defined)

    return enclosed


def _wave(function: Function) -> Callable[[Span], Span]:
    """Return the sine or the cosine."""

    def enclosed(t: Span) -> Span:
        if not (t.low.is_finite() and t.high.is_finite()):
            return Span(arb(-1), arb(1), t.defined)
        value = Span.of(function(t.low.union(t.high)))
        return Span(value.low, value.high, t.defined)

    return enclosed


def _cosh(t: Span) -> Span:
    # even, and increasing in |t|
    return _increasing(arb.cosh, None, _INFINITE)(t.abs())


def _power(exp: Callable[[Span], Span], log: Callable[[Span], Span]) -> Callable[[Span, Span], Span]:
    """Return t^p of a positive t."""
    return lambda t, p: exp(log(t) * p) if t.low > 0 else UNDEFINED


def _names() -> Mapping[str, Any]:
    half_pi, one, real = arb.pi() / 2, arb(1), REAL_BALLS.namespace()
    low, high, zero = arb.neg_inf(), _INFINITE, arb(0)
    limits: dict[str, tuple[Function, arb | None, arb | None]] = {
        "exp": (arb.exp, zero, high),
        "expm1": (arb.expm1, -one, high),
        "sinh": (arb.sinh, low, high),
        "tanh": (arb.tanh, -one, one),
        "asinh": (arb.asinh, low, high),
        "atan": (arb.atan, (-half_pi).lower(), half_pi.upper()),
        "erf": (arb.erf, -one, one),
        "sigmoid": (real["sigmoid"], zero, one),
        "softplus": (real["softplus"], zero, high),
        "log": (lambda t: t.log() if t > 0 else arb.nan(), None, high),
        "log1p": (lambda t: t.log1p() if t > -1 else arb.nan(), None, high),
        "sqrt": (arb.sqrt, None, high),
    }
    own = {"cosh": _cosh, "sin": _wave(arb.sin), "cos": _wave(arb.cos)}
    unknown = {name: lambda *_: UNDEFINED for name in ("tan", "sign")}
    common = {"arb": arb, "fmpq": fmpq, "span": Span.of, "precision": real["precision"]}
    monotone = {name: _increasing(*limit) for name, limit in limits.items()}
    return common | own | unknown | monotone | {"pow": _power(monotone["exp"], monotone["log"])}


_FUNCTIONS = (
    *("exp", "expm1", "sinh", "cosh", "tanh", "asinh", "atan", "erf", "sigmoid", "softplus", "log", "log1p"),
    *("sqrt", "sin", "cos", "tan", "sign"),
)

SPANS = Ring(
    name="spans",
    templates=INFIX
    | {"square": "{0}.square()", "pi": "span(arb.pi())", "pow": "pow({0}, {1})", "abs": "{0}.abs()"}
    | {name: f"{name}({{0}})" for name in _FUNCTIONS}
    | {name: f"{{0}}.{name}({{1}})" for name in ("max", "min")},
    namespace=_names,
    fixed="renewed",
    constant="span(arb(fmpq({p}, {q})))",
)
"""Arguments and values are ``Span``."""

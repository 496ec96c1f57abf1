r"""The number system of majorants: how fast a function of eps can grow, for the tails of Gaussian expectations.

A value t(eps), eps in R^d, is known by

    |t| <= sum_k c_k r^(n_k) exp(a_k r),   r = |eps|,   c_k, n_k, a_k >= 0,        low <= t <= high,

for all eps. Every rule is a textbook inequality, noted where it is not evident. Coefficients are floats, and each
operation's result is stepped up by more than its rounding.

The tail of an expectation over eps ~ N(0, I_d): with k = n + d - 1 and R > a,

    int_{|eps| > R} phi(eps) r^n exp(a r) = |S^(d-1)| (2 pi)^(-d/2) int_R^oo r^k exp(a r - r^2/2) dr
        <= |S^(d-1)| (2 pi)^(-d/2) R^k exp(a R - R^2/2) / (R - a - k/R)        if R - a - k/R > 0,

because the logarithmic slope k/r + a - r of the integrand falls from there on.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import PRIMITIVES

UP = 1 + 2.0**-50
"""Covers the rounding of a few float operations and of math.exp, log, sqrt, which are good to 1 ulp (2 allowed)."""
TINY = 5e-324
Term = tuple[float, float]
"""(n, a) of r^n exp(a r)."""


class NoMajorantError(ArithmeticError):
    """The growth of a value could not be bounded; the text says why."""


def _up(value: float) -> float:
    """Return a bound above a computed one; NaN (infinity times 0, say) bounds nothing."""
    return value * UP + TINY if not math.isnan(value) else math.inf


def _above(value: float) -> float:
    return math.nextafter(value, math.inf) if value > -math.inf else math.inf


def _below(value: float) -> float:
    return math.nextafter(value, -math.inf) if value < math.inf else -math.inf


def _least_sum(a: float, b: float) -> float:
    return a + b if 0.0 in (a, b) else _below(a + b)  # a sum with 0 is exact: squares stay nonnegative


@dataclass(frozen=True)
class Majorant:
    """Bounds of one value.

    Attributes
    ----------
    terms : dict
        c of every (n, a).
    low, high : float
        Bounds that hold everywhere, infinite where there are none.
    """

    terms: Mapping[Term, float]
    low: float = -math.inf
    high: float = math.inf

    @staticmethod
    def constant(low: float, high: float | None = None) -> "Majorant":
        """Return the majorant of a constant known to lie in [low, high]."""
        top = low if high is None else high
        return Majorant({(0.0, 0.0): max(abs(low), abs(top))}, low, top)

    @staticmethod
    def affine(offset: float, slope: float) -> "Majorant":
        """Return the majorant of a value with |t| <= offset + slope r."""
        return Majorant({(0.0, 0.0): offset, (1.0, 0.0): slope})

    @staticmethod
    def between(low: float, high: float) -> "Majorant":
        """Return the majorant of a bounded value."""
        return Majorant.constant(low, high)

    def scaled(self, factor: float) -> "Majorant":
        """Return the majorant of anything below ``factor`` times this, factor >= 0; its range is not known."""
        return Majorant({key: _up(c * factor) for key, c in self.terms.items()})

    def __add__(self, other: "Majorant") -> "Majorant":
        terms = dict(self.terms)
        for key, c in other.terms.items():
            terms[key] = _up(terms.get(key, 0.0) + c)
        low, high = _least_sum(self.low, other.low), -_least_sum(-self.high, -other.high)
        return Majorant(terms, low, high)._trimmed()

    def __neg__(self) -> "Majorant":
        return Majorant(self.terms, -self.high, -self.low)

    def __sub__(self, other: "Majorant") -> "Majorant":
        return self + -other

    def __mul__(self, other: "Majorant") -> "Majorant":
        terms: dict[Term, float] = {}
        for (n, a), c in self.terms.items():
            for (m, b), e in other.terms.items():
                key = (n + m, _rate(a, b))
                terms[key] = _up(terms.get(key, 0.0) + _up(c * e))
        low, high = _product_range(self, other)
        return Majorant(terms, low, high)._trimmed()

    def square(self) -> "Majorant":
        """Return t^2."""
        product = self * self
        least = 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Majorant(product.terms, max(0.0, _below(least * least)), product.high)

    def __truediv__(self, other: "Majorant") -> "Majorant":
        return self * other.inverse()

    def inverse(self) -> "Majorant":
        """Return 1/t for a t that is bounded away from 0."""
        if self.low > 0:
            return Majorant.between(max(0.0, _below(1 / self.high)), _above(1 / self.low))
        if self.high < 0:
            return -(-self).inverse()
        raise NoMajorantError("a division by something that is not bounded away from 0")

    def _trimmed(self) -> "Majorant":
        """Use the range where both its ends are finite: r^n exp(a r) is not needed then."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return Majorant.constant(self.low, self.high)
        return self

    def within(self, low: float, high: float) -> "Majorant":
        """Return the same value, which is known to lie in [low, high] too."""
        return Majorant(self.terms, max(low, self.low), min(high, self.high))._trimmed()

    # -- functions --

    def exp(self) -> "Majorant":
        """e^t; where t has no upper bound, e^(c + s r) for |t| <= c + s r."""
        low = max(0.0, _below(math.exp(self.low) / UP)) if self.low < 700 else 0.0
        if self.high < 700:
            return Majorant.between(low, _up(math.exp(self.high)))
        return Majorant(self._exp_of_size(), low)

    def _exp_of_size(self) -> dict[Term, float]:
        """Bound exp(|t|)."""
        if not all(a == 0.0 and n <= 1.0 for n, a in self.terms):
            raise NoMajorantError("an exponential of something that may grow faster than linearly")
        slope = sum(c for (n, _), c in self.terms.items() if n > 0.0)
        offset = sum(c for (n, _), c in self.terms.items() if n < 1.0)  # r^n <= 1 + r
        if offset > 700:
            raise NoMajorantError("an exponential beyond the range of float64")
        return {(0.0, _up(slope)): _up(math.exp(_up(offset)))}

    def expm1(self) -> "Majorant":
        """e^t - 1."""
        return self.exp() - Majorant.constant(1.0)

    def sinh(self) -> "Majorant":
        """|sinh t| <= e^|t|."""
        return Majorant(self._exp_of_size())

    def cosh(self) -> "Majorant":
        """1 <= cosh t <= e^|t|."""
        return Majorant(self._exp_of_size(), 1.0)

    def log(self) -> "Majorant":
        """|log t| <= max(0, -log low) + log_+ t; from t <= p(r) e^(a r) comes log t <= a r + p^s / s, 0 < s <= 1."""
        if not self.low > 0:
            raise NoMajorantError("a logarithm of something that is not bounded away from 0")
        share = 1 / max(1.0, *(n for n, _ in self.terms))  # p^s grows at most linearly
        grown = Majorant({(1.0, 0.0): max(a for _, a in self.terms)})
        for (n, _), c in self.terms.items():
            grown = grown + Majorant({(n * share, 0.0): _up(_up(c**share) / share)})
        least, top = _log_below(self.low), -_log_below(1 / self.high) if self.high < math.inf else math.inf
        grown = grown + Majorant.constant(max(0.0, -least))
        return Majorant(grown.terms, least, _above(top))._trimmed()

    def log1p(self) -> "Majorant":
        """log(1 + t)."""
        return (self + Majorant.constant(1.0)).log()

    def sqrt(self) -> "Majorant":
        """Return the square root; the root of a sum is at most the sum of the roots."""
        if not self.low >= 0:
            raise NoMajorantError("a square root of something that may be negative")
        terms: dict[Term, float] = {}
        for (n, a), c in self.terms.items():
            key = (n / 2, a / 2)
            terms[key] = _up(terms.get(key, 0.0) + _up(math.sqrt(c)))
        least = _below(math.sqrt(self.low)) if self.low > 0 else 0.0
        return Majorant(
            terms, least, _above(math.sqrt(self.high)) if self.high < math.inf else math.inf
        )._trimmed()

    def pow(self, exponent: "Majorant") -> "Majorant":
        """t^p for a t >= 0 and p in [0, n]: at most 1 + t^n."""
        if not (self.low >= 0 and exponent.low >= 0 and exponent.high < math.inf):
            raise NoMajorantError("a power of something that may be negative, or with a negative exponent")
        total = Majorant.constant(1.0)
        for _ in range(math.ceil(exponent.high)):
            total = total * Majorant(self.terms)
        return (total + Majorant.constant(1.0)).within(0.0, math.inf)

    def tan(self) -> "Majorant":
        """No rule."""
        raise NoMajorantError("a tangent")

    def asinh(self) -> "Majorant":
        """|asinh t| <= |t|."""
        return Majorant(self.terms, *self._signs())

    def atan(self) -> "Majorant":
        """Return what is bounded by pi/2."""
        size = PRIMITIVES["atan"].size or math.inf
        return Majorant.between(-size, size)

    def softplus(self) -> "Majorant":
        """0 < log(1 + e^t) <= log 2 + |t|, and log 2 + t for t >= 0."""
        grown = Majorant(self.terms) + Majorant.constant(0.7)
        return Majorant(grown.terms, 0.0, _above(max(self.high, 0.0) + 0.7))._trimmed()

    def abs(self) -> "Majorant":
        """|t|."""
        return Majorant(self.terms, 0.0, max(abs(self.low), abs(self.high)))

    def max(self, other: "Majorant") -> "Majorant":
        """|max(s, t)| <= max(|s|, |t|), term by term."""
        return Majorant(self._greater(other), max(self.low, other.low), max(self.high, other.high))._trimmed()

    def min(self, other: "Majorant") -> "Majorant":
        """|min(s, t)| <= max(|s|, |t|)."""
        return -(-self).max(-other)

    def _greater(self, other: "Majorant") -> dict[Term, float]:
        keys = {*self.terms, *other.terms}
        return {key: max(self.terms.get(key, 0.0), other.terms.get(key, 0.0)) for key in keys}

    def _signs(self) -> tuple[float, float]:
        return (0.0 if self.low >= 0 else -math.inf), (0.0 if self.high <= 0 else math.inf)


def _rate(a: float, b: float) -> float:
    return a + b if 0.0 in (a, b) else _up(a + b)


def _log_below(value: float) -> float:
    return _below(math.log(value) - 1e-14 * abs(math.log(value)) - 1e-15) if value > 0 else -math.inf


def _product_range(s: Majorant, t: Majorant) -> tuple[float, float]:
    pairs = [(a, b) for a in (s.low, s.high) for b in (t.low, t.high)]
    return min(_times(a, b, _below) for a, b in pairs), max(_times(a, b, _above) for a, b in pairs)


def _times(a: float, b: float, outward: Callable[[float], float]) -> float:
    if 0.0 in (a, b):
        return 0.0  # exact; an infinite end is no number of the range
    return a * b if math.inf in (abs(a), abs(b)) else outward(a * b)


def _bounded(low: float, high: float) -> Callable[[Majorant], Majorant]:
    return lambda _: Majorant.between(low, high)


def _rational(p: int, q: int) -> Majorant:
    value = Fraction(p, q)
    try:
        near = float(value)
    except OverflowError as error:
        raise NoMajorantError("a constant beyond the range of float64") from error
    if Fraction(near) == value:
        return Majorant.constant(near)
    return Majorant.constant(_below(near), _above(near))


_METHODS = ("exp", "expm1", "sinh", "cosh", "log", "log1p", "sqrt", "asinh", "atan", "tan", "softplus", "abs")
_UNIT = [name for name, known in PRIMITIVES.items() if known.size == 1.0 and name != "sigmoid"]


def _names() -> Mapping[str, Any]:
    return {
        "pi": Majorant.between(3.14, 3.15),
        "rational": _rational,
        "unit": _bounded(-1.0, 1.0),
        "share": _bounded(0.0, 1.0),
        "precision": lambda: 53,
    }


MAJORANTS = Ring(
    name="majorants",
    templates=INFIX
    | {"square": "{0}.square()", "pi": "pi", "sigmoid": "share({0})"}
    | {name: f"{{0}}.{name}()" for name in _METHODS}
    | dict.fromkeys(_UNIT, "unit({0})")
    | {name: f"{{0}}.{name}({{1}})" for name in ("max", "min", "pow")},
    namespace=_names,
    fixed="renewed",
    constant="rational({p}, {q})",
)
"""Arguments and values are ``Majorant``."""


def tail(majorant: Majorant, degree: int, d: int, radius: float) -> float:
    """Return an upper bound of E[|t| r^degree; r > radius] for eps ~ N(0, I_d); infinite where the formula fails."""
    from flint import arb

    from elboproof.numbers.precision import DOUBLE_BITS, working_precision

    with working_precision(DOUBLE_BITS):
        total = arb(0)
        big = arb(radius)
        for (n, a), c in majorant.terms.items():
            power = n + degree + d - 1
            slope = big - a - power / big
            if not slope > 0:
                return math.inf
            total += c * big ** arb(power) * (a * big - big * big / 2).exp() / slope
        # |S^(d-1)| (2 pi)^(-d/2) = 2^(1 - d/2) / Gamma(d/2)
        surface = arb(2) ** (1 - arb(d) / 2) / (arb(d) / 2).gamma()
        return _up(float((total * surface).upper()))

r"""The number system of majorants: how fast a function of eps can grow, for the tails of Gaussian expectations.

A value t(eps), eps in R^d, is known by

    |t| <= sum_k c_k r^(n_k) exp(a_k r),   r = |eps|,   c_k, n_k, a_k >= 0,        low <= t <= high,

for all eps. Every rule is a textbook inequality, noted where it is not evident. Coefficients are floats, and each
operation's result is stepped up by more than its rounding.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flint import arb

from elboproof.numbers.functions import PRIMITIVES
from elboproof.numbers.outward import above, below, downward, upward

ROUNDINGS = 6
"""In one step: those of two operations, and the 2 units that math.exp, sqrt and powers may err by."""
Term = tuple[float, float]
"""(n, a) of r^n exp(a r)."""


BOUNDED = {
    name: (0.0 if name == "sigmoid" else -known.size, known.size)
    for name, known in PRIMITIVES.items()
    if known.size is not None
}
"""Functions and their ranges."""
AT_MOST_LINEAR = {"relu": 0.0, "gelu": 0.0, "silu": 0.0, "softplus": 0.7}
"""c of |g(t)| <= c + |t|; log 2 < 0.7."""


class NoMajorantError(ArithmeticError):
    """The growth of a value could not be bounded; the text says why."""


def up(value: float) -> float:
    """Return a bound above a computed one; NaN (infinity times 0, say) bounds nothing."""
    return upward(value, ROUNDINGS, 1) if not math.isnan(value) else math.inf


def above_float(value: float) -> float:
    """Return the next float."""
    return math.nextafter(value, math.inf) if value > -math.inf else math.inf


def below_float(value: float) -> float:
    """Return the last float before."""
    return math.nextafter(value, -math.inf) if value < math.inf else -math.inf


def _least_sum(a: float, b: float) -> float:
    return a + b if 0.0 in (a, b) else below_float(a + b)  # a sum with 0 is exact: squares stay nonnegative


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
        return Majorant({key: up(c * factor) for key, c in self.terms.items()})

    def __add__(self, other: "Majorant") -> "Majorant":
        # |s + t| <= |s| + |t|, term by term; ranges add up, each end rounded outward
        terms = dict(self.terms)
        for key, c in other.terms.items():
            terms[key] = up(terms.get(key, 0.0) + c)
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
                # a rate is rounded up, which r >= 0 allows. Powers are few halvings of integers, so that their sums are
                # exact: a power that were rounded down could not be made up for by c at every r
                key = (n + m, _rate(a, b))
                terms[key] = up(terms.get(key, 0.0) + up(c * e))
        low, high = _product_range(self, other)
        return Majorant(terms, low, high)._trimmed()

    def square(self) -> "Majorant":
        """Return t^2."""
        product = self * self
        least = 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Majorant(product.terms, max(0.0, below_float(least * least)), product.high)

    def __truediv__(self, other: "Majorant") -> "Majorant":
        return self * other.inverse()

    def inverse(self) -> "Majorant":
        """Return 1/t for a t that is bounded away from 0."""
        if self.low > 0:
            return Majorant.between(max(0.0, below_float(1 / self.high)), above_float(1 / self.low))
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
        low = max(0.0, below_float(downward(math.exp(self.low), ROUNDINGS))) if self.low < 700 else 0.0
        if self.high < 700:
            return Majorant.between(low, up(math.exp(self.high)))
        return Majorant(self._exp_of_size(), low)

    def _exp_of_size(self) -> dict[Term, float]:
        """Bound exp(|t|)."""
        if not all(a == 0.0 and n <= 1.0 for n, a in self.terms):
            raise NoMajorantError("an exponential of something that may grow faster than linearly")
        # r^n <= 1 + r for 0 < n < 1, so that such a term counts in both; a sum of k terms has k - 1 roundings
        slope = upward(sum(c for (n, _), c in self.terms.items() if n > 0.0), len(self.terms))
        offset = upward(sum(c for (n, _), c in self.terms.items() if n < 1.0), len(self.terms))
        if offset > 700:
            raise NoMajorantError("an exponential beyond the range of float64")
        return {(0.0, up(slope)): up(math.exp(up(offset)))}

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
        # p^s grows at most linearly, and s is a power of 2: powers of r are then floats without rounding, which no
        # coefficient could make up for at every r. Of a sum, p^s is at most the sum of the terms' own
        share = 0.5 ** math.ceil(math.log2(max(1.0, *(n for n, _ in self.terms))))
        grown = Majorant({(1.0, 0.0): max(a for _, a in self.terms)})
        for (n, _), c in self.terms.items():
            grown = grown + Majorant({(n * share, 0.0): up(up(c**share) / share)})
        # FLINT's logarithms of both ends, which need no margin; that of an infinite end is infinite
        least, top = below(arb(self.low).log()), above(arb(self.high).log())
        grown = grown + Majorant.constant(max(0.0, -least))
        return Majorant(grown.terms, least, top)._trimmed()

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
            terms[key] = up(terms.get(key, 0.0) + up(math.sqrt(c)))
        # the root is correctly rounded (IEEE 754), so the next float outward is a bound
        least = below_float(math.sqrt(self.low)) if self.low > 0 else 0.0
        return Majorant(
            terms, least, above_float(math.sqrt(self.high)) if self.high < math.inf else math.inf
        )._trimmed()

    def pow(self, exponent: "Majorant") -> "Majorant":
        """t^p for a t >= 0 and p in [0, n]: at most 1 + t^n."""
        if not (self.low >= 0 and exponent.low >= 0 and exponent.high < math.inf):
            raise NoMajorantError("a power of something that may be negative, or with a negative exponent")
        total = Majorant.constant(1.0)
        # t^p <= 1 for t <= 1 and <= t^n beyond. Without its range a factor has no sign, and the product's range stays
        # open
        for _ in range(math.ceil(exponent.high)):
            total = total * Majorant(self.terms)
        return (total + Majorant.constant(1.0)).within(0.0, math.inf)

    def tan(self) -> "Majorant":
        """No rule."""
        raise NoMajorantError("a tangent")

    def asinh(self) -> "Majorant":
        """|asinh t| <= |t|."""
        return Majorant(self.terms, *self._signs())

    def softplus(self) -> "Majorant":
        """0 < log(1 + e^t) <= log 2 + |t|, and log 2 + t for t >= 0."""
        most = AT_MOST_LINEAR["softplus"]
        grown = Majorant(self.terms) + Majorant.constant(most)
        return Majorant(grown.terms, 0.0, above_float(max(self.high, 0.0) + most))._trimmed()

    def logaddexp(self, other: "Majorant") -> "Majorant":
        """max(s, t) < log(e^s + e^t) <= log 2 + max(s, t)."""
        most = AT_MOST_LINEAR["softplus"]
        greater = self.max(other) + Majorant.constant(most)
        return Majorant(greater.terms, max(self.low, other.low), greater.high)._trimmed()

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
    return a + b if 0.0 in (a, b) else up(a + b)


def _product_range(s: Majorant, t: Majorant) -> tuple[float, float]:
    pairs = [(a, b) for a in (s.low, s.high) for b in (t.low, t.high)]
    return min(_times(a, b, below_float) for a, b in pairs), max(_times(a, b, above_float) for a, b in pairs)


def _times(a: float, b: float, outward: Callable[[float], float]) -> float:
    # an end that is zero is that number; infinity stands for no bound at all
    if 0.0 in (a, b):
        return 0.0  # exact; an infinite end is no number of the range
    return a * b if math.inf in (abs(a), abs(b)) else outward(a * b)

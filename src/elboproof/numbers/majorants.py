r"""The number system of majorants: how fast a function of eps can grow, for the tails of Gaussian expectations.

A value t(eps), eps in R^d, is known by

    |t| <= sum_k c_k r^(n_k) exp(a_k r),   r = |eps|,   c_k, n_k, a_k >= 0,        low <= t <= high,

for all eps; where it is known, also by one-sided bounds of the same form, t <= rise and -t <= fall, and, for a positive
t, by t >= exp(-decay). Every rule is a textbook inequality, noted where it is not evident. Coefficients are floats, and
each operation's result is stepped up by more than its rounding.
"""

import math
from dataclasses import dataclass, replace

from flint import arb

from elboproof.numbers.majorant_ranges import (
    AT_MOST_LINEAR,
    ROUNDINGS,
    NoMajorantError,
    Term,
    Terms,
    above_float,
    below_float,
    both,
    greater,
    least_sum,
    product_range,
    rate_sum,
    sum_of,
    up,
)
from elboproof.numbers.outward import above, below, downward, upward


@dataclass(frozen=True)
class Majorant:
    """Bounds of one value.

    Attributes
    ----------
    terms : dict
        c of every (n, a).
    low, high : float
        Bounds that hold everywhere, infinite where there are none.
    rise, fall : dict, optional
        Terms with t <= rise and -t <= fall, where they are better than ``terms``.
    decay : dict, optional
        Terms with t >= exp(-decay), where t is positive and comes near 0.
    """

    terms: Terms
    low: float = -math.inf
    high: float = math.inf
    rise: Terms | None = None
    fall: Terms | None = None
    decay: Terms | None = None

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

    @property
    def rising(self) -> Terms:
        """Terms that are at least max(t, 0)."""
        if self.high < math.inf:
            return {(0.0, 0.0): max(self.high, 0.0)}
        return self.terms if self.rise is None else self.rise

    @property
    def falling(self) -> Terms:
        """Terms that are at least max(-t, 0)."""
        return (-self).rising

    @property
    def decaying(self) -> Terms | None:
        """Terms with t >= exp(-terms), None where there are none."""
        if self.low > 0.0:
            return {(0.0, 0.0): max(0.0, -below(arb(self.low).log()))}
        return self.decay

    def __add__(self, other: "Majorant") -> "Majorant":
        # |s + t| <= |s| + |t|, term by term; ranges and one-sided bounds add up, each end rounded outward. Of two that
        # are not negative the sum is at least either
        low, high = least_sum(self.low, other.low), -least_sum(-self.high, -other.high)
        rise, fall = sum_of(self.rising, other.rising), sum_of(self.falling, other.falling)
        decay = (self.decaying or other.decaying) if self.low >= 0.0 <= other.low else None
        return Majorant(sum_of(self.terms, other.terms), low, high, rise, fall, decay)._trimmed()

    def __neg__(self) -> "Majorant":
        return Majorant(self.terms, -self.high, -self.low, self.fall, self.rise)

    def __sub__(self, other: "Majorant") -> "Majorant":
        return self + -other

    def __mul__(self, other: "Majorant") -> "Majorant":
        terms: dict[Term, float] = {}
        for (n, a), c in self.terms.items():
            for (m, b), e in other.terms.items():
                # a rate is rounded up, which r >= 0 allows. Powers are few halvings of integers, so that their sums are
                # exact: a power that were rounded down could not be made up for by c at every r
                key = (n + m, rate_sum(a, b))
                terms[key] = up(terms.get(key, 0.0) + up(c * e))
        low, high = product_range((self.low, self.high), (other.low, other.high))
        rise = self._by_constant(other) or other._by_constant(self)
        fall = (-self)._by_constant(other) or (-other)._by_constant(self)
        return Majorant(terms, low, high, rise, fall, both(self.decaying, other.decaying))._trimmed()

    def _by_constant(self, factor: "Majorant") -> Terms | None:
        """Return terms above the product with a number that is known exactly, None if it is not."""
        if factor.low != factor.high:
            return None
        side = self.rising if factor.low >= 0.0 else self.falling
        return {key: up(c * abs(factor.low)) for key, c in side.items()}

    def square(self) -> "Majorant":
        """Return t^2."""
        product = self * self
        least = 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Majorant(product.terms, max(0.0, below_float(least * least)), product.high)

    def __truediv__(self, other: "Majorant") -> "Majorant":
        return self * other.inverse()

    def inverse(self) -> "Majorant":
        """Return 1/t for a t that is bounded away from 0, or that is positive and decays at most exponentially."""
        if self.low > 0:
            return Majorant.between(max(0.0, below_float(1 / self.high)), above_float(1 / self.low))
        if self.high < 0:
            return -(-self).inverse()
        if self.decay is not None:
            return Majorant(_exponential(self.decay), 0.0)
        raise NoMajorantError("a division by something that is not bounded away from 0")

    def _trimmed(self) -> "Majorant":
        """Use the range where both its ends are finite: r^n exp(a r) is not needed then."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return replace(Majorant.constant(self.low, self.high), decay=self.decay)
        return self

    def within(self, low: float, high: float) -> "Majorant":
        """Return the same value, which is known to lie in [low, high] too."""
        return replace(self, low=max(low, self.low), high=min(high, self.high))._trimmed()

    def quadratic(self) -> tuple[float, float, float] | None:
        """Return (c, a, b) with t <= c + a r + b r^2 for all r, a and b at least 0 and b < 1/2; None if unknown."""
        if self.high < math.inf:
            return self.high, 0.0, 0.0
        # r^n <= 1 + r for 0 < n < 1, and <= r + r^2 for 1 < n < 2
        total = [0.0, 0.0, 0.0]
        for (n, rate), c in self.rising.items():
            if rate > 0.0 or n > 2.0:
                return None
            for place in {math.floor(n), math.ceil(n)}:
                total[place] = up(total[place] + c)
        return (total[0], total[1], total[2]) if total[2] < 0.5 else None

    # -- functions --

    def exp(self) -> "Majorant":
        """e^t; where t has no upper bound, e^(c + s r) for t <= c + s r; it decays as t falls."""
        low = max(0.0, below_float(downward(math.exp(self.low), ROUNDINGS))) if self.low < 700 else 0.0
        if self.high < 700:
            return replace(Majorant.between(low, up(math.exp(self.high))), decay=self.falling)
        return Majorant(_exponential(self.rising), low, decay=self.falling)

    def expm1(self) -> "Majorant":
        """e^t - 1."""
        return self.exp() - Majorant.constant(1.0)

    def sinh(self) -> "Majorant":
        """|sinh t| <= e^|t|."""
        return Majorant(_exponential(self.terms))

    def cosh(self) -> "Majorant":
        """1 <= cosh t <= e^|t|."""
        return Majorant(_exponential(self.terms), 1.0)

    def log(self) -> "Majorant":
        """|log t| <= max(0, -log low) + log_+ t; from t <= p(r) e^(a r) comes log t <= a r + p^s / s, 0 < s <= 1."""
        if self.decaying is None:
            raise NoMajorantError("a logarithm of something that is not bounded away from 0")
        # p^s grows at most linearly, and s is a power of 2: powers of r are then floats without rounding, which no
        # coefficient could make up for at every r. Of a sum, p^s is at most the sum of the terms' own
        share = 0.5 ** math.ceil(math.log2(max(1.0, *(n for n, _ in self.terms))))
        grown = Majorant({(1.0, 0.0): max(a for _, a in self.terms)})
        for (n, _), c in self.terms.items():
            grown = grown + Majorant({(n * share, 0.0): up(up(c**share) / share)})
        # FLINT's logarithms of both ends, which need no margin; that of an infinite end is infinite
        top = above(arb(self.high).log())
        if not self.low > 0:
            return Majorant(sum_of(grown.terms, self.decaying), -math.inf, top, grown.terms, self.decaying)
        least = below(arb(self.low).log())
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
        """0 < log(1 + e^t) <= log 2 + max(t, 0), and at least log 2 e^min(t, 0), as log(1 + u)/u falls with u <= 1."""
        most = AT_MOST_LINEAR["softplus"]
        grown = sum_of(self.rising, {(0.0, 0.0): most})
        decay = sum_of(self.falling, {(0.0, 0.0): 0.37})  # e^-0.37 < log 2
        return Majorant(grown, 0.0, above_float(max(self.high, 0.0) + most), decay=decay)._trimmed()

    def sigmoid(self) -> "Majorant":
        """0 < 1/(1 + e^-t) < 1, and at least e^min(t, 0) / 2."""
        return replace(Majorant.between(0.0, 1.0), decay=sum_of(self.falling, {(0.0, 0.0): 0.7}))

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
        low, high = max(self.low, other.low), max(self.high, other.high)
        rise, fall = greater(self.rising, other.rising), greater(self.falling, other.falling)
        return Majorant(greater(self.terms, other.terms), low, high, rise, fall)._trimmed()

    def min(self, other: "Majorant") -> "Majorant":
        """|min(s, t)| <= max(|s|, |t|)."""
        return -(-self).max(-other)

    def _signs(self) -> tuple[float, float]:
        return (0.0 if self.low >= 0 else -math.inf), (0.0 if self.high <= 0 else math.inf)


def _exponential(terms: Terms) -> Terms:
    """Return a bound of the exponential of terms that grow at most linearly."""
    if not all(a == 0.0 and n <= 1.0 for n, a in terms):
        raise NoMajorantError("an exponential of something that may grow faster than linearly")
    # r^n <= 1 + r for 0 < n < 1, so that such a term counts in both; a sum of k terms has k - 1 roundings
    slope = upward(sum(c for (n, _), c in terms.items() if n > 0.0), len(terms))
    offset = upward(sum(c for (n, _), c in terms.items() if n < 1.0), len(terms))
    if offset > 700:
        raise NoMajorantError("an exponential beyond the range of float64")
    return {(0.0, up(slope)): up(math.exp(up(offset)))}

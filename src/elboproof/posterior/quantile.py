"""Quantiles of one latent under p(z|x): between two places whose probabilities are proved to be below and above.

F(t) = P(z_k <= t | x) grows with t, so that proofs of F(a) < p and F(b) > p enclose the quantile in [a, b]. Where the
next t is sought is decided in floats: by the secant of the last two t, of F in units of a Gaussian's deviations, as
most posteriors are nearly Gaussian; else in the middle. Where F(t) cannot be told from p, on both sides of t.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb
from scipy.special import ndtri

from elboproof.numbers.exact import ball_of

ROUNDS = 60
DEEP = 12.0
"""Digits of a probability beyond which none are asked."""
FEWEST = 2.0

Below = Callable[[Fraction, float], tuple[arb, str]]
"""(t, digits) -> F(t) and what stopped its proof."""


@dataclass
class Bracket:
    """A place below the quantile and one above it, and floats (t, F(t)) that were seen."""

    low: Fraction
    high: Fraction
    seen: list[tuple[float, float]] = field(default_factory=list)

    def radius(self) -> float:
        """Return the half width, rounded to nearest."""
        return float(self.high - self.low) / 2

    def ball(self) -> arb:
        """Return a ball that holds both ends."""
        found: arb = ball_of(self.low).union(ball_of(self.high))
        return found

    def guess(self, p: float, halve: bool) -> Fraction:
        """Return a dyadic number between: where the secant is at p, or the middle."""
        if halve or len(self.seen) < 2:
            return (self.low + self.high) / 2
        (s, before), (t, now) = self.seen[-2:]
        rise = _deviations(now) - _deviations(before)
        if not abs(rise) > 0 or s == t:
            return (self.low + self.high) / 2
        return self.inside(t + (_deviations(p) - _deviations(now)) * (t - s) / rise)

    def slope(self) -> float:
        """Return about how steep F is where it was seen last; 0 where it was not seen twice."""
        if len(self.seen) < 2:
            return 0.0
        (s, before), (t, now) = self.seen[-2:]
        return abs(now - before) / abs(t - s) if s != t else 0.0

    def inside(self, place: float) -> Fraction:
        """Return a number of few bits near a place, if it is between, else the middle."""
        if not math.isfinite(place):
            return (self.low + self.high) / 2
        bits = 8 - math.floor(math.log2(float(self.high - self.low)))
        t = Fraction(round(Fraction(place) * Fraction(2) ** bits)) / Fraction(2) ** bits
        return t if self.low < t < self.high else (self.low + self.high) / 2

    def take(self, t: Fraction, value: arb, p: arb) -> bool:
        """Move an end to t if F(t) is proved to be on one side of p; return whether it was."""
        self.seen.append((float(t), float(value.mid())))
        if value < p:
            self.low = t
        elif value > p:
            self.high = t
        else:
            return False
        return True


def _deviations(probability: float) -> float:
    return float(ndtri(min(max(probability, 1e-300), 1 - 1e-16)))


def narrowed(below: Below, bracket: Bracket, p: Fraction, digits: float) -> str:
    """Narrow a bracket to half width 10^-digits; return what stopped it, empty if nothing did."""
    level, accuracy, aim = ball_of(p), FEWEST, 10.0**-digits
    for n in range(ROUNDS):
        if bracket.radius() <= aim:
            return ""
        t = bracket.guess(float(p), halve=n % 4 == 3)
        value, why = below(t, accuracy)
        if not bracket.take(t, value, level) and not why:
            why = _around(below, bracket, t, value, (level, accuracy, aim))
            accuracy = min(accuracy + 2, DEEP)
        if why:
            return why
    return "" if bracket.radius() <= aim else "the number of rounds"


def _around(below: Below, bracket: Bracket, t: Fraction, value: arb, wanted: tuple[arb, float, float]) -> str:
    """Take an end on each side of t, where F is near p: as far as F's uncertainty, seen along the slope, reaches."""
    level, accuracy, aim = wanted
    # no farther than a fourth of the bracket: where F was not seen to rise, its slope says nothing
    reach = max(4 * float(value.rad()) / max(bracket.slope(), 1e-300), 0.9 * aim)
    reach = min(reach, float(bracket.high - bracket.low) / 4)
    for end in (t - Fraction(reach), t + Fraction(reach)):
        if not bracket.low < end < bracket.high:
            continue
        found, why = below(end, accuracy)
        bracket.take(end, found, level)
        if why:
            return why
    return ""

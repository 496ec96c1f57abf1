"""Quantiles of one latent under p(z|x): between two places whose probabilities are proved to be below and above.

F(t) = P(z_k <= t | x) grows with t, so that proofs of F(a) < p and F(b) > p enclose the quantile in [a, b]. Where the
next t is sought is decided in floats: by the secant of the two ends, or their middle; where F(t) cannot be told from p,
on both sides of t.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from elboproof.numbers.exact import ball_of

ROUNDS = 60
DEEP = 12.0
"""Digits of a probability beyond which none are asked."""
FEWEST = 2.0

Below = Callable[[Fraction, float], tuple[arb, str]]
"""(t, digits) -> F(t) and what stopped its proof."""


@dataclass
class Bracket:
    """A place below the quantile and one above it, with floats of F there."""

    low: Fraction
    high: Fraction
    below: float = 0.0
    above: float = 1.0

    def radius(self) -> float:
        """Return the half width, rounded to nearest."""
        return float(self.high - self.low) / 2

    def ball(self) -> arb:
        """Return a ball that holds both ends."""
        found: arb = ball_of(self.low).union(ball_of(self.high))
        return found

    def guess(self, p: float, halve: bool) -> Fraction:
        """Return a dyadic number between: where the secant is at p, or the middle."""
        width = float(self.high - self.low)
        share = (p - self.below) / (self.above - self.below) if self.above > self.below else 0.5
        share = 0.5 if halve else min(max(share, 0.01), 0.99)
        return self.inside(float(self.low) + share * width)

    def inside(self, place: float) -> Fraction:
        """Return a number of few bits near a place, if it is between, else the middle."""
        bits = 8 - math.floor(math.log2(float(self.high - self.low)))
        t = Fraction(round(Fraction(place) * Fraction(2) ** bits)) / Fraction(2) ** bits
        return t if self.low < t < self.high else (self.low + self.high) / 2

    def take(self, t: Fraction, value: arb, p: arb) -> bool:
        """Move an end to t if F(t) is proved to be on one side of p; return whether it was."""
        if value < p:
            self.low, self.below = t, float(value.mid())
        elif value > p:
            self.high, self.above = t, float(value.mid())
        else:
            return False
        return True


def narrowed(below: Below, bracket: Bracket, p: Fraction, digits: float) -> str:
    """Narrow a bracket to half width 10^-digits; return what stopped it, empty if nothing did."""
    level, accuracy, aim = ball_of(p), FEWEST, 10.0**-digits
    for n in range(ROUNDS):
        if bracket.radius() <= aim:
            return ""
        t = bracket.guess(float(p), halve=n % 3 == 2)
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
    slope = (bracket.above - bracket.below) / float(bracket.high - bracket.low)
    reach = max(4 * float(value.rad()) / max(slope, 1e-300), 0.9 * aim)
    for place in (float(t) - reach, float(t) + reach):
        if not bracket.low < Fraction(place) < bracket.high:
            continue
        end = bracket.inside(place)
        found, why = below(end, accuracy)
        bracket.take(end, found, level)
        if why:
            return why
    return ""

"""Bugs seeded into the arithmetic of enclosures' ends: each is caught by a check that the library passes."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof import Enclosure
from elboproof.numbers import enclosure_ends as ends
from elboproof.numbers.balls import working_precision
from tests.numbers import test_enclosure_arithmetic as arithmetic
from tests.seeding import Seeded, falsification


def _two_doubles(name: str, first: float, second: float) -> Callable[[], None]:
    """An operation of two doubles holds the exact result."""

    def check() -> None:
        exact = arithmetic.OPERATIONS[name](Fraction(first), Fraction(second))
        found = arithmetic.OPERATIONS[name](Enclosure(first, first), Enclosure(second, second))
        assert Fraction(float(found.lower)) <= exact <= Fraction(float(found.upper))

    return check


def _corners(name: str) -> Callable[[], None]:
    """An operation of two intervals holds what comes of all their ends, whatever the signs."""

    def check() -> None:
        for first in ((-2.0, 3.0), (-3.0, -2.0), (2.0, 3.0)):
            for second in ((-7.0, -5.0), (5.0, 7.0)):
                found = arithmetic.OPERATIONS[name](Enclosure(*first), Enclosure(*second))
                for a in first:
                    for b in second:
                        assert found.contains(arithmetic.OPERATIONS[name](Fraction(a), Fraction(b)))

    return check


def _exact_ends() -> None:
    """The ends of a ball that no doubles hold are its midpoint and radius, to the last bit."""
    with working_precision(200):
        for ball in (arb(2).sqrt(), -arb(2).sqrt(), arb(3) / 7 * arb(2) ** -300):
            low, high = ends.ball_ends(ball, ball) or (Fraction(0), Fraction(0))
            with working_precision(1000):
                below, above = ball.mid() - ball.rad(), ball.mid() + ball.rad()
                assert arb(low.numerator) / low.denominator == below
                assert arb(high.numerator) / high.denominator == above


def _tiny_ends() -> None:
    """The ends of a ball finer than the finest multiple lie beyond it on either side."""
    for sign in (-1, 1):
        ball = sign * arb(3) * arb(2) ** -40_000  # exact, so that no radius covers what is rounded
        low, high = ends.ball_ends(ball, ball) or (Fraction(0), Fraction(0))
        assert low <= high
        assert (low < 0 <= high) if sign < 0 else (low <= 0 < high)


def _doubles_of_balls() -> None:
    """Doubles around a ball hold its ends, also where they have few bits: of 1/3 the nearest is below, of 2/3 above."""
    with working_precision(200):
        for third in (arb(1) / 3, arb(2) / 3, -arb(1) / 3, -arb(2) / 3):
            for ball in (third, third * arb(2) ** -1060):
                ((low, high),) = ends.ball_doubles([ball])
                assert arb(low) <= ball.lower()
                assert arb(high) >= ball.upper()


def _doubles_of_fractions() -> None:
    for exact in (Fraction(1, 3), Fraction(2, 3), Fraction(-1, 3), Fraction(-2, 3)):
        array = np.array(exact, dtype=object)
        low, high = ends.in_doubles((array, array))
        assert Fraction(low.item()) <= exact <= Fraction(high.item())


def _absolute() -> None:
    arithmetic.test_absolute_and_negative_values()


def _long() -> None:
    """A fraction that is rounded lies between the ends."""
    exact = Fraction(7**2000 + 1, 3**2900)
    for value in (exact, -exact):
        array = np.array(value, dtype=object)
        low, high = ends.outward(array, array)
        assert low.item() < value < high.item()


def _sums() -> None:
    for values in ([1e16, 1.0, -1e16, 0.1], [1e308, 1e308, -1e308]):
        found = Enclosure(values, values).sum()
        exact = sum(map(Fraction, values), Fraction(0))
        assert Fraction(float(found.lower)) <= exact
        assert found.upper == np.inf or Fraction(float(found.upper)) >= exact


CHECKS: dict[str, Callable[[], object]] = {
    "sum": _two_doubles("+", 0.1, 0.2),
    "product": _two_doubles("*", 0.1, 0.3),
    "signs of a product": _corners("*"),
    "signs of a quotient": _corners("/"),
    "signs of a difference": _corners("-"),
    "exact ends": _exact_ends,
    "tiny ends": _tiny_ends,
    "doubles of balls": _doubles_of_balls,
    "doubles of fractions": _doubles_of_fractions,
    "absolute values": _absolute,
    "long fractions": _long,
    "long sums": _sums,
}
BUGS = {
    "doubles rounded to nearest below": Seeded(ends, "outward", "np.nextafter(low, -np.inf)", "low", "sum"),
    "doubles rounded to nearest above": Seeded(
        ends, "outward", "np.nextafter(high, np.inf)", "high", "product"
    ),
    "upper ends of fractions rounded down": Seeded(
        ends, "outward", "math.ceil", "math.floor", "long fractions"
    ),
    "lower ends of fractions rounded up": Seeded(
        ends, "outward", "_shortened(low, math.floor)", "_shortened(low, math.ceil)", "long fractions"
    ),
    "a corner left out of a product": Seeded(
        ends, "multiplied", "in second", "in second[:1]", "signs of a product"
    ),
    "a corner left out of a quotient": Seeded(
        ends, "divided", "in first", "in first[:1]", "signs of a quotient"
    ),
    "the greatest of the candidates lost": Seeded(
        ends, "_extremes", "np.maximum(high, one)", "np.maximum(one, one)", "signs of a product"
    ),
    "ends not exchanged by a minus": Seeded(
        ends,
        "negated",
        "np.asarray(-ends[1]), np.asarray(-ends[0])",
        "np.asarray(-ends[0]), np.asarray(-ends[1])",
        "signs of a difference",
    ),
    "the lower radius lost": Seeded(ends, "ball_ends", " + _floor(-less[0], less[1])", "", "exact ends"),
    "the upper radius inward": Seeded(
        ends,
        "ball_ends",
        "_floor(\n        -more[0], more[1]\n    )",
        "_floor(more[0], more[1])",
        "exact ends",
    ),
    "the upper end rounded down": Seeded(
        ends, "ball_ends", "-_floor(-above[0], above[1])", "_floor(*above)", "tiny ends"
    ),
    "fine ends rounded up": Seeded(
        ends, "_floor", "Fraction(mantissa >> finer,", "Fraction(-(-mantissa >> finer),", "tiny ends"
    ),
    "balls rounded to nearest": Seeded(
        ends, "_step", "if needed else value", "if False else value", "doubles of balls"
    ),
    "the lower ball for the upper": Seeded(
        ends, "_double_bounds", "ball.lower(), ball.upper()", "ball.lower(), ball.lower()", "doubles of balls"
    ),
    "the double below a fraction lost": Seeded(
        ends, "_around", "if near > value", "if False", "doubles of fractions"
    ),
    "the double above a fraction lost": Seeded(
        ends, "_around", "if near < value", "if False", "doubles of fractions"
    ),
    "0 inside an interval forgotten": Seeded(
        ends, "absolute", "np.where(inner > 0, inner, zero)", "np.abs(low)", "absolute values"
    ),
    "terms of a sum rounded one by one": Seeded(
        ends, "_fsum", "math.fsum(values)", "float(sum(values[1:], values[0]))", "long sums"
    ),
}

test_the_library_passes, test_bugs_are_caught, test_every_check_is_needed = falsification(CHECKS, BUGS)

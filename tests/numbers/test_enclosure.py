"""Enclosures are rounded outwards, and what cannot be decided raises."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from flint import acb, arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from elboproof import Enclosure
from elboproof.numbers.balls import working_precision

TINY, HUGE = 5e-324, float(np.finfo(np.float64).max)


@given(st.fractions(), st.sampled_from((30, 53, 200)))
def test_from_balls_rounds_outwards(value: Fraction, bits: int) -> None:
    with working_precision(bits):
        ball = arb(fmpq(value.numerator, value.denominator))
        enclosure = Enclosure.from_balls(ball)
    assert Fraction(float(enclosure.lower)) <= value <= Fraction(float(enclosure.upper))
    if bits == 200:  # and not farther than to the neighbours
        assert float(enclosure.upper) in (
            float(enclosure.lower),
            float(np.nextafter(enclosure.lower, np.inf)),
        )


def test_rounding_to_nearest_is_the_neighbour_that_is_no_enclosure() -> None:
    with working_precision(200):
        ball = arb(fmpq(1, 10))
        assert Fraction(float(ball)) != Fraction(1, 10)
    assert not Fraction(float(ball)) <= Fraction(1, 10)


EXTREMES = {
    "beyond the largest double": (arb(10) ** 400, HUGE, np.inf),
    "below the smallest": (arb(10) ** -400, 0.0, TINY),
    "minus beyond": (-(arb(10) ** 400), -np.inf, -HUGE),
    "nan": (arb.nan(), -np.inf, np.inf),
    "infinity": (arb.pos_inf(), np.inf, np.inf),
    "nothing known": (arb(0, float("inf")), -np.inf, np.inf),
    "exact": (arb(1.5), 1.5, 1.5),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(name: str) -> None:
    ball, lower, upper = EXTREMES[name]
    enclosure = Enclosure.from_balls([ball])
    assert enclosure.lower.tolist() == [lower]
    assert enclosure.upper.tolist() == [upper]
    assert not np.isnan(enclosure.width).any()


@pytest.mark.parametrize("balls", [1.0, [1.0], [acb(1)], acb(1), "1", None])
def test_what_is_no_real_ball_is_refused(balls: object) -> None:
    with pytest.raises(TypeError, match=r"balls: got .*expected a real ball"):
        Enclosure.from_balls(balls)  # type: ignore[arg-type]


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_width_is_rounded_up_and_midpoint_inside(a: float, b: float) -> None:
    enclosure = Enclosure(min(a, b), max(a, b))
    if np.isfinite([a, b]).all():
        width = Fraction(max(a, b)) - Fraction(min(a, b))
        assert enclosure.width == np.inf or Fraction(float(enclosure.width)) >= width
        assert enclosure.contains(enclosure.midpoint)
    assert enclosure.contains([a, b])
    assert not enclosure.contains(np.nan)


BAD = [
    (lambda: Enclosure(2.0, 1.0), ValueError, "lower: got 2.0 with upper 1.0; expected lower <= upper"),
    (lambda: Enclosure(np.nan, 1.0), ValueError, "no NaN"),
    (lambda: Enclosure(0.0, np.nan), ValueError, "no NaN"),
    (lambda: Enclosure([0.0], 1.0), ValueError, r"upper: got shape \(\); expected the shape \(1,\)"),
    (lambda: Enclosure("0", "1"), TypeError, "lower: got '0'"),
    (lambda: Enclosure(False, True), TypeError, "lower: got False"),
    (lambda: Enclosure(2**53 + 1, 2**60), TypeError, "integers of at most 2"),
    (lambda: Enclosure(0, 1).contains("0"), TypeError, "value: got '0'"),
    (lambda: Enclosure(0, 1) < np.nan, ValueError, "other: got NaN"),
    (lambda: Enclosure(0, 1) == 0, TypeError, "no equality"),
    (lambda: float(Enclosure(0, 1)), TypeError, "not one float"),
    (lambda: hash(Enclosure(0, 1)), TypeError, "unhashable"),
]


@pytest.mark.parametrize(("act", "error", "text"), BAD, ids=range(len(BAD)))
def test_bad_use_is_refused(act: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        act()


def test_comparisons_answer_only_for_the_whole_interval() -> None:
    e = Enclosure(1.0, 2.0)
    assert e < 3
    assert e <= 2
    assert e > Fraction(1, 2)
    assert e >= 1.0
    assert not e < 1
    assert not e > 2
    assert e < Enclosure(2.5, 3.0)
    assert 0.5 < e  # noqa: SIM300 - the reflected comparison
    undecided_ones: list[Callable[[], bool]] = [
        lambda: e < 2,
        lambda: e > 1.5,
        lambda: e <= 1,
        lambda: e < Enclosure(1.5, 4.0),
    ]
    for undecided in undecided_ones:
        with pytest.raises(ValueError, match=r"cannot decide .* overlap"):
            undecided()


def test_comparison_with_an_exact_number_does_not_round_it() -> None:
    below = Enclosure(1 / 3, 1 / 3)  # the double next to 1/3 is less than 1/3
    with pytest.raises(ValueError, match="cannot decide"):
        bool(below < Fraction(1, 3))  # a double cannot tell, and must not say False
    with pytest.raises(ValueError, match="cannot decide"):
        bool(Enclosure(2.0**53, 2.0**53) < 2**53 + 1)
    assert Enclosure(0, 1) < Decimal("1.1")
    assert Enclosure(0, 1) < 10**400


def test_arrays_are_compared_as_wholes_from_either_side() -> None:
    e = Enclosure([1.0, 2.0], [3.0, 4.0])
    assert np.array([0.0, 1.0]) < e
    with pytest.raises(ValueError, match="cannot decide"):
        bool(np.array([0.0, 5.0]) < e)


def test_bounds_cannot_be_written() -> None:
    e = Enclosure([1.0], [2.0])
    with pytest.raises(ValueError, match="read-only"):
        e.lower[0] = 0.0
    with pytest.raises(AttributeError, match="lower"):
        e.lower = np.array([0.0])  # type: ignore[misc]

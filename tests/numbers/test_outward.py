"""Outward rounding: the named operations bound what they say, in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx

from elboproof.numbers.outward import (
    OVERFLOW,
    above,
    below,
    downward,
    exp_upward,
    library_downward,
    library_upward,
    upward,
)

rng = np.random.default_rng(11)


@pytest.mark.parametrize("count", [2, 3, 17, 1000])
def test_sums_and_products_are_bounded_from_both_sides(count: int) -> None:
    for _ in range(50):
        terms = np.abs(rng.normal(size=count)) * 10.0 ** rng.uniform(-9, 9, count)
        total, exact = 0.0, Fraction(0)
        for term in terms.tolist():
            total, exact = total + term, exact + Fraction(term)
        assert Fraction(downward(total, count - 1)) <= exact <= Fraction(upward(total, count - 1))
        third = Fraction(1, 3) * exact
        assert Fraction(downward(total / 3, count)) <= third <= Fraction(upward(total / 3, count))


def test_one_rounding_needs_the_margin() -> None:
    """The control: a float quotient is below its exact value half of the time."""
    pairs = rng.integers(1, 10**6, (200, 2)).tolist()
    low = sum(Fraction(p / q) < Fraction(p, q) for p, q in pairs)
    assert 40 < low < 160
    assert all(Fraction(upward(p / q, 1)) >= Fraction(p, q) >= Fraction(downward(p / q, 1)) for p, q in pairs)


def test_underflows_are_counted_and_zero_stays_zero() -> None:
    least = 5e-324
    assert least * 0.25 == 0.0
    assert upward(least * 0.25, 1, underflows=1) >= least
    assert upward(0.0, 5) == downward(0.0, 5) == 0.0
    assert upward(np.zeros(2), 3).tolist() == [0.0, 0.0]


def test_the_library_margins_are_one_part_in_a_billion() -> None:
    assert library_upward(1.0) == 1 + 1e-9
    assert library_downward(1.0) == 1 - 1e-9


def test_ends_of_balls_are_outside() -> None:
    before, ctx.prec = ctx.prec, 200
    try:
        for ball in (arb(1) / 3, arb(-1) / 3, arb(2).sqrt(), arb(0.1, 1e-20), arb(5e-324) / 3, arb(0.5)):
            low, high = below(ball), above(ball)
            assert arb(low) <= ball.lower()
            assert arb(high) >= ball.upper()
            assert np.nextafter(high, -np.inf) <= float(ball.upper())
        assert above(arb(0.5)) == below(arb(0.5)) == 0.5
        for unknown in (arb("nan"), arb(0, np.inf)):
            assert (below(unknown), above(unknown)) == (-np.inf, np.inf)
    finally:
        ctx.prec = before


def test_exponentials_are_upper_bounds_and_infinite_where_unknown() -> None:
    t = np.concatenate([rng.uniform(-750, 699, 300), [0.0, -1e300]])
    bounds = exp_upward(t)
    before, ctx.prec = ctx.prec, 100
    exact = [arb(x).exp() for x in t.tolist()]
    ctx.prec = before
    assert all(arb(bound) >= value for bound, value in zip(bounds.tolist(), exact, strict=True))
    assert exp_upward(np.array([OVERFLOW, np.nan, np.inf])).tolist() == [np.inf] * 3

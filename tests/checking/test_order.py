import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from elboproof.checking import Between, ball_slope, slope_equals, tends_to

SCALES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
EXACT = ["1/10", "1/100", "1/1000"]


def power(exponent: int, factor: int = 3) -> list[arb]:
    """Return 3 h^exponent (1 + h) at the exact scales."""
    h = [arb(1) / 10, arb(1) / 100, arb(1) / 1000]
    return [factor * one**exponent * (1 + one) for one in h]


@pytest.mark.parametrize("order", [-0.5, 2.0, -3.0])
def test_a_power_has_its_slope_and_no_other(order: float) -> None:
    values = 7 * SCALES**order
    assert slope_equals(SCALES, values, order, 0.01 * abs(order)).status == "established"
    for other in (0.98 * order, 1.02 * order):
        assert slope_equals(SCALES, values, other, 0.01 * abs(order)).status == "refuted"


def test_the_smallest_detectable_slope_is_detected() -> None:
    verdict = slope_equals(SCALES, SCALES**-0.5, -0.5, 0.005, relative_error=1e-3)
    assert (verdict.method, verdict.quantity) == ("numeric", 0.5)
    off = float(verdict.smallest_detectable or 0) * 1.001
    for exponent in (-0.5 - off, -0.5 + off):
        for wobble in (1.001, 1 / 1.001):
            values = SCALES**exponent * np.array([wobble, 1, 1, 1, 1 / wobble])
            assert slope_equals(SCALES, values, -0.5, 0.005, relative_error=1e-3).status == "refuted"


def test_errors_of_the_values_are_not_dropped() -> None:
    assert slope_equals(SCALES, SCALES**2, 2.0, 0.01, relative_error=1.0).status == "undecided"


def test_slopes_of_balls() -> None:
    verdict = ball_slope(EXACT, power(2), 2, within=[0.04, 0.004])
    assert (verdict.status, verdict.method, verdict.by_hand) == ("established", "certified", False)
    assert ball_slope(EXACT, power(2), 2.05, within=[0.04, 0.004]).status == "refuted"
    assert ball_slope(EXACT, power(3), 2, within=0.04).status == "refuted"
    assert ball_slope(EXACT[::-1], power(2)[::-1], 2, within=[0.004, 0.04]).status == "established"


def test_a_radius_that_hides_the_slope_decides_nothing() -> None:
    """Adding 1 to each radius must not leave an order established: nothing is known of it then."""
    vague = [ball + arb(0, 1.0) for ball in power(2)]
    assert ball_slope(EXACT, vague, 2, within=0.04).status == "undecided"


def test_slopes_are_as_strong_as_their_enclosures() -> None:
    pairs = [(float(ball.lower()) * 0.999, float(ball.upper()) * 1.001) for ball in power(2)]
    assert ball_slope(EXACT, pairs, 2, within=0.1).method == "numeric"
    proved = [Between(*pair, proved_by="outward rounding") for pair in pairs]
    verdict = ball_slope(EXACT, proved, 2, within=0.1)
    assert (verdict.status, verdict.method, verdict.by_hand) == ("established", "certified", True)


def test_limits_at_a_rate() -> None:
    values = [arb.pi() + h for h in power(1)]
    verdict = tends_to(EXACT, values, arb.pi(), order=1, factor=4)
    assert (verdict.status, verdict.method) == ("established", "certified")
    assert verdict.quantity == pytest.approx(math.pi)
    assert verdict.smallest_detectable == pytest.approx(2 * 4e-3)
    assert tends_to(EXACT, values, arb.pi(), order=1, factor=2).status == "refuted"
    assert tends_to(EXACT, values, arb.pi(), order=2, factor=4).status == "refuted"
    assert tends_to(EXACT, values, arb.pi() + 0.0081, order=1, factor=4).status == "refuted"
    vague = [value + arb(0, 1.0) for value in values]
    assert tends_to(EXACT, vague, arb.pi(), order=1, factor=4).status == "undecided"
    exact = [Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000)]
    assert tends_to(EXACT, exact, 0, order=1, factor=1, quantity=1.0).status in ("established", "undecided")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: slope_equals([1, 2], [1, 2], 1.0, 0.1), "scales: got .*at least 3 numbers that differ"),
        (lambda: slope_equals([1, 2, 2], [1, 2, 3], 1.0, 0.1), "at least 3 numbers that differ"),
        (lambda: slope_equals([1, 2, 3], [1, -2, 3], 1.0, 0.1), "values: got .*positive numbers"),
        (lambda: slope_equals([1, 2, 3], [1, 2], 1.0, 0.1), r"values: got shape \(2,\)"),
        (lambda: slope_equals([1, 2, 3], [1, 2, 3], 0.0, 0.1), "order: got 0.0"),
        (lambda: slope_equals([1, 2, 3], [1, 2, 3], 1.0, 0.0), "tolerance: got 0.0"),
        (lambda: slope_equals([1, 2, 3], [1, 2, 3], 1.0, 0.1, relative_error=-1), "relative_error: got -1"),
        (lambda: ball_slope(["1", "2", "1"], power(1), 1, 0.1), "rise or fall strictly"),
        (
            lambda: ball_slope(["1", "2"], power(1), 1, 0.1),
            "values: got 3; expected as many values as scales, 2",
        ),
        (lambda: ball_slope(EXACT, power(1), 1, [0.1]), "within: got .*one distance, or 2"),
        (lambda: tends_to(EXACT[::-1], power(1), 0, order=1, factor=1), "scales that fall"),
        (lambda: tends_to(EXACT, power(1), 0, order=0, factor=1), "order: got 0"),
        (lambda: tends_to(EXACT, power(1), 0, order=1, factor=math.inf), "factor: got inf"),
    ],
)
def test_wrong_arguments(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]

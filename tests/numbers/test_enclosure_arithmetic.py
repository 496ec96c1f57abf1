"""Arithmetic of enclosures: every member's result is inside, and the ends are no farther out than they must be."""

import copy
import math
import operator
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb
from hypothesis import example, given
from hypothesis import strategies as st

import elboproof as ep
from elboproof import Enclosure
from elboproof.numbers import enclosure_ends
from elboproof.numbers.balls import working_precision

FINITE = st.floats(allow_nan=False, allow_infinity=False)
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
SHARPNESS = 2
"""Doubles by which an end may lie beyond the exact one: one for the rounding, one for the step outward."""


@st.composite
def intervals(draw: st.DrawFn) -> tuple[float, float]:
    """Draw a pair of finite ends."""
    ends = sorted((draw(FINITE), draw(FINITE)))
    return ends[0], ends[1]


@st.composite
def fine(draw: st.DrawFn) -> Enclosure:
    """Draw an enclosure with ends that no doubles hold, of some 200 bits."""
    with working_precision(draw(st.sampled_from((100, 200)))):
        return Enclosure.from_balls(arb(draw(st.integers(-(10**9), 10**9))) / 7 + arb(2).sqrt())


def _exact_ends(
    name: str, first: tuple[Fraction, Fraction], second: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    """Return the exact range of an operation over two intervals: it is monotone in each operand."""
    values = [OPERATIONS[name](a, b) for a in first for b in second]
    return min(values), max(values)


def _exact(interval: tuple[float, float]) -> tuple[Fraction, Fraction]:
    return Fraction(interval[0]), Fraction(interval[1])


@given(intervals(), intervals(), st.sampled_from(sorted(OPERATIONS)))
@example((5e-324, 5e-324), (0.5, 0.5), "*")  # underflows
@example((1e308, 1.7e308), (1e308, 1.7e308), "+")  # overflows
@example((0.0, 0.0), (-1.0, 1.0), "*")
def test_results_are_rounded_outward_and_sharply(
    first: tuple[float, float], second: tuple[float, float], name: str
) -> None:
    if name == "/" and second[0] <= 0 <= second[1]:
        with pytest.raises(ZeroDivisionError, match="expected bounds that leave 0 out"):
            Enclosure(*first) / Enclosure(*second)
        return
    found = OPERATIONS[name](Enclosure(*first), Enclosure(*second))
    low, high = _exact_ends(name, _exact(first), _exact(second))
    assert not math.isfinite(found.lower) or Fraction(float(found.lower)) <= low
    assert not math.isfinite(found.upper) or Fraction(float(found.upper)) >= high
    assert float(found.lower) < math.inf
    assert float(found.upper) > -math.inf
    for end, exact, step in ((found.lower, low, math.inf), (found.upper, high, -math.inf)):
        inner = float(end)
        for _ in range(SHARPNESS):
            inner = math.nextafter(inner, step)
        assert (
            not math.isfinite(inner)
            or (Fraction(inner) > exact if step > 0 else Fraction(inner) < exact)
            or math.isinf(end)
        )


@given(fine(), fine(), st.sampled_from(sorted(OPERATIONS)))
def test_fine_results_keep_their_digits(first: Enclosure, second: Enclosure, name: str) -> None:
    assert first.exact is not None
    assert second.exact is not None
    ends = [(one.exact[0].item(), one.exact[1].item()) for one in (first, second) if one.exact is not None]
    found = OPERATIONS[name](first, second)
    low, high = _exact_ends(name, ends[0], ends[1])
    assert (found.exact[0].item(), found.exact[1].item()) == (low, high)
    assert Fraction(float(found.lower)) <= low <= high <= Fraction(float(found.upper))
    assert found.width >= high - low


def test_rounding_to_nearest_would_lose_the_sum() -> None:
    found = Enclosure(0.1, 0.1) + Enclosure(0.2, 0.2)
    exact = Fraction(0.1) + Fraction(0.2)
    assert Fraction(0.1 + 0.2) != exact
    assert Fraction(float(found.lower)) < exact < Fraction(float(found.upper))


def test_a_sum_that_is_not_rounded_outward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclosure_ends, "outward", lambda low, high: (low, high))
    with pytest.raises(AssertionError):
        test_rounding_to_nearest_would_lose_the_sum()


NUMBERS: dict[str, Any] = {
    "int": -3,
    "float": 0.1,
    "Fraction": Fraction(1, 3),
    "Decimal": Decimal("0.1"),
    "float64": np.float64(0.1),
    "int64": np.int64(2),
    "float32": np.float32(0.5),
    "beyond doubles": 10**400,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_exact(name: str) -> None:
    number = NUMBERS[name]
    value = Fraction(number.item() if isinstance(number, np.generic) else number)
    for one in (Enclosure(0.25, 0.5), Enclosure.from_balls(_third())):
        for operation in OPERATIONS.values():
            assert operation(one, number).contains(operation(Fraction(1, 3), value))
            assert operation(number, one).contains(operation(value, Fraction(1, 3)))


def _third() -> arb:
    with working_precision(200):
        return arb(1) / 3


def test_arrays_broadcast() -> None:
    column = Enclosure([[1.0], [2.0]], [[1.5], [2.5]])
    found = column * np.array([1.0, -1.0, 2.0])
    assert found.shape == (2, 3)
    assert found.contains([[1.25, -1.25, 2.5], [2.25, -2.25, 4.5]])
    assert (np.array([1.0, -1.0, 2.0]) - column).shape == (2, 3)
    with pytest.raises(
        ValueError, match=r"other: got shape \(2,\); expected one that broadcasts with \(3,\)"
    ):
        Enclosure(np.ones(3), np.ones(3)) + np.ones(2)


@pytest.mark.parametrize("other", ["1", None, 1j, True], ids=repr)
def test_what_is_no_number_is_refused(other: object) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Enclosure(0.0, 1.0) + other


@pytest.mark.parametrize("other", [math.inf, math.nan, np.array([1.0, np.inf])], ids=repr)
def test_numbers_that_are_not_finite_are_refused(other: object) -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        Enclosure(0.0, 1.0) * other


def test_an_infinite_end_says_nothing_and_is_no_number() -> None:
    nothing, zero = Enclosure(-np.inf, np.inf), Enclosure(0.0, 0.0)
    assert (nothing * zero).contains(0.0)
    assert (nothing * zero).width <= 1e-300  # 0 times any number is 0
    ratio = Enclosure(1.0, np.inf) / Enclosure(1.0, np.inf)
    assert ratio.lower <= 0
    assert ratio.upper == np.inf
    assert (nothing + Enclosure(1.0, 2.0)).upper == np.inf
    assert abs(nothing).lower == 0


def test_absolute_and_negative_values() -> None:
    one = Enclosure([-2.0, -1.0, 1.0], [-1.0, 3.0, 2.0])
    assert abs(one).lower.tolist() == [1.0, 0.0, 1.0]
    assert abs(one).upper.tolist() == [2.0, 3.0, 2.0]
    assert (-one).lower.tolist() == [1.0, -3.0, -2.0]
    third = Enclosure.from_balls(_third())
    assert str(abs(-third)) == str(third)


@given(st.lists(FINITE, min_size=1, max_size=40))
@example([1e308, 1e308, -1e308])
@example([1e16, 1.0, -1e16])
def test_sums_are_rounded_once(values: list[float]) -> None:
    found = Enclosure(values, values).sum()
    exact = sum(map(Fraction, values), Fraction(0))
    assert not math.isfinite(found.lower) or Fraction(float(found.lower)) <= exact
    assert not math.isfinite(found.upper) or Fraction(float(found.upper)) >= exact
    if math.isfinite(found.width):
        assert found.width <= 4 * np.spacing(abs(float(exact)))
        assert Enclosure(values, values).mean().contains(exact / len(values))


def test_sums_over_axes() -> None:
    one = Enclosure(np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) + 1)
    assert one.sum(0).shape == (3,)
    assert one.sum(axis=-1).contains([4.5, 13.5])
    assert one.mean(1).contains([1.5, 4.5])
    with pytest.raises(ValueError, match="axis: got 2; expected None, or an axis of the shape"):
        one.sum(2)
    with pytest.raises(ValueError, match="expected at least one entry"):
        Enclosure([], []).mean()


def test_entries_are_taken_as_from_arrays() -> None:
    with working_precision(200):
        one = Enclosure.from_balls([arb(1) / 3, arb(2).sqrt(), arb(3)])
    assert len(one) == 3
    assert [f"{e:.5S}" for e in one] == ["0.33333(1)", "1.4142(1)", "3"]
    assert one[1:].shape == (2,)
    assert f"{one[0]:.40S}" == f"{one.reshape(3, 1)[0, 0]:.40S}"
    with pytest.raises(TypeError, match="no length"):
        len(one[0])
    with pytest.raises(IndexError):
        one[3]


def test_fine_ends_are_compared_exactly_and_survive_copies() -> None:
    third = Enclosure.from_balls(_third())
    assert third > Fraction(1, 3) - Fraction(1, 10**50)
    assert third < Fraction(1, 3) + Fraction(1, 10**50)
    assert third.contains(Fraction(1, 3))
    assert not third.contains(1 / 3)  # the double next to 1/3
    for twin in (pickle.loads(pickle.dumps(third)), copy.deepcopy(third)):  # noqa: S301 - our own
        assert str(twin) == str(third)


def test_long_fractions_are_rounded_outward() -> None:
    one = Enclosure.from_balls(_third())
    product = one
    for _ in range(40):
        product = product * one
    assert product.contains(Fraction(1, 3**41))
    low, high = product.exact or (None, None)
    assert low is not None
    assert high is not None
    assert low.item().denominator.bit_length() <= enclosure_ends.LONGEST + enclosure_ends.BITS


def test_digits_beyond_doubles_are_not_lost() -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))
    q = ep.GaussianPosterior("0.65", "0.007")
    for found in (
        ep.log_evidence(model, ["0.7"], digits=40),
        ep.elbo(model, ["0.7"], q, digits=40),
        ep.expectation("tanh(z)", q, digits=40),
        ep.log_evidence(model, [["0.7"], ["0.8"]], digits=40)[0],
    ):
        assert found.exact is not None
        assert float(found.width) <= 2e-40
    pair = ep.LatentModel(["u", "v"], ["u", "v + u**2"], ep.Gaussian(variance="1/100"))
    assert ep.log_evidence(pair, ["0.7", "0.1"], digits=20).width <= 2e-20


@pytest.mark.parametrize("power", [-(10**12), -(10**30), -40_000, -20_000, -1_000, 3_000, 10**12, 10**30])
@pytest.mark.parametrize("sign", [-1, 1])
def test_balls_beyond_the_range_of_doubles_are_enclosed_by_short_ends(power: int, sign: int) -> None:
    ball = sign * (arb(3) / 7) * arb(2) ** arb(power)
    found = Enclosure.from_balls(ball)
    low, high = (end.item() for end in (found.exact or (found.lower, found.upper)))
    with working_precision(enclosure_ends.FINEST + 100):  # exact: of powers of two only the numerators count
        assert _is_below(low, ball.mid() - ball.rad())
        assert _is_below(-high, -(ball.mid() + ball.rad()))
    assert len(str(found)) < 200


def _is_below(end: float | Fraction, number: arb) -> bool:
    if isinstance(end, float) and math.isinf(end):
        return end < 0
    exact = Fraction(end)
    assert exact.denominator.bit_length() <= enclosure_ends.FINEST + 1
    return bool(arb(exact.numerator) / exact.denominator <= number)

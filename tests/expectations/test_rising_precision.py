"""The one loop of ep.elbo and ep.expectation: precision rises while rounding is what is left."""

from itertools import pairwise

import pytest
from flint import arb

from elboproof.expectations.rising_precision import MOST_BITS, narrowed
from elboproof.numbers.precision import current_bits

Round = tuple[float, bool, int]


class _Rounds:
    """Encloses 1/3 at the precision in force, with an extra radius, and keeps what it was asked."""

    def __init__(self, extra: float = 0.0, float_radius: float = 1e-9, reason: str = "") -> None:
        self.asked: list[Round] = []
        self._extra, self._float_radius, self._reason = extra, float_radius, reason

    def __call__(self, tolerance: float, floats: bool) -> tuple[arb, str]:
        self.asked.append((tolerance, floats, current_bits()))
        radius = self._float_radius if floats else self._extra
        return arb(1) / 3 + arb(0, radius), self._reason


def test_sums_in_floats_are_tried_once_at_the_same_precision() -> None:
    rounds = _Rounds()
    ball, reason = narrowed(rounds, 11, floats=True)
    assert (ball.overlaps(arb(1) / 3), reason) == (True, "")
    assert [floats for _, floats, _ in rounds.asked] == [True, False]
    assert rounds.asked[0][2] == rounds.asked[1][2]
    assert rounds.asked[0][0] == 0.8 * 10.0**-11


@pytest.mark.parametrize(("digits", "floats"), [(11, False), (13, True)])
def test_no_floats_where_they_are_not_wanted_or_hold_too_few_digits(digits: float, floats: bool) -> None:
    rounds = _Rounds()
    narrowed(rounds, digits, floats=floats)
    assert [used for _, used, _ in rounds.asked] == [False]


def test_precision_doubles_up_to_the_most() -> None:
    rounds = _Rounds(extra=1e-5)
    ball, reason = narrowed(rounds, 10, floats=False)
    bits = [b for _, _, b in rounds.asked]
    assert all(after == 2 * before for before, after in pairwise(bits))
    assert bits[-1] >= MOST_BITS > bits[-2]
    assert 0.9e-5 < float(ball.rad()) < 1.1e-5
    assert reason == "5.0 of 10 digits proved; stopped by rounding"


def test_a_reason_ends_it_and_the_best_ball_stays() -> None:
    rounds = _Rounds(extra=1.0, float_radius=1e-3, reason="the time limit")
    assert narrowed(rounds, 10, floats=True)[1] == "3.0 of 10 digits proved; stopped by the time limit"
    assert len(rounds.asked) == 1
    wider = iter([(arb(0, 1e-3), ""), (arb(0, 1.0), "a limit")])
    ball, reason = narrowed(lambda *_: next(wider), 10, floats=True)
    assert float(ball.rad()) < 1.1e-3
    assert reason == "3.0 of 10 digits proved; stopped by a limit"


def test_what_a_limit_left_undone_may_be_little() -> None:
    assert narrowed(lambda *_: (arb(0, 1e-20), "the time limit"), 10, floats=False)[1] == ""


def test_nothing_is_gone_on_with_that_is_not_finite() -> None:
    ball, reason = narrowed(lambda *_: (arb(0, float("inf")), ""), 10, floats=False)
    assert not ball.is_finite()
    assert reason == "none of 10 digits proved; stopped by rounding"

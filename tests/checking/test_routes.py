"""Two routes to one number: they must meet, and be narrow; the verdict is as strong as the weaker one."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import arb

from elboproof.checking import Between, Route, by_hand, routes_agree
from elboproof.checking.finding import Finding

Run = Callable[..., Finding]


def test_routes_that_meet_agree() -> None:
    verdict = routes_agree(
        arb(2).sqrt(), Route("Pythagoras", (Fraction(141421356, 10**8), Fraction(15, 10))), 0.1
    )
    assert (verdict.status, verdict.method, verdict.second_route) == (
        "established",
        "certified",
        "Pythagoras",
    )
    assert verdict.reason == "[1.4142136 +/- 3.77e-8], and by Pythagoras [1.41421356, 1.5], meet"
    assert not verdict.by_hand
    assert len(verdict.parts["statement"].enclosed) == 2


@pytest.mark.parametrize(
    ("first", "found", "status"),
    [
        (arb(1, 0.25), arb(1.5, 0.25), "established"),  # they share one point
        (arb(1, 0.25), arb(1.51, 0.25), "refuted"),
        (arb(1, 0.75), arb(1, 0.75), "undecided"),  # too wide
        (arb("nan"), arb(1), "undecided"),
        (arb(1), arb(0, float("inf")), "undecided"),
        (1, Fraction(1), "established"),
        (1, Fraction(10**20 + 1, 10**20), "refuted"),
    ],
    ids=str,
)
def test_routes_apart_are_refuted_and_wide_ones_undecided(first: Any, found: Any, status: str) -> None:
    assert routes_agree(first, Route("another", found), 1.0).status == status
    assert routes_agree(found, Route("another", first), 1.0).status == status


def test_the_weaker_enclosure_makes_the_method() -> None:
    assert routes_agree(arb(1), Route("floats", (0.5, 1.5)), 1).method == "numeric"
    assert routes_agree((0.5, 1.5), Route("balls", arb(1)), 1).method == "numeric"
    hand = routes_agree(arb(1), Route("hand", Between(0.5, 1.5, "rounding")), 1)
    assert (hand.method, hand.by_hand, hand.parts["statement"].enclosed) == ("certified", True, ())


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="by: got ' '; expected what found the enclosure"):
        Route(" ", arb(1))
    with pytest.raises(TypeError, match=r"second: got .*; expected a Route\(by, found\)"):
        routes_agree(arb(1), arb(1), 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width: got 0; expected a positive finite number"):
        routes_agree(arb(1), Route("another", arb(1)), 0)
    with pytest.raises(TypeError, match="second"):
        routes_agree(arb(1), Route("another", "text"), 1)
    with pytest.raises(ValueError, match="first"):
        routes_agree((2, 1), Route("another", arb(1)), 1)


def test_a_second_route_is_recorded(run_one: Run) -> None:
    body = (
        "return routes_agree(arb(2).log(), Route('a series', arb(2).log1p() - (arb(3) / 2).log() + k), 1e-9)"
    )
    finding = run_one(body, method="'certified'")
    assert finding.holds, finding.reason
    [part] = finding.parts
    assert (part["second_route"], part["again"], part["bits"]) == ("a series", "overlap", [53, 106])


def test_a_theorem_by_hand_may_name_its_second_route() -> None:
    verdict = by_hand("certified", "established", "proved", second_route="ep.recheck")
    assert verdict.parts["statement"].second_route == "ep.recheck"

"""`for_all` keeps its limit in seconds, whatever it is doing when the time is over."""

import time
from fractions import Fraction
from typing import Any

import pytest

import elboproof as ep
from elboproof.statements import Statement

OVERTIME = 1.1
SECONDS = 2.0
Box = dict[str, tuple[str, str]]

HARD: dict[str, tuple[Statement, Box]] = {
    "best ELBO with atoms": (
        ep.Gap("z", ["a*sin(2*z)"], "v", ["1/2"]) >= "0.1",
        {"a": ("0.9", "1"), "v": ("0.01", "0.12")},
    ),
    "steep atoms": (
        ep.Gap("z", ["z + a*tanh(3*z)"], "v", ["1/2"]) >= "1e-6",
        {"a": ("0.1", "3"), "v": ("0.001", "0.12")},
    ),
    "best ELBO of polynomials": (
        ep.Gap("z", ["z**2"], "sigma**2", ["x"]).between("0.6", "0.9"),
        {"sigma": ("0.001", "0.3"), "x": ("0.6", "0.8")},
    ),
    "two latents": (
        ep.Gap(["a", "b"], ["a", "b + a**2"], "v", ["1/2", "x"]) <= "0.02",
        {"x": ("0.6", "0.8"), "v": ("0.01", "1")},
    ),
    "many control points": (
        ep.Gap("z", ["a*z + c*z**3"], "v", ["x"]) <= "0.3",
        {"c": ("0", "1"), "v": ("0.001", "1"), "a": ("0.1", "2"), "x": ("-1", "1")},
    ),
    "many outputs": (
        ep.Gap("z", [f"z + c*z**{k % 4 + 1}" for k in range(40)], "v", ["1/2"] * 40) <= "0.1",
        {"v": ("0.01", "1"), "c": ("0.1", "2")},
    ),
}


def timed(clock: Any, statement: Statement, box: Box, **limits: Any) -> tuple[Any, float]:
    began = clock()
    answer = ep.for_all(statement, box, leaves=100_000, **limits)
    return answer, clock() - began


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """The first call of a program imports what it needs; that is no part of a limit."""
    ep.for_all(ep.Gap("z", ["a*sin(z)"], 1, ["1"]) >= "1e-9", {"a": ("1", "1.1")}, seconds=0.1)


@pytest.mark.parametrize("name", HARD)
def test_the_limit_is_kept(name: str) -> None:
    """By the clock of this thread: what others do on the machine is not the call's time."""
    statement, box = HARD[name]
    answer, spent = timed(time.thread_time, statement, box, seconds=SECONDS)
    assert spent <= OVERTIME * SECONDS
    if isinstance(answer, ep.Unproved):
        assert answer.why.startswith("the time limit")
        assert answer.seconds >= 0.9 * SECONDS  # the time is used


def test_most_of_the_hard_ones_meet_the_limit() -> None:
    """Else the test above would show nothing."""
    answers = [ep.for_all(*HARD[name], seconds=0.2, leaves=100_000) for name in HARD]
    assert sum(isinstance(answer, ep.Unproved) for answer in answers) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best ELBO with atoms", "many control points"])
def test_workers_share_one_limit(name: str) -> None:
    """Four parts on two workers take the limit once, not twice; starting processes counts."""
    statement, box = HARD[name]
    seconds = 6.0
    answer, spent = timed(time.monotonic, statement, box, seconds=seconds, workers=2)
    assert spent <= OVERTIME * seconds
    assert isinstance(answer, ep.Unproved | ep.Counterexample)


def test_workers_that_do_not_start_in_time_are_not_waited_for() -> None:
    statement, box = HARD["best ELBO with atoms"]
    answer, spent = timed(time.monotonic, statement, box, seconds=0.3, workers=2)
    assert isinstance(answer, ep.Unproved)
    assert answer.why == "the time limit"
    assert float(answer.enclosure.lower) == answer.leaves == 0
    assert answer.box == tuple((Fraction(low), Fraction(high)) for low, high in box.values())
    assert spent < 1.5


def test_a_margin_too_large_for_any_rule_is_no_error() -> None:
    """Rounded boxes of large margins reach to deviations of exp(2000), which asked for arrays of petabytes."""
    gap = ep.Gap("z", ["sin(2*z) + z + c*z**2"], "v", ["1/2"])
    answer = ep.for_all(gap >= "1/1000", {"c": ("1/40", "1/20"), "v": ("1/4", "1/2")}, seconds=0.5)
    assert isinstance(answer, ep.Unproved)

"""One latent in scalar balls: honest, as sharp as asked, overlapping with the route in arrays, and falsifiable."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.evidence import line, line_judge, proved
from elboproof.evidence import log_evidence as engine
from elboproof.evidence.line_point import LinePoint, line_functions
from elboproof.model.problems import BASE, Problem
from tests.evidence import cases
from tests.evidence.cases import Missed, Steering, check_honest

SCALARS = Steering(arrays=False)
ONE_LATENT = [
    cases.LINE,
    cases.FLAT,
    cases.NEAR,
    cases.CONSTANT,
    cases.SQUARE,
    cases.SINE,
    cases.CIRCLE,
    cases.HELIX,
]
TABLE = [problem for problem in BASE if len(problem.latent) == 1]


@pytest.mark.parametrize("digits", [2, 9, 25])
@pytest.mark.parametrize("case", ONE_LATENT, ids=lambda case: case.name)
def test_the_truth_is_inside(case: cases.Case, digits: int) -> None:
    evidence = check_honest(case, digits, SCALARS)
    assert not any(evidence.statuses)
    assert all(float((high - low).upper()) <= 2 * 10.0**-digits for low, high in evidence.balls)


@pytest.mark.parametrize("problem", TABLE, ids=lambda problem: problem.name)
def test_both_routes_overlap(problem: Problem) -> None:
    """Arrays and scalars share the proof's formulas, and neither the arithmetic nor the cells."""
    model, x = problem.model(), list(problem.x)
    scalar = engine.prove(model, x, 10, seconds=60.0, most_cells=10**6).enclosure
    with patch.object(proved, "MOST_ON_LINE", 0):
        array = engine.prove(model, x, 10, seconds=60.0, most_cells=10**6).enclosure
    assert (scalar.width <= 2.1e-10).all()
    assert (array.width <= 2.1e-10).all()
    assert (np.maximum(scalar.lower, array.lower) <= np.minimum(scalar.upper, array.upper)).all()


def test_a_limit_on_cells_leaves_a_true_enclosure() -> None:
    model = ep.LatentModel("z", ["sin(1000*z)"], ep.Gaussian("1/10000"))
    with pytest.raises(ep.Undecided, match="the limit on cells") as stopped:
        ep.log_evidence(model, ["0.3"], 10, most_cells=3000)
    better = ep.log_evidence(model, ["0.3"], 3)
    assert stopped.value.enclosure.lower[0] <= better.upper
    assert stopped.value.enclosure.upper[0] >= better.lower


def test_a_limit_on_time_is_kept() -> None:
    model = ep.LatentModel("z", ["sin(10**6*z)"], ep.Gaussian("1/10000"))
    evidence = engine.prove(model, ["0.3"], 10, seconds=0.3, most_cells=10**9)
    assert "the time limit" in evidence.statuses[0]
    assert evidence.seconds < 3


def test_a_kink_goes_to_the_arrays() -> None:
    model = ep.LatentModel("z", ["abs(z)"], ep.Gaussian("1/100"))
    assert line_functions(model) is None
    twice = ep.LatentModel("z", ["z"], ep.Gaussian("1/100"))  # f = |z| has each z twice
    found = ep.log_evidence(model, ["3/10"], 5)
    one_side = ep.log_evidence(twice, ["3/10"], 8)
    assert float(found.midpoint) > float(one_side.midpoint) - 1e-4


Bug = Callable[[], Any]


def _patched(name: str, value: object) -> Bug:
    return lambda: patch.object(line_judge, name, value)


def _without_tail() -> Any:
    return patch.object(LinePoint, "log_tail", lambda *_: -1e300)


def _forgotten(field: str) -> Bug:
    """The sum of a bound is not added."""

    @contextmanager
    def bug() -> Iterator[None]:
        bounds = line._bounds

        def without(point: Any, found: Any) -> Any:
            setattr(found, field, arb(0))
            return bounds(point, found)

        with patch.object(line, "_bounds", without):
            yield

    return bug


def _lost_cell() -> Any:
    bounds = line._bounds

    def without(point: Any, found: Any) -> Any:
        found.accepted = (
            sorted(found.accepted)[: len(found.accepted) // 2]
            + sorted(found.accepted)[len(found.accepted) // 2 + 1 :]
        )
        return bounds(point, found)

    return patch.object(line, "_bounds", without)


def _narrow(half: float) -> Bug:
    def root(point: LinePoint) -> tuple[tuple[float, float], float]:
        return (0.0, half), point.log_tail(half)

    return lambda: patch.object(LinePoint, "root", root)


def _rough(stack: ExitStack) -> None:
    """Let rules and discards use up far more than they may, so that forgetting their errors shows."""
    for module in (line, line_judge):
        stack.enter_context(patch.object(module, "PART", 1e9))
    stack.enter_context(patch.object(line_judge, "CORE", 40.0))


def _generous(stack: ExitStack) -> None:
    stack.enter_context(patch.object(line, "SHARE", 30.0))
    for module in (line, line_judge):
        stack.enter_context(patch.object(module, "PART", 1e-6))
    stack.enter_context(patch.object(line, "ROUNDS", 1))


def _once(stack: ExitStack) -> None:
    stack.enter_context(patch.object(line, "ROUNDS", 1))


STEERED: dict[str, tuple[cases.Case, int, list[Callable[[ExitStack], None]]]] = {
    "one round": (cases.LINE, 10, [_once]),
    "small root": (cases.FLAT, 2, [lambda stack: stack.enter_context(_narrow(2.0)())]),
    "poor rules": (cases.LINE, 3, [_rough]),
    "generous discards": (cases.SQUARE, 2, [_generous]),
}
BUGS = {
    "the tail is dropped": (_without_tail, "small root"),
    "discarded cells are not added": (_forgotten("lost"), "generous discards"),
    "the rules' errors are not added": (_forgotten("rule_error"), "poor rules"),
    "the remainder is zero": (_patched("_factor", lambda _: arb(0)), "poor rules"),
    "an accepted cell is lost": (_lost_cell, "one round"),
}


def run(check: str) -> None:
    case, digits, steering = STEERED[check]
    with ExitStack() as stack:
        for steer in steering:
            steer(stack)
        check_honest(case, digits, SCALARS)


@pytest.mark.parametrize("check", STEERED)
def test_the_engine_passes_every_check(check: str) -> None:
    run(check)


@pytest.mark.parametrize("name", BUGS)
def test_each_seeded_bug_is_caught(name: str) -> None:
    bug, check = BUGS[name]
    with bug(), pytest.raises(Missed):
        run(check)

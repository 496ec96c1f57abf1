"""The benchmark of evidences: it runs, its verdicts tell right from silently wrong, its tables say what happened."""

import math
import time
import tomllib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from benchmarks import evidence, evidence_rivals, evidence_tables
from benchmarks.evidence_rivals import Answer
from benchmarks.evidence_tables import OURS, Batch, Outcome
from benchmarks.evidence_task import Task
from elboproof.model.problems import BASE

TRUTH = Fraction(-133, 100), Fraction(1, 10**12)
NEEDLE = "parabola-sigma-1e-4"
CLOSE = 1e-9  # nats between two routes at 10 digits; worst seen 3e-12, and float64 integrands may lose digits


def task(name: str) -> Task:
    (problem,) = (p for p in BASE if p.name == name)
    return Task(problem, 10)


def outcome(method: str, seconds: float, verdict: str, problem: str = "a", ridge: bool = True) -> Outcome:
    return Outcome(problem, 2, ridge, "sigma-1e-2", method, seconds, verdict, 0.0, "table")


@pytest.mark.parametrize(
    ("answer", "tolerance", "verdict"),
    [
        (Answer(-1.33, 1e-11), 1e-8, "right"),
        (Answer(-1.33 + 5e-8, 1e-11), 1e-8, "right"),
        (Answer(-1.33 + 2e-7, 1e-11), 1e-8, "silent"),
        (Answer(-1.33 + 2e-7, 1e-7), 1e-8, "right"),
        (Answer(-math.inf, 0.0), 1e-8, "silent"),
        (Answer(-math.inf, 0.0, "it said so"), 1e-8, "warned"),
        (Answer(-1.33, 1e-11, "it said so"), 1e-8, "warned"),
        (Answer(math.nan, 0.0), 1e-8, "silent"),
        (Answer(-1.33 + 2e-11, 3e-11), 0.0, "right"),
        (Answer(-1.33 + 5e-8, 1e-11), 0.0, "silent"),
        (None, 0.0, "limit"),
    ],
)
def test_verdicts(answer: Answer | None, tolerance: float, verdict: str) -> None:
    assert evidence.judged(answer, TRUTH, tolerance)[0] == verdict


def test_without_a_truth_nothing_is_judged_but_a_warning_stays_one() -> None:
    assert evidence.judged(Answer(-1.0, 0.1), None, 1e-8)[0] == "unjudged"
    assert evidence.judged(Answer(-1.0, 0.1, "it said so"), None, 1e-8)[0] == "warned"


def test_an_error_as_large_as_the_value_is_a_warning_and_a_silent_zero_is_none() -> None:
    one = task("sinh-sigma-1e-1")
    assert evidence_rivals.answer(one, 1.0, 2.0).note == "claims no digits"
    assert evidence_rivals.answer(one, 1.0, 1e-9).note == ""
    assert evidence_rivals.answer(one, 0.0, 0.0) == Answer(-math.inf, 0.0)


def test_the_rivals_of_one_dimension_agree_with_ours_where_nothing_is_hard() -> None:
    one = task("sinh-sigma-1e-1")
    proved = evidence_rivals.ours(one, 10.0)
    for rival in (evidence_rivals.quad, evidence_rivals.quad_told, evidence_rivals.cubature):
        assert rival(one).value == pytest.approx(proved.value, abs=CLOSE)
    assert evidence_rivals.acb_integral(one).value == pytest.approx(proved.value, abs=CLOSE)


def test_on_a_needle_plain_quad_is_silently_wrong_and_the_one_told_of_it_is_not() -> None:
    one = task(NEEDLE)
    proved = evidence_rivals.ours(one, 10.0)
    truth = Fraction(proved.value), Fraction(proved.error)
    assert evidence.judged(evidence_rivals.quad(one), truth, 1e-8)[0] == "silent"
    assert evidence.judged(evidence_rivals.quad_told(one), truth, 1e-8)[0] == "right"


def test_a_run_alone_ends_at_its_limit_and_reports_errors() -> None:
    one = task("sinh-sigma-1e-1")

    def slow(_: Task) -> Answer:
        time.sleep(60)
        return Answer(0.0, 0.0)

    def broken(_: Task) -> Answer:
        raise ZeroDivisionError("by nothing")

    start = time.perf_counter()
    assert evidence.alone(slow, one, 0.3).answer is None
    assert time.perf_counter() - start < 5
    answer = evidence.alone(broken, one, 10.0).answer
    assert answer is not None
    assert answer.note == "ZeroDivisionError: by nothing"


def test_ratios_leave_out_the_silently_wrong_and_count_the_unfinished_as_bounds() -> None:
    rows = [
        outcome(OURS, 0.1, "right"),
        outcome("r", 1.0, "right"),
        outcome(OURS, 0.1, "right", "b"),
        outcome("r", 5.0, "limit", "b"),
        outcome(OURS, 0.1, "right", "c"),
        outcome("r", 0.001, "silent", "c"),
        outcome(OURS, 5.0, "warned", "d"),
        outcome("r", 1.0, "right", "d"),
        outcome(OURS, 5.0, "warned", "e"),
        outcome("r", 1.0, "warned", "e"),
    ]
    found = evidence_tables.ratios(rows, "r", lambda o: o.ridge)
    assert found.values == pytest.approx((10.0, 50.0, 0.0))
    assert (found.bounds, found.silent) == (1, 1)


def test_a_failure_of_ours_shows_in_the_summary() -> None:
    good, bad = outcome(OURS, 0.1, "right"), outcome(OURS, 0.1, "silent", "b")
    text = evidence_tables.report([good], [Batch("m", 1e-3, 1e-2, 0, 0, 10)], 5.0)
    assert "| Silent failures of ours | 0 | 0 (1 judged" in text
    assert "| 0 | 10 (least 10;" not in text
    text = evidence_tables.report([good, bad], [Batch("m", 1e-3, 1e-2, 0, 1, 10)], 5.0)
    assert "| Silent failures of ours | 0 | 2 (2 judged" in text


def test_a_missed_enclosure_in_a_batch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = (p for p in BASE if p.name == "line-sigma-1")
    monkeypatch.setattr(evidence, "BATCH", 20)
    monkeypatch.setattr(evidence, "BATCH_SAMPLE", 4)
    found = evidence.batch(problem, 20.0)
    assert (found.undecided, found.misses, found.checked) == (0, 0, 4)
    shifted = lambda one: replace(evidence_rivals.acb_integral(one), value=0.5)  # noqa: E731
    monkeypatch.setattr(evidence, "acb_integral", shifted)
    assert evidence.batch(problem, 20.0).misses == 4


def test_the_small_run_prints_both_tables(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(evidence, "SMALL", ("sinh-sigma-1e-1", "square-2-sigma-1e-1"))
    monkeypatch.setattr(evidence, "BATCH", 20)
    cheap = [r for r in evidence_rivals.RIVALS if not r.sparse]
    monkeypatch.setattr(evidence, "RIVALS", cheap)
    evidence.main(["--small"])
    printed = capsys.readouterr().out
    assert "| 1 | acb.integral | 1 | 1 | 0 | 0 | 0 |" in printed
    assert "| 1 | scipy quad | 1 | 1 | 0 | 0 | 0 |" in printed
    assert "| Silent failures of ours | 0 | 0 (" in printed
    assert "1-D, 500 x in a batch" in printed


def test_cubature_is_cut_until_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    needle = next(p for p in BASE if p.name == "square-sigma-1e-2")
    task = Task(needle, 10)
    truth = float(needle.reference)
    assert abs(evidence_rivals.cubature(task).value - truth) > 1
    assert abs(evidence_rivals.cubature_until_right(task).value - truth) < 1e-8
    monkeypatch.setattr(evidence_rivals, "CUTS", (1,))
    assert evidence_rivals.cubature_until_right(task).note == "not right with 1 cubes an axis"


def test_slow_methods_see_one_scale_of_their_families_and_quick_ones_all() -> None:
    few = evidence.sparse(BASE)
    assert {evidence_rivals.stem(p) for p in BASE if p.name in few} == {evidence_rivals.stem(p) for p in BASE}
    assert len(few) == len({evidence_rivals.stem(p) for p in BASE})
    taken = {r.name: sum(r.takes(p, few) for p in BASE) for r in evidence_rivals.RIVALS}
    assert taken["scipy cubature"] == len(BASE)
    assert taken["dynesty"] == 9
    assert taken["scipy nquad"] == len({evidence_rivals.stem(p) for p in BASE if len(p.latent) == 2})
    assert taken["acb.integral, nested"] == 5


def test_the_rivals_are_pinned() -> None:
    root = Path(__file__).parents[2]
    pinned = {line.split("==")[0] for line in (root / "constraints.txt").read_text().split()}
    groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
    assert {requirement.split(">=")[0] for requirement in groups["bench"]} <= pinned


@pytest.mark.parametrize("limit", ["0", "nan", "-1", "inf"])
def test_a_limit_that_is_none_is_refused(limit: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        evidence.main(["--limit", limit])
    assert "expected seconds, more than 0" in capsys.readouterr().err

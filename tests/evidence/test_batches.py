"""Batches: rows are decided one by one whatever their neighbours, kept on the disk, and proved by whoever computes."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import prior_totals
from elboproof.evidence.batches import evidence_of_rows, prove_rows, rows_of
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import block_prover
from elboproof.model.data import Data
from elboproof.numbers.enclosure import Enclosure
from elboproof.running import schedule
from elboproof.running.rows import NO_WORKER, NOT_BEGUN, Row
from elboproof.running.workers import InProcess
from tests.processes import pool

MODEL = ep.LatentModel(["u", "v"], ["sin(u) + v**2", "u*v"], ep.Gaussian("1/10"))
X = np.random.default_rng(0).normal(size=(40, 2))


def easy_or_hard(data: Data, limit: float) -> Evidence:
    """Prove a pretended batch: rows of 1 take no time, rows of 2 open for ever, rows of 3 end the process."""
    rows = data.array[:, 0]
    if (rows == 3).any():
        os._exit(1)
    wait = float((rows == 2).any()) * min(limit, 0.05)
    time.sleep(wait)
    status = ["still open" if row == 2 else "" for row in rows]
    lower = [-math.inf if row == 2 else 0.0 for row in rows]
    return Evidence(Enclosure(lower, [1.0] * len(rows)), tuple(status), len(rows), wait)


def proved(*rows: float, total_seconds: float = math.inf, **options: Any) -> Evidence:
    data = Data(np.array([[row] for row in rows], dtype=float))
    end = time.monotonic() + total_seconds
    return prove_rows(easy_or_hard, data, seconds=0.1, end=end, **options)


def test_a_hard_row_takes_no_other_row_along() -> None:
    found = proved(*([1] * 50 + [2] + [1] * 50))
    assert found.statuses == ("",) * 50 + ("still open",) + ("",) * 50
    assert found.enclosure.lower[50] == -math.inf
    assert (np.delete(found.enclosure.lower, 50) == 0).all()


def test_rows_after_the_total_limit_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "ALONE", 0.0)
    found = proved(*[2] * 6, total_seconds=0.12)
    assert found.statuses[0] == "still open"
    assert found.statuses[-1] == NOT_BEGUN
    assert found.enclosure.upper[-1] == math.inf


def test_what_a_block_leaves_open_is_not_tried_after_the_total_limit() -> None:
    began = time.monotonic()
    found = proved(*([1] * 40 + [2] * 20), total_seconds=0.3)
    assert found.statuses[:40] == ("",) * 40
    assert all(found.statuses[40:])
    assert time.monotonic() - began < 5.0


def test_blocks_agree_with_rows_alone() -> None:
    together = ep.log_evidence(MODEL, X, 8)
    for n in (0, 1, 17, 39):
        alone = ep.log_evidence(MODEL, X[n], 8)
        assert together.lower[n] <= alone.upper
        assert alone.lower <= together.upper[n]
    assert (together.width <= 2e-8).all()


def test_a_batch_of_one_is_a_batch() -> None:
    assert ep.log_evidence(MODEL, X[:1], 6).shape == (1,)


def test_progress_counts_every_row_once() -> None:
    told: list[ep.Progress] = []
    ep.log_evidence(MODEL, X, 6, progress=told.append)
    counts = [one.done for one in told]
    counts = counts[
        counts.count(0) :
    ]  # a trial that decides no row, on a busy machine, leaves all to be done
    assert counts == sorted(set(counts))
    assert told[-1].done == told[-1].decided == told[-1].total == len(X)
    assert told[-1].left == 0


def test_digits_beyond_floats_come_back_from_the_disk(tmp_path: Path) -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(1))
    path = tmp_path / "rows.jsonl"
    first = ep.log_evidence(model, [["1/3"], [2]], 30, resume=path)
    again = ep.log_evidence(model, [["1/3"], [2]], 30, resume=str(path))
    assert first.exact is not None
    assert again.exact is not None
    assert [list(end) for end in again.exact] == [list(end) for end in first.exact]
    assert all(high - low <= Fraction(2, 10**30) for low, high in zip(*again.exact, strict=True))


def test_one_x_is_resumed_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    first = ep.log_evidence(MODEL, X[0], 6, resume=path)
    assert first.shape == ()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    again = ep.log_evidence(MODEL, X[0], 6, resume=path)
    assert (again.lower, again.upper) == (first.lower, first.upper)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda: ep.log_evidence(MODEL, X[:3], 7, resume="rows.jsonl"), "digits"),
        (lambda: ep.log_evidence(MODEL, X[1:4], 6, resume="rows.jsonl"), "x"),
        (
            lambda: ep.log_evidence(MODEL.with_prior(ep.Uniform(-1, 1)), X[:3], 6, resume="rows.jsonl"),
            "model",
        ),
    ],
)
def test_rows_of_another_call_are_refused(
    change: object, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ep.log_evidence(MODEL, X[:3], 6, resume="rows.jsonl")
    with pytest.raises(ValueError, match=f"expected a file of the same {what}$"):
        change()  # type: ignore[operator]


def test_undecided_rows_are_tried_again_and_the_better_bounds_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(ep.Undecided) as caught:
        ep.log_evidence(MODEL, X, 9, most_cells=200, resume=path)
    before = caught.value.enclosure
    after = ep.log_evidence(MODEL, X, 9, resume=path)
    assert (after.lower >= before.lower).all()
    assert (after.upper <= before.upper).all()


KILLED = """
import sys, numpy as np, elboproof as ep
model = ep.LatentModel(["u", "v"], ["sin(u) + v**2", "u*v"], ep.Gaussian("1/10"))
x = np.random.default_rng(0).normal(size=(40, 2))
print("begun", flush=True)
ep.log_evidence(model, x, 9, resume=sys.argv[1], progress=lambda p: print(p.decided, flush=True))
"""


@pytest.mark.parametrize("wait", [0.0, 0.3, 0.9])
def test_nothing_is_lost_when_it_is_killed(wait: float, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    run = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    run.stdout.readline()
    time.sleep(wait)
    run.send_signal(signal.SIGKILL)
    told = [int(line) for line in run.communicate()[0].split()]
    whole = ep.log_evidence(MODEL, X, 9)
    counts: list[int] = []
    again = ep.log_evidence(MODEL, X, 9, resume=path, progress=lambda p: counts.append(p.done))
    assert (again.lower <= whole.upper).all()
    assert (whole.lower <= again.upper).all()
    if told and told[-1] < len(X):
        assert min(counts) >= told[-1]  # what was told stood on the disk


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with pool(2) as two:
        yield two


def test_processes_prove_the_same(processes: ProcessPoolExecutor) -> None:
    found, whole = ep.log_evidence(MODEL, X[:9], 6, workers=processes), ep.log_evidence(MODEL, X[:9], 6)
    assert (found.lower <= whole.upper).all()
    assert (whole.lower <= found.upper).all()


def test_threads_prove_the_same() -> None:
    with ThreadPoolExecutor(2) as pool:
        found = ep.log_evidence(MODEL, X[:9], 6, workers=pool)
    assert (found.width <= 2e-6).all()


@pytest.mark.slow
def test_a_cluster_proves_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        found = ep.log_evidence(MODEL, X[:9], 6, workers=client.get_executor(pure=False))
    assert (found.width <= 2e-6).all()


@pytest.mark.slow
def test_spawned_processes_prove_the_same() -> None:
    assert (ep.log_evidence(MODEL, X[:9], 6, workers=2).width <= 2e-6).all()


def test_a_worker_that_ends_takes_only_what_is_left() -> None:
    with pool(1) as one:
        found = proved(1, 1, 3, 1, 1, workers=one)
    assert found.statuses[0] == ""
    assert found.statuses[2] == NO_WORKER
    assert found.enclosure.upper[2] == math.inf


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"workers": 0}, "workers: got 0; expected at least 1"),
        ({"workers": True}, "workers: got True of type bool"),
        ({"workers": "two"}, "workers: got 'two' of type str"),
        ({"progress": 3}, "progress: got 3 of type int"),
        ({"resume": 3}, "resume: got 3 of type int"),
        ({"total_seconds": 0}, "total_seconds: got 0; expected a positive number"),
        ({"seconds": -1}, "seconds: got -1; expected a positive number"),
    ],
)
def test_bad_options(options: dict[str, object], match: str) -> None:
    with pytest.raises((TypeError, ValueError), match=match):
        ep.log_evidence(MODEL, X[:2], 4, **options)  # type: ignore[arg-type]


def test_a_row_that_nothing_bounds_is_named_before_any_work(tmp_path: Path) -> None:
    model = ep.LatentModel("z", ["z**2"], ep.Exponential())
    path = tmp_path / "rows.jsonl"
    with pytest.raises(ValueError, match=r"x\[41\]: got \[0.0\]; expected data"):
        ep.log_evidence(model, [[1]] * 41 + [[0]], 4, resume=path)
    assert not path.exists()


def test_rows_and_evidences_are_the_same() -> None:
    exact = (Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30))
    rows = [Row(0.0, 1.0, exact, "", 3), Row(-math.inf, math.inf, None, "open", 4)]
    assert [Row.from_json(row.to_json()) for row in rows] == rows
    found = evidence_of_rows(rows)
    assert found.cells == 7
    assert found.enclosure.exact is None  # a bound that is not known is no fraction
    fine = evidence_of_rows(rows[:1])
    assert rows_of(fine)[0].exact == exact


def test_of_two_true_rows_the_narrower_is_better() -> None:
    wide, narrow = Row(0.0, 1.0, None, "open", 1), Row(0.0, 0.5, None, "open", 2)
    decided = Row(0.0, 2.0, None, "", 4)
    assert wide.better(narrow).upper == narrow.better(wide).upper == 0.5
    assert wide.better(decided).status == decided.better(wide).status == ""
    assert wide.better(narrow).cells == 3
    assert wide.better(None) is wide


def test_blocks_grow_where_they_pay_and_only_there() -> None:
    quick = schedule.Schedule(list(range(10_000)), 60.0)
    trial = quick.next()
    assert (len(trial.rows), trial.trial, quick.held) == (schedule.TRIED, True, True)
    row, left_open = Row(0.0, 1.0, None, "", 0), Row(0.0, 1.0, None, "open", 0)
    quick.learn(trial, (row,) * schedule.TRIED, 0.01)
    assert len(quick.next().rows) == schedule.TRIED * schedule.GROWTH
    slow = schedule.Schedule(list(range(10_000)), 60.0)
    for _ in range(2):
        block = slow.next()
        assert block.trial
        slow.learn(block, (left_open,) * schedule.TRIED, 1.0)
    for _ in range(4):
        block = slow.next()
        assert (len(block.rows), block.limit) == (1, 60.0)
        slow.learn(block, (row,), 4.0)
    assert slow.waiting[0] == 4


def test_many_rows_are_tried_first_where_they_may_be_easy() -> None:
    row, left_open = Row(0.0, 1.0, None, "", 0), Row(0.0, 1.0, None, "open", 0)
    easy = schedule.Schedule(list(range(10_000)), 60.0, easy=True)
    many = easy.next()
    assert (len(many.rows), many.limit, many.trial) == (schedule.MANY, schedule.MANY_SECONDS, True)
    easy.learn(many, [row] * schedule.MANY, 0.05)
    assert len(easy.next().rows) == schedule.MOST
    hard = schedule.Schedule(list(range(1000)), 60.0, easy=True)
    hard.learn(hard.next(), [row] * 100 + [left_open] * (schedule.MANY - 100), 0.5)
    few = hard.next()
    assert (few.rows, few.trial) == (list(range(100, 100 + schedule.TRIED)), True)
    hard.learn(few, [row] * schedule.TRIED, 0.5)
    assert len(hard.next().rows) == int(schedule.AIM / (0.5 / schedule.TRIED))
    short = schedule.Schedule(list(range(schedule.TRIED)), 60.0, easy=True)
    assert len(short.next().rows) == schedule.TRIED


LINE = ["1/3", "0.5", "-1", "1", "0.2", "7/3", "0.9", "1.1"]


@pytest.mark.parametrize(
    "prior",
    [
        ep.Mixture([ep.Normal("1", "1/9"), ep.Normal("-1", "1/4")], ["1/3", "2/3"]),
        ep.Mixture([ep.Normal("1", "1/9"), ep.Uniform("-3", "-2")], ["1/3", "2/3"]),
        ep.Uniform("-2", "2"),
        ep.Normal("1/2", "1/4"),
        ep.PriorDensity("log(30) + log(z) + 4*log(1 - z)", [("0", "1")]),
    ],
    ids=str,
)
def test_rows_under_every_prior_are_those_alone(prior: ep.Normal) -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"), prior=prior)
    together = ep.log_evidence(model, [[x] for x in LINE], 6)
    for n in (0, 2, 5):
        alone = ep.log_evidence(model, [LINE[n]], 6)
        assert together.lower[n] <= alone.upper
        assert alone.lower <= together.upper[n]


def test_that_a_prior_is_a_probability_takes_no_time_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    # blocks that are tried have milliseconds: the proof for the prior is made before, and known in them
    monkeypatch.setattr(schedule, "TRIAL", 1e-6)
    prior = ep.PriorDensity("log(3/4) + log(1 - z**2)", [("-1", "1")])
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"), prior=prior)
    assert (ep.log_evidence(model, [[x] for x in LINE], 5).width <= 2e-5).all()


def test_a_worker_knows_what_was_proved_of_the_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    prior = ep.PriorDensity("log(3/4) + log(1 - z**2)", [("-1", "1")])
    model = ep.LatentModel("z", ["z"], ep.Gaussian("1/7"), prior=prior)
    prove = block_prover(model, 4, 10_000, 20.0)
    monkeypatch.setattr(prior_totals, "_KNOWN", {})  # as in a process that begins
    monkeypatch.setattr(prior_totals, "proved", None)
    assert prove(Data(np.array([[0.5]])), 20.0).statuses == ("",)


def test_a_density_that_is_none_is_refused_for_all_rows() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(1), prior=ep.PriorDensity("-z**2", [("-1", "1")]))
    with pytest.raises(ValueError, match="expected a density that integrates to 1"):
        ep.log_evidence(model, [[x] for x in LINE], 4)


def test_the_total_limit_holds_for_one_x_too() -> None:
    model = ep.LatentModel(["a", "b"], ["sin(30*a) + cos(20*b)", "a*b"], ep.Gaussian("1/100000"))
    began = time.monotonic()
    with pytest.raises(ep.Undecided, match="time limit"):
        ep.log_evidence(model, ["0.5", "0.3"], 10, seconds=60, total_seconds=0.5)
    assert time.monotonic() - began < 20.0


def test_one_x_tells_its_progress_and_its_options_are_read() -> None:
    told: list[ep.Progress] = []
    assert ep.log_evidence(MODEL, X[0], 4, progress=told.append).shape == ()
    assert [(one.done, one.total) for one in told] == [(1, 1)]
    with pytest.raises(TypeError, match="workers: got 'two' of type str"):
        ep.log_evidence(MODEL, X[0], 4, workers="two")  # type: ignore[arg-type]


class Breaks(Executor):
    """Computes one task, and has lost its processes when the next is begun."""

    _max_workers = 2

    def __init__(self) -> None:
        self.begun = 0

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **words: Any) -> "Future[Any]":
        """Compute the first, break at the second."""
        self.begun += 1
        if self.begun > 1:
            raise BrokenProcessPool("its processes ended")
        return InProcess.submit(task, *arguments, **words)


def test_a_pool_that_breaks_between_two_tasks_loses_no_row_that_was_proved() -> None:
    found = proved(1, 1, 1, workers=Breaks())
    assert found.statuses == ("", NO_WORKER, NO_WORKER)
    assert found.enclosure.upper.tolist() == [1.0, math.inf, math.inf]

"""Jobs in pools: threads over lanes, and a real Dask cluster of two worker processes."""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from elboproof.checking import pool as pool_module
from elboproof.checking.collect import Collection, UsageError, collect
from elboproof.checking.execute import job_of
from elboproof.checking.finding import Finding
from elboproof.checking.pool import ClusterPool, LocalPool, Pool
from elboproof.checking.runner import Outcome, outcomes

Write = Callable[..., Path]
Source = Callable[..., str]

GIVEN_UP = 60.0
"""Seconds within which a run on a dying cluster must end. Worst measured: 11 (three restarts of a worker)."""


def jobs_of(collection: Collection) -> list[dict[str, Any]]:
    return [job_of(check, collection, 0) for check in collection.checks]


def by_name(found: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.finding.check: outcome for outcome in found}


def misbehaving(write_claim: Write, source: Source) -> Collection:
    body = "".join(source("return equal(k, 0, 0)", name=f"good_{i}") for i in range(4))
    body += source("os._exit(1)", name="dies") + source("time.sleep(1000)", name="hangs", time_limit="1")
    body += source("raise ValueError('boom')", name="raises")
    return collect(write_claim(body))


STATUSES = {"dies": "killed", "hangs": "timeout", "raises": "error"}


def require_all_outcomes(found: dict[str, Outcome]) -> None:
    assert {name: o.finding.status for name, o in found.items() if name in STATUSES} == STATUSES
    assert all(found[f"good_{i}"].finding.holds for i in range(4))
    assert not any(outcome.lost for outcome in found.values())


@pytest.mark.parametrize("workers", [1, 3])
def test_every_job_gives_an_outcome(workers: int, write_claim: Write, source: Source) -> None:
    pool = LocalPool(workers)
    try:
        require_all_outcomes(by_name(outcomes(jobs_of(misbehaving(write_claim, source)), pool)))
    finally:
        pool.stop()


def test_jobs_run_side_by_side_and_are_seen_running(write_claim: Write, source: Source) -> None:
    body = "".join(source("time.sleep(0.7)\nreturn equal(k, 0, 0)", name=f"sleeps_{i}") for i in range(3))
    seen: set[tuple[str, ...]] = set()
    pool = LocalPool(3)
    start = time.monotonic()
    try:
        found = list(
            outcomes(
                jobs_of(collect(write_claim(body))),
                pool,
                lambda: seen.add(tuple(sorted(i for i, _ in pool.running()))),
            )
        )
    finally:
        pool.stop()
    assert all(outcome.finding.holds for outcome in found)
    assert ("first-claim/S1/sleeps_0", "first-claim/S1/sleeps_1", "first-claim/S1/sleeps_2") in seen
    assert time.monotonic() - start < 0.9 * sum(outcome.finding.seconds for outcome in found)


class LostPool:
    """A place that took the jobs and will never answer."""

    def submit(self, job: dict[str, Any]) -> "Future[dict[str, Any]]":
        future: Future[dict[str, Any]] = Future()
        if job["check"].endswith("refused"):
            future.set_exception(RuntimeError("cannot unpickle"))
        return future

    def running(self) -> list[tuple[str, float]]:
        return []

    def trouble(self) -> str | None:
        return "the place burned down"

    def stop(self) -> None:
        pass


def test_a_lost_pool_gives_failed_findings_and_no_hung_run(write_claim: Write, source: Source) -> None:
    body = source("return equal(k, 0, 0)", name="waits") + source("return equal(k, 0, 0)", name="refused")
    pool: Pool = LostPool()
    found = by_name(outcomes(jobs_of(collect(write_claim(body))), pool))
    assert found["waits"].lost
    assert found["waits"].finding.status == "killed"
    assert found["waits"].finding.reason == "the place burned down"
    assert "RuntimeError: cannot unpickle" in found["refused"].finding.reason
    assert not found["refused"].finding.holds


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    yield from new_cluster()


@pytest.fixture
def doomed_cluster() -> Iterator[Any]:
    yield from new_cluster()


def new_cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    ) as local:
        yield local


def on_cluster(cluster: Any, collection: Collection, **options: float) -> dict[str, Outcome]:
    pool = ClusterPool(cluster.scheduler_address, **options)
    try:
        return by_name(outcomes(jobs_of(collection), pool))
    finally:
        pool.stop()


def test_a_dask_cluster_runs_checks_that_die_and_hang(
    cluster: Any, write_claim: Write, source: Source
) -> None:
    collection = misbehaving(write_claim, source)
    require_all_outcomes(on_cluster(cluster, collection))
    require_all_outcomes(on_cluster(cluster, collection))  # the first run left the cluster usable


def test_a_check_that_kills_its_dask_worker_gives_a_failed_finding(
    cluster: Any, write_claim: Write, source: Source
) -> None:
    body = source("os.kill(os.getppid(), 9)\ntime.sleep(60)", name="kills_worker")
    body += source("return equal(k, 0, 0)", name="good")
    start = time.monotonic()
    found = on_cluster(cluster, collect(write_claim(body)))
    assert found["kills_worker"].lost
    assert "KilledWorker" in found["kills_worker"].finding.reason
    assert found["good"].finding.holds
    assert time.monotonic() - start < GIVEN_UP


def test_checks_of_a_dask_worker_that_is_lost_run_on_the_other(
    doomed_cluster: Any, write_claim: Write, source: Source, tmp_path: Path
) -> None:
    """The worker is killed once, in the middle of a check; the scheduler gives what it had to the other one."""
    lost = f"import pathlib\nlost = pathlib.Path({str(tmp_path / 'lost')!r})\n"
    lost += "if not lost.exists():\n    lost.touch()\n    os.kill(os.getppid(), 9)\n    time.sleep(60)\n"
    body = source(lost + "return equal(k, 0, 0)", name="loses_its_worker")
    body += "".join(source("return equal(k, 0, 0)", name=f"good_{i}") for i in range(4))
    found = on_cluster(doomed_cluster, collect(write_claim(body)))
    assert (tmp_path / "lost").exists()
    assert len(found) == 5
    assert all(outcome.finding.holds and not outcome.lost for outcome in found.values())


@pytest.mark.slow
def test_a_cluster_without_workers_is_given_up(doomed_cluster: Any, write_claim: Write) -> None:
    doomed_cluster.scale(0)
    collection = collect(write_claim())
    found = on_cluster(doomed_cluster, collection, patience=1.5)
    assert "has no workers since" in found["sum_is_four"].finding.reason


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_given_up(
    doomed_cluster: Any, write_claim: Write, source: Source
) -> None:
    collection = collect(write_claim(source("time.sleep(300)", time_limit="900")))
    pool = ClusterPool(doomed_cluster.scheduler_address, patience=1.5)
    start = time.monotonic()

    def close_soon() -> None:
        if time.monotonic() - start > 1.0 and doomed_cluster.status.name == "running":
            doomed_cluster.close()

    try:
        [outcome] = outcomes(jobs_of(collection), pool, close_soon)
    finally:
        pool.stop()
    assert outcome.lost
    assert not outcome.finding.holds
    assert time.monotonic() - start < GIVEN_UP


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "bogus://x:1", "no such host", "localhost", "tcp://", ""]
)
def test_an_unreachable_scheduler_is_a_usage_error(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool_module, "CONNECT_LIMIT", 1.0)
    start = time.monotonic()
    with pytest.raises(UsageError, match="no Dask scheduler answers at"):
        ClusterPool(address)
    gc.collect()  # a client that was made half complains when it is destroyed
    assert time.monotonic() - start < 10
    assert capsys.readouterr().err == ""


def test_findings_are_the_same_wherever_they_are_made(
    cluster: Any, write_claim: Write, source: Source
) -> None:
    body = "return mean_equals(run.rng.uniform(size=500), k + 0.5, (0, 1), run.false_alarm)"
    collection = collect(write_claim(source(body, method="'statistical'")))
    local = LocalPool(1)
    try:
        [here] = outcomes(jobs_of(collection), local)
    finally:
        local.stop()
    there = on_cluster(cluster, collection)["the_check"]

    def without_time(finding: Finding) -> dict[str, Any]:
        return finding.to_json() | {"seconds": 0}

    assert without_time(here.finding) == without_time(there.finding)

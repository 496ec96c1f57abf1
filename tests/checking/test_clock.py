"""Time limits count processor time and idleness: a machine with other work does not make a claim fail."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from elboproof.checking import clock
from elboproof.checking.clock import Limit, Usage, slowness, usage
from elboproof.checking.finding import Finding

RunOne = Callable[..., Finding]


@pytest.fixture
def busy() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield process
        process.kill()


def grown(process: int, seconds: float) -> Usage:
    before = usage(process)
    time.sleep(seconds)
    after = usage(process)
    assert before is not None
    assert after is not None
    return Usage(after.processor - before.processor, after.active - before.active)


def test_work_and_queueing_are_activity_and_sleep_is_none(busy: "subprocess.Popen[bytes]") -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as sleeper:
        time.sleep(0.5)  # both interpreters have started
        start = time.monotonic()
        working, sleeping = grown(busy.pid, 1.0), grown(sleeper.pid, 0.5)
        sleeper.kill()
    assert time.monotonic() - start >= 1.5
    assert 0.0 < working.processor <= working.active + 0.02  # processor time is counted in hundredths
    assert working.active > 0.9
    assert sleeping.active < 0.1


def test_a_process_that_shares_its_processor_has_time_left(busy: "subprocess.Popen[bytes]") -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(3 * len(os.sched_getaffinity(0)))
    ]
    try:
        time.sleep(0.5)
        limit = Limit(busy.pid, 2.0)
        start = time.monotonic()
        while time.monotonic() - start < 2.2 * slowness():
            time.sleep(0.1)
        assert limit.left() > 0.0  # although more time went by than the limit
    finally:
        for one in others:
            one.kill()
            one.wait()


def test_a_process_that_vanished_is_measured_by_the_time_that_goes_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "usage", lambda _: None)  # as on a system without /proc
    limit = Limit(0, 0.2)
    assert 0.0 < limit.left() <= limit.seconds
    time.sleep(0.3 * slowness())
    assert limit.left() < 0.0
    assert "s went by" in limit.reason()


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (Usage(10.0, 10.0), "it used 10 s of processor time"),
        (Usage(0.0, 0.0), "it waited for 10 s without using a processor"),
        (Usage(0.1, 199.0), "it got hardly any processor time in 200 s"),
    ],
)
def test_the_reason_is_the_worst_of_three(now: Usage, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_slowness", lambda: 1.0)
    seen = iter([Usage(0.0, 0.0), now, now])
    monkeypatch.setattr(clock, "usage", lambda _: next(seen))
    limit = Limit(0, 5.0)
    limit._wall -= 200.0 if now.active > 100 else 10.0
    assert limit.left() < 0.0
    assert limit.reason() == f"ran longer than its limit of 5.0 s and was stopped: {why}"


def test_a_thread_that_ended_is_no_idleness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_slowness", lambda: 1.0)
    seen = iter([Usage(0.0, 0.0), Usage(1.0, 9.0), Usage(1.0, 1.0)])  # 8 s of its queueing are gone with it
    monkeypatch.setattr(clock, "usage", lambda _: next(seen))
    limit = Limit(0, 5.0)
    limit._wall -= 9.5
    assert limit.left() == pytest.approx(4.0, abs=0.1)
    assert limit.left() == pytest.approx(4.0, abs=0.1)


def test_a_slower_machine_gives_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for took, factor in (
        (clock.REFERENCE / 2, 1.0),
        (3 * clock.REFERENCE, 3.0),
        (99 * clock.REFERENCE, 10.0),
    ):
        clock._slowness.cache_clear()
        monkeypatch.setattr(clock, "_work", lambda took=took: took)
        assert slowness() == pytest.approx(factor)
    assert Limit(os.getpid(), 6.0).seconds == pytest.approx(60.0)
    clock._slowness.cache_clear()


def test_a_check_that_computes_for_ever_is_stopped_for_its_processor_time(run_one: RunOne) -> None:
    finding = run_one("while k == 0: pass\nreturn equal(k, 0, 0)", time_limit="0.5")
    assert finding.status == "timeout"
    assert "of processor time" in finding.reason


def test_a_check_that_sleeps_is_stopped_for_its_waiting(run_one: RunOne) -> None:
    finding = run_one("time.sleep(1000)", time_limit="0.5")
    assert finding.status == "timeout"
    assert "without using a processor" in finding.reason
    assert finding.seconds < 20.0

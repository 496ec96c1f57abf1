"""Processes: what they may be, and that none of them outlives whom it works for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elboproof.running.workers import executor_of, require_workers

PARENT = """
import os, time
from elboproof.running.workers import process_pool

if __name__ == "__main__":
    pool = process_pool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, SECONDS)
    time.sleep(60)
"""


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_worker_ends_with_a_parent_that_is_killed(seconds: int, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.replace("SECONDS", str(seconds)), encoding="utf-8")
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        worker = int(run.stdout.readline())
        assert is_alive(worker)
        run.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while is_alive(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(worker)


def test_an_executor_of_others_is_taken_as_it_is() -> None:
    class Submits:
        def submit(self) -> None:
            """Do nothing."""

    others = Submits()
    with executor_of(others) as (executor, most):
        assert executor is others  # type: ignore[comparison-overlap]
        assert most == 16


@pytest.mark.parametrize(
    ("workers", "error"), [(0, ValueError), (True, TypeError), (1.0, TypeError), ("2", TypeError)]
)
def test_what_is_no_number_of_processes_is_refused(workers: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="workers: got "):
        require_workers(workers)

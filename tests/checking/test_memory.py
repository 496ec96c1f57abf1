"""A check that fills the memory: it is the first to be ended, and its finding says what it held."""

import os
import re
from pathlib import Path

import pytest

from elboproof.checking import memory
from tests.checking.test_execute import Run, _no_lane_is_left, run_one

__all__ = ["_no_lane_is_left", "run_one"]  # fixtures

MIB = 2**20
HELD = 500 * MIB


def test_a_check_that_is_killed_tells_what_it_held(run_one: Run) -> None:
    body = f"import time\nheld = b'1' * {HELD}\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)"
    finding = run_one(body)
    assert (finding.status, finding.holds) == ("killed", False)
    found = re.search(
        r"its process died of SIGKILL, which the system sends to what takes too much memory "
        r"\(it held up to (\d+\.\d) of (\d+\.\d) GiB\)",
        finding.reason,
    )
    assert found
    # what Python and its libraries hold comes on top
    assert HELD / memory.GIB < float(found[1]) < HELD / memory.GIB + 0.5
    assert float(found[2]) == pytest.approx(memory._whole() / memory.GIB, abs=0.06)


def test_of_other_signals_memory_is_not_blamed(run_one: Run) -> None:
    assert "memory" not in run_one("import signal\nos.kill(os.getpid(), signal.SIGSEGV)").reason


def test_a_limit_of_the_memory_ends_in_an_error_with_its_line(run_one: Run) -> None:
    """As that of ``ulimit -v``, which a check's process inherits."""
    body = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))\n"
        "return equal(len(bytearray(8 << 30)), 0, 0)"
    )
    finding = run_one(body)
    assert (finding.status, finding.holds) == ("error", False)
    assert re.search(r"MemoryError.* \(verification/first_claim\.py:\d+\)", finding.reason)


def test_a_check_and_what_it_starts_are_ended_before_others(run_one: Run) -> None:
    read = "int(subprocess.run(['cat', '/proc/self/oom_score_adj'], capture_output=True).stdout)"
    finding = run_one(f"import subprocess\nreturn equal({read} + k, {memory.OFFERED}, 0)")
    assert finding.holds, finding.reason
    assert int(Path("/proc/self/oom_score_adj").read_text()) < memory.OFFERED


def test_what_is_not_known_is_not_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert memory.held(os.getpid()) > 10 * MIB
    gone = 2**22 + 1  # beyond the largest number of a process
    assert memory.held(gone) == 0
    memory.offer(gone)
    assert memory.words(0) == ""
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "GROUP_LIMITS", (limit, tmp_path / "missing"))
    whole = memory._whole()
    limit.write_text("max\n")
    assert memory._whole() == whole
    limit.write_text(f"{GROUP}\n")
    assert memory.words(GROUP // 2) == " (it held up to 0.1 of 0.1 GiB)"


GROUP = 128 * MIB

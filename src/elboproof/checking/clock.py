"""When a check has run too long: by the processor time that it used, not by the time that went by.

A limit of 60 s is 60 s of work on the machine on which limits were set. A check that shares its processor with others,
or runs on a slower one, is given the time that it needs; one that sleeps or hangs is stopped as before.
"""

import os
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REFERENCE = 0.004
"""Seconds of `_work` on the machine on which the time limits were set: the least of 40 runs, Python 3.11."""

SLOWEST = 10.0
"""What a limit is multiplied by at most."""

STARVED = 20.0
"""Times the limit after which a check is stopped that gets no processor."""

_MEASURE = threading.Lock()


def slowness() -> float:
    """Return by how much this machine is slower than the one on which limits were set; 1 if it is not."""
    with _MEASURE:
        return _slowness()


@cache
def _slowness() -> float:
    # The least of several runs: what else goes on here can only add to one.
    return min(SLOWEST, max(1.0, min(_work() for _ in range(10)) / REFERENCE))


def _work() -> float:
    start, total = time.thread_time(), 0
    for k in range(100_000):
        total = (total + k * k) % 1_000_003
    return time.thread_time() - start


@dataclass(frozen=True)
class Usage:
    """What a process has had since it started: seconds of processor, and those with queueing for one."""

    processor: float
    active: float


def usage(process: int) -> Usage | None:
    """Return what a process and the children that it waited for have used; None where the system does not tell."""
    folder = Path(f"/proc/{process}")
    try:
        # The name of the program stands in brackets and may hold spaces; utime is field 14 (proc(5)).
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        processor = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        queued = sum(_queued(thread) for thread in (folder / "task").iterdir())
    except (OSError, ValueError):
        return None
    return Usage(processor, max(queued, processor))


def _queued(thread: Path) -> float:
    """Return the seconds that a thread ran or waited for a processor."""
    try:
        ran, waited, _ = (thread / "schedstat").read_text().split()
    except (OSError, ValueError):  # it ended just now, or the system does not tell
        return 0.0
    return (int(ran) + int(waited)) / 1e9


class Limit:
    """The time limit of one run in a process, from now on.

    Parameters
    ----------
    process
        Its number.
    seconds
        Of processor time on the reference machine, see `slowness`.
    """

    def __init__(self, process: int, seconds: float) -> None:
        self._process, self.seconds = process, seconds * slowness()
        self._wall, self._start = time.monotonic(), usage(process)
        self._active = 0.0

    def left(self) -> float:
        """Return after how many seconds, at the earliest, the limit may be reached; nothing is left at 0 or below."""
        return self.seconds - self._worst()[0]

    def reason(self) -> str:
        """Return a sentence that says why the run was stopped."""
        return f"ran longer than its limit of {_short(self.seconds)} and was stopped: {self._worst()[1]}"

    def _worst(self) -> tuple[float, str]:
        wall = time.monotonic() - self._wall
        now = usage(self._process)
        if now is None or self._start is None:
            return wall, f"{_short(wall)} went by"
        processor = now.processor - self._start.processor
        # What is neither work nor queueing for a processor is sleep, or waiting for something that may never come. A
        # thread that ended takes its queueing with it, so that the most that was seen counts.
        self._active = max(self._active, now.active - self._start.active)
        idle = wall - self._active
        return max(
            (processor, f"it used {_short(processor)} of processor time"),
            (idle, f"it waited for {_short(idle)} without using a processor"),
            (wall / STARVED, f"it got hardly any processor time in {_short(wall)}"),
        )


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10.0 else f"{seconds:.0f} s"

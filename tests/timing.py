"""The time that a test of a time limit may take."""

import time

SPARE = 1.0
"""Seconds beyond a limit and a tenth of it: a first import, a collection of garbage, the longest single step of arrays
on a machine that is busy; 0.5 is the worst seen on a quiet one."""


def started() -> tuple[float, float]:
    """Return the clocks of the wall and of the processor."""
    return time.monotonic(), time.process_time()


def kept(seconds: float, start: tuple[float, float]) -> bool:
    """Return whether a limit was kept within a tenth, on the processor's clock where others keep the machine busy."""
    spent = min(now - then for now, then in zip(started(), start, strict=True))
    return spent < 1.1 * seconds + SPARE

"""The time that a test of a time limit may take."""

import time

SPARE = 0.5
"""Seconds beyond a limit and a tenth of it: a first import, a collection of garbage."""


def started() -> tuple[float, float]:
    """Return the clocks of the wall and of the processor."""
    return time.monotonic(), time.process_time()


def kept(seconds: float, start: tuple[float, float]) -> bool:
    """Return whether a limit was kept within a tenth, on the processor's clock where others keep the machine busy."""
    spent = min(now - then for now, then in zip(started(), start, strict=True))
    return spent < 1.1 * seconds + SPARE

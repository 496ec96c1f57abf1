"""Blocks that keep their time: left when it is over, untouched when it is not."""

import subprocess
import sys
import threading
import time

import pytest

from elboproof.numbers.interruption import Interruption, OutOfTimeError


def spin(seconds: float) -> int:
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            count += 1
        except Exception:  # noqa: BLE001 - what code without limits does
            count = 0
    return count


def test_a_block_is_left_when_its_time_is_over() -> None:
    start = time.monotonic()
    with pytest.raises(OutOfTimeError), Interruption(start + 0.2):
        spin(30.0)
    assert time.monotonic() - start < 10.0  # the rest is how busy the machine is


def test_a_block_that_ends_in_time_is_not_disturbed() -> None:
    with Interruption(time.monotonic() + 0.2):
        assert spin(0.01) > 0
    assert spin(0.4) > 0


def test_an_error_of_the_block_is_handed_on() -> None:
    with pytest.raises(ValueError, match="its own"), Interruption(time.monotonic() + 30.0):
        raise ValueError("its own")


def test_only_the_thread_that_entered_is_stopped() -> None:
    found: list[str] = []

    def run(seconds: float, name: str) -> None:
        try:
            with Interruption(time.monotonic() + seconds):
                spin(0.5)
            found.append(f"{name} ended")
        except OutOfTimeError:
            found.append(f"{name} stopped")

    threads = [threading.Thread(target=run, args=pair) for pair in ((0.1, "short"), (60.0, "long"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["long ended", "short stopped"]


TRACED = """
import sys, time
from elboproof.numbers.interruption import Interruption, OutOfTimeError

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

for seconds in ({seconds}):
    try:
        with Interruption(time.monotonic() + 0.05):
            spin(seconds)
    except OutOfTimeError:
        print("left")
sys.settrace(lambda frame, event, argument: None)
spin(0.01)
print("ended")
"""


@pytest.mark.parametrize("seconds", ["30.0,", "0.0,", "0.05, 0.0499, 0.0501, 0.05, 30.0, 0.05"])
def test_code_can_be_traced_after_a_block(seconds: str) -> None:
    """On Python 3.11 an error that was taken back by NULL kept traced code from being entered, without end."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", TRACED.format(seconds=seconds)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split()[-1] == "ended"


def test_an_error_that_has_not_come_when_the_block_ends_never_comes() -> None:
    for _ in range(200):
        block = Interruption(time.monotonic() + 60.0)
        with block, block._lock:
            block._fired = True  # the timer has run, and its error is on the way
        assert spin(0.0005) > 0

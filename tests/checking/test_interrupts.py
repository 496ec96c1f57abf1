"""Interrupts of a run: at once, after a block that must not be cut, and never lost."""

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from elboproof.checking.interrupts import Interrupts

NUMBERS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@NUMBERS
def test_an_interrupt_is_raised_at_once(number: int) -> None:
    before = signal.getsignal(number)
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def in_a_block(interrupts: Interrupts, *steps: Callable[[], object]) -> list[str]:
    seen: list[str] = []
    try:
        with interrupts.held():
            for k, step in enumerate(steps):
                step()
                seen.append(f"step {k}")
        seen.append("after")
    except (KeyboardInterrupt, ValueError) as error:
        seen.append(type(error).__name__)
    return seen


def send(number: int) -> Callable[[], object]:
    return partial(os.kill, os.getpid(), number)


@NUMBERS
def test_an_interrupt_waits_for_the_end_of_a_block(number: int) -> None:
    with Interrupts() as interrupts:
        assert in_a_block(interrupts, send(number), list) == ["step 0", "step 1", "KeyboardInterrupt"]


def test_a_second_interrupt_does_not_wait_and_none_is_raised_twice() -> None:
    with Interrupts() as interrupts:
        both = in_a_block(interrupts, send(signal.SIGINT), send(signal.SIGTERM), list)
        assert both == ["step 0", "KeyboardInterrupt"]
        assert in_a_block(interrupts, list) == ["step 0", "after"]


def test_an_error_goes_before_the_interrupt_that_waits() -> None:
    with Interrupts() as interrupts:
        assert in_a_block(interrupts, send(signal.SIGINT), partial(int, "x")) == ["step 0", "ValueError"]
        assert in_a_block(interrupts, list) == ["step 0", "after"]


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)

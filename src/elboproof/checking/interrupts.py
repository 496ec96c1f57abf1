"""Ctrl-C and SIGTERM while a run goes on: both end it, but not between a finding and its entry in the summary."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """SIGINT and SIGTERM as `KeyboardInterrupt`, at once or after a block that must not be cut; a context manager.

    Only the main thread may enter it, as only that one sets handlers. A SIGINT that is ignored stays so: a shell's
    background jobs are started that way.
    """

    def __init__(self) -> None:
        self._holding = self._waiting = False

    def __enter__(self) -> "Interrupts":
        # The handlers of before are put back: `verify` may be called from a program that has its own.
        self._before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        if self._before[signal.SIGINT] is signal.SIG_IGN:
            del self._before[signal.SIGINT]
        for number in self._before:
            signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # A second one is not held: the disk for which a block waits may never answer.
        if self._holding and not self._waiting:
            self._waiting = True
            return
        raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold an interrupt back until the block has ended; an error of the block's goes before it."""
        self._holding = True
        try:
            yield
        finally:
            self._holding, waiting = False, self._waiting
            self._waiting = False
        if waiting:
            raise KeyboardInterrupt

"""A time limit for Python code that keeps none of its own, such as SymPy's simplification."""

import ctypes
import threading
import time
from types import TracebackType


class OutOfTimeError(BaseException):
    """The time is over. No ``Exception``: code that expects its own errors must not swallow it."""


class Interruption:
    """A block that is left by `OutOfTimeError` once a deadline has passed.

    Parameters
    ----------
    deadline
        On the clock ``time.monotonic()``.

    Notes
    -----
    A timer's thread asks the interpreter to raise in this one, as a key's interrupt does: between two bytecodes, so
    that a call into C ends first. What the block was changing is left as it then is, so that no block may change what
    outlives it: SymPy's own caches are cleared by who catches the error, and a model's tape must not grow in a block.
    """

    def __init__(self, deadline: float) -> None:
        # the limit is of the thread that makes the object, which is the one that enters the block. Timers refuse waits
        # beyond TIMEOUT_MAX; a deadline that far off, or infinite, is none
        self._lock, self._left, self._fired = threading.Lock(), False, False
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._timer = threading.Timer(
            min(max(deadline - time.monotonic(), 0.0), threading.TIMEOUT_MAX), self._fire
        )
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:  # from here on nothing is raised but what `_take_back` catches
            self._left = True
            if self._fired:
                self._take_back()
        self._timer.cancel()

    def _take_back(self) -> None:
        """Let what was asked for come, if it has not yet, and catch it."""
        # An error that is taken back by NULL leaves CPython 3.11's note that one waits, for good: each look at what
        # waits is then in vain, and a frame that is entered under a trace function (a debugger's, coverage's,
        # Hypothesis's) looks again and again without end. The note is erased where an error is raised. So it is asked
        # for once more, in the place of the one that may not have come, and awaited.
        try:
            self._raise()
            while True:
                time.sleep(0)
        except OutOfTimeError:
            pass

    def _fire(self) -> None:
        with self._lock:
            # under the lock, so that the block's end and the timer never pass each other: either the error is asked for
            # before the block is left, and taken back there, or never
            if not self._left:
                self._fired = True
                self._raise()

    def _raise(self) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, ctypes.py_object(OutOfTimeError))


def require_time(deadline: float) -> None:
    """Raise `OutOfTimeError` after a deadline on the clock ``time.monotonic()``."""
    if time.monotonic() > deadline:
        raise OutOfTimeError

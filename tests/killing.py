"""Processes that are killed at a moment of the test's choice."""

import os
import warnings
from collections.abc import Callable


def child(action: Callable[[], object]) -> int:
    """Start an action in a process of its own and return its id."""
    with (
        warnings.catch_warnings()
    ):  # of threads, which a child does not have: those of torch are switched off
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if process == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)  # nothing of the test run may go on in the child
    return process


def ended(process: int) -> int:
    """Return the signal that ended a process, 0 if it ended by itself and well."""
    status = os.waitpid(process, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

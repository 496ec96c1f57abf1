"""How a long call is to run: the same words in every call that can last."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from elboproof.arguments import require_positive
from elboproof.running.progress import Listener, require_listener
from elboproof.running.row_file import RowFile
from elboproof.running.workers import require_workers

LEAST = 1e-9
"""Seconds that are left where none are: a limit is positive."""
Resumed = str | PathLike[str] | None


@dataclass(frozen=True)
class Request:
    """Limits, workers, who is told, and where rows are kept.

    Attributes
    ----------
    seconds : float
        Limit for each row.
    end : float
        When all must be done, on the clock ``time.monotonic()``; infinite for no limit.
    workers : int or Executor
    progress : callable or None
    resume : path or None
    """

    seconds: float
    end: float
    workers: object
    progress: Listener | None
    resume: Resumed

    @property
    def limit(self) -> float:
        """Seconds for what comes before the rows: it has the time of one."""
        return min(self.seconds, max(self.end - time.monotonic(), LEAST))

    def file(self, head: Callable[[], Mapping[str, Any]], question: str = "") -> RowFile | None:
        """Return the file of the rows, None where none is kept; arguments as of `RowFile`."""
        return None if self.resume is None else RowFile(self.resume, head(), question)


def requested(
    seconds: object,
    total_seconds: object,
    workers: object,
    progress: object,
    resume: Resumed,
) -> Request:
    """Return what was asked for; the time counts from here.

    Raises
    ------
    TypeError, ValueError
        If a limit, the workers or the listener is not of its kind.
    """
    began = time.monotonic()
    (each,) = require_positive(seconds=seconds)
    end = math.inf
    if total_seconds is not None:
        end = began + require_positive(total_seconds=total_seconds)[0]
    require_listener(progress)
    require_workers(workers)
    own = int(workers) if isinstance(workers, np.integer) else workers
    return Request(each, end, own, progress, resume)  # type: ignore[arg-type]

"""Who computes: this process, processes of this machine, or whoever stands behind an executor."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, Protocol, cast

import numpy as np

from elboproof.arguments import bad, wrong_type


class Submits(Protocol):
    """What is asked of an executor; that of a Dask client, ``client.get_executor()``, is one."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> "Future[Any]":
        """Begin a task some time."""


class Processes:
    """Spawned processes of this call, which can be made anew when one of them died."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = process_pool(workers)

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> "Future[Any]":
        """Begin a task some time."""
        return self._pool.submit(task, *arguments)

    def renew(self) -> None:
        """Put new processes in the place of those that are there."""
        self.close()
        self._pool = process_pool(self._workers)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def worker_died(error: BaseException) -> bool:
    """Return whether a task's error says that its process died, as often as a cluster tries it."""
    distributed: Any = sys.modules.get("distributed")  # the error of a library that nobody loaded is none
    return distributed is not None and isinstance(error, distributed.KilledWorker)


class InProcess:
    """Computes when it is asked, in this process."""

    @staticmethod
    def submit(task: Callable[..., Any], /, *arguments: Any) -> "Future[Any]":
        """Compute, and return what came out or was raised."""
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:  # noqa: BLE001 - raised again by whoever asks for the result
            future.set_exception(error)
        return future


@contextmanager
def executor_of(workers: object) -> Iterator[tuple[Submits, int]]:
    """Yield an executor and how many tasks are to be in flight.

    Parameters
    ----------
    workers
        A number of processes, 1 for this process alone; or an executor, which is left open.

    Raises
    ------
    TypeError, ValueError
        If it is neither.

    Notes
    -----
    Processes are spawned, as threads of torch and forks do not go together: a script that asks for them guards what it
    runs by ``if __name__ == "__main__":``.
    """
    require_workers(workers)
    workers = int(workers) if isinstance(workers, np.integer) else workers
    if not isinstance(workers, int):
        yield cast(Submits, workers), max(2, 2 * int(getattr(workers, "_max_workers", None) or 8))
    elif workers == 1:
        yield InProcess(), 1
    else:
        processes = Processes(workers)
        try:
            yield processes, workers
        finally:
            processes.close()


def require_workers(workers: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless it is a number of processes or an executor."""
    if isinstance(workers, bool) or not (
        isinstance(workers, int | np.integer | Executor) or hasattr(workers, "submit")
    ):
        raise wrong_type("workers", workers, "a number of processes, or a concurrent.futures.Executor")
    if isinstance(workers, int | np.integer) and workers < 1:
        raise bad("workers", workers, "at least 1")


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Return spawned processes that end with this one, even if it is killed."""
    # a worker waits on a pipe whose other end it holds itself: without a watch it would wait for ever
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Watch this worker's parent in a thread, and end with it."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_outlive, args=(parent,), daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)

"""Who computes: this process, processes of this machine, or whoever stands behind an executor."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Protocol

from elboproof.arguments import bad, wrong_type


class Submits(Protocol):
    """What is asked of an executor; that of a Dask client, ``client.get_executor()``, is one."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> "Future[Any]":
        """Begin a task some time."""


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
    if isinstance(workers, bool) or not (isinstance(workers, int | Executor) or hasattr(workers, "submit")):
        raise wrong_type("workers", workers, "a number of processes, or a concurrent.futures.Executor")
    if not isinstance(workers, int):
        yield workers, max(2, 2 * int(getattr(workers, "_max_workers", None) or 8))
    elif workers < 1:
        raise bad("workers", workers, "at least 1")
    elif workers == 1:
        yield InProcess(), 1
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                yield pool, workers
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

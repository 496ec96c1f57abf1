"""Where jobs run: lanes of this machine, or the workers of an existing Dask cluster."""

import contextlib
import importlib
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol

from elboproof.checking.collect import UsageError
from elboproof.checking.execute import run_traced
from elboproof.checking.lane import close_lanes

Job = dict[str, Any]

CONNECT_LIMIT = 5.0
"""Seconds to wait for a scheduler that may not exist."""

PATIENCE = 30.0
"""Seconds without any worker, or without the scheduler, after which the outstanding checks are given up.

Longer than a nanny needs to restart a dead worker process (a few seconds).
"""


def cores() -> int:
    """Return how many processors this process may use; only Linux tells which those are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool(Protocol):
    """What the runner needs from a place where jobs run."""

    def submit(self, job: Job) -> "Future[Job]":
        """Start a job some time; the future's result is that of `elboproof.checking.execute.run_traced`."""

    def running(self) -> list[tuple[str, float]]:
        """Return check and seconds for each job known to run now, the longest first."""

    def trouble(self) -> str | None:
        """Return why no outstanding job will ever finish, or None."""

    def stop(self) -> None:
        """End all jobs at once and free everything."""


class LocalPool:
    """Lanes on this machine: each thread of an executor owns one child process.

    Parameters
    ----------
    workers
        Number of lanes.
    """

    def __init__(self, workers: int) -> None:
        self._executor: Executor = ThreadPoolExecutor(workers, thread_name_prefix="lane")
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()

    def submit(self, job: Job) -> "Future[Job]":
        """Start a job some time."""
        return self._executor.submit(self._tracked, job)

    def _tracked(self, job: Job) -> Job:
        with self._lock:
            self._since[job["check"]] = time.monotonic()
        try:
            return run_traced(job)
        finally:
            with self._lock:
                del self._since[job["check"]]

    def running(self) -> list[tuple[str, float]]:
        """Return check and seconds for each running job, the longest first."""
        now = time.monotonic()
        with self._lock:
            return sorted(((i, now - s) for i, s in self._since.items()), key=lambda pair: -pair[1])

    def trouble(self) -> str | None:
        """Return None: lanes answer for the death of their children."""
        return None

    def stop(self) -> None:
        """Kill the children and wait for the threads."""
        # Nothing new may start before the lanes are closed, and the threads can end only after that.
        self._executor.shutdown(wait=False, cancel_futures=True)
        close_lanes()
        self._executor.shutdown(wait=True)


class ClusterPool:
    """The workers of a running Dask cluster; each of its threads owns a lane on its machine.

    The workers need this version of elboproof and the directory of claim modules under the same path. Measured: 24
    checks of 2 s took 25.1 s in 2 lanes, and 8.2 to 9.2 s on 8 workers of a cluster (6 s without any overhead).

    Parameters
    ----------
    address
        Address of the scheduler, such as ``tcp://host:8786``.
    patience
        See `PATIENCE`.

    Raises
    ------
    UsageError
        If `distributed` is not installed or no scheduler answers.
    """

    def __init__(self, address: str, *, patience: float = PATIENCE) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise UsageError("--scheduler needs the extra: pip install 'elboproof[cluster]'") from error
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # its lines would tear the display
        try:
            _require_address(address)
            self._client: Any = distributed.Client(address, timeout=CONNECT_LIMIT, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(f"--scheduler: no Dask scheduler answers at {address!r} ({error})") from error
        # Without pure=False equal jobs of two runs would share one cached result.
        self._executor: Executor = self._client.get_executor(pure=False)
        self._address, self._patience = address, patience
        self._healthy = time.monotonic()

    def submit(self, job: Job) -> "Future[Job]":
        """Start a job some time."""
        return self._executor.submit(run_traced, job)

    def running(self) -> list[tuple[str, float]]:
        """Return nothing: the scheduler knows tasks by keys, not by checks."""
        return []

    def trouble(self) -> str | None:
        """Return why the cluster is given up: nothing there for `PATIENCE` seconds."""
        # A scheduler without workers answers, and one that is gone may come back: only time tells, see `PATIENCE`.
        connected = self._client.status == "running"
        if connected and self._client.scheduler_info(n_workers=-1).get("workers"):
            self._healthy = time.monotonic()
            return None
        if time.monotonic() - self._healthy < self._patience:
            return None
        what = "has no workers" if connected else "is gone"
        return f"the scheduler at {self._address} {what} since {self._patience:.0f} s; --resume runs the check again"

    def stop(self) -> None:
        """Kill what runs on the workers and leave the cluster as it was."""
        steps: list[Callable[[], object]] = [
            lambda: self._executor.shutdown(wait=False),
            lambda: (
                self._client.run(close_lanes, on_error="ignore") if self._client.status == "running" else None
            ),
            lambda: self._client.close(timeout=2),
        ]
        for step in steps:
            with contextlib.suppress(Exception):  # a cluster that is going away is no error of the run
                step()


def _require_address(address: str) -> None:
    """Raise ValueError for a wrong protocol or no port: a client would leave threads behind that complain later."""
    core: Any = importlib.import_module("distributed.comm.registry")
    addressing: Any = importlib.import_module("distributed.comm.addressing")
    core.get_backend(addressing.parse_address(address)[0])
    addressing.get_address_host_port(address)

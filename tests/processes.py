"""Processes for tests: quick to start, and never copies of a process with threads, which may wait for ever."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def pool(size: int) -> ProcessPoolExecutor:
    """Return processes that are copies of one without threads, in which the library is loaded."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["elboproof.evidence.log_evidence", "elboproof.posterior.decompose"])
    return ProcessPoolExecutor(size, mp_context=context)

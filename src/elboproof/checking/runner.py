"""Runs jobs in a pool and yields their findings as they come, whatever happens to the jobs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from elboproof.checking.execute import failed
from elboproof.checking.finding import Finding
from elboproof.checking.pool import Job, Pool

TICK = 0.1
"""Seconds between two looks at the pool: the live display's rhythm."""


@dataclass(frozen=True)
class Outcome:
    """A finding, whether the check was lost with its machine instead of being run, and the traceback if it raised."""

    finding: Finding
    lost: bool = False
    trace: str | None = None


def outcomes(
    jobs: Sequence[Job],
    pool: Pool,
    tick: Callable[[], None] = lambda: None,
    expected: Mapping[str, float] = MappingProxyType({}),
) -> Iterator[Outcome]:
    """Yield one outcome per job in the order in which they finish.

    Parameters
    ----------
    jobs
        From `elboproof.checking.execute.job_of`. The longest are submitted first, so that no long one is
        left to run alone at the end.
    pool
        Where they run.
    tick
        Called about ten times a second, in this thread.
    expected
        Seconds that checks will take, by name; without, their time limit stands for it.
    """
    # A pool that will never answer again is found by `trouble`, not by waiting: its jobs become findings too, so that
    # the number of outcomes is always the number of jobs.
    ordered = sorted(jobs, key=lambda job: -expected.get(job["check"], job["time_limit"]))
    pending = {pool.submit(job): job for job in ordered}
    while pending:
        done, _ = wait(pending, timeout=TICK, return_when=FIRST_COMPLETED)
        for future in done:
            yield _outcome(future, pending.pop(future))
        reason = None if done else pool.trouble()
        if reason is not None:
            for job in pending.values():
                yield Outcome(Finding.from_json(failed(job["metadata"], "killed", reason)), lost=True)
            return
        tick()


def _outcome(future: "Future[Job]", job: Job) -> Outcome:
    # A lost check is a finding that does not hold: it counts, and the run cannot end well without it.
    meta: dict[str, Any] = job["metadata"]
    try:
        answer = future.result()
        return Outcome(Finding.from_json(answer["finding"]), trace=answer["trace"])
    except CancelledError:
        reason = "the scheduler cancelled the check"
    except Exception as error:  # noqa: BLE001  (a worker that vanished, or could not load elboproof)
        reason = f"no answer came from the worker: {type(error).__name__}: {error}"
    return Outcome(Finding.from_json(failed(meta, "killed", reason)), lost=True)

"""The rows of a long call, proved in blocks: what is decided is kept, and a hard row takes no other's time.

What a block leaves open is proved alone, with all of its own time (`schedule` says which rows make a block).
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from elboproof.running.progress import Listener, Progress
from elboproof.running.request import LEAST
from elboproof.running.row_file import RowFile
from elboproof.running.rows import NO_WORKER, NOT_BEGUN, Kind, Outcome
from elboproof.running.schedule import Block, Schedule
from elboproof.running.workers import executor_of

R = TypeVar("R", bound=Outcome)


class Asked(Protocol):
    """What rows are asked of: data, or any other record that has parts; a process can send it."""

    def __len__(self) -> int: ...

    def part(self, which: list[int]) -> Any:
        """Return some rows, in the order given."""


ProveRows = Callable[[Any, float], Sequence[R]]
"""Proves rows within so many seconds; it can be pickled."""


@dataclass(frozen=True)
class Done(Generic[R]):
    """Rows of one task, in its order, and the seconds that it took."""

    rows: tuple[R, ...]
    seconds: float


def task(
    prove: ProveRows[R], part: Asked, seconds: float, block: Block, left: float, apart: bool = False
) -> Done[R]:
    """Prove a block within its limit; then, unless it is a trial, what is open, each alone, in what is left in all.

    Rows that share no work are proved apart, each with all of its own time: what is found does not depend on how long
    the rows before them took.
    """
    began = time.monotonic()

    def remains() -> float:
        return left - (time.monotonic() - began)

    if apart:
        own = [prove(part.part([n]), min(seconds, max(remains(), LEAST)))[0] for n in range(len(part))]
        return Done(tuple(own), time.monotonic() - began)
    rows = list(prove(part, min(block.limit, left)))
    for n, row in enumerate(rows):
        if row.status and len(rows) > 1 and not block.trial and remains() > 0:
            (alone,) = prove(part.part([n]), min(seconds, remains()))
            rows[n] = alone.better(row)
    return Done(tuple(rows), time.monotonic() - began)


def prove_all(
    prove: ProveRows[R],
    asked: Asked,
    kind: Kind[R],
    *,
    seconds: float,
    end: float = math.inf,
    trials: bool = True,
    workers: object = 1,
    progress: Listener | None = None,
    file: RowFile | None = None,
    each: Callable[[int, R], object] = lambda *_: None,
) -> list[R]:
    """Return what is known of all rows.

    Parameters
    ----------
    kind
        How outcomes are read from a file, and what is known before any work.
    seconds
        Limit for each row.
    end
        When all must be done, on the clock ``time.monotonic()``.
    trials
        Whether rows of a block share work, see `Schedule`; where they do not, each is proved apart.
    workers, progress
        As in every public call.
    file
        Where rows are kept; opened here.
    each
        Called with the number and the outcome of every row when it is done, in any order.
    """
    began = time.monotonic()
    with file or nullcontext(), executor_of(workers) as (executor, most):
        ledger = Ledger(len(asked), kind, began, file, progress, each)
        schedule = Schedule(ledger.open_rows(), seconds, trials)
        futures: dict[Future[Done[R]], Block] = {}
        try:
            while futures or (schedule.waiting and time.monotonic() < end):
                while schedule.waiting and len(futures) < most and not schedule.held:
                    if (left := end - time.monotonic()) <= 0:
                        break
                    block = schedule.next()
                    try:
                        future = executor.submit(
                            task, prove, asked.part(block.rows), seconds, block, left, not trials
                        )
                    except BrokenExecutor:  # a process ended before anything of this block was begun
                        schedule.waiting = [*block.rows, *schedule.waiting]
                        raise
                    futures[future] = block
                for future in _finished(futures):
                    done = future.result()
                    block = futures.pop(future)
                    ledger.keep(block, done.rows)
                    schedule.learn(block, done.rows, done.seconds)
        except BrokenExecutor:
            _keep_finished(futures, ledger)
            ledger.lose([*(n for block in futures.values() for n in block.rows), *schedule.waiting])
        return ledger.all()


def _finished(futures: dict[Future[Done[R]], Block]) -> list[Future[Done[R]]]:
    # futures of a cluster are of a class of their own: they are asked one after the other
    if all(isinstance(future, Future) for future in futures):
        return list(wait(futures, return_when=FIRST_COMPLETED).done)
    return [next(iter(futures))]


def _keep_finished(futures: dict[Future[Done[R]], Block], ledger: "Ledger[R]") -> None:
    """Take out of what was in flight the blocks that ended well."""
    for future in list(futures):
        if future.done() and not future.cancelled() and future.exception() is None:
            ledger.keep(futures.pop(future), future.result().rows)


class Ledger(Generic[R]):
    """The rows so far: on the disk, and told."""

    def __init__(
        self,
        total: int,
        kind: Kind[R],
        began: float,
        file: RowFile | None,
        progress: Listener | None,
        each: Callable[[int, R], object],
    ) -> None:
        self._each, self._kind = each, kind
        self._total, self._began, self._file, self._progress = total, began, file, progress
        self._rows = {n: kind.read(row) for n, row in file.rows.items()} if file is not None else {}
        self._decided = sum(not row.status for row in self._rows.values())
        self._before, self._done = self._decided, 0
        for n, row in self._rows.items():
            if not row.status:
                each(n, row)

    def open_rows(self) -> list[int]:
        """Return the rows that were not decided by an earlier run."""
        return [n for n in range(self._total) if n not in self._rows or self._rows[n].status]

    def keep(self, block: Block, rows: Sequence[R]) -> None:
        """Keep what was found, with what was known of each row; what a trial left open is not done."""
        done = [n for n, row in zip(block.rows, rows, strict=True) if not (block.trial and row.status)]
        for n, row in zip(block.rows, rows, strict=True):
            self._rows[n] = row.better(self._rows.get(n))
        if self._file is not None and done:
            self._file.add({n: self._rows[n].to_json() for n in done})
        for n in done:
            self._each(n, self._rows[n])
        self._decided += sum(not self._rows[n].status for n in done)
        self._done += len(done)
        if self._progress is not None:
            passed, left = time.monotonic() - self._began, self._total - self._before - self._done
            each = passed / self._done if self._done else math.nan
            told = self._before + self._done, self._total, self._decided
            self._progress(Progress(*told, passed, each * left))

    def lose(self, block: Sequence[int]) -> None:
        """Say of rows that whoever was to prove them is gone."""
        for n in block:
            self._rows[n] = self._kind.unproved(n, NO_WORKER).better(self._rows.get(n))
            self._each(n, self._rows[n])

    def all(self) -> list[R]:
        """Return every row, those that nobody began among them."""
        return [self._rows.get(n) or self._kind.unproved(n, NOT_BEGUN) for n in range(self._total)]

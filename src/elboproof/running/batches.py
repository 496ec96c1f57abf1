"""The rows of a long call, proved in blocks: what is decided is kept, and a hard row takes no other's time.

What a block leaves open is proved alone, with all of its own time (`schedule` says which rows make a block).
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from elboproof.running.progress import Listener, Progress
from elboproof.running.request import LEAST
from elboproof.running.row_file import RowFile
from elboproof.running.rows import NO_MEMORY, NO_WORKER, NOT_BEGUN, Kind, Outcome
from elboproof.running.schedule import Block, Schedule
from elboproof.running.workers import Processes, Submits, executor_of, worker_died

R = TypeVar("R", bound=Outcome)
MOST_DEATHS = 4
"""Times that processes are made anew without a row between: a script without its guard ends every process at once."""


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
    together: int = 0,
    easy: bool = False,
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
    together
        Rows of a block at most, where they share nearly all of their work, and fewer where there are workers for more
        blocks; 0 where nothing is known of that.
    easy
        Whether rows may be so easy that many of them are tried together first, see `Schedule`.
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
        waiting = ledger.open_rows()
        schedule = Schedule(waiting, seconds, trials, min(together, math.ceil(len(waiting) / most)), easy)
        run = _Run(prove, asked, seconds, not trials, executor, ledger, schedule)
        while run.futures or (schedule.rest and time.monotonic() < end):
            try:
                while schedule.rest and len(run.futures) < most and not schedule.held:
                    if (left := end - time.monotonic()) <= 0:
                        break
                    run.begin(left)
                for future in _finished(run.futures):
                    run.take(future)
            except BrokenExecutor:
                run.renew()
        return ledger.all()


@dataclass
class _Run(Generic[R]):
    """What is in work, and what becomes of it when a worker dies."""

    prove: ProveRows[R]
    asked: Asked
    seconds: float
    apart: bool
    executor: Submits
    ledger: "Ledger[R]"
    schedule: Schedule
    futures: "dict[Future[Done[R]], Block]" = field(default_factory=dict)
    deaths: int = 0

    def begin(self, left: float) -> None:
        """Begin the next block."""
        block = self.schedule.next()
        words = (self.prove, self.asked.part(block.rows), self.seconds, block, left, self.apart)
        try:
            self.futures[self.executor.submit(task, *words)] = block
        except BrokenExecutor:  # a process ended before anything of this block was begun
            self.schedule.suspect(block.rows)
            raise

    def take(self, future: "Future[Done[R]]") -> None:
        """Take what came of a block."""
        try:
            done = future.result()
        except Exception as error:
            reason = NO_MEMORY if isinstance(error, MemoryError) else NO_WORKER
            if not (isinstance(error, MemoryError) or worker_died(error)):
                raise
            self._blame(self.futures.pop(future).rows, reason)
            return
        block, self.deaths = self.futures.pop(future), 0
        self.ledger.keep(block, done.rows)
        self.schedule.learn(block, done.rows, done.seconds)

    def _blame(self, rows: list[int], reason: str) -> None:
        """Say of one row that it is lost; of several it is not known which it was."""
        self.schedule.suspect(rows if len(rows) > 1 else [])
        if len(rows) == 1:
            self.ledger.lose(rows, reason)

    def renew(self) -> None:
        """Keep what ended well, and go on with new processes, if they are ours and do not die each time."""
        for future in list(self.futures):
            if (
                future.done()
                and not future.cancelled()
                and not isinstance(future.exception(), BrokenExecutor)
            ):
                self.take(future)
        broken = [n for block in self.futures.values() for n in block.rows]
        self.futures.clear()
        self.deaths += 1
        if isinstance(self.executor, Processes) and self.deaths < MOST_DEATHS:
            self.executor.renew()
            self._blame(broken, NO_WORKER)
            return
        self.ledger.lose([*broken, *self.schedule.rest], NO_WORKER)
        self.schedule.drop()


def _finished(futures: dict[Future[Done[R]], Block]) -> list[Future[Done[R]]]:
    # futures of a cluster are of a class of their own: they are asked one after the other
    if all(isinstance(future, Future) for future in futures):
        return list(wait(futures, return_when=FIRST_COMPLETED).done)
    return [next(iter(futures))]


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
        self._rows = {} if file is None else _readable(file, kind, total)
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

    def lose(self, rows: Sequence[int], reason: str) -> None:
        """Say of rows that they are not proved, and why."""
        for n in rows:
            self._rows[n] = self._kind.unproved(n, reason).better(self._rows.get(n))
            self._each(n, self._rows[n])

    def all(self) -> list[R]:
        """Return every row, those that nobody began among them."""
        return [self._rows.get(n) or self._kind.unproved(n, NOT_BEGUN) for n in range(self._total)]


def _readable(file: RowFile, kind: Kind[R], total: int) -> dict[int, R]:
    """Return the rows of a file that say what such a row says; the others are computed again."""
    found = {}
    for n, row in file.rows.items():
        with suppress(KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError):
            if 0 <= n < total:
                found[n] = kind.read(row)
    return found

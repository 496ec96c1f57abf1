"""Evidences of many data points, in blocks: what is decided is kept, and a hard one takes no other's time.

Blocks share the work of arrays, and easy rows take a hundredth of their time in them; hard ones are no faster, and
those of a block stay open together. So some rows are tried together for little time, and where most of them are
decided, the others follow in larger blocks. Else two rows are proved alone: if they take less than `ALONE` seconds
each, blocks grow as long as they are faster than their rows alone. What a block leaves open is proved alone, with all
of its own time.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from elboproof.evidence.evidences import Evidence
from elboproof.model.data import Data
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.enclosure_ends import ball_ends, worth_keeping
from elboproof.running.progress import Listener, Progress
from elboproof.running.row_file import RowFile
from elboproof.running.workers import executor_of

ALONE = 0.5
"""Seconds of a single data point from which on blocks are not worth a trial."""
AIM = 2.0
"""Seconds that a block should take."""
TRIED, TRIAL, FEWEST = 32, 0.03, 7
"""Rows of a trial, seconds for each of them, and rows from which on there is one."""
PATIENCE = 4.0
"""Times as long as expected that a block may take."""
MOST, GROWTH = 4096, 16
"""Data points in a block, and how many times as many as in the one before."""
NOT_BEGUN, NO_WORKER = "not begun; stopped by the total time limit", "not proved; its worker process ended"

Prove = Callable[[Data, float], Evidence]
"""Proves data points within so many seconds; it can be pickled."""


@dataclass(frozen=True)
class Row:
    """What is known of one data point: bounds of log p(x) in nats, exact ones where doubles lose digits."""

    lower: float
    upper: float
    exact: tuple[Fraction, Fraction] | None
    status: str
    cells: int

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers; doubles in hexadecimal digits are exact."""
        exact = None if self.exact is None else [str(end) for end in self.exact]
        ends = {"lower": self.lower.hex(), "upper": self.upper.hex(), "exact": exact}
        return ends | {"status": self.status, "cells": self.cells}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Row":
        """Return the row that was written."""
        exact = None if row["exact"] is None else (Fraction(row["exact"][0]), Fraction(row["exact"][1]))
        ends = float.fromhex(row["lower"]), float.fromhex(row["upper"])
        return cls(*ends, exact, row["status"], row["cells"])

    def better(self, other: "Row | None") -> "Row":
        """Return the narrower of two true rows, a decided one before all; with the cells of both."""
        if other is None:
            return self
        first = (bool(self.status), self.upper - self.lower) <= (
            bool(other.status),
            other.upper - other.lower,
        )
        best = self if first else other
        return Row(best.lower, best.upper, best.exact, best.status, self.cells + other.cells)


NOTHING = Row(-math.inf, math.inf, None, NOT_BEGUN, 0)


@dataclass(frozen=True)
class Done:
    """Rows of one task, in its order, and the seconds that it took."""

    rows: tuple[Row, ...]
    seconds: float


def rows_of(found: Evidence) -> tuple[Row, ...]:
    """Return the rows of an evidence (N,), with all digits that were proved."""
    e, count = found.enclosure, len(found.statuses)
    exact: Sequence[Any] = [None] * count if e.exact is None else list(zip(*e.exact, strict=True))
    if found.balls:
        exact = [ball_ends(*pair) for pair in found.balls]
    ends = zip(e.lower.tolist(), e.upper.tolist(), exact, found.statuses, strict=True)
    cells = [found.cells // count + (n < found.cells % count) for n in range(count)]
    return tuple(Row(*row, visited) for row, visited in zip(ends, cells, strict=True))


def evidence_of_rows(rows: Sequence[Row], seconds: float) -> Evidence:
    """Return rows as an evidence; its ends are exact where doubles lose digits of one, and no row is without bounds."""
    enclosure = Enclosure([row.lower for row in rows], [row.upper for row in rows])
    finer = any(row.exact and worth_keeping(row.exact, (row.lower, row.upper)) for row in rows)
    if finer and all(_finite(row) for row in rows):
        ends = [row.exact or (Fraction(row.lower), Fraction(row.upper)) for row in rows]
        enclosure = Enclosure.between_exact(ends)
    statuses = tuple(row.status for row in rows)
    return Evidence(enclosure, statuses, sum(row.cells for row in rows), seconds)


def _finite(row: Row) -> bool:
    return row.exact is not None or (math.isfinite(row.lower) and math.isfinite(row.upper))


def task(prove: Prove, data: Data, seconds: float, block: "Block", left: float) -> Done:
    """Prove a block within its limit; then, unless it is a trial, what is open, each alone, in what is left in all."""
    began = time.monotonic()
    rows = list(rows_of(prove(data, min(block.limit, left))))
    for n, row in enumerate(rows):
        remains = left - (time.monotonic() - began)
        if row.status and len(rows) > 1 and not block.trial and remains > 0:
            (alone,) = rows_of(prove(data.part([n]), min(seconds, remains)))
            rows[n] = alone.better(row)
    return Done(tuple(rows), time.monotonic() - began)


@dataclass(frozen=True)
class Block:
    """Rows that are proved together, and the seconds for them."""

    rows: list[int]
    limit: float
    trial: bool


class Schedule:
    """Which rows come next, in blocks of a size that is learned on the way.

    Parameters
    ----------
    waiting
        Rows, in order.
    seconds
        Limit for each of them.
    """

    def __init__(self, waiting: list[int], seconds: float) -> None:
        self.waiting, self._seconds = waiting, seconds
        self._trials = 2 if len(waiting) >= FEWEST else 0
        self._size, self._alone, self._singles, self._settled = 1, math.inf, 0, False
        self._each = math.inf  # of the last block
        self._trying = False

    @property
    def held(self) -> bool:
        """Whether nothing is begun until a trial has ended."""
        return self._trying

    def next(self) -> Block:
        """Return a block and its limit: of several rows little more than they should take, by those before."""
        self._trying = self._trials > 0
        size = TRIED if self._trying else self._size
        rows, self.waiting = self.waiting[:size], self.waiting[size:]
        if self._trying:
            self._trials -= 1
            return Block(rows, min(TRIAL, self._seconds) * len(rows), True)
        each = (
            self._seconds if len(rows) == 1 else min(self._seconds, PATIENCE * min(self._alone, self._each))
        )
        return Block(rows, each * len(rows), False)

    def learn(self, block: Block, done: Done) -> None:
        """Take what a block took into account; what a trial left open waits again."""
        if block.trial:
            self._learn_trial(block, done)
        elif len(block.rows) == 1:
            self._alone, self._singles = min(self._alone, done.seconds), self._singles + 1
            if self._singles >= 2 and not self._settled and self._alone < ALONE:
                self._grow(self._alone)
        elif done.seconds / len(block.rows) > self._alone:
            self._size, self._settled = 1, True
        else:
            self._grow(done.seconds / len(block.rows))

    def _learn_trial(self, block: Block, done: Done) -> None:
        self._trying = False
        left = [n for n, row in zip(block.rows, done.rows, strict=True) if row.status]
        decided = len(block.rows) - len(left)
        self.waiting = [*left, *self.waiting]
        if decided:  # else the time may have gone into compiling: once more
            self._trials = 0
        if decided > len(left):
            self._size = TRIED
            self._grow(done.seconds / decided)

    def _grow(self, each: float) -> None:
        self._each = each
        wanted = int(AIM / max(each, 1e-9))
        self._size = max(1, min(wanted, self._size * GROWTH, MOST))


def prove_rows(
    prove: Prove,
    data: Data,
    *,
    seconds: float,
    total_seconds: float | None = None,
    workers: object = 1,
    progress: Listener | None = None,
    file: RowFile | None = None,
    each: Callable[[int, Row], object] = lambda *_: None,
) -> Evidence:
    """Return the evidences of all data points, row by row; arguments as in `log_evidence`.

    ``each`` is called with the number and what is known of every row when it is done, in any order.
    """
    began = time.monotonic()
    with file or nullcontext(), executor_of(workers) as (executor, most):
        ledger = Ledger(len(data), began, file, progress, each)
        schedule = Schedule(ledger.open_rows(), seconds)
        end = math.inf if total_seconds is None else began + total_seconds
        futures: dict[Future[Done], Block] = {}
        while futures or (schedule.waiting and time.monotonic() < end):
            while schedule.waiting and len(futures) < most and not schedule.held:
                if (left := end - time.monotonic()) <= 0:
                    break
                block = schedule.next()
                future = executor.submit(task, prove, data.part(block.rows), seconds, block, left)
                futures[future] = block
            try:
                for future in _finished(futures):
                    block = futures.pop(future)
                    done = future.result()
                    ledger.keep(block, done.rows)
                    schedule.learn(block, done)
            except BrokenExecutor:
                lost = [block, *futures.values()]
                ledger.lose([*(n for one in lost for n in one.rows), *schedule.waiting])
                break
        return evidence_of_rows(ledger.all(), time.monotonic() - began)


def _finished(futures: dict[Future[Done], Block]) -> list[Future[Done]]:
    # futures of a cluster are of a class of their own: they are asked one after the other
    if all(isinstance(future, Future) for future in futures):
        return list(wait(futures, return_when=FIRST_COMPLETED).done)
    return [next(iter(futures))]


class Ledger:
    """The rows so far: on the disk, and told."""

    def __init__(
        self,
        total: int,
        began: float,
        file: RowFile | None,
        progress: Listener | None,
        each: Callable[[int, Row], object],
    ) -> None:
        self._each = each
        self._total, self._began, self._file, self._progress = total, began, file, progress
        self._rows = {n: Row.from_json(row) for n, row in file.rows.items()} if file is not None else {}
        self._decided = sum(not row.status for row in self._rows.values())
        self._before, self._done = self._decided, 0
        for n, row in self._rows.items():
            if not row.status:
                each(n, row)

    def open_rows(self) -> list[int]:
        """Return the rows that were not decided by an earlier run."""
        return [n for n in range(self._total) if n not in self._rows or self._rows[n].status]

    def keep(self, block: Block, rows: Sequence[Row]) -> None:
        """Keep what was found, each row's better part; what a trial left open is not done."""
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
            self._rows[n] = Row(-math.inf, math.inf, None, NO_WORKER, 0).better(self._rows.get(n))
            self._each(n, self._rows[n])

    def all(self) -> list[Row]:
        """Return every row, those that nobody began among them."""
        return [self._rows.get(n, NOTHING) for n in range(self._total)]

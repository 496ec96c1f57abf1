"""The parts of a box, searched one after the other or by several workers; what they do is told, and kept in a file.

A worker that is to tell what it does searches for some seconds, hands on the batches that it worked on, and whoever is
free goes on from there.
"""

import math
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field, replace

from elboproof.numbers.enclosure import Enclosure
from elboproof.running.progress import Listener, Progress
from elboproof.running.row_file import RowFile
from elboproof.running.rows import NO_MEMORY, NO_WORKER
from elboproof.running.workers import Submits, executor_of, worker_died
from elboproof.statements import Box, Gap
from elboproof.theorems.certificates import Pieces
from elboproof.theorems.journal import Batch, Leaves
from elboproof.theorems.leaf import middle
from elboproof.theorems.natural import Natural, halves, natural
from elboproof.theorems.results import Counterexample, Unproved
from elboproof.theorems.search import Answer, Task, searched, stopped

SLICE = 5.0
"""Seconds after which a worker hands on what it did."""


@dataclass(frozen=True)
class Slice:
    """What a worker did: batches, how many leaves there are and are proved, and an answer if there is one."""

    batches: list[Batch]
    leaves: tuple[int, int]
    answer: Answer | None


@dataclass
class Parts:
    """The parts of one task, and what is known of each: batches, and how many leaves there are and are proved.

    A file says into how many parts its box is cut: another number of workers goes on with these.
    """

    task: Task
    workers: object
    progress: Listener | None
    file: RowFile | None
    boxes: list[Box] = field(init=False)
    batches: list[list[Batch]] = field(init=False)
    leaves: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        rows = {} if self.file is None else self.file.rows
        count = next((row["of"] for row in rows.values()), None) or _count(self.workers)
        self.boxes = _cut(self.task.box, count)
        self.batches = [
            [Batch.from_plain(rows[n]) for n in sorted(rows) if n % count == part] for part in range(count)
        ]
        self.leaves = [_counted(part) for part in self.batches]
        self._before = sum(done for _, done in self.leaves)

    def of(self, part: int) -> Task:
        """Return the task of one part."""
        return replace(self.task, box=self.boxes[part], most=max(1, self.task.most // len(self.boxes)))

    def tell(self, part: int, batches: Sequence[Batch], leaves: tuple[int, int]) -> None:
        """Keep what was done with a part."""
        first, count = len(self.batches[part]), len(self.boxes)
        self.batches[part] += batches
        self.leaves[part] = leaves
        if self.file is not None and batches:
            rows = {(first + n) * count + part: batch.to_plain() for n, batch in enumerate(batches)}
            self.file.add({n: row | {"of": count} for n, row in rows.items()})
        if self.progress is not None:
            total, done = (sum(pair[k] for pair in self.leaves) for k in (0, 1))
            spent, now = self.task.spent, done - self._before
            left = spent / now * (total - done) if now else math.nan
            self.progress(Progress(done, total, done, spent, left))


def _counted(batches: Sequence[Batch]) -> tuple[int, int]:
    """Return how many leaves there are after some batches, and how many are proved."""
    cuts = sum("cut" in what for batch in batches for what in batch.did)
    return 1 + cuts, sum("cut" not in what for batch in batches if batch.ready for what in batch.did)


def _count(workers: object) -> int:
    """Return how many parts so many workers take: a power of 2, at least twice as many."""
    several = workers if isinstance(workers, int) else int(getattr(workers, "_max_workers", None) or 8)
    return 1 if workers == 1 else 1 << math.ceil(math.log2(2 * several))


def _cut(box: Box, count: int) -> list[Box]:
    """Return halves of halves: they cover the box without overlap, so that their leaves together do."""
    parts, axis = [box], 0
    while len(parts) < count:
        parts = [half for part in parts for half in halves(part, axis, middle(*part[axis]))]
        axis = (axis + 1) % len(box)
    return parts


def proved(parts: Parts, whole: Natural) -> Answer:
    """Return what is found in all parts together; all must be proved."""
    answers = _one_by_one(parts, whole) if parts.workers == 1 else _spread(parts)
    for kind in (Counterexample, Unproved):
        for answer in answers:
            if isinstance(answer, kind):
                return replace(answer, box=parts.task.box) if isinstance(answer, Unproved) else answer
    pieces = [answer for answer in answers if isinstance(answer, Pieces)]
    integrals = {key: bounds for piece in pieces for key, bounds in piece.integrals.items()}
    return Pieces([leaf for piece in pieces for leaf in piece.leaves], integrals)


def _one_by_one(parts: Parts, whole: Natural) -> list[Answer]:
    answers: list[Answer] = []
    for part, box in enumerate(parts.boxes):
        task = parts.of(part)
        read = whole if len(parts.boxes) == 1 else natural(task.statement.quantity, task.names, box)

        def told(batch: Batch, leaves: Leaves, part: int = part) -> None:
            parts.tell(part, [batch], (leaves.count, len(leaves.done)))

        answer = searched(task, read, parts.batches[part], told)
        if answer is not None:
            answers.append(answer)
        if isinstance(answer, Counterexample):
            break
    return answers


def _spread(parts: Parts) -> list[Answer]:
    """Search the parts in a pool of workers, until one refutes the statement or the time is over."""
    answers: dict[int, Answer] = {}
    why = "the time limit"
    futures: dict[Future[Slice], int] = {}
    with executor_of(parts.workers) as (executor, _):
        try:
            futures = {_begun(executor, parts, part): part for part in range(len(parts.boxes))}
            while futures and not any(isinstance(answer, Counterexample) for answer in answers.values()):
                finished = _in_time(parts.task, list(futures))
                if not finished:
                    break
                for future in finished:
                    part = futures.pop(future)
                    found = _result(future)
                    if isinstance(found, str):
                        answers[part] = _late(parts, part, found)
                        continue
                    parts.tell(part, found.batches, found.leaves)
                    if found.answer is None:
                        futures[_begun(executor, parts, part)] = part
                    else:
                        answers[part] = found.answer
        except BrokenExecutor:
            why = NO_WORKER
        finally:
            for future in futures:
                future.cancel()
    known = [answers[part] for part in sorted(answers)]
    return known + [_late(parts, part, why) for part in range(len(parts.boxes)) if part not in answers][:1]


def _result(future: "Future[Slice]") -> Slice | str:
    """Return what a worker did, or why it did not."""
    try:
        return future.result()
    except Exception as error:
        if isinstance(error, MemoryError):
            return NO_MEMORY
        if worker_died(error):
            return NO_WORKER
        raise


def _begun(executor: Submits, parts: Parts, part: int) -> "Future[Slice]":
    told = parts.file is not None or parts.progress is not None
    own = isinstance(parts.workers, int)  # processes of this machine have its clock
    left = parts.task.seconds - parts.task.spent
    task = parts.of(part)
    return executor.submit(
        worked, task, parts.batches[part], SLICE if told else math.inf, None if own else left
    )


def worked(task: Task, before: list[Batch], seconds: float, left: float | None) -> Slice:
    """Search one part for some seconds, in a worker; ``left`` is what is left of the limit by another clock."""
    now = time.monotonic()
    if left is not None:
        task = replace(task, began=now - task.seconds + left)
    batches: list[Batch] = []
    counts = [(1, 0)]

    def told(batch: Batch, leaves: Leaves) -> None:
        batches.append(batch)
        counts.append((leaves.count, len(leaves.done)))

    whole = natural(task.statement.quantity, task.names, task.box)
    answer = searched(task, whole, before, told, now + seconds)
    return Slice(batches, counts[-1], answer)


def _in_time(task: Task, futures: "list[Future[Slice]]") -> "list[Future[Slice]]":
    """Return those that have ended; none at the limit: a process that is just starting does not see the clock."""
    # The worker's own limit ends it at about the same time; what it still computes is thrown away.
    left = max(0.0, task.began + task.seconds - time.monotonic())
    return list(wait(futures, left, FIRST_COMPLETED).done)


def _late(parts: Parts, part: int, why: str) -> Unproved:
    """Return that a part has no answer yet."""
    low = 0.0 if isinstance(parts.task.statement.quantity, Gap) else -math.inf
    return stopped(parts.task, parts.boxes[part], Enclosure(low, math.inf), why, 0)

"""The search of one part of the box: leaves are bounded, proved or cut until none is open or a limit is reached.

Floats decide where to cut and which posterior to take, and when a proof is worth trying; they can only cost time.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from elboproof.numbers.enclosure import Enclosure
from elboproof.statements import Box, Statement
from elboproof.theorems.certificates import Pieces, certificate, unverifiable
from elboproof.theorems.journal import Batch, Found, Leaves, Plain, kept, restored
from elboproof.theorems.leaf import Leaf
from elboproof.theorems.leaf_bounds import Judge
from elboproof.theorems.natural import Natural, halves
from elboproof.theorems.results import Counterexample, Proof, Unproved
from elboproof.theorems.sufficient_statistics import Unbounded

BATCH = 256
TRIES = 4
"""Points at which a violation that the floats see is tried to be proved."""
SHOWN = 32
"""Open leaves that are looked at for the one that resists most."""
CLEAR = 1e-6
"""Nats by which floats must see a violation."""
SEARCHED = 0.95
"""Of the limit in seconds: what the search may take; the rest is for what is proved where it stopped."""


@dataclass(frozen=True)
class Task:
    """What is asked, with its limits; ``began`` is a time of the clock of whoever searches."""

    statement: Statement
    names: tuple[str, ...]
    box: Box
    began: float
    seconds: float
    most: int

    @property
    def stop(self) -> float:
        """When the search ends."""
        return self.began + SEARCHED * self.seconds

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def proof(self, pieces: Pieces, whole: Natural) -> Proof:
        """Return the proof that consists of some pieces."""
        leaves = sorted(pieces.leaves, key=lambda leaf: leaf.box)
        spelled = whole.spelled() if leaves else ()
        document = certificate(self.statement, self.names, self.box, leaves, pieces.integrals, spelled)
        counts = len(leaves), len(pieces.integrals)
        missing = unverifiable(self.statement, whole, bool(leaves))
        return Proof(self.statement, self.names, self.box, document, *counts, self.spent, missing)


Answer = Pieces | Counterexample | Unproved
Told = Callable[[Batch, Leaves], object]
"""What is called after each batch that was worked on to its end."""


@dataclass(frozen=True)
class _Search:
    """A judge and the leaves that it judges."""

    task: Task
    judge: Judge
    leaves: Leaves


def searched(
    task: Task, whole: Natural, before: Sequence[Batch], told: Told, until: float = inf
) -> Answer | None:
    """Return what is found after the batches of an earlier search, None at the time ``until`` between two batches."""
    # A statistic whose expectation has no bound ends the search with a reason instead of an error: the statement
    # itself is fine, and other bounds of it might be provable.
    judge = Judge(task.statement, whole)
    judge.deadline = task.stop
    search = _Search(task, judge, restored(judge, task.box, before, TRIES))
    if judge.obstacle():
        return _unproved(search, judge.obstacle())
    try:
        return _searched(search, told, until)
    except Unbounded as reason:
        return _unproved(search, f"what is not known: {reason}")


def _searched(search: _Search, told: Told, until: float) -> Answer | None:
    """Bound, prove and cut leaves until none is open, a violation is proved, or a limit is reached."""
    # Branch and bound, deepest leaves first. At any time `open`, `ready` and `done` cover the box without overlap: a
    # leaf is replaced by its two halves, or goes to `done` when it is proved. Estimates fill `ready` until nothing is
    # open, so that the integrals of many leaves are taken at once.
    task, leaves = search.task, search.leaves
    while leaves.open or leaves.ready:
        if time.monotonic() >= min(task.stop, until):
            return _unproved(search, "the time limit") if time.monotonic() >= task.stop else None
        found, ready = Found(search.judge), not leaves.open
        did = _proved(search) if ready else _estimated(search)
        if not isinstance(did, list):
            return did
        if time.monotonic() < task.stop:  # what the time cut short is worked on once more
            told(Batch(ready, did, found.since(), leaves.tries), leaves)
    return search.judge.pieces(leaves.done)


def _proved(search: _Search) -> list[Plain] | Answer:
    """Prove a batch of leaves that are ready, or cut them, unless no cut can help."""
    judge, leaves, stop = search.judge, search.leaves, search.task.stop
    batch, leaves.ready = leaves.ready[:BATCH], leaves.ready[BATCH:]
    for leaf in batch:
        if why := judge.hopeless(leaf):
            return _unproved(search, why, [leaf])
    judge.prove(batch, stop)
    did: list[Plain] = []
    for leaf in batch:
        if judge.holds(leaf):
            leaves.done.append(leaf)
            did.append(kept(leaf))
        else:
            did.append(_cut(search, leaf))
    return did


def _estimated(search: _Search) -> list[Plain] | Answer:
    """Estimate a batch of open leaves, which are ready then or cut, unless one refutes the statement."""
    task, leaves, estimates = search.task, search.leaves, search.judge.estimates
    batch, leaves.open = leaves.open[-BATCH:], leaves.open[:-BATCH]
    estimates.estimate(batch, task.stop)
    refuted = _refuted(search, batch)
    if refuted is not None:
        return refuted
    promising = [estimates.promising(leaf) for leaf in batch]
    leaves.ready += [leaf for leaf, good in zip(batch, promising, strict=True) if good]
    rest = [leaf for leaf, good in zip(batch, promising, strict=True) if not good]
    if leaves.count + 2 * len(rest) > task.most:
        leaves.open += rest
        return _unproved(search, f"the limit of {task.most} leaves")
    return [kept(leaf) if good else _cut(search, leaf) for leaf, good in zip(batch, promising, strict=True)]


def _cut(search: _Search, leaf: Leaf) -> Plain:
    """Replace a leaf by its halves and say along which axis; what is not reached in time stays open as it is."""
    judge = search.judge
    if time.monotonic() >= search.task.stop:
        search.leaves.open.append(leaf)
        return {}
    axis = judge.estimates.axis(leaf)
    search.leaves.open += [judge.leaf(half) for half in halves(leaf.box, axis, leaf.point[axis])]
    return {"cut": axis}


def _refuted(search: _Search, batch: list[Leaf]) -> Counterexample | None:
    """Try to prove the clearest violation that the floats see."""
    # Floats choose the point; what refutes is a proved enclosure there that lies beyond a bound of the statement.
    task, judge, leaves = search.task, search.judge, search.leaves
    violation = judge.estimates.violation
    worst = max(batch, key=violation)
    if violation(worst) < CLEAR or leaves.tries == 0:
        return None
    leaves.tries -= 1
    low, high = judge.at(worst, task.stop)
    above, below = task.statement.upper, task.statement.lower
    if (above is not None and -inf < low and Fraction(low) > above) or (
        below is not None and high < inf and Fraction(high) < below
    ):
        point = dict(zip(task.names, worst.point, strict=True))
        return Counterexample(task.statement, point, Enclosure(low, high), task.spent)
    return None


def _unproved(search: _Search, why: str, resisting: Sequence[Leaf] = ()) -> Unproved:
    """Return the status with the leaf that most resisted, and what is proved there in the time that is left."""
    # The enclosure holds over the leaf, whatever led to its choice: it is made of proved bounds only.
    task, judge, leaves = search.task, search.judge, search.leaves
    violation = judge.estimates.violation
    candidates = [*resisting] or [*leaves.open, *leaves.ready] or [judge.leaf(task.box)]
    worst = max(candidates, key=violation)
    tried = [leaf for leaf in candidates if leaf.controls is not None and leaf.posterior is not None]
    if tried and not judge.obstacle():
        tried = sorted(tried, key=violation)[-SHOWN:]
        with suppress(Unbounded):  # which ended the search: the bounds of these leaves stay infinite
            judge.prove(tried, task.began + task.seconds)
        worst = max(tried, key=lambda leaf: (leaf.unbounded, not judge.holds(leaf), violation(leaf)))
        if worst.unbounded and not resisting:
            why += "; at a control point the exponent is not seen to be bounded above"
    low = max(worst.lower, 0.0) if judge.of_gap else worst.lower
    return stopped(task, worst.box, Enclosure(low, max(worst.upper, low)), why, len(leaves.done))


def stopped(task: Task, part: Box, known: Enclosure, why: str, leaves: int) -> Unproved:
    """Return that the search ended without an answer, and the part of the box that resisted most."""
    side = dict(zip(task.names, part, strict=True))
    return Unproved(task.statement, task.names, task.box, side, known, why, leaves, task.spent)

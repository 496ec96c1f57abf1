"""`for_all`: leaves are bounded, proved or cut until the statement is decided over the whole box or a limit is reached.

Floats decide where to cut and which posterior to take, and when a proof is worth trying; they can only cost time.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf
from sys import float_info

import numpy as np

from elboproof.arguments import bad, require_positive, suggesting, wrong_type
from elboproof.numbers.enclosure import Enclosure
from elboproof.running.workers import process_pool
from elboproof.statements import Box, Gap, Number, Statement, read_box, shown_box
from elboproof.theorems.certificates import Pieces, certificate, unverifiable
from elboproof.theorems.leaf import Leaf, middle
from elboproof.theorems.leaf_bounds import Judge
from elboproof.theorems.natural import Natural, halves, natural
from elboproof.theorems.results import Counterexample, Proof, Unproved
from elboproof.theorems.sufficient_statistics import Unbounded

MOST_LATENTS = 2
LARGEST = int(float_info.max)
BATCH = 256
TRIES = 4
"""Points at which a violation that the floats see is tried to be proved."""
SHOWN = 32
"""Open leaves that are looked at for the one that resists most."""
CLEAR = 1e-6
"""Nats by which floats must see a violation."""
SEARCHED = 0.95
"""Of the limit in seconds: what the search may take; the rest is for what is proved where it stopped."""


@suggesting
def for_all(
    statement: Statement,
    box: Mapping[str, Sequence[Number]],
    *,
    seconds: float = 60.0,
    leaves: int = 1000,
    workers: int = 1,
) -> Proof | Counterexample | Unproved:
    """Prove or refute a statement for all parameters of a box.

    Parameters
    ----------
    statement
        Made from a quantity: ``ep.Gap(...) <= "1/10"``, ``ep.LogEvidence(...).between(-3, -1)``, ...
    box
        From each parameter's name to (low, high), exact numbers.
    seconds
        Limit for the whole call, whatever the workers: it answers within 1.1 times that. Only the reading of the
        statement is not interrupted.
    leaves
        Limit of the boxes at any time, open and proved.
    workers
        Processes; the box is cut into that many parts or more. Those that are late when the call answers end by
        themselves at their next look at the clock.

    Returns
    -------
    Proof, Counterexample or Unproved
        Each with a ``status``, one sentence.

    Raises
    ------
    TypeError, ValueError
        If the statement or the box is no such: an unknown or idle parameter, an empty or reversed interval, a variance
        that is not positive on the box, a dependence on a parameter that is not polynomial.

    Notes
    -----
    log p(x) - ELBO(q) is convex in the natural parameters of the likelihood, whose values over a box lie in the convex
    hull of their Bernstein control points; so bounds over a box come from integrals at points (see `leaves`).
    Where the coefficient of the decoder's highest power vanishes within the box, the integral at a control point may be
    infinite on every leaf beside that place: then the answer is ``Unproved``, and says so.
    """
    # Everything is checked before anything is searched; the limit in seconds begins here, so that reading counts.
    began = time.monotonic()
    given: object = statement
    if not isinstance(given, Statement):
        raise wrong_type("statement", statement, "a statement such as ep.Gap(...) <= '1/10'")
    seconds, leaves, workers = require_positive(seconds=seconds, leaves=leaves, workers=workers)
    if len(statement.quantity.latent) > MOST_LATENTS:
        raise bad("latent", statement.quantity.latent, f"at most {MOST_LATENTS} latents")
    names, sides = read_box(box)
    task = _Task(statement, names, sides, began, seconds, int(leaves))
    whole = natural(statement.quantity, names, sides)  # what is wrong is said here, not by a worker
    if isinstance(statement.quantity, Gap) and statement.upper is None and (statement.lower or 0) <= 0:
        return task.proof(Pieces([], {}), whole)  # Jensen's inequality
    for bound in (statement.lower, statement.upper):
        if bound is not None and abs(bound) > LARGEST:
            raise bad("bound", bound, "a number in the range of float64, with which the search computes")
    try:
        with np.errstate(all="ignore"):  # floats that overflow are infinite or NaN, and only steer
            answer = _run(task, whole) if workers == 1 else _shared(task, int(workers))
    except OverflowError as error:
        requirement = "a box over which the statement's numbers stay in the range of float64, for the search"
        raise bad("box", shown_box(names, sides), requirement) from error
    return task.proof(answer, whole) if isinstance(answer, Pieces) else answer


@dataclass(frozen=True)
class _Task:
    """What is asked, with its limits; ``began`` is a time of the clock that all processes share."""

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
        return time.monotonic() - self.began

    def proof(self, pieces: Pieces, whole: Natural) -> Proof:
        leaves = sorted(pieces.leaves, key=lambda leaf: leaf.box)
        spelled = whole.spelled() if leaves else ()
        document = certificate(self.statement, self.names, self.box, leaves, pieces.integrals, spelled)
        counts = len(leaves), len(pieces.integrals)
        missing = unverifiable(self.statement, whole) if leaves else ""
        return Proof(self.statement, self.names, self.box, document, *counts, self.spent, missing)


_Answer = Pieces | Counterexample | Unproved


@dataclass
class _State:
    """The leaves of a search."""

    judge: Judge
    open: list[Leaf]
    ready: list[Leaf] = field(default_factory=list)
    done: list[Leaf] = field(default_factory=list)
    tries: int = TRIES


def _run(task: _Task, whole: Natural) -> _Answer:
    # A statistic whose expectation has no bound ends the search with a reason instead of an error: the statement
    # itself is fine, and other bounds of it might be provable.
    judge = Judge(task.statement, whole)
    state = _State(judge, [judge.leaf(task.box)])
    if judge.obstacle():
        return _unproved(task, state, judge.obstacle())
    try:
        return _search(task, state)
    except Unbounded as reason:
        return _unproved(task, state, f"what is not known: {reason}")


def _search(task: _Task, state: _State) -> _Answer:
    """Bound, prove and cut leaves until none is open, a violation is proved, or a limit is reached."""
    # Branch and bound, deepest leaves first. At any time `open`, `ready` and `done` cover the box without overlap: a
    # leaf is replaced by its two halves, or goes to `done` when it is proved. Estimates fill `ready` until nothing is
    # open, so that the integrals of many leaves are taken at once.
    judge, estimates = state.judge, state.judge.estimates
    while state.open or state.ready:
        if time.monotonic() >= task.stop:
            return _unproved(task, state, "the time limit")
        if not state.open:
            batch, state.ready = state.ready[:BATCH], state.ready[BATCH:]
            judge.prove(batch, task.stop)
            state.done += [leaf for leaf in batch if judge.holds(leaf)]
            _cut(task, state, [leaf for leaf in batch if not judge.holds(leaf)])
            continue
        batch, state.open = state.open[-BATCH:], state.open[:-BATCH]
        estimates.estimate(batch, task.stop)
        refuted = _refuted(task, state, batch)
        if refuted is not None:
            return refuted
        state.ready += [leaf for leaf in batch if estimates.promising(leaf)]
        rest = [leaf for leaf in batch if not estimates.promising(leaf)]
        if len(state.open) + len(state.ready) + len(state.done) + 2 * len(rest) > task.most:
            state.open += rest
            return _unproved(task, state, f"the limit of {task.most} leaves")
        _cut(task, state, rest)
    return judge.pieces(state.done)


def _cut(task: _Task, state: _State, leaves: Sequence[Leaf]) -> None:
    """Replace leaves by their halves; what is not reached in time stays open as it is."""
    judge = state.judge
    for leaf in leaves:
        if time.monotonic() >= task.stop:
            state.open.append(leaf)
            continue
        axis = judge.estimates.axis(leaf)
        state.open += [judge.leaf(half) for half in halves(leaf.box, axis, leaf.point[axis])]


def _refuted(task: _Task, state: _State, batch: list[Leaf]) -> Counterexample | None:
    """Try to prove the clearest violation that the floats see."""
    # Floats choose the point; what refutes is a proved enclosure there that lies beyond a bound of the statement.
    violation = state.judge.estimates.violation
    worst = max(batch, key=violation)
    if violation(worst) < CLEAR or state.tries == 0:
        return None
    state.tries -= 1
    low, high = state.judge.at(worst, task.stop)
    above, below = task.statement.upper, task.statement.lower
    if (above is not None and -inf < low and Fraction(low) > above) or (
        below is not None and high < inf and Fraction(high) < below
    ):
        point = dict(zip(task.names, worst.point, strict=True))
        return Counterexample(task.statement, point, Enclosure(low, high), task.spent)
    return None


def _unproved(task: _Task, state: _State, why: str) -> Unproved:
    """Return the status with the leaf that most resisted, and what is proved there in the time that is left."""
    # The enclosure holds over the leaf, whatever led to its choice: it is made of proved bounds only.
    judge, violation = state.judge, state.judge.estimates.violation
    candidates = [*state.open, *state.ready] or [judge.leaf(task.box)]
    worst = max(candidates, key=violation)
    tried = [leaf for leaf in candidates if leaf.controls is not None and leaf.posterior is not None]
    if tried and not judge.obstacle():
        tried = sorted(tried, key=violation)[-SHOWN:]
        judge.prove(tried, task.began + task.seconds)
        worst = max(tried, key=lambda leaf: (leaf.unbounded, not judge.holds(leaf), violation(leaf)))
        if worst.unbounded:
            why += "; at a control point the exponent is not seen to be bounded above"
    low = max(worst.lower, 0.0) if judge.of_gap else worst.lower
    return _stopped(task, worst.box, Enclosure(low, max(worst.upper, low)), why, len(state.done))


def _stopped(task: _Task, part: Box, known: Enclosure, why: str, leaves: int) -> Unproved:
    side = dict(zip(task.names, part, strict=True))
    return Unproved(task.statement, task.names, task.box, side, known, why, leaves, task.spent)


def _shared(task: _Task, workers: int) -> _Answer:
    """Prove the parts of the box in a pool of processes; all must be proved."""
    # The parts are halves of halves: they cover the box without overlap, so their leaves together do.
    parts = [task.box]
    axis = 0
    while len(parts) < 2 * workers:
        parts = [half for part in parts for half in halves(part, axis, middle(*part[axis]))]
        axis = (axis + 1) % len(task.box)
    most = max(1, task.most // len(parts))
    pool = process_pool(workers)
    try:
        waiting = [pool.submit(_part, replace(task, box=part, most=most)) for part in parts]
        answers = [_in_time(task, future, part) for future, part in zip(waiting, parts, strict=True)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    for kind in (Counterexample, Unproved):
        for answer in answers:
            if isinstance(answer, kind):
                return replace(answer, box=task.box) if isinstance(answer, Unproved) else answer
    pieces = [answer for answer in answers if isinstance(answer, Pieces)]
    integrals = {theta: bounds for piece in pieces for theta, bounds in piece.integrals.items()}
    return Pieces([leaf for piece in pieces for leaf in piece.leaves], integrals)


def _part(task: _Task) -> _Answer:
    """Search one part of the box, in a worker."""
    return _run(task, natural(task.statement.quantity, task.names, task.box))


def _in_time(task: _Task, future: "Future[_Answer]", part: Box) -> _Answer:
    """Return a worker's answer, or that there is none: a process that is just starting does not see the clock."""
    # The worker's own limit ends it at about the same time; what it still computes is thrown away.
    try:
        return future.result(max(0.0, task.began + task.seconds - time.monotonic()))
    except TimeoutError:
        why = "the time limit"
    except BrokenExecutor:
        why = "the end of a worker process"
    except MemoryError:
        why = "the memory, which was not enough"
    low = 0.0 if isinstance(task.statement.quantity, Gap) else -inf
    return _stopped(task, part, Enclosure(low, inf), why, 0)

"""`for_all`: leaves are bounded, proved or cut until the statement is decided over the whole box or a limit is reached.

Floats decide where to cut and which posterior to take, and when a proof is worth trying; they can only cost time.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf
from multiprocessing import get_context
from sys import float_info

import numpy as np

from elboproof.arguments import bad, require_positive, wrong_type
from elboproof.numbers.enclosure import Enclosure
from elboproof.statements import Gap, Number, Statement, read_box, shown_box
from elboproof.theorems.certificates import LeafRecord, certificate
from elboproof.theorems.leaf import Leaf, claim_above, middle
from elboproof.theorems.leaf_bounds import Judge
from elboproof.theorems.natural import halves, natural
from elboproof.theorems.polynomials import Box
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
    seconds, leaves
        Limits of the search.
    workers
        Processes; the box is cut into that many parts or more.

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
    began = time.monotonic()
    given: object = statement
    if not isinstance(given, Statement):
        raise wrong_type("statement", statement, "a statement such as ep.Gap(...) <= '1/10'")
    require_positive(seconds=seconds, leaves=leaves, workers=workers)
    if len(statement.quantity.latent) > MOST_LATENTS:
        raise bad("latent", statement.quantity.latent, f"at most {MOST_LATENTS} latents")
    names, sides = read_box(box)
    task = _Task(statement, names, sides, began + seconds, int(leaves), began)
    if isinstance(statement.quantity, Gap) and statement.upper is None and (statement.lower or 0) <= 0:
        natural(statement.quantity, names, sides)  # the arguments are checked all the same
        return task.proof(_Pieces([], {}, ()))  # Jensen's inequality
    for bound in (statement.lower, statement.upper):
        if bound is not None and abs(bound) > LARGEST:
            raise bad("bound", bound, "a number in the range of float64, with which the search computes")
    try:
        with np.errstate(all="ignore"):  # floats that overflow are infinite or NaN, and only steer
            answer = _run(task) if workers == 1 else _shared(task, int(workers))
    except OverflowError as error:
        requirement = "a box over which the statement's numbers stay in the range of float64, for the search"
        raise bad("box", shown_box(names, sides), requirement) from error
    return task.proof(answer) if isinstance(answer, _Pieces) else answer


@dataclass(frozen=True)
class _Task:
    """What is asked, with its limits."""

    statement: Statement
    names: tuple[str, ...]
    box: Box
    deadline: float
    most: int
    began: float

    def proof(self, pieces: "_Pieces") -> Proof:
        leaves = sorted(pieces.leaves, key=lambda leaf: leaf.box)
        document = certificate(
            self.statement, self.names, self.box, leaves, pieces.integrals, pieces.statistics
        )
        spent = time.monotonic() - self.began
        return Proof(
            self.statement, self.names, self.box, document, len(leaves), len(pieces.integrals), spent
        )


@dataclass(frozen=True)
class _Pieces:
    """What a proof consists of."""

    leaves: list[LeafRecord]
    integrals: dict[tuple[str, ...], tuple[float, float]]
    statistics: tuple[str, ...]


_Answer = _Pieces | Counterexample | Unproved


@dataclass
class _State:
    """The leaves of a search."""

    judge: Judge
    open: list[Leaf]
    ready: list[Leaf] = field(default_factory=list)
    done: list[Leaf] = field(default_factory=list)
    tries: int = TRIES

    def count(self) -> int:
        return len(self.open) + len(self.ready) + len(self.done)


def _run(task: _Task) -> _Answer:
    judge = Judge(task.statement, natural(task.statement.quantity, task.names, task.box))
    state = _State(judge, [judge.leaf(task.box)])
    if judge.obstacle():
        return _unproved(task, state, judge.obstacle())
    try:
        return _search(task, state)
    except Unbounded as reason:
        return _unproved(task, state, f"what is not known: {reason}")


def _search(task: _Task, state: _State) -> _Answer:
    judge = state.judge
    while state.open or state.ready:
        left = task.deadline - time.monotonic()
        if left <= 0:
            return _unproved(task, state, "the time limit")
        if not state.open:
            judge.prove(state.ready, left)
            proved = [judge.holds(leaf) for leaf in state.ready]
            state.done += [leaf for leaf, holds in zip(state.ready, proved, strict=True) if holds]
            failed = [leaf for leaf, holds in zip(state.ready, proved, strict=True) if not holds]
            state.ready = []
            state.open = _cut(judge, failed)
            continue
        batch, state.open = state.open[-BATCH:], state.open[:-BATCH]
        judge.estimate(batch)
        refuted = _refuted(task, state, batch, left)
        if refuted is not None:
            return refuted
        state.ready += [leaf for leaf in batch if judge.promising(leaf)]
        rest = [leaf for leaf in batch if not judge.promising(leaf)]
        if state.count() + 2 * len(rest) > task.most:
            state.open += rest
            return _unproved(task, state, f"the limit of {task.most} leaves")
        state.open += _cut(judge, rest)
    return _records(state)


def _cut(judge: Judge, leaves: Sequence[Leaf]) -> list[Leaf]:
    parts = []
    for leaf in leaves:
        axis = judge.axis(leaf)
        parts += [judge.leaf(half) for half in halves(leaf.box, axis, leaf.point[axis])]
    return parts


def _refuted(task: _Task, state: _State, batch: list[Leaf], seconds: float) -> Counterexample | None:
    """Try to prove the clearest violation that the floats see."""
    worst = max(batch, key=state.judge.violation)
    if state.judge.violation(worst) < CLEAR or state.tries == 0:
        return None
    state.tries -= 1
    low, high = state.judge.at(worst, seconds)
    above, below = task.statement.upper, task.statement.lower
    if (above is not None and -inf < low and Fraction(low) > above) or (
        below is not None and high < inf and Fraction(high) < below
    ):
        point = dict(zip(task.names, worst.point, strict=True))
        return Counterexample(task.statement, point, Enclosure(low, high), time.monotonic() - task.began)
    return None


def _unproved(task: _Task, state: _State, why: str) -> Unproved:
    """Return the status with the leaf that most resisted, and what is proved there."""
    judge = state.judge
    candidates = [*state.open, *state.ready] or [judge.leaf(task.box)]
    worst = max(candidates, key=judge.violation)
    tried = [leaf for leaf in candidates if leaf.controls is not None and leaf.posterior is not None]
    if tried and not judge.obstacle():
        tried = sorted(tried, key=judge.violation)[-SHOWN:]
        judge.prove(tried, 10.0)
        worst = max(tried, key=lambda leaf: (leaf.unbounded, not judge.holds(leaf), judge.violation(leaf)))
        if worst.unbounded:
            why += "; at a control point the exponent is not seen to be bounded above"
    low = max(worst.lower, 0.0) if isinstance(task.statement.quantity, Gap) else worst.lower
    side = dict(zip(task.names, worst.box, strict=True))
    known = Enclosure(low, max(worst.upper, low))
    spent = time.monotonic() - task.began
    return Unproved(task.statement, task.names, task.box, side, known, why, len(state.done), spent)


def _records(state: _State) -> _Pieces:
    """Return the leaves and the integrals that they rest on."""
    judge, gap = state.judge, isinstance(state.judge.quantity, Gap)
    low, high = judge.statement.lower, judge.statement.upper
    records: list[LeafRecord] = []
    integrals: dict[tuple[str, ...], tuple[float, float]] = {}
    for leaf in state.done:
        lower = None if not judge.from_below else low if gap else -claim_above(-leaf.lower)
        records.append(
            LeafRecord(
                leaf.box,
                leaf.point if judge.from_below or not gap else None,
                leaf.posterior if gap and high is not None else None,
                lower,
                None if high is None else claim_above(leaf.upper),
            )
        )
        for theta in judge.wanted(leaf):
            integrals[tuple(str(v) for v in theta)] = judge.integrals.known[theta]
    return _Pieces(records, integrals, judge.natural.spelled())


def _shared(task: _Task, workers: int) -> _Answer:
    """Prove the parts of the box in a pool of processes; all must be proved."""
    natural(task.statement.quantity, task.names, task.box)  # what is wrong is said here, not by a worker
    parts = [task.box]
    axis = 0
    while len(parts) < 2 * workers:
        parts = [half for part in parts for half in halves(part, axis, middle(*part[axis]))]
        axis = (axis + 1) % len(task.box)
    limits = task.deadline - time.monotonic(), max(1, task.most // len(parts))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        answers = list(pool.map(_part, [(task, part, *limits) for part in parts]))
    for kind in (Counterexample, Unproved):
        for answer in answers:
            if isinstance(answer, kind):
                return answer
    pieces = [answer for answer in answers if isinstance(answer, _Pieces)]
    integrals = {theta: bounds for piece in pieces for theta, bounds in piece.integrals.items()}
    return _Pieces([leaf for piece in pieces for leaf in piece.leaves], integrals, pieces[0].statistics)


def _part(job: tuple[_Task, Box, float, int]) -> _Answer:
    """Search one part of the box, in a worker."""
    task, box, seconds, most = job
    now = time.monotonic()
    answer = _run(replace(task, box=box, deadline=now + seconds, most=most, began=now))
    return replace(answer, box=task.box) if isinstance(answer, Unproved) else answer

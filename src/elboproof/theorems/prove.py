"""`for_all`: a statement is proved or refuted over a box, in parts where several search."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from sys import float_info
from typing import TYPE_CHECKING

import numpy as np

from elboproof.arguments import bad, require_positive, suggesting, wrong_type
from elboproof.running.fingerprint import fingerprint
from elboproof.running.progress import Listener
from elboproof.running.request import Request, Resumed, requested
from elboproof.running.row_file import RowFile
from elboproof.statements import Gap, Number, Statement, read_box, shown_box
from elboproof.theorems.certificates import Pieces, described
from elboproof.theorems.natural import Natural, natural
from elboproof.theorems.parts import Parts, proved
from elboproof.theorems.results import Counterexample, Proof, Unproved
from elboproof.theorems.search import Answer, Task

if TYPE_CHECKING:
    from concurrent.futures import Executor

MOST_LATENTS = 2
LARGEST = int(float_info.max)


@suggesting
def for_all(
    statement: Statement,
    box: Mapping[str, Sequence[Number]],
    *,
    seconds: float = 60.0,
    total_seconds: float | None = None,
    leaves: int = 1000,
    workers: "int | Executor" = 1,
    progress: Listener | None = None,
    resume: Resumed = None,
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
    total_seconds
        Another such limit; the smaller counts.
    leaves
        Limit of the boxes at any time, open and proved.
    workers
        A number of processes, or an executor; the box is cut into that many parts or more. Those that are late when
        the call answers end by themselves at their next look at the clock.
    progress
        Called with an ``ep.Progress`` after each batch of leaves: done are those proved, in total are all that there
        are so far.
    resume
        A file that each batch is written to: a call with the same statement and box that was stopped goes on there,
        with other limits and workers, too, and proves what it would have proved. Several workers write their batches
        every few seconds.

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
    With two latents there are bounds of ELBOs, of evidences and, from above, of gaps.
    Where the coefficient of the decoder's highest power vanishes within the box, the integral at a control point may be
    infinite on every leaf beside that place. With one latent, integrals over |z| <= R and a bound of the rest stand for
    it; with two, and for lower bounds of the gap of a decoder with functions, the answer is ``Unproved``, and says so.

    Examples
    --------
    >>> import elboproof as ep
    >>> evidence = ep.LogEvidence("z", ["z + c*z**2"], "1/4", ["1/2"])
    >>> print(ep.for_all(evidence <= 0, {"c": ("1/4", "1/2")}))
    proved: log evidence <= 0 for all c in [1/4, 1/2]
    >>> print(ep.for_all(evidence <= -2, {"c": ("1/4", "1/2")}))
    refuted: log evidence <= -2 fails at c = 3/8, where the quantity is in [-1.1986861215580624, -1.1986861207758936]
    """
    # Everything is checked before anything is searched; the limit in seconds begins here, so that reading counts.
    began = time.monotonic()
    given: object = statement
    if not isinstance(given, Statement):
        raise wrong_type("statement", statement, "a statement such as ep.Gap(...) <= '1/10'")
    (leaves,) = require_positive(leaves=leaves)
    request = requested(seconds, total_seconds, workers, progress, resume)
    if len(statement.quantity.latent) > MOST_LATENTS:
        raise bad("latent", statement.quantity.latent, f"at most {MOST_LATENTS} latents")
    names, sides = read_box(box)
    task = Task(statement, names, sides, began, request.limit, int(leaves))
    whole = natural(statement.quantity, names, sides)  # what is wrong is said here, not by a worker
    if isinstance(statement.quantity, Gap) and statement.upper is None and (statement.lower or 0) <= 0:
        return task.proof(Pieces([], {}), whole)  # Jensen's inequality
    for bound in (statement.lower, statement.upper):
        if bound is not None and abs(bound) > LARGEST:
            raise bad("bound", bound, "a number in the range of float64, with which the search computes")
    try:
        with np.errstate(all="ignore"):  # floats that overflow are infinite or NaN, and only steer
            answer = _answer(task, whole, request)
    except OverflowError as error:
        requirement = "a box over which the statement's numbers stay in the range of float64, for the search"
        raise bad("box", shown_box(names, sides), requirement) from error
    return task.proof(answer, whole) if isinstance(answer, Pieces) else answer


def _answer(task: Task, whole: Natural, request: Request) -> Answer:
    file: RowFile | None = request.file(
        lambda: {
            "what": "theorem",
            "statement": fingerprint(json.dumps(described(task.statement))),
            "box": fingerprint(task.names, task.box),
            "statistics": fingerprint(whole.spelled()),
        }
    )
    with file or nullcontext():
        return proved(Parts(task, request.workers, request.progress, file), whole)

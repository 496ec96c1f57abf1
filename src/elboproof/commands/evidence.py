"""The command ``elboproof evidence``: proved log evidences of a decoder that is typed on the command line.

With ``--json``, one object is printed::

    {"schema": 1, "version", "latent": [name], "decoder": [text], "likelihood": "gaussian", "bernoulli", ..,
     "variance": [exact text] or null, "parameters": {name: [exact text]} of the other families, "digits": asked,
     "method", "proved": whether all rows are, "cells", "seconds",
     "rows": [{"x": [text], "lower", "upper", "midpoint", "radius", "digits", "proved", "reason"}]}

``lower`` and ``upper`` are doubles in nats, null where nothing is known. ``midpoint`` and ``radius`` are decimal texts;
their ball contains the interval. ``digits`` of a row is null where nothing is known. ``reason`` is empty for a proved
row. Nothing else is written to the standard output.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, Inexact, localcontext
from typing import TYPE_CHECKING

from elboproof.arguments import bad, require_positive
from elboproof.commands.evidence_input import Point, build_model, read_points
from elboproof.commands.evidence_output import (
    EXACT_DIGITS,
    Answer,
    foot_text,
    head_text,
    json_text,
    one_text,
    row_text,
)
from elboproof.evidence.elimination import latents_left
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import MOST_LATENTS, TOO_MANY, evidence_of
from elboproof.model.data import double
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flint import arb

PROVED, UNDECIDED, USAGE = 0, 1, 4
CHUNK = 64
"""Data points proved together: enough to fill blocks of cells, few enough that results come while one watches."""
MOST_CELLS = 2_000_000


@dataclass(frozen=True)
class Options:
    """The words of the command line, as typed.

    Attributes
    ----------
    decoder : sequence of str
    x : sequence of str
        Points, or files of points.
    variance, latent, likelihood : str or None
    bernoulli : bool
    digits : float
    seconds : float
        Limit for each data point; also for each chunk of them that is tried together first.
    as_json : bool
    """

    decoder: Sequence[str]
    x: Sequence[str]
    variance: str | None
    latent: str | None
    bernoulli: bool
    digits: float
    seconds: float
    as_json: bool
    likelihood: str | None = None


def run(options: Options) -> int:
    """Prove, print, and return the exit code: 0 proved, 1 something undecided, 4 a word that cannot be used."""
    # Only what was typed can be wrong here; the same errors from a proof would be defects, and keep their
    # traceback.
    try:
        model, points = _request(options)
    except (TypeError, ValueError) as error:
        print(f"elboproof evidence: error: {error}", file=sys.stderr)
        return USAGE
    answers = _answer(model, points, options)  # an error from here on is a defect
    return UNDECIDED if any(answer.status for answer in answers) else PROVED


def _answer(model: LatentModel, points: Sequence[Point], options: Options) -> list[Answer]:
    """Prove and print, chunk by chunk; each chunk's rows are printed as soon as they are known."""
    # Rows are printed as they come: a table of thousands takes minutes. JSON is one object, at the end.
    began = time.monotonic()
    answers: list[Answer] = []
    cells = 0
    table = len(points) > 1 and not options.as_json
    if table:
        print(head_text(model))
    with _progress(len(points)) as advance:
        for chunk in (points[k : k + CHUNK] for k in range(0, len(points), CHUNK)):
            found, visited = _prove_chunk(model, chunk, options)
            cells += visited
            if table:
                _print_rows(len(answers), found)
            answers += found
            advance(len(chunk))
    _print_end(answers, model, options, cells, time.monotonic() - began)
    return answers


def _request(options: Options) -> tuple[LatentModel, list[Point]]:
    """Read all words, and refuse whatever the proofs would refuse: constants and data beyond float64, too."""
    require_positive(digits=options.digits, seconds=options.seconds)
    model = build_model(
        options.decoder, options.latent, options.variance, options.bernoulli, options.likelihood
    )
    if latents_left(model) > MOST_LATENTS:
        names = ",".join(map(str, model.latents))
        raise bad("latent", names, f"{TOO_MANY} (every free name of the decoder is one)")
    points = read_points(options.x, model)
    # Compiled and looked at before anything is printed: a table that breaks off at a bad row would look like a
    # finished one.
    model.quantities.compiled("energy", 0, FLOATING)
    for point in points:
        for j, value in enumerate(point.values):
            double(value, f"x[{j}]")
    return model, points


def _prove_chunk(model: LatentModel, points: Sequence[Point], options: Options) -> tuple[list[Answer], int]:
    """Prove points together, then those left open one by one: a hard point must not take its neighbours' time."""
    # The limit is for the chunk first and then for each point that was left open; the better of both answers
    # counts, since both are true.
    together = _prove(model, points, options)
    answers, cells = _answers(points, together), together.cells
    for k, answer in enumerate(answers):
        if answer.status and len(points) > 1:
            alone = _prove(model, points[k : k + 1], options)
            (again,) = _answers(points[k : k + 1], alone)
            answers[k], cells = _better(answer, again), cells + alone.cells
    return answers, cells


def _prove(model: LatentModel, points: Sequence[Point], options: Options) -> Evidence:
    x = [list(point.values) for point in points]
    return evidence_of(model, x, options.digits, seconds=options.seconds, most_cells=MOST_CELLS)


def _answers(points: Sequence[Point], evidence: Evidence) -> list[Answer]:
    # Doubles for all points; with more digits than those hold, the ends of the balls beside.
    lower, upper = evidence.enclosure.lower.tolist(), evidence.enclosure.upper.tolist()
    finest = [_decimals(*pair) for pair in evidence.balls] or [None] * len(points)
    rows = zip(points, lower, upper, evidence.statuses, finest, strict=True)
    return [Answer(*row) for row in rows]


def _decimals(lower: "arb", upper: "arb") -> tuple[Decimal, Decimal] | None:
    """Return two exact balls as decimals: a binary number has finitely many."""
    if not (lower.is_finite() and upper.is_finite()):
        return None
    # A mantissa times 2^-k has k decimals. What the context cannot hold would be rounded, to either side: that is an
    # error, and no bound.
    with localcontext() as context:
        context.prec, context.traps[Inexact] = EXACT_DIGITS, True
        ends = [Decimal(int(man)) * Decimal(2) ** int(exp) for man, exp in (lower.man_exp(), upper.man_exp())]
    return ends[0], ends[1]


def _better(one: Answer, other: Answer) -> Answer:
    """Return the narrower of two answers about the same point."""
    # One that is proved keeps its place; of two that are not, both are true and the narrower says more.
    return one if one.status and one.upper - one.lower < other.upper - other.lower else other


@contextmanager
def _progress(total: int) -> "Iterator[Callable[[int], None]]":
    """Show a bar on a terminal while more than one chunk is proved; yield what advances it."""
    # A bar is for people: nothing is written where the errors go to a file, and rows that are printed meanwhile
    # stay above it.
    if total <= CHUNK or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bar:
        task = bar.add_task("proving", total=total)
        yield lambda count: bar.advance(task, count)


def _print_rows(before: int, answers: Sequence[Answer]) -> None:
    for number, answer in enumerate(answers, before + 1):
        print(row_text(number, answer), flush=True)


def _print_end(
    answers: Sequence[Answer], model: LatentModel, options: Options, cells: int, seconds: float
) -> None:
    if options.as_json:
        print(json_text(answers, model, options.digits, cells, seconds))
    elif len(answers) == 1:
        print(one_text(answers[0], model, options.digits, cells, seconds))
    else:
        print(foot_text(answers, options.digits, cells, seconds))

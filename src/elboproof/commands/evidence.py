"""The command ``elboproof evidence``: proved log evidences of a decoder that is typed on the command line.

With ``--json``, one object is printed::

    {"schema": 1, "version", "latent": [name], "decoder": [text], "likelihood": "gaussian", "bernoulli", ..,
     "variance": [exact text] or null, "parameters": {name: [exact text]} of the other families,
     "normalised": whether bounds are of log p(x), not of the log integral of a density, "digits": asked, "method",
     "proved": whether all rows are, "cells", "seconds",
     "rows": [{"x": [text], "lower", "upper", "midpoint", "radius", "digits", "proved", "reason"}]}

``lower`` and ``upper`` are doubles in nats, null where nothing is known. ``midpoint`` and ``radius`` are decimal texts;
their ball contains the interval. ``digits`` of a row is null where nothing is known. ``reason`` is empty for a proved
row. Nothing else is written to the standard output.
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

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
from elboproof.commands.model_file import model_in, names_a_file
from elboproof.evidence.batch_rows import BeforeWork, head_of, parts_of, require_bounded
from elboproof.evidence.batches import Prove, prove_rows, rows_of
from elboproof.evidence.elimination import latents_left
from elboproof.evidence.log_evidence import CELLS, MOST_LATENTS, TOO_MANY, block_prover
from elboproof.model.data import Data, data_of, double
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.undecided import Undecided
from elboproof.running.progress import Listener
from elboproof.running.row_file import RowFile
from elboproof.running.rows import Row

PROVED, UNDECIDED, USAGE = 0, 1, 4
CHUNK = 64
"""Data points beyond which a bar is shown."""


@dataclass(frozen=True)
class Options:
    """The words of the command line, as typed.

    Attributes
    ----------
    decoder : sequence of str
    x : sequence of str
        Points, or files of points.
    variance, latent : str or None
    bernoulli : bool
    digits : float
    seconds : float
        Limit for each data point.
    as_json : bool
    likelihood : str or None
    resume : str or None
        A file of rows.
    workers : int
        Processes.
    total_seconds : float or None
        Limit for all data points together.
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
    resume: str | None = None
    workers: int = 1
    total_seconds: float | None = None


def run(options: Options) -> int:
    """Prove, print, and return the exit code: 0 proved, 1 something undecided, 4 a word that cannot be used."""
    # Only what was typed can be wrong here; the same errors from a proof would be defects, and keep their
    # traceback.
    try:
        model, points = _request(options)
        prove = block_prover(model, options.digits, CELLS, options.seconds)
    except (TypeError, ValueError, OSError) as error:
        print(f"elboproof evidence: error: {error}", file=sys.stderr)
        return USAGE
    except Undecided as error:  # whether a prior is a probability
        print(f"elboproof evidence: {error}", file=sys.stderr)
        return UNDECIDED
    answers = _answer(model, prove, points, options)  # an error from here on is a defect
    return UNDECIDED if any(answer.status for answer in answers) else PROVED


def _answer(model: LatentModel, prove: Prove, points: Sequence[Point], options: Options) -> list[Answer]:
    """Prove and print; each row is printed as soon as it and those before it are known."""
    # Rows are printed as they come: a table of thousands takes minutes. JSON is one object, at the end.
    began = time.monotonic()
    table = len(points) > 1 and not options.as_json
    if table:
        print(head_text(model))
    data = _data(model, points)
    answers = _Answers(points, table)
    file = None if options.resume is None else RowFile(options.resume, head_of(model, data, options.digits))
    with _progress(len(points)) as listener:
        found = prove_rows(
            prove,
            data,
            seconds=options.seconds,
            end=math.inf if options.total_seconds is None else began + options.total_seconds,
            workers=options.workers,
            progress=listener,
            file=file,
            kind=BeforeWork(model, data).kind,
            each=answers.take,
        )
    ends = answers.all(rows_of(found))
    _print_end(ends, model, options, found.cells, time.monotonic() - began)
    return ends


def _request(options: Options) -> tuple[LatentModel, list[Point]]:
    """Read all words, and refuse whatever the proofs would refuse: constants and data beyond float64, too."""
    require_positive(digits=options.digits, seconds=options.seconds)
    model = _model(options)
    if latents_left(model) > MOST_LATENTS:
        names = ",".join(map(str, model.latents))
        raise bad("latent", names, f"{TOO_MANY} (every free name of the decoder is one)")
    points = read_points(options.x, model)
    # Compiled and looked at before anything is printed: a table that breaks off at a bad row would look like a
    # finished one.
    for part in parts_of(model):
        part.quantities.compiled("energy", 0, FLOATING)
    require_bounded(model, _data(model, points))
    for point in points:
        for j, value in enumerate(point.values):
            double(value, f"x[{j}]")
    if options.resume is not None:
        with RowFile(options.resume, head_of(model, _data(model, points), options.digits)):
            pass  # it can be gone on with
    return model, points


def _data(model: LatentModel, points: Sequence[Point]) -> Data:
    return data_of(model, [list(point.values) for point in points])


def _model(options: Options) -> LatentModel:
    given = [options.variance is not None, options.bernoulli, options.likelihood is not None]
    if names_a_file(list(options.decoder)):
        if any(given) or options.latent is not None:
            raise bad("decoder", options.decoder[0], "no likelihood or latents beside a file, which has them")
        return model_in(options.decoder[0])
    if not any(given):
        raise ValueError("likelihood: got none; expected one of --variance, --bernoulli and --likelihood")
    return build_model(
        options.decoder, options.latent, options.variance, options.bernoulli, options.likelihood
    )


def _decimals(exact: tuple[Fraction, Fraction] | None) -> tuple[Decimal, Decimal] | None:
    """Return two ends as decimals: a binary number has finitely many."""
    if exact is None:
        return None
    # A numerator over 2^k has k decimals. What the context cannot hold would be rounded, to either side: that is an
    # error, and no bound.
    with localcontext() as context:
        context.prec, context.traps[Inexact] = EXACT_DIGITS, True
        ends = [Decimal(end.numerator) / Decimal(end.denominator) for end in exact]
    return ends[0], ends[1]


class _Answers:
    """The answers so far, and a table of those before which none is missing."""

    def __init__(self, points: Sequence[Point], table: bool) -> None:
        self._points, self._table, self._printed = points, table, 0
        self.found: dict[int, Answer] = {}

    def take(self, number: int, row: Row) -> None:
        """Take what is known of a row, and print the rows that come next."""
        point = self._points[number]
        self.found[number] = Answer(point, row.lower, row.upper, row.status, _decimals(row.exact))
        while self._table and self._printed in self.found:
            print(row_text(self._printed + 1, self.found[self._printed]), flush=True)
            self._printed += 1

    def all(self, rows: Sequence[Row]) -> list[Answer]:
        """Return the answers of all rows, those among them that nobody began."""
        for number, row in enumerate(rows):
            if number not in self.found:
                self.take(number, row)
        return [self.found[number] for number in range(len(self._points))]


@contextmanager
def _progress(total: int) -> Iterator[Listener | None]:
    """Show a bar on a terminal while many rows are proved; yield what moves it."""
    # A bar is for people: nothing is written where the errors go to a file, and rows that are printed meanwhile
    # stay above it.
    if total <= CHUNK or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bar:
        task = bar.add_task("proving", total=total)
        yield lambda told: bar.update(task, completed=told.done)


def _print_end(
    answers: Sequence[Answer], model: LatentModel, options: Options, cells: int, seconds: float
) -> None:
    if options.as_json:
        print(json_text(answers, model, options.digits, cells, seconds))
    elif len(answers) == 1:
        print(one_text(answers[0], model, options.digits, cells, seconds))
    else:
        print(foot_text(answers, options.digits, cells, seconds))

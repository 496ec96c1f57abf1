"""Evidences of many data points, proved as every long call's rows are (`running.batches`)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from elboproof.evidence.evidences import Evidence
from elboproof.model.data import Data
from elboproof.numbers.enclosed_rows import enclosure_of
from elboproof.numbers.enclosure_ends import ball_ends
from elboproof.running.batches import prove_all
from elboproof.running.progress import Listener
from elboproof.running.row_file import RowFile
from elboproof.running.rows import BOUNDS, Kind, Row

Prove = Callable[[Data, float], Evidence]
"""Proves data points within so many seconds; it can be pickled."""


def rows_of(found: Evidence) -> tuple[Row, ...]:
    """Return the rows of an evidence (N,), with all digits that were proved."""
    e, count = found.enclosure, len(found.statuses)
    exact: Sequence[Any] = [None] * count if e.exact is None else list(zip(*e.exact, strict=True))
    if found.balls:
        exact = [ball_ends(*pair) for pair in found.balls]
    ends = zip(e.lower.tolist(), e.upper.tolist(), exact, found.statuses, strict=True)
    cells = [found.cells // count + (n < found.cells % count) for n in range(count)]
    return tuple(Row(*row, visited) for row, visited in zip(ends, cells, strict=True))


def evidence_of_rows(rows: Sequence[Row]) -> Evidence:
    """Return rows as an evidence."""
    statuses = tuple(row.status for row in rows)
    return Evidence(enclosure_of(rows), statuses, sum(row.cells for row in rows), 0.0)


def _rows(prove: Prove, data: Data, seconds: float) -> tuple[Row, ...]:
    return rows_of(prove(data, seconds))


def prove_rows(
    prove: Prove,
    data: Data,
    *,
    seconds: float,
    end: float,
    workers: object = 1,
    progress: Listener | None = None,
    file: RowFile | None = None,
    kind: Kind[Row] = BOUNDS,
    together: int = 0,
    easy: bool = False,
    each: Callable[[int, Row], object] = lambda *_: None,
) -> Evidence:
    """Return the evidences of all data points; arguments as in `prove_all`."""
    rows = prove_all(
        partial(_rows, prove),
        data,
        kind,
        seconds=seconds,
        end=end,
        together=together,
        easy=easy,
        workers=workers,
        progress=progress,
        file=file,
        each=each,
    )
    return evidence_of_rows(rows)

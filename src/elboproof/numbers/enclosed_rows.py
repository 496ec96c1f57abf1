"""Rows of a long call that are enclosures of one number each, or of some."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.enclosure_ends import ball_ends, worth_keeping
from elboproof.numbers.undecided import Undecided
from elboproof.running.batches import ProveRows, prove_all
from elboproof.running.request import Request
from elboproof.running.rows import BOUNDS, Items, Kind, Row, unbounded

if TYPE_CHECKING:
    from flint import arb


def row_of(ball: "arb", status: str) -> Row:
    """Return a ball as a row, with all its digits."""
    enclosure = Enclosure.from_balls(ball)
    return Row(float(enclosure.lower), float(enclosure.upper), ball_ends(ball, ball), status, 0)


@dataclass(frozen=True)
class Several:
    """Bounds of some numbers that were asked about at once, decided if all are."""

    rows: tuple[Row, ...]

    @property
    def status(self) -> str:
        """Why the first that is open is open."""
        return next((row.status for row in self.rows if row.status), "")

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers that lose nothing."""
        return {"rows": [row.to_json() for row in self.rows]}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Several":
        """Return the numbers that were written."""
        return cls(tuple(map(Row.from_json, row["rows"])))

    def better(self, other: "Several | None") -> "Several":
        """Return what both say of each number together."""
        if other is None:
            return self
        return Several(tuple(one.better(two) for one, two in zip(self.rows, other.rows, strict=True)))


def several(count: int) -> Kind[Several]:
    """Return the kind of rows that have so many numbers."""
    return Kind(Several.from_json, lambda n, reason: Several((unbounded(n, reason),) * count))


def bounded_rows(
    prove: ProveRows[Row], items: Items, request: Request, head: Callable[[], Mapping[str, Any]]
) -> list[Row]:
    """Return bounds of one number for each item; blocks save no work, only what it takes to hand rows on."""
    return prove_all(
        prove,
        items,
        BOUNDS,
        seconds=request.seconds,
        end=request.end,
        trials=False,
        workers=request.workers,
        progress=request.progress,
        file=request.file(head),
    )


def shares(count: int, seconds: float) -> Iterator[float]:
    """Yield, when each of some rows is begun, its deadline on the clock ``time.monotonic()``: its share of the rest."""
    end = time.monotonic() + seconds
    for n in range(count):
        now = time.monotonic()
        yield now + (end - now) / (count - n)


def enclosure_of(rows: Sequence[Row]) -> Enclosure:
    """Return rows as enclosures (N,); exact where doubles lose digits of one and no row is without bounds."""
    if any(row.exact and worth_keeping(row.exact, (row.lower, row.upper)) for row in rows):
        ends = [row.fractions for row in rows]
        if None not in ends:
            return Enclosure.between_exact([pair for pair in ends if pair is not None])
    return Enclosure([row.lower for row in rows], [row.upper for row in rows])


def told(rows: Sequence[Row], what: str, name: str = "x", least: int | None = None) -> Enclosure:
    """Return rows as enclosures (N,) of numbers that are known to be at least ``least``.

    Raises
    ------
    Undecided
        If one has a status.
    """
    enclosure, statuses = enclosure_of(rows), tuple(row.status for row in rows)
    if least is not None:
        enclosure = enclosure.at_least(least)
    if any(statuses):
        raise Undecided(enclosure, statuses, what, name)
    return enclosure

"""Enclosures of the rows of a long call, and rows of balls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.enclosure_ends import ball_ends, worth_keeping
from elboproof.running.rows import Row

if TYPE_CHECKING:
    from flint import arb


def row_of(ball: "arb", status: str) -> Row:
    """Return a ball as a row, with all its digits."""
    enclosure = Enclosure.from_balls(ball)
    return Row(float(enclosure.lower), float(enclosure.upper), ball_ends(ball, ball), status, 0)


def enclosure_of(rows: Sequence[Row]) -> Enclosure:
    """Return rows as enclosures (N,); exact where doubles lose digits of one and no row is without bounds."""
    ends = [row.fractions for row in rows]
    finer = any(row.exact and worth_keeping(row.exact, (row.lower, row.upper)) for row in rows)
    if finer and None not in ends:
        return Enclosure.between_exact([pair for pair in ends if pair is not None])
    return Enclosure([row.lower for row in rows], [row.upper for row in rows])

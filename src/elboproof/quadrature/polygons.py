"""Convex polygons and segments with exact corners, cut by exact lines: the parts cover the whole, and nothing is lost.

Signs are those of rational numbers. Floats with a bound of their error decide most of them; where they do not, the
rational number itself is computed, so that lines through corners, parallel lines, lines that are met twice and lines
that touch are no special cases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.exact import nearest_double

Corner = tuple[fmpq, ...]
"""One coordinate on a line, two in the plane."""
Row = tuple[fmpq, ...]
"""The slopes and the constant of an affine function."""
Signs = NDArray[np.int8]
"""Of affine functions on a piece: 1 where they are nonnegative there, -1 where they are nonpositive."""
ROUNDING = 2.0**-49
"""More than the error of a x + b y + c in floats, relative to |a x| + |b y| + |c|: six roundings of 2^-53 each."""
SUBNORMAL, UNDERFLOW = 2.0**-1021, 1e-290
"""What makes the error of a subnormal double a relative one, and more than what underflows in that sum."""


def value(row: Row, corner: Corner) -> fmpq:
    """Return an affine function at a point."""
    return sum((slope * place for slope, place in zip(row, corner, strict=False)), row[-1])


@dataclass(frozen=True, eq=False)
class Piece:
    """A convex polygon, its corners counterclockwise, or a segment, its ends from low to high; none is degenerate."""

    corners: tuple[Corner, ...]

    @cached_property
    def floats(self) -> FloatArray:
        """The nearest doubles of the corners and a one, (corners, d + 1)."""
        return np.array([[*map(nearest_double, corner), 1.0] for corner in self.corners])

    def sides(self, row: Row) -> tuple["Piece | None", "Piece | None"]:
        """Return the parts where an affine function is nonnegative and nonpositive, None for one without interior.

        Where it is zero everywhere, the first part is the whole.
        """
        values = [value(row, corner) for corner in self.corners]
        if all(v >= 0 for v in values):
            return self, None
        if all(v <= 0 for v in values):
            return None, self
        return self._part(values), self._part([-v for v in values])

    def _part(self, values: Sequence[fmpq]) -> "Piece":
        """Return the part of nonnegative values."""
        corners: list[Corner] = []
        for k, (corner, v) in enumerate(zip(self.corners, values, strict=True)):
            before, u = self.corners[k - 1], values[k - 1]
            if (u < 0 < v or v < 0 < u) and (k or len(self.corners) > 2):
                share = u / (u - v)
                corners.append(tuple(a + share * (b - a) for a, b in zip(before, corner, strict=True)))
            if v >= 0:
                corners.append(corner)
        return Piece(tuple(corners))


@dataclass(frozen=True, eq=False)
class Lines:
    """Affine functions whose signs are asked for, exactly and in nearest doubles."""

    rows: Sequence[Row]

    @cached_property
    def floats(self) -> FloatArray:
        """(rows, d + 1)."""
        return np.array([list(map(nearest_double, row)) for row in self.rows])

    def known(self, piece: Piece, which: NDArray[np.intp]) -> Signs:
        """Return the signs on a piece of some of them that floats decide, 0 for the others."""
        # a sum that overflows is infinite or NaN, and so is its bound: no comparison with it is true
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self.floats[which]
            values = piece.floats @ rows.T
            sizes = (np.abs(piece.floats) + SUBNORMAL) @ (np.abs(rows) + SUBNORMAL).T
            error = sizes * ROUNDING + UNDERFLOW
            above, below = (values > error).all(0), (values < -error).all(0)
        return np.where(above, 1, np.where(below, -1, 0)).astype(np.int8)


def arranged(
    piece: Piece, lines: Lines, proceed: Callable[[], None] = lambda: None
) -> list[tuple[Piece, Signs]]:
    """Return the parts into which lines cut a piece, with the signs of all lines on each.

    Parameters
    ----------
    proceed
        Called before each part is looked at; what it raises ends the search.
    """
    found = []
    waiting = [(piece, np.zeros(len(lines.rows), dtype=np.int8), np.arange(len(lines.rows)))]
    while waiting:
        proceed()
        part, signs, open_ones = waiting.pop()
        if len(open_ones):
            known = lines.known(part, open_ones)
            signs[open_ones] = known
            open_ones = open_ones[known == 0]
        for place, line in enumerate(open_ones.tolist()):
            above, below = part.sides(lines.rows[line])
            if above is not None and below is not None:
                rest = open_ones[place + 1 :]
                other = signs.copy()
                signs[line], other[line] = 1, -1
                waiting += [(above, signs, rest), (below, other, rest)]
                break
            signs[line] = -1 if above is None else 1
        else:
            found.append((part, signs))
    return found

"""The roots of a search on the pieces of a piecewise linear decoder: cells with exact corners, and affine functions."""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from flint import arb_mat, fmpq_mat

from elboproof.evidence.piece_bounds import balls_of
from elboproof.evidence.pieces import Box, LinearPiece, pieces_of
from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel
from elboproof.model.piecewise import Kinked, kinked
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.corner_charts import Cornered, Maps, parts_of

BITS = 128
"""Of the coefficients before they are rounded to doubles: sums over many units cancel."""


@dataclass(frozen=True, eq=False)
class Roots:
    """The pieces of a model in a box, and the cells that they are cut into.

    Attributes
    ----------
    pieces : tuple of LinearPiece
    function : Piecewise
        The decoder, or what its last activation is of.
    """

    pieces: tuple[LinearPiece, ...]
    function: Piecewise

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def cells(self) -> Cells:
        """The cells of all pieces, owned by their numbers."""
        parts = [parts_of(one.piece) for one in self.pieces]
        owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        maps = Maps.onto([corners for part in parts for corners in part])
        shape = len(owner), len(parts[0][0][0])
        return Cells(owner, np.zeros(shape), np.ones(shape), Cornered(maps, np.arange(len(owner))))

    def of_rows(self, count: int) -> Cells:
        """Return the cells of all pieces for each of some rows; owners are numbered row by row."""
        cells, pieces = self.cells, len(self)
        owner = (np.arange(count)[:, None] * pieces + cells.owner).reshape(-1)
        chart = cells.chart[np.tile(np.arange(len(cells)), count)]
        return Cells(owner, np.tile(cells.centre, (count, 1)), np.tile(cells.half, (count, 1)), chart)

    @cached_property
    def coefficients(self) -> BallArray:
        """Balls around each piece's outputs as affine functions, one after the other, (P, D (d + 1))."""
        with working_precision(BITS):
            weight, bias = self._last
            rows = [arb_mat(one.units(self.function)) for one in self.pieces]
            if weight is not None and bias is not None:
                last, of_one = arb_mat(weight), arb_mat(bias)
                rows = [_moved(last * row, of_one) for row in rows]
            return balls_of([entry for row in rows for entry in row.entries()]).reshape(len(rows), -1)

    @property
    def _last(self) -> tuple[fmpq_mat | None, fmpq_mat | None]:
        return self.function.weight, self.function.bias

    def exact(self, k: int) -> list[Fraction]:
        """Return the same numbers of one piece, exactly."""
        weight, bias = self._last
        rows = self.pieces[k].units(self.function)
        if weight is not None and bias is not None:
            rows = _moved(weight * rows, bias)
        return [Fraction(int(entry.p), int(entry.q)) for entry in rows.entries()]


def _moved(rows: Any, bias: Any) -> Any:
    """Return affine functions with their constants moved."""
    last = rows.ncols() - 1
    for j in range(rows.nrows()):
        rows[j, last] += bias[j, 0]
    return rows


@lru_cache(maxsize=2)
def roots_of(model: LatentModel, box: Box) -> Roots:
    """Return the roots of a model whose pieces are known; kept for the next data."""
    found: Kinked = kinked(model)  # type: ignore[assignment]  # whoever asks has looked
    return Roots(pieces_of(model, box, math.inf), found.function)

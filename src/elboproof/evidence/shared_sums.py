"""Rules for exp(level - U) on a cell, for many rows at once: products of matrices, with proof."""

from dataclasses import dataclass

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.shared_parts import SharedParts
from elboproof.evidence.summation import Sizes, laid_out
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.outward import upward
from elboproof.quadrature.cells import Cells

NUMBERS = 2**21
"""Outputs times points at once: 16 megabytes for each array of them."""


@dataclass(frozen=True)
class Points:
    """The points of some cells' rules, one cell after the other.

    Attributes
    ----------
    statistic : (D, P)
    rest : (P,)
        T and R there.
    weights : (P,)
        Of the rules on the cells, the cells' volumes included.
    ends : (C,)
        Where each cell's points end.
    """

    statistic: BallArray
    rest: BallArray
    weights: BallArray
    ends: FloatArray

    def of(self, cell: int) -> tuple[BallArray, BallArray, BallArray]:
        """Return T, R and the weights on one cell."""
        part = slice(int(self.ends[cell - 1]) if cell else 0, int(self.ends[cell]))
        return self.statistic[:, part], self.rest[part], self.weights[part]


def points_of(parts: SharedParts, cells: Cells, sizes: Sizes) -> Points:
    """Return the points of straight cells with tensor rules of given sizes (C, d)."""
    nodes, weights, cell, place = laid_out(sizes)
    z = [
        BallArray(cells.centre[cell, k]) + BallArray(cells.half[cell, k]) * table[place]
        for k, table in enumerate(nodes)
    ]
    weight = weights[place]
    for k in range(sizes.shape[1]):
        weight = weight * BallArray(cells.half[cell, k])
    statistic, rest = parts.points(BallArray.concatenate([column.reshape(1, -1) for column in z]))
    count = len(cell)
    return Points(
        statistic[()].broadcast_to((parts.outputs, count)),
        rest[()].broadcast_to((count,)),
        weight,
        np.cumsum(sizes.prod(1)),
    )


def row_sums(
    x: FloatArray, level: BallArray, statistic: BallArray, rest: BallArray, weights: BallArray
) -> BallArray:
    """Return sum_p w_p exp(level_n - R_p + x_n . T_p), shape (N,), for exact data x (N, D).

    Parameters
    ----------
    level : (N,)
        shift - c(x).
    statistic, rest, weights
        T (D, P), R (P,) and w (P,).
    """
    # (N, D) times (D, P), then two sums and exp of (N, P), all of them balls. The last sum over P is a product with
    # the midpoints of the weights; their radii count with the largest values, P products and sums that round up.
    exponent = ExactMatrix(x) @ statistic - rest.reshape(1, -1) + level.reshape(-1, 1)
    value = exponent.exp()
    (total,) = (ExactMatrix(weights.mid[None, :]) @ _turned(value),)
    error = upward(value.mag() @ weights.rad, weights.size + 1, underflows=weights.size)
    sums: BallArray = total.reshape(-1) + BallArray(np.zeros(len(x)), error)
    return sums


def _turned(value: BallArray) -> BallArray:
    """Return the transposed matrix."""
    return BallArray(value.mid.T, value.rad.T)

r"""Lower bounds of Re U over complex rectangles around cells, for all rows at once.

With the slopes g at a cell's centre and discs (m_kl, r_kl) around the second derivatives over a convex region that
contains the segment from the centre, Taylor's formula with its integral remainder says

    U(c + t) = U(c) + sum_k g_k t_k + (1/2) sum_kl e_kl t_k t_l,        |e_kl - m_kl| <= r_kl,

since an average of numbers in a disc lies in it. For t_k = a + i b with |a| <= along_k, |b| <= across_k, and
s_k^2 = along_k^2 + across_k^2, the real part is at least

    U(c) + sum_k min_a (g_k a + (m_kk - r_kk) a^2 / 2) - sum_k max(m_kk + r_kk, 0) across_k^2 / 2
         - sum_{k<l} (|m_kl| + r_kl) s_k s_l.

Each row's U, g and m are a product of x with what is shared, so that the terms of the outputs cancel before any size is
taken.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.shared_parts import SharedParts
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.outward import rounding, upward
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG

UNDERFLOW = 2.0**-1000
"""More than what products below all normal floats lose."""


@dataclass(frozen=True)
class RowBounds:
    """What is known of U for N rows over C cells.

    Attributes
    ----------
    central : (N, C)
        Lower bounds of U at the centres.
    least : (N, C)
        Lower bounds of U over the cells.
    analytic : list of (N, C)
        For each axis lower bounds of Re U with this coordinate on its rectangle, -inf where U may not be analytic.
    """

    central: FloatArray
    least: FloatArray
    analytic: list[FloatArray]


def row_bounds(parts: SharedParts, x: FloatArray, constant: BallArray, cells: Cells) -> RowBounds:
    """Return bounds for exact data (N, D) with constants c(x), (N,), over straight cells."""
    rows = ExactMatrix(x)
    statistic, rest = parts.centres(_matrix(cells.points()))
    value, *slopes = (
        _energy(rows, t, r, len(cells))
        for t, r in zip(sum(statistic, []), sum(rest, []), strict=True)
    )
    value = value + constant.reshape(-1, 1)
    reach = [cells.half[:, k] for k in range(parts.d)]
    analytic, least = [], np.full(value.shape, -np.inf)
    for j in range(parts.d):
        curves = [_energy(rows, t, r, len(cells)) for t, r in zip(*parts.curvatures(rectangle(cells, j)), strict=True)]
        along = [upward(h * ALONG, 1) if k == j else h for k, h in enumerate(reach)]
        across = [upward(h * ACROSS, 1) if k == j else 0.0 * h for k, h in enumerate(reach)]
        analytic.append(least_real(value, slopes, curves, along, across))
        # the cell is part of the rectangle, so that the same discs serve its own bound
        none = [0.0 * h for h in reach]
        least = np.fmax(least, least_real(value, slopes, curves, reach, none))
    return RowBounds(value.lower(), least, analytic)


def rectangle(cells: Cells, j: int) -> ComplexBallArray:
    """Return the cells with coordinate j on its rectangle, (d, C)."""
    real, imag = cells.half.T.copy(), np.zeros(cells.half.T.shape)
    real[j], imag[j] = upward(real[j] * ALONG, 1), upward(real[j] * ACROSS, 1)
    return ComplexBallArray(BallArray(cells.centre.T, real), BallArray(np.zeros(imag.shape), imag))


def _matrix(columns: list[BallArray]) -> BallArray:
    return BallArray.concatenate([column.reshape(1, -1) for column in columns])


def _energy(rows: ExactMatrix, statistic: BallArray, rest: BallArray, count: int) -> BallArray:
    """Return rest - x . statistic, (N, C); discs of real combinations are balls of the same arithmetic."""
    product: BallArray = rows @ statistic.broadcast_to((rows.shape[1], count))
    return rest.broadcast_to((count,)).reshape(1, -1) - product


def least_real(
    value: BallArray,
    slopes: list[BallArray],
    curves: list[BallArray],
    along: list[FloatArray],
    across: list[FloatArray],
) -> FloatArray:
    """Return the lower bound above, (N, C), for U and slopes at centres (N, C), and curvatures (N, C) as discs.

    Parameters
    ----------
    curves
        Ordered as ``combinations_with_replacement(range(d), 2)``.
    along, across
        For each axis the reach of each cell, (C,).
    """
    # Floats of + - * / and a root: at most a dozen roundings on any path. Within a term only slope * reach and a smaller
    # curve * reach^2 / 2 may cancel, so that the operands' sizes are at most three times the terms'.
    low = value.lower()
    total, size = low.copy(), np.abs(low)
    for (k, l), curve in zip(combinations_with_replacement(range(len(slopes)), 2), curves, strict=True):  # noqa: E741
        if k == l:
            down = [_least_along(slopes[k].mag(), curve.lower(), along[k])]
            down.append(np.maximum(curve.upper(), 0.0) * (0.5 * across[k] * across[k]))
        else:
            reach = [np.sqrt(along[i] * along[i] + across[i] * across[i]) for i in (k, l)]
            down = [curve.mag() * (reach[0] * reach[1])]
        for part in down:
            total, size = total - part, size + part
    bound = np.nextafter(total - (rounding(size, 3 * 16) + UNDERFLOW), -np.inf)
    return np.where(np.isnan(bound), -np.inf, bound)


def _least_along(slope: FloatArray, curve: FloatArray, reach: FloatArray) -> FloatArray:
    """Return minus the least value of s a + m a^2/2 over |a| <= reach, |s| <= slope and m >= curve; nonnegative.

    With m > 0 it is at most slope^2 / (2 m), reached at a = slope / m; beyond the reach, and for m <= 0, it is
    reached at the end. Where rounding picks the wrong one of the two, they differ by a square of a rounding.
    """
    # s a + m a^2/2 only falls when m does, for every a
    inside = (curve > 0) & (slope < curve * reach)
    end = slope * reach - 0.5 * curve * (reach * reach)
    return np.where(inside, slope * slope / (2 * np.where(inside, curve, 1.0)), np.maximum(end, 0.0))

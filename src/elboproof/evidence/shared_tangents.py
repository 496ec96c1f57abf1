r"""Lower bounds of U over real cells by tangents, for all rows at once: what most pairs are discarded by.

a is convex, so that it lies above its tangent at f_0 = f(c). With g = a'(f_0) - s x, where T = s f,

    U(c + t) >= U(c) + c . t + |t|^2/2 + g . (f(c + t) - f_0),      f - f_0 = W (h - h_0),

h the last hidden layer, whose outputs cancel in W'g before any size is taken. By Taylor's formula along the segment

    h(c + t) - h_0 = sum_k h_k t_k + sum_{|a| = 2} r_a t^a,        r_a an average of h_a over the segment.

The outputs are evaluated at the centre alone, without derivatives; over the cell only h is, in real balls. That is some
thirty times cheaper than the rectangles that rules need (`shared_bounds`), at the price of a's curvature.
"""

from dataclasses import dataclass

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.shared_bounds import SharedRows, hidden_product, least_real, matrix, row_product, wide
from elboproof.evidence.shared_parts import SharedParts
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.jets import Jet
from elboproof.numbers.outward import upward
from elboproof.quadrature.cells import Cells

NUMBERS = 2**20
"""Units times pairs at once: 8 megabytes for each array of them."""


@dataclass(frozen=True)
class TangentBounds:
    """What tangents say of U for N rows over C cells.

    Attributes
    ----------
    central, least : (N, C)
        Lower bounds of U at the centres, and over the cells.
    bend : (C, d)
        How many nats U bends by along each axis; floats that steer.
    """

    central: FloatArray
    least: FloatArray
    bend: FloatArray


def tangent_bounds(parts: SharedParts, rows: SharedRows, cells: Cells) -> TangentBounds:
    """Return bounds over straight cells."""
    centre, count = matrix(cells.points()), len(cells)
    found = parts.tangents(centre, matrix(cells.box()))
    value = wide(found.rest, count) - row_product(ExactMatrix(rows.x), found.statistic, count)
    jet: Jet = {(): value + rows.constant.reshape(-1, 1)}
    for k in range(parts.d):
        slope = (found.mixed * found.first[k]).sum(0) + centre[k]
        jet[k,] = wide(slope, count) - hidden_product(rows, found.first[k], count)
    for key, h in found.second.items():
        curve = _curve(rows, found.mixed, h, count)
        jet[key] = curve + 0.5 if key[0] == key[1] else curve
    reach = [cells.half[:, k] for k in range(parts.d)]
    least = least_real(jet, {}, reach, [0.0 * h for h in reach])
    return TangentBounds(jet[()].lower(), least, found.bend.T * cells.half**2)


def _curve(rows: SharedRows, mixed: BallArray, h: BallArray, count: int) -> BallArray:
    """Return (W'g) . h for h (units, C) over cells, (N, C): the radii of h count with |W'g|, in which terms cancel."""
    middle = BallArray(h.mid)
    total = wide((mixed * middle).sum(0), count) - hidden_product(rows, middle, count)
    return total + BallArray(np.zeros(total.shape), _spread(rows, mixed, h.rad))


def _spread(rows: SharedRows, mixed: BallArray, radius: FloatArray) -> FloatArray:
    """Return upper bounds of sum_u |mixed - turned|_u radius_u, (N, C), for mixed and radii (units, C)."""
    # Sums of nonnegative numbers: a difference and two sums in each term, one product, and a sum of so many.
    units, count = mixed.shape
    turned, total = rows.turned, np.empty((len(rows), count))
    step = max(1, NUMBERS // (units * len(rows)))
    for start in range(0, count, step):
        part = slice(start, start + step)
        size = np.abs(mixed.mid.T[part, None, :] - turned.mid) + (mixed.rad.T[part, None, :] + turned.rad)
        with np.errstate(invalid="ignore"):  # zero times an unknown size
            total[:, part] = (size @ radius.T[part, :, None])[:, :, 0].T
    total = upward(total, units + 4, underflows=units)
    return np.where(np.isnan(total), np.inf, total)

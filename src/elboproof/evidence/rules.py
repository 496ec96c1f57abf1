"""Gauss-Legendre rules on cells: which one, if any, has a proved error that is small enough.

The error on a cell is the sum over its axes of a factor times volume times the supremum of |exp(shift - U)| with that
axis on its ellipse (`quadrature.gauss_legendre`). The ellipse lies in a complex rectangle, over which U is bounded by
ball arithmetic; where U is not analytic there, the bound is infinite.
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Energy
from elboproof.evidence.found import Found
from elboproof.evidence.target import PART, Target
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.outward import exp_upward, upward
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, SIZES, factors

LARGEST_SIZE = {1: 40, 2: 24, 3: 18, 4: 12}
"""Points an axis, by dimension, for few digits: beyond, halving the cell costs fewer points."""


def try_rules(
    energy: Energy, cells: Cells, target: Target, central: FloatArray, found: Found
) -> tuple[NDArray[np.bool_], Index, NDArray[np.bool_]]:
    """Accept the cells for which a rule is good enough; return which, the worst axis, and where none is bounded."""
    # Arrays (B,) of floats decide what is good enough: a share of the cell's estimated mass. What is accepted
    # adds the bound of its error, so that a bad estimate costs width and no truth.
    d = cells.half.shape[1]
    estimate = cells.volume() * np.exp(np.minimum(target.shift[cells.owner] - central, 700.0))
    allowed = PART / d * target.tolerance * (estimate + target.share * target.mass[cells.owner])
    largest = largest_size(d, target.tolerance)
    errors = _axis_errors(energy, cells, target)[:, :largest]
    accepted = (errors[:, -1] <= allowed[:, None]).all(1)
    _accept(cells, accepted, errors, allowed, found)
    unknown = ~np.isfinite(errors[:, -1]).any(1) & (d > 1)
    return accepted, _worst(errors[:, -1], cells.half, energy.kinks_across), unknown


def largest_size(d: int, tolerance: float) -> int:
    """Return how many of the sizes may be used: more for more digits, of which a point an axis gives nearly one."""
    wanted = max(LARGEST_SIZE[d], 4 - 1.1 * np.log10(tolerance))
    return max(1, int(np.searchsorted(SIZES, wanted)) + 1) if wanted < SIZES[-1] else len(SIZES)


def _worst(errors: FloatArray, half: FloatArray, kinks_across: bool) -> Index:
    """Return the axis with the largest error, the longest of those where no rule is bounded.

    Any choice is sound. Taking always the same axis where nothing is known would make slivers without end; but slivers
    along a kink are what is wanted.
    """
    # errors, half: (B, d).
    unknown = ~np.isfinite(errors)
    lengths = np.where(unknown, half, -1.0)
    if kinks_across:
        lengths[unknown.all(1), 0] = np.inf
    return np.asarray(np.where(unknown.any(1), lengths.argmax(1), errors.argmax(1)))


def _axis_errors(energy: Energy, cells: Cells, target: Target) -> FloatArray:
    """Return upper bounds of each rule's error on each cell, axis by axis: (B, sizes, d).

    Axis j stands on its rectangle, the others in the cell; the volume's stretch is bounded as far out as that reaches.
    There are two products, the second one after its margin; its underflow is `_accept`'s.
    """
    # suprema (B, d), factors (sizes,). Volume times supremum is rounded once and its stretch is part of the
    # volume; the margin of two covers the product with the factor, too.
    suprema = np.stack([_supremum(energy, cells, target, j) for j in range(cells.half.shape[1])], -1)
    scaled = upward(suprema * cells.volume(reach=ALONG + ACROSS)[:, None], 2, underflows=1)
    return factors()[None, :, None] * scaled[:, None, :]


def _accept(
    cells: Cells, accepted: NDArray[np.bool_], errors: FloatArray, allowed: FloatArray, found: Found
) -> None:
    """Give each accepted cell, by its row, the smallest size that is good enough on every axis."""
    rows = np.flatnonzero(accepted)
    if len(rows):
        # (rows, sizes, d) -> (rows, d): argmax of booleans is the first size that is good enough; the last one
        # is, by `accepted`.
        choice = (errors[rows] <= allowed[rows, None, None]).argmax(1)
        error, d = np.take_along_axis(errors[rows], choice[:, None, :], 1)[:, 0].sum(1), choice.shape[1]
        found.accept(cells[rows], np.array(SIZES)[choice], upward(error, d - 1, underflows=d))


def _supremum(energy: Energy, cells: Cells, target: Target, j: int) -> FloatArray:
    """Return upper bounds of |exp(shift - U)| = exp(shift - Re U) with coordinate j on its rectangle, (B,)."""
    # Balls (B,). The ellipse with semi-axes ALONG h and ACROSS h lies in the rectangle; |exp(w)| = exp(Re w),
    # so a lower bound of Re U over the rectangle is all it takes.
    u: list[BallArray | ComplexBallArray] = list(cells.box())
    along, across = (upward(cells.half[:, j] * axis, 1) for axis in (ALONG, ACROSS))
    u[j] = ComplexBallArray(BallArray(cells.centre[:, j], along), BallArray(np.zeros(len(cells)), across))
    least = energy.least_real_part(cells, u)
    exponent = BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))
    return exp_upward(exponent.upper())

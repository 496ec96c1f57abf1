"""Gauss-Legendre rules on cells: which one, if any, has a proved error that is small enough.

The error on a cell is the sum over its axes of a factor times volume times the supremum of |exp(shift - U)| with that
axis on its ellipse (`quadrature.gauss_legendre`). The ellipse lies in a complex rectangle, over which U is bounded by
ball arithmetic; where U is not analytic there, the bound is infinite.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Energy
from elboproof.evidence.forecast import Forecast
from elboproof.evidence.target import PART, Target
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.outward import exp_upward, upward
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, SIZES, factors

LARGEST_SIZE = {1: 40, 2: 24, 3: 18, 4: 12}
"""Points an axis, by dimension, for few digits: beyond, halving the cell costs fewer points."""


@dataclass(frozen=True)
class Tried:
    """Cells on which rules were tried, with bounds of what the error of any rule is proportional to.

    Attributes
    ----------
    expected : Forecast
    scale : (B, d)
        Volume times supremum with that axis on its ellipse, at most.
    largest : int
        How many of the sizes may be used.
    """

    expected: Forecast
    scale: FloatArray
    largest: int

    def __getitem__(self, part: Any) -> "Tried":
        return Tried(self.expected[part], self.scale[part], self.largest)

    def __len__(self) -> int:
        return len(self.scale)

    def good(self, target: Target) -> NDArray[np.bool_]:
        """Return where a rule is good enough, (B,)."""
        return np.asarray((self._least() <= self._allowed(target)[:, None]).all(1))

    def rules(self, target: Target) -> tuple[Index, FloatArray]:
        """Return the smallest sizes that are good enough on every axis (B, d), where one is, and the errors (B,)."""
        # (B, sizes, d) -> (B, d): argmax of booleans is the first size that is good enough; the last one is, by
        # `good`.
        errors = self.errors()
        choice = (errors <= self._allowed(target)[:, None, None]).argmax(1)
        error, d = np.take_along_axis(errors, choice[:, None, :], 1)[:, 0].sum(1), choice.shape[1]
        return np.array(SIZES)[choice], upward(error, d - 1, underflows=d)

    def worst(self, kinks_across: bool) -> Index:
        """Return the axis along which to halve, (B,)."""
        return _worst(self._least(), self.expected.cells.half, kinks_across)

    def unknown(self) -> NDArray[np.bool_]:
        """Return where no rule has a bound, (B,), in more than one dimension."""
        return np.asarray(~np.isfinite(self.scale).any(1) & (self.scale.shape[1] > 1))

    def errors(self) -> FloatArray:
        """Return upper bounds (B, sizes, d): the product's rounding is covered by the scale's margin."""
        return factors()[None, : self.largest, None] * self.scale[:, None, :]

    def _least(self) -> FloatArray:
        """Return those of the largest size, (B, d)."""
        return np.asarray(factors()[self.largest - 1] * self.scale)

    def _allowed(self, target: Target) -> FloatArray:
        # Floats (B,) decide what is good enough: a share of the cell's estimated mass. What is accepted adds the
        # bound of its error, so that a bad estimate costs width and no truth.
        cells, d = self.expected.cells, self.scale.shape[1]
        estimate = cells.volume() * np.exp(
            np.minimum(target.shift[cells.owner] - self.expected.energy, 700.0)
        )
        return np.asarray(PART / d * target.tolerance * (estimate + target.share * target.mass[cells.owner]))


def try_rules(energy: Energy, expected: Forecast, target: Target) -> Tried:
    """Bound the errors of rules on cells, of any that the target's digits may take."""
    scale = _scales(energy, expected.cells, target)
    return Tried(expected, scale, largest_size(scale.shape[1], target.tolerance))


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


def _scales(energy: Energy, cells: Cells, target: Target) -> FloatArray:
    """Return upper bounds of what the errors of rules are in proportion to, axis by axis: (B, d).

    Axis j stands on its rectangle, the others in the cell; the volume's stretch is bounded as far out as that reaches.
    Two products make an error, the second one after its margin; its underflow is that of `Tried.rules`.
    """
    # suprema (B, d), factors (sizes,). Volume times supremum is rounded once and its stretch is part of the
    # volume; the margin of two covers the product with the factor, too.
    suprema = np.stack([_supremum(energy, cells, target, j) for j in range(cells.half.shape[1])], -1)
    return upward(suprema * cells.volume(reach=ALONG + ACROSS)[:, None], 2, underflows=1)


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

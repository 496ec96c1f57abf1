"""N precision matrices in coordinates in which their mean is about the identity, in two kinds of balls.

Both say the same of A'_n = R A_n R' for a regular lower triangular R, which changes no penalty (`constant_variance`):
float64 balls for many matrices, FLINT's for few or for numbers that are no doubles. Weights are exact and add up to 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import numpy as np
from flint import arb, arb_mat

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.exact import ball_of
from elboproof.numbers.symmetric import ldl, not_positive
from elboproof.posterior.precision_input import positive_pivots

Rows = Sequence[Sequence[Fraction]]
BLOCK = 2**18
"""Entries of matrices that are worked on at a time."""


class NotSurelyDefinite(ArithmeticError):  # noqa: N818 - it is a state of knowledge
    """Balls do not decide that all matrices, or their mean, are positive definite."""


class PrecisionStack(Protocol):
    """What is asked of either kind; the balls have the precision in force."""

    def floats(self) -> FloatArray:
        """Return about A'_n, shape (N, d, d); they steer."""

    def inverses(self) -> FloatArray:
        """Return about their inverses."""

    def back(self) -> arb_mat:
        """Return R."""

    def mean(self) -> arb_mat:
        """Return E A'."""

    def mean_log_determinant(self) -> arb:
        """Return E log|A'|."""

    def square(self) -> arb:
        """Return E ||A' - I||^2 in Frobenius' norm."""

    def diagonal(self) -> list[arb]:
        """Return the diagonal of E A, in the coordinates that the user has."""

    def between(self, reference: FloatArray, low: float, high: float) -> bool:
        """Return whether low B < A'_n < high B is proved for every n, for a symmetric float matrix B (d, d)."""


def log_determinants(stack: BallArray) -> BallArray:
    """Return log|M_n| of symmetric matrices (N, d, d): the whole line where M_n is not surely positive definite.

    Only the entries on and below the diagonal are read.
    """
    # (N, k, k), the Schur complement of the leading block, for k = d, d-1, ..., 1: its first entry is the next pivot of
    # L D L' (`numbers.symmetric`), and the determinant is the product of the pivots. A pivot's ball that reaches down
    # to 0 has the whole line for its logarithm, which stays in the sum: it is finite only if all pivots are positive
    rows, total = stack, BallArray(np.zeros(len(stack)))
    while rows.shape[1]:
        pivot, below = rows[:, 0, 0], rows[:, 1:, 0]
        total = total + pivot.log()
        share = below / pivot.reshape(-1, 1)
        count, k = below.shape
        rows = rows[:, 1:, 1:] - share.reshape(count, k, 1) * below.reshape(count, 1, k)
    return total


def turned(factor: FloatArray, matrices: FloatArray) -> BallArray:
    """Return R A_n R' of exact symmetric matrices (N, d, d)."""
    # (d, N d) = R applied to the rows of all A_n at once; then the axes change places and R is applied to the other: A
    # is symmetric, so the second product is R (R A)' = R A R'
    count, d, _ = matrices.shape
    turn = ExactMatrix(factor)
    once = turn @ BallArray(matrices.transpose(1, 0, 2).reshape(d, count * d))
    mid, rad = (part.reshape(d, count, d).transpose(2, 1, 0).reshape(d, -1) for part in (once.mid, once.rad))
    both = turn @ BallArray(mid, rad)
    return BallArray(*(part.reshape(d, count, d).transpose(1, 0, 2) for part in (both.mid, both.rad)))


@dataclass(frozen=True)
class FloatStack:
    """Doubles (N, d, d), exact, symmetric, and their weights (N,) as balls."""

    precisions: FloatArray
    weights: BallArray

    @classmethod
    def weighted(cls, precisions: FloatArray, weights: Sequence[Fraction] | None) -> "FloatStack":
        """Return the stack; equal weights if none are given."""
        # float() of a fraction rounds to nearest: one spacing of that float, or of the smallest, is above the error
        share = (
            np.full(len(precisions), 1 / len(precisions))
            if weights is None
            else np.array(weights, np.float64)
        )
        return cls(precisions, BallArray(share, np.spacing(share)))

    @cached_property
    def factor(self) -> FloatArray:
        """R, lower triangular, about the inverse of the Cholesky factor of the mean; any regular one is right."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                mean = np.einsum("n,nij->ij", self.weights.mid, self.precisions)
                factor = np.tril(np.linalg.inv(np.linalg.cholesky(mean)))
        except np.linalg.LinAlgError as error:
            raise NotSurelyDefinite from error
        if not (np.isfinite(factor).all() and (np.diagonal(factor) > 0).all()):
            raise NotSurelyDefinite
        return np.asarray(factor)

    @cached_property
    def balls(self) -> BallArray:
        """A'_n, shape (N, d, d)."""
        return turned(self.factor, self.precisions)

    def _blocks(self) -> Iterator[BallArray]:
        count, d, _ = self.precisions.shape
        step = max(1, BLOCK // d**2)
        return (self.balls[k : k + step] for k in range(0, count, step))

    def _mean(self, values: BallArray) -> BallArray:
        """E over n of values (N, ...)."""
        shape = (-1, *[1] * (values.ndim - 1))
        return (self.weights.reshape(*shape) * values).sum(0)

    def floats(self) -> FloatArray:
        """See `PrecisionStack`."""
        return self.balls.mid

    def inverses(self) -> FloatArray:
        """See `PrecisionStack`."""
        return self._inverses

    @cached_property
    def _inverses(self) -> FloatArray:
        return np.asarray(np.linalg.inv(self.balls.mid))

    def back(self) -> arb_mat:
        """See `PrecisionStack`."""
        return arb_mat([[arb(entry) for entry in row] for row in self.factor.tolist()])

    def mean(self) -> arb_mat:
        """See `PrecisionStack`."""
        mean = self._mean(self.balls)
        return arb_mat(
            [[_arb(mean[max(i, j), min(i, j)]) for j in range(len(mean))] for i in range(len(mean))]
        )

    def mean_log_determinant(self) -> arb:
        """See `PrecisionStack`."""
        logs = BallArray.concatenate([log_determinants(block) for block in self._blocks()])
        sure = np.isfinite(logs.rad)
        total = _arb((self.weights * BallArray.where(sure, logs, BallArray(np.zeros(len(logs))))).sum())
        # log|A'_n| = log|A_n| + 2 log|R| for the few that balls do not tell from singular ones, by exact pivots
        for n in np.flatnonzero(~sure).tolist():
            total += _arb(self.weights[n]) * (_exact_log_determinant(self.precisions, n) + self._turn)
        return total

    @cached_property
    def _turn(self) -> arb:
        """2 log|R|."""
        return 2 * sum((arb(float(entry)).log() for entry in np.diagonal(self.factor)), arb(0))

    def square(self) -> arb:
        """See `PrecisionStack`."""
        identity = np.eye(self.precisions.shape[1])
        away = [((block - identity).square()).reshape(len(block), -1).sum(1) for block in self._blocks()]
        return _arb(self._mean(BallArray.concatenate(away)))

    def diagonal(self) -> list[arb]:
        """See `PrecisionStack`."""
        mean = self._mean(BallArray(np.diagonal(self.precisions, axis1=1, axis2=2)))
        return [_arb(mean[j]) for j in range(len(mean))]

    def between(self, reference: FloatArray, low: float, high: float) -> bool:
        """See `PrecisionStack`."""
        B = BallArray(reference)  # multiples are rounded in balls
        sides = ((block - B * low, B * high - block) for block in self._blocks())
        return all(np.isfinite(log_determinants(side).rad).all() for pair in sides for side in pair)


@dataclass(frozen=True)
class ExactStack:
    """Rational matrices and weights; FLINT's balls are made of them at the precision in force."""

    precisions: Sequence[Rows]
    weights: Sequence[Fraction]

    @cached_property
    def _means(self) -> list[list[Fraction]]:
        size = range(len(self.precisions[0]))
        pairs = list(zip(self.weights, self.precisions, strict=True))
        return [[sum((w * A[i][j] for w, A in pairs), Fraction(0)) for j in size] for i in size]

    @cached_property
    def _factor(self) -> arb_mat:
        """R = L^-1 with E A = L L', in balls."""
        # exact pivots: the root and the product are all that is rounded
        unit, pivots = ldl(self._means)
        roots = [ball_of(pivot).sqrt() for pivot in pivots]
        rows = [[ball_of(entry) * root for entry, root in zip(row, roots, strict=True)] for row in unit]
        return arb_mat(rows).inv()

    @cached_property
    def _turned(self) -> list[arb_mat]:
        """A'_n."""
        R = self._factor
        return [
            R * arb_mat([[ball_of(entry) for entry in row] for row in A]) * R.transpose()
            for A in self.precisions
        ]

    def _mean(self, values: Sequence[arb]) -> arb:
        return sum((ball_of(w) * value for w, value in zip(self.weights, values, strict=True)), arb(0))

    def floats(self) -> FloatArray:
        """See `PrecisionStack`."""
        return _floats(self._turned)

    def inverses(self) -> FloatArray:
        """See `PrecisionStack`."""
        return self._inverses

    @cached_property
    def _inverses(self) -> FloatArray:
        try:
            return _floats([A.inv() for A in self._turned])
        except ZeroDivisionError as error:
            raise NotSurelyDefinite from error

    def back(self) -> arb_mat:
        """See `PrecisionStack`."""
        return self._factor

    def mean(self) -> arb_mat:
        """See `PrecisionStack`."""
        d = len(self._means)
        return arb_mat(
            [[arb(int(i == j)) for j in range(d)] for i in range(d)]
        )  # R was made so, of exact numbers

    def mean_log_determinant(self) -> arb:
        """See `PrecisionStack`."""
        return self._mean([_log_determinant(A.tolist()) for A in self._turned])

    def square(self) -> arb:
        """See `PrecisionStack`."""
        identity = self.mean()
        return self._mean([sum((x * x for x in (A - identity).entries()), arb(0)) for A in self._turned])

    def diagonal(self) -> list[arb]:
        """See `PrecisionStack`."""
        return [ball_of(self._means[j][j]) for j in range(len(self._means))]

    def between(self, reference: FloatArray, low: float, high: float) -> bool:
        """See `PrecisionStack`."""
        B = arb_mat([[arb(entry) for entry in row] for row in reference.tolist()])
        sides = (side.tolist() for A in self._turned for side in (A - B * arb(low), B * arb(high) - A))
        return all(not_positive(ldl(side)[1]) is None for side in sides)


def _floats(matrices: Sequence[arb_mat]) -> FloatArray:
    return np.array([[[float(entry.mid()) for entry in row] for row in A.tolist()] for A in matrices])


def _exact_log_determinant(precisions: FloatArray, n: int) -> arb:
    rows = [[Fraction(entry) for entry in row] for row in precisions[n].tolist()]
    return sum((ball_of(pivot).log() for pivot in positive_pivots(rows, n)), arb(0))


def _log_determinant(rows: list[list[arb]]) -> arb:
    pivots = ldl(rows)[1]
    if not_positive(pivots) is not None:
        raise NotSurelyDefinite
    return sum((pivot.log() for pivot in pivots), arb(0))


def _arb(ball: BallArray) -> arb:
    """Return a float64 ball of shape () as FLINT's."""
    return arb(float(ball.mid), float(ball.rad))

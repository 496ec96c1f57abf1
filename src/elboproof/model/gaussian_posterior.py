"""The Gaussian approximate posterior q(z) = N(m, S), in exact numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arguments import Sealed, bad, record_text, shown, unwrapped, written
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.precision import steady_precision

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]


@dataclass(frozen=True, init=False)
class GaussianPosterior(Sealed):
    """q(z) = N(z; mean, covariance).

    Parameters
    ----------
    mean
        d numbers, or one number for d = 1.
    covariance
        The d x d matrix, symmetric and positive definite; d numbers stand for a diagonal, one number for d = 1.

    Raises
    ------
    TypeError
        If an entry is no number.
    ValueError
        If a number is not finite, the shapes do not fit, or the covariance is not symmetric positive definite
        (decided exactly).

    Examples
    --------
    >>> import elboproof as ep
    >>> ep.GaussianPosterior("0.5", "1/100").covariance
    ((Fraction(1, 100),),)

    Notes
    -----
    Floats are the exact binary doubles that they are; strings and Fractions are exact.
    """

    mean: Row
    covariance: Matrix

    def __init__(self, mean: object, covariance: object) -> None:
        centre = _row(unwrapped(mean, "mean"), "mean")
        matrix = _matrix(unwrapped(covariance, "covariance"), len(centre))
        _require_symmetric(matrix)
        object.__setattr__(self, "mean", centre)
        object.__setattr__(self, "covariance", matrix)
        _ldl(matrix)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""
        return len(self.mean)

    def entropy(self) -> arb:
        """Return (d/2) log(2 pi e) + (1/2) log det S in nats, a ball at the current precision."""
        determinant = Fraction(1)
        for pivot in _ldl(self.covariance)[1]:
            determinant *= pivot
        with steady_precision():
            return (arb(self.latent_dim) * (1 + (2 * arb.pi()).log()) + ball_of(determinant).log()) / 2

    def mean_balls(self) -> list[arb]:
        """Return the mean at the current precision."""
        with steady_precision():
            return [ball_of(entry) for entry in self.mean]

    def cholesky(self) -> list[list[arb]]:
        """Return the lower triangular L with S = L L', rows of balls at the current precision.

        S = M D M' is exact, so that L = M sqrt(D) is sharp however close to singular S is.
        """
        unit, pivots = _ldl(self.covariance)
        with steady_precision():
            roots = [ball_of(pivot).sqrt() for pivot in pivots]
            return [[ball_of(entry) * root for entry, root in zip(row, roots, strict=True)] for row in unit]


def _about(pivot: Fraction) -> str:
    try:
        return str(float(pivot))
    except OverflowError:
        return "negative and beyond all doubles"


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _row(value: object, name: str) -> Row:
    if not _is_sequence(value):
        return (exact(value, name),)
    entries = list(value)  # type: ignore[call-overload]
    if not entries:
        raise bad(name, value, "at least one number")
    return tuple(exact(entry, f"{name}[{j}]") for j, entry in enumerate(entries))


def _matrix(value: object, size: int) -> Matrix:
    requirement = f"a {size} x {size} matrix, or {size} variances"
    if not _is_sequence(value):
        if size > 1:
            raise bad("covariance", value, requirement)
        return (_row(value, "covariance"),)
    rows = list(value)  # type: ignore[call-overload]
    if len(rows) != size:
        raise bad("covariance", value, requirement)
    if not any(_is_sequence(row) for row in rows):
        return _diagonal(_row(rows, "covariance"))
    if not all(_is_sequence(row) and len(row) == size for row in rows):
        raise bad("covariance", value, requirement)
    return tuple(_row(row, f"covariance[{j}]") for j, row in enumerate(rows))


def _diagonal(variances: Row) -> Matrix:
    return tuple(
        tuple(v if j == k else Fraction(0) for k in range(len(variances))) for j, v in enumerate(variances)
    )


def _require_symmetric(matrix: Sequence[Row]) -> None:
    for j, row in enumerate(matrix):
        for k in range(j):
            if row[k] != matrix[k][j]:
                raise ValueError(
                    f"covariance: got {written(row[k])} at [{j}][{k}] and {written(matrix[k][j])} at [{k}][{j}]; "
                    "expected a symmetric matrix"
                )


def _ldl(matrix: Matrix) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return unit lower triangular M and the pivots D of S = M D M', exactly.

    S is positive definite if and only if every pivot is positive.
    """
    # Gauss elimination in fractions: x'Sx = sum_k D_k (M'x)_k^2, and M' is onto.
    size = len(matrix)
    unit = [[Fraction(int(j == k)) for k in range(size)] for j in range(size)]
    pivots: list[Fraction] = []
    for k in range(size):
        pivot = matrix[k][k] - sum((unit[k][i] ** 2 * pivots[i] for i in range(k)), Fraction(0))
        if pivot <= 0:
            raise ValueError(
                f"covariance: got {shown(matrix)}, whose pivot {k} is {_about(pivot)}; "
                "expected a positive definite matrix"
            )
        pivots.append(pivot)
        for j in range(k + 1, size):
            known = sum((unit[j][i] * unit[k][i] * pivots[i] for i in range(k)), Fraction(0))
            unit[j][k] = (matrix[j][k] - known) / pivot
    return unit, pivots

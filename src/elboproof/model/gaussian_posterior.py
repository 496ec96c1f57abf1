"""The Gaussian approximate posterior q(z) = N(m, S), in exact numbers."""

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
from flint import arb

from elboproof.arguments import Sealed, bad, record_text, shown, suggesting
from elboproof.arrays import unwrapped
from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.precision import steady_precision
from elboproof.numbers.symmetric import ldl, not_positive, require_symmetric

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]


@suggesting
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

    Notes
    -----
    Floats are the exact binary doubles that they are; strings and Fractions are exact.

    Examples
    --------
    >>> import elboproof as ep
    >>> ep.GaussianPosterior("0.5", "1/100").covariance
    ((Fraction(1, 100),),)
    """

    mean: Row
    covariance: Matrix

    def __init__(self, mean: object, covariance: object) -> None:
        centre = _row(unwrapped(mean, "mean"), "mean")
        matrix = _matrix(unwrapped(covariance, "covariance"), len(centre))
        # Symmetry first: the pivots decide definiteness of symmetric matrices only.
        require_symmetric(matrix, "covariance")
        object.__setattr__(self, "mean", centre)
        object.__setattr__(self, "covariance", matrix)
        _require_definite(matrix)

    __repr__ = record_text

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""
        return len(self.mean)

    def entropy(self) -> arb:
        """Return (d/2) log(2 pi e) + (1/2) log det S in nats, a ball at the current precision."""
        # log det S from exact pivots, so that one logarithm is all that is rounded, however close S is to
        # singular.
        determinant = prod(ldl(self.covariance)[1], start=Fraction(1))
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
        unit, pivots = ldl(self.covariance)
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
    # A number or numbers alone are variances, rows are a matrix; a mixture of both is neither, and is refused.
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


def _require_definite(matrix: Matrix) -> None:
    # The pivot is shown as a double, because its exact digits may fill pages.
    pivots = ldl(matrix)[1]
    k = not_positive(pivots)
    if k is not None:
        raise ValueError(
            f"covariance: got {shown(matrix)}, whose pivot {k} is {_about(pivots[k])}; "
            "expected a positive definite matrix"
        )

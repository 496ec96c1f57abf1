"""Symmetric matrices M = L D L' in exact numbers or in balls, and the definiteness that the pivots D decide.

L is unit lower triangular. M is positive definite if and only if every pivot is positive; by Sylvester's law of inertia
the signs of the pivots are those of the eigenvalues. The leading minor of size k is the product of the first k pivots.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeVar

from flint import arb, fmpq

from elboproof.arguments import written

Number = TypeVar("Number", Fraction, fmpq, arb)


def require_symmetric(matrix: Sequence[Sequence[object]], name: str) -> None:
    """Raise ``ValueError`` unless a square matrix equals its transpose."""
    for j, row in enumerate(matrix):
        for k in range(j):
            if row[k] != matrix[k][j]:
                raise ValueError(
                    f"{name}: got {written(row[k])} at [{j}][{k}] and {written(matrix[k][j])} at [{k}][{j}]; "
                    "expected a symmetric matrix"
                )


def ldl(matrix: Sequence[Sequence[Number]]) -> tuple[list[list[Number]], list[Number]]:
    """Return L and the pivots D, as far as pivots are known not to be zero: the last one of fewer may be.

    In balls, pivots that exclude zero make the elimination of every symmetric member the one enclosed.
    """
    # after step k, rows holds the Schur complement of the leading block of size k + 1; the loop stops before it would
    # divide by a pivot that may be zero
    rows = [list(row) for row in matrix]
    size = len(rows)
    unit: list[list[Any]] = [[int(i == j) for j in range(size)] for i in range(size)]
    pivots: list[Number] = []
    for k in range(size):
        pivot = rows[k][k]
        pivots.append(pivot)
        if not (pivot > 0 or pivot < 0):
            break
        for i in range(k + 1, size):
            unit[i][k] = rows[i][k] / pivot
            for j in range(k + 1, size):
                rows[i][j] = rows[i][j] - rows[i][k] * rows[k][j] / pivot
    return unit, pivots


def not_positive(pivots: Sequence[Number]) -> int | None:
    """Return the place of the first pivot that is not known to be positive; None for a positive definite matrix."""
    # `not >` and no `<=`: a ball that contains zero, or is no number, is not known to be positive. A list that `ldl`
    # cut short ends in such a pivot, so None means that all of them are there and positive
    return next((k for k, pivot in enumerate(pivots) if not pivot > 0), None)


def inertia(matrix: Sequence[Sequence[arb]]) -> tuple[int, int] | None:
    """Return the numbers of positive and negative eigenvalues that every symmetric member has, None if undecided."""
    pivots = ldl(matrix)[1]
    # the same: a list cut short ends in a 0 here
    signs = [1 if pivot > 0 else -1 if pivot < 0 else 0 for pivot in pivots]
    return None if 0 in signs else (signs.count(1), signs.count(-1))

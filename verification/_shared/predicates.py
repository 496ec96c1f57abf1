"""Predicates of hypotheses that several claims have: exact, for numbers, balls and symbols alike."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import ImmutableMatrix, Symbol

Rows = list[list[Any]]


def positive(number: Any) -> bool:
    """Return whether a number, a ball or a SymPy expression is surely positive."""
    if hasattr(number, "is_positive"):
        return bool(number.is_positive)
    return bool(number > 0)


def definite(given: Any) -> bool:
    """Return whether a number, a symmetric matrix or each of a stack of them is positive definite.

    Doubles are the exact numbers that they are. Pivots decide: those of S = M D M' are all positive. A symmetric
    matrix of independent symbols, real ones with positive ones on the diagonal, has the definite ones among its
    values and is accepted: what holds for all its values holds for those.
    """
    if isinstance(given, sympy.MatrixBase):
        return _generic(given) or _definite_rows(given.tolist())
    rows = given.tolist() if hasattr(given, "tolist") else given  # NumPy's and FLINT's
    if not isinstance(rows, Sequence):
        return positive(rows)
    if rows and isinstance(rows[0], Sequence) and isinstance(rows[0][0], Sequence | np.ndarray):
        return all(definite(one) for one in rows)
    return bool(rows) and _definite_rows([list(row) for row in rows])


def definite_factor(factor: Any) -> bool:
    """Return whether L is lower triangular with a positive diagonal, so that L L' is positive definite."""
    rows = [list(row) for row in factor.tolist()]
    above = [entry for i, row in enumerate(rows) for entry in row[i + 1 :]]
    return all(entry == 0 for entry in above) and all(positive(row[i]) for i, row in enumerate(rows))


def _generic(matrix: sympy.MatrixBase) -> bool:
    """A symmetric matrix, its entries on and below the diagonal different real symbols, positive ones on it."""
    if matrix.rows != matrix.cols or matrix != matrix.T:
        return False
    entries = [matrix[i, j] for i in range(matrix.rows) for j in range(i + 1)]
    free = all(entry.is_Symbol and entry.is_real for entry in entries)
    return (
        free and all(entry.is_positive for entry in matrix.diagonal()) and len(set(entries)) == len(entries)
    )


def _definite_rows(rows: Rows) -> bool:
    if any(len(row) != len(rows) for row in rows):
        return False
    work = [[_exact(entry) for entry in row] for row in rows]
    if any(not _same(work[i][j], work[j][i]) for i in range(len(work)) for j in range(i)):
        return False
    for k, pivots in enumerate(work):
        if not positive(pivots[k]):
            return False
        for i in range(k + 1, len(work)):
            share = work[i][k] / pivots[k]
            work[i] = [_tidy(a - share * b) for a, b in zip(work[i], pivots, strict=True)]
    return True


def _exact(entry: Any) -> Any:
    if isinstance(entry, float):
        if not np.isfinite(entry):
            return -1  # no pivot
        return Fraction(entry)
    return Fraction(entry) if isinstance(entry, int) else entry


def _tidy(entry: Any) -> Any:
    return sympy.cancel(entry) if isinstance(entry, sympy.Expr) else entry


def _same(a: Any, b: Any) -> bool:
    """Balls need only meet, as they may enclose one number."""
    return bool(a.overlaps(b)) if hasattr(a, "overlaps") and hasattr(b, "overlaps") else bool(a == b)


_P, _R = Symbol("p", positive=True), Symbol("r", real=True)
_FACTOR = ImmutableMatrix([[_P, 0], [_R, _P]])

DEFINITE = (
    (0.5,),
    (Fraction(1, 3),),
    (np.eye(2),),
    ([[2, 1], [1, 2]],),
    (np.stack([np.eye(2), 2 * np.eye(2)]),),
    (_P,),
    (_FACTOR * _FACTOR.T,),
    (ImmutableMatrix([[2, 1], [1, 2]]),),
    (ImmutableMatrix([[_P, _R], [_R, Symbol("o", positive=True)]]),),
)
"""Instances that `definite` accepts."""
INDEFINITE = (
    (0.0,),
    (Fraction(-1, 3),),
    (-np.eye(2),),
    (np.array([[1.0, 2.0], [2.0, 1.0]]),),
    (np.array([[1.0, 1.0], [1.0, 1.0]]),),
    (np.array([[1.0, 0.5], [0.0, 1.0]]),),
    (np.stack([np.eye(2), -np.eye(2)]),),
    (float("nan"),),
    (_R,),
    (-ImmutableMatrix.eye(2),),
    (ImmutableMatrix([[1, 1], [0, 1]]),),
    (ImmutableMatrix([[_P, 2 * _P], [2 * _P, _P]]),),
    (ImmutableMatrix([[_R]]),),
    (ImmutableMatrix([[_P, _R], [_R, _P]]),),
)
"""Instances that `definite` rejects."""

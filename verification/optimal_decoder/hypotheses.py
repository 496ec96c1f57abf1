"""The side conditions of the claim, as predicates."""

from typing import Any

import numpy as np
from sympy import ImmutableMatrix, Symbol

from elboproof.checking import Hypothesis


def _finite(values: Any) -> bool:
    """Finitely many finite examples, or symbols declared real."""
    if hasattr(values, "dtype") and values.dtype != object:
        return bool(np.isfinite(values).all())
    return all(
        bool(value.is_real) if hasattr(value, "is_real") else bool(np.isfinite(float(value)))
        for value in _flat(values)
    )


def _definite(matrix: Any) -> bool:
    """A stack of numeric matrices, or one symbolic matrix given by a Cholesky factor with positive diagonal."""
    if hasattr(matrix, "is_lower"):  # SymPy: the factor L of S = L L'
        return bool(matrix.is_lower) and all(matrix[j, j].is_positive for j in range(matrix.rows))
    stack = np.atleast_2d(np.asarray(matrix, dtype=np.float64))
    return bool((stack == stack.mT).all() and (np.linalg.eigvalsh(stack) > 0).all())


def _same(covariances: Any) -> bool:
    """A stack of numeric matrices or variances, or a list of symbolic ones."""
    first = covariances[0]
    return all(bool(np.all(covariance == first)) for covariance in covariances)


def _flat(values: Any) -> list[Any]:
    if isinstance(values, list | tuple | np.ndarray):
        return [leaf for value in values for leaf in _flat(value)]
    return [values]


finite_moment = Hypothesis(
    "finite second moment",
    "the data law has a finite second moment",
    _finite,
    accepts=[(np.array([1.0, 2.0]),), ([Symbol("x", real=True), 3.0],)],
    rejects=[(np.array([1.0, np.inf]),), ([Symbol("x")],), ([float("nan")],)],
)
POSITIVE, REAL = Symbol("p", positive=True), Symbol("r", real=True)
DEFINITE = (
    (np.stack([np.eye(2), 2 * np.eye(2)]),),
    ([[0.5]],),
    (ImmutableMatrix([[POSITIVE, 0], [REAL, POSITIVE]]),),
)
INDEFINITE = (
    (np.stack([np.eye(2), -np.eye(2)]),),
    (np.array([[1.0, 2.0], [2.0, 1.0]]),),
    ([[0.0]],),
    (ImmutableMatrix([[POSITIVE, REAL], [0, POSITIVE]]),),
    (ImmutableMatrix([[REAL]]),),
)
definite_encoder = Hypothesis(
    "positive definite encoder covariances",
    "every encoder covariance S_i is positive definite",
    _definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
definite_likelihood = Hypothesis(
    "positive definite likelihood covariance",
    "R is constant and positive definite",
    _definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
shared_covariance = Hypothesis(
    "one shared encoder covariance",
    "all encoder covariances are the same",
    _same,
    accepts=[(np.stack([np.eye(2)] * 3),), ([POSITIVE, POSITIVE],)],
    rejects=[(np.stack([np.eye(2), 2 * np.eye(2)]),), ([POSITIVE, REAL],)],
)

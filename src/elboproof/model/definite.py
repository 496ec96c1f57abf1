"""Covariance matrices in exact arithmetic: whether they are symmetric and positive definite, and their factors."""

from collections.abc import Sequence

from flint import fmpq

from elboproof.arguments import written

Rows = Sequence[Sequence[fmpq]]


def require_symmetric(matrix: Sequence[Sequence[object]]) -> None:
    """Raise ``ValueError`` unless a covariance is symmetric."""
    for j, row in enumerate(matrix):
        for k in range(j):
            if row[k] != matrix[k][j]:
                raise ValueError(
                    f"covariance: got {written(row[k])} at [{j}][{k}] and {written(matrix[k][j])} at [{k}][{j}]; "
                    "expected a symmetric matrix"
                )


def ldl(matrix: Rows) -> tuple[list[list[fmpq]], list[fmpq]]:
    """Return unit lower triangular M and the pivots D of S = M D M', up to the first pivot that is not positive.

    S is positive definite if and only if every pivot is positive: x'Sx = sum_k D_k (M'x)_k^2, and M' is onto. The
    product of the first k pivots is the leading minor of size k.
    """
    size = len(matrix)
    unit = [[fmpq(int(j == k)) for k in range(size)] for j in range(size)]
    pivots: list[fmpq] = []
    for k in range(size):
        scaled = [unit[k][i] * pivots[i] for i in range(k)]
        pivot = matrix[k][k] - _dot(unit[k], scaled)
        pivots.append(pivot)
        if pivot <= 0:
            break
        for j in range(k + 1, size):
            unit[j][k] = (matrix[j][k] - _dot(unit[j], scaled)) / pivot
    return unit, pivots


def _dot(row: Sequence[fmpq], scaled: Sequence[fmpq]) -> fmpq:
    """Return the sum of products over the length of the second one."""
    return sum((a * b for a, b in zip(row, scaled, strict=False)), fmpq(0))

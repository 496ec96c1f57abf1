"""Quadratic forms of an exact covariance as sums of squares: r' C^-1 r = sum_i w_i^2 / D_i with w = L^-1 r, C = L D L'.

Expanded term by term, the form r' C^-1 r has terms of both signs that are far larger than the form itself where C is
nearly singular, and intervals cannot see that they cancel. Its squares have one sign. L and D are rational: nothing is
rounded, and no root is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flint import fmpq
from sympy import Rational

from elboproof.numbers.symmetric import ldl

Covariance = tuple[tuple[Rational, ...], ...]


@dataclass(frozen=True)
class Whitening:
    """The rows of L^-1, unit lower triangular, and the pivots D of a positive definite covariance L D L'.

    Attributes
    ----------
    rows : tuple of tuple of fmpq
        Row i has i + 1 entries, the last one 1.
    pivots : tuple of fmpq
        Positive; det C is their product.
    """

    rows: tuple[tuple[fmpq, ...], ...]
    pivots: tuple[fmpq, ...]


@lru_cache(maxsize=16)
def whitening(covariance: Covariance) -> Whitening:
    """Return the exact factors of a positive definite covariance; kept, since every number system asks."""
    unit, pivots = ldl([[fmpq(int(entry.p), int(entry.q)) for entry in row] for row in covariance])
    return Whitening(_inverse(unit), tuple(pivots))


def _inverse(unit: Sequence[Sequence[fmpq]]) -> tuple[tuple[fmpq, ...], ...]:
    """Return the inverse of a unit lower triangular matrix, row by row."""
    # row i of L X = I: x_i = e_i - sum_(j < i) L_ij x_j, where x_j has j + 1 entries
    rows: list[tuple[fmpq, ...]] = []
    for i, row in enumerate(unit):
        entries = [fmpq(int(k == i)) for k in range(i + 1)]
        for j, factor in enumerate(row[:i]):
            if factor != 0:
                for k, entry in enumerate(rows[j]):
                    entries[k] -= factor * entry
        rows.append(tuple(entries))
    return tuple(rows)

r"""Existence and uniqueness of a zero in a box, by Krawczyk's test; definiteness of a matrix of balls.

Let F be differentiable on the box B = p + [-r, r] with Jacobian in J(B), and Y a regular matrix. If

    K = p - Y F(p) + (I - Y J(B)) (B - p)

lies in the interior of B, then F has exactly one zero in B, and it lies in K (Krawczyk 1969; Rump, Verification
methods, Acta Numerica 2010, Theorem 13.2). Y is any float matrix: the test itself shows that it is regular.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray


@dataclass(frozen=True)
class Certificate:
    """What the test shows.

    Attributes
    ----------
    proved : bool
        Whether the box holds exactly one zero.
    zero : list of arb
        K - p, which contains the zero's place relative to p, if proved.
    """

    proved: bool
    zero: list[arb]


def certified(
    value: Sequence[arb], jacobian: Sequence[Sequence[arb]], inverse: FloatArray, radii: Sequence[float]
) -> Certificate:
    """Apply the test.

    Parameters
    ----------
    value : (n,)
        F(p).
    jacobian : (n, n)
        J(B).
    inverse : (n, n)
        Y, about the inverse of J(p).
    radii : (n,)
        r, positive.
    """
    size = len(value)
    y = [[arb(entry) for entry in row] for row in inverse.tolist()]
    box = [arb(0, r) for r in radii]
    zero = []
    for i in range(size):
        total = -dot(y[i], value)
        for k in range(size):
            column = [jacobian[j][k] for j in range(size)]
            total += (int(i == k) - dot(y[i], column)) * box[k]
        zero.append(total)
    inside = all(_in_interior(part, r) for part, r in zip(zero, radii, strict=True))
    return Certificate(inside, zero)


def dot(first: Sequence[arb], second: Sequence[arb]) -> arb:
    """Return the inner product."""
    return sum((a * b for a, b in zip(first, second, strict=True)), arb(0))


def _in_interior(part: arb, radius: float) -> bool:
    return bool(part.is_finite() and part > -arb(radius) and part < arb(radius))


def form(matrix: Sequence[Sequence[arb]], v: Sequence[arb]) -> arb:
    """Return v' M v."""
    return dot(v, [dot(row, v) for row in matrix])


def inertia(matrix: Sequence[Sequence[arb]]) -> tuple[int, int] | None:
    """Return the numbers of positive and negative eigenvalues that every symmetric member has, None if undecided.

    By L D L' in balls and Sylvester's law of inertia: with pivots that exclude zero, the elimination of every member
    is the one enclosed.
    """
    rows = [list(row) for row in matrix]
    size = len(rows)
    signs = []
    for k in range(size):
        pivot = rows[k][k]
        if not (pivot > 0 or pivot < 0):
            return None
        signs.append(1 if pivot > 0 else -1)
        for i in range(k + 1, size):
            for j in range(k + 1, size):
                rows[i][j] = rows[i][j] - rows[i][k] * rows[k][j] / pivot
    return signs.count(1), signs.count(-1)


def float_inverse(matrix: Sequence[Sequence[arb]]) -> FloatArray | None:
    """Return the inverse of the midpoints, None if it is no number."""
    middle = np.array([[float(entry.mid()) for entry in row] for row in matrix])
    if not np.isfinite(middle).all():
        return None
    try:
        return np.asarray(np.linalg.inv(middle))
    except np.linalg.LinAlgError:
        return None

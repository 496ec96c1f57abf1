r"""Existence and uniqueness of a zero in a box, by Krawczyk's test.

Let F be differentiable on the box B = p + [-r, r] with Jacobian in J(B), and Y a regular matrix. If

    K = p - Y F(p) + (I - Y J(B)) (B - p)

lies in the interior of B, then F has exactly one zero in B, and it lies in K (Krawczyk 1969; Rump, Verification
methods, Acta Numerica 2010, Theorem 13.2). Y is any float matrix: the test itself shows that it is regular.
The one loop of Newton steps and tests is `zero_near`; what it is about is a `System`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray

SETTLED = 0.1
"""Of the box: where Newton's step is shorter, the place is good and the box, if anything, too large."""


class System(Protocol):
    """F(w) = 0 in n unknowns w relative to a place that can be moved."""

    def enclosed(self, radius: float) -> tuple[Sequence[arb], Sequence[Sequence[arb]]]:
        """Return F(0) and the Jacobian over all |w_k| <= radius."""

    def move(self, step: FloatArray) -> bool:
        """Move the place to about w = ``step``; return whether it is worth going on."""


@dataclass(frozen=True)
class Zero:
    """A zero that exists and is the only one with all |w_k| <= radius.

    Attributes
    ----------
    place : list of arb
        Encloses its w.
    jacobian : (n, n)
        Over the box.
    """

    place: list[arb]
    jacobian: Sequence[Sequence[arb]]
    radius: float


def zero_near(system: System, radii: Sequence[float], steps: int) -> Zero | None:
    """Return a zero that the test proves at the system's place or where Newton's steps lead, None if there is none.

    Parameters
    ----------
    radii
        Half widths of boxes to try, the next one where the place is good and the box was too large.
    """
    left = iter(radii)
    radius = next(left)
    for _ in range(steps):
        # Newton's step and Y are floats and steer; the test is about balls, at the place where they were taken
        value, jacobian = system.enclosed(radius)
        inverse = float_inverse(jacobian)
        if inverse is None:
            return None
        place = certified(value, jacobian, inverse, [radius] * len(value))
        if place is not None:
            return Zero(place, jacobian, radius)
        step = -inverse @ np.array([float(v.mid()) for v in value])
        if np.abs(step).max() < SETTLED * radius:
            radius = next(left, 0.0)
        if not (radius and system.move(step)):
            return None
    return None


def certified(
    value: Sequence[arb], jacobian: Sequence[Sequence[arb]], inverse: FloatArray, radii: Sequence[float]
) -> list[arb] | None:
    """Apply the test: return K - p, which contains the zero's place relative to p; None if it proves nothing.

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
        # row i of K - p = -Y F(p) + (I - Y J(B)) (B - p); balls enclose it for every J in J(B) and every point of B
        total = -dot(y[i], value)
        for k in range(size):
            column = [jacobian[j][k] for j in range(size)]
            total += (int(i == k) - dot(y[i], column)) * box[k]
        zero.append(total)
    inside = all(_in_interior(part, r) for part, r in zip(zero, radii, strict=True))
    return zero if inside else None


def dot(first: Sequence[arb], second: Sequence[arb]) -> arb:
    """Return the inner product."""
    return sum((a * b for a, b in zip(first, second, strict=True)), arb(0))


def _in_interior(part: arb, radius: float) -> bool:
    return bool(part.is_finite() and part > -arb(radius) and part < arb(radius))


def form(matrix: Sequence[Sequence[arb]], v: Sequence[arb]) -> arb:
    """Return v' M v."""
    return dot(v, [dot(row, v) for row in matrix])


def float_inverse(matrix: Sequence[Sequence[arb]]) -> FloatArray | None:
    """Return the inverse of the midpoints, None if it is no number."""
    middle = np.array([[float(entry.mid()) for entry in row] for row in matrix])
    if not np.isfinite(middle).all():
        return None
    try:
        return np.asarray(np.linalg.inv(middle))
    except np.linalg.LinAlgError:
        return None

r"""Cells given by exact corners: segments of the line and convex quadrilaterals of the plane.

A segment from a to b is the image of [-1, 1] under u = m + p s with m = (a + b)/2, p = (b - a)/2. A quadrilateral with
corners c_0, ..., c_3, counterclockwise, is the image of [-1, 1]^2 under the bilinear map

    u = m + p s + q t + r s t,        |du/dv| = p x q + s (p x r) + t (r x q),

whose factor of volumes is affine and, at the corners of the square, a quarter of the cross product of two edges: it is
nowhere negative on the square, and a triangle is a quadrilateral with one corner twice. All coefficients are rational;
arrays hold balls around them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import upward
from elboproof.numbers.rational_balls import balls_around
from elboproof.quadrature.charts import Chart, Derivatives
from elboproof.quadrature.polygons import Corner, Piece

Vector = tuple[fmpq, ...]


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps of [-1, 1]^d onto Q segments or quadrilaterals.

    Attributes
    ----------
    vectors : sequence of tuple of Vector
        m and p of a segment; m, p, q and r of a quadrilateral.
    """

    vectors: Sequence[tuple[Vector, ...]]

    @staticmethod
    def onto(corners: Sequence[tuple[Corner, ...]]) -> "Maps":
        """Return the maps onto segments with two ends, or quadrilaterals with four corners, counterclockwise."""
        return Maps([_segment(*part) if len(part) == 2 else _bilinear(*part) for part in corners])

    @cached_property
    def stretches(self) -> Sequence[Vector]:
        """The coefficients of the factor |du/dv|: of 1; of 1, s and t in the plane."""
        if len(self.vectors[0]) == 2:
            return [p for _, p in self.vectors]
        return [(_cross(p, q), _cross(p, r), _cross(r, q)) for _, p, q, r in self.vectors]

    @cached_property
    def balls(self) -> list[list[BallArray]]:
        """Balls (Q,) around the vectors' entries, a list for each vector."""
        d = len(self.vectors[0][0])
        return [
            [balls_around([one[i][k] for one in self.vectors]) for k in range(d)]
            for i in range(len(self.vectors[0]))
        ]

    @cached_property
    def stretch_balls(self) -> list[BallArray]:
        """Balls (Q,) around the factors' coefficients."""
        return [balls_around([row[i] for row in self.stretches]) for i in range(len(self.stretches[0]))]


def _segment(a: Corner, b: Corner) -> tuple[Vector, ...]:
    return ((a[0] + b[0]) / 2,), ((b[0] - a[0]) / 2,)


def _bilinear(*corners: Corner) -> tuple[Vector, ...]:
    signs = ((1, 1, 1, 1), (-1, 1, 1, -1), (-1, -1, 1, 1), (1, -1, 1, -1))
    return tuple(
        tuple(sum((sign * c[k] for sign, c in zip(row, corners, strict=True)), fmpq(0)) / 4 for k in range(2))
        for row in signs
    )


def _cross(a: Vector, b: Vector) -> fmpq:
    return a[0] * b[1] - a[1] * b[0]


def parts_of(piece: Piece) -> list[tuple[Corner, ...]]:
    """Return a segment itself, or quadrilaterals that cover a convex polygon, the last one a triangle if need be."""
    corners = piece.corners
    if len(corners) == 2:
        return [corners]
    parts: list[tuple[Corner, ...]] = []
    for k in range(1, len(corners) - 1, 2):
        last = corners[k + 2] if k + 2 < len(corners) else corners[k + 1]
        parts.append((corners[0], corners[k], corners[k + 1], last))
    return parts


@dataclass(frozen=True, eq=False)
class Cornered:
    """The chart of B cells of segments or quadrilaterals, d = 1 or 2.

    Attributes
    ----------
    maps : Maps
    rows : (B,)
        The map of each cell.
    """

    maps: Maps
    rows: Any
    straight = False

    def __getitem__(self, part: Any) -> "Cornered":
        return Cornered(self.maps, self.rows[part])

    def joined(self, charts: Sequence[Chart]) -> "Cornered":
        """Return the chart of all cells of several collections."""
        return Cornered(self.maps, np.concatenate([chart.rows for chart in charts]))  # type: ignore[attr-defined]

    def _numbers(self, number: Callable[[Any], Any]) -> tuple[list[list[Any]], list[Any]]:
        """Return the coefficients of the map, a list for each vector, and those of its factor."""
        if number is BallArray:
            vectors = [[entry[self.rows] for entry in vector] for vector in self.maps.balls]
            return vectors, [entry[self.rows] for entry in self.maps.stretch_balls]
        exact = self.maps.vectors[self.rows], self.maps.stretches[self.rows]  # of one cell, at any precision
        return [[arb(entry) for entry in vector] for vector in exact[0]], [arb(entry) for entry in exact[1]]

    def place(self, v: list[Any], number: Callable[[FloatArray], Any] = BallArray) -> tuple[list[Any], Any]:
        """Return u and |du/dv|; v are d elements of a ring, of shape (B,) in systems of arrays."""
        vectors, stretch = self._numbers(number)
        if len(v) == 1:
            ((m,), (p,)), (factor,) = vectors, stretch
            return [v[0] * p + m], factor
        s, t = v
        # t enters once: in centred forms that keeps its dependence
        u = [s * p + m + t * (s * r + q) for m, p, q, r in zip(*vectors, strict=True)]
        return u, s * stretch[1] + t * stretch[2] + stretch[0]

    def stretch(self, centre: FloatArray, half: FloatArray, reach: float) -> FloatArray:
        """Return upper bounds of |du/dv| for all v_k, real or complex, within ``reach`` half widths of the centre.

        An affine function of discs is at most its value at the centres plus the sizes of its slopes times the radii,
        which is what balls of these radii give.
        """
        _, stretch = self._numbers(BallArray)
        total = stretch[0]
        for k in range(1, len(stretch)):
            disc = BallArray(centre[:, k - 1], upward(half[:, k - 1] * reach, 1))
            total = total + disc * stretch[k]
        bounds: FloatArray = total.mag()
        return bounds

    def nearest(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Return lower bounds of |u_k| over cells, (B, d)."""
        box = [BallArray(centre[:, k], half[:, k]) for k in range(centre.shape[1])]
        return np.stack([u.mig() for u in self.place(box)[0]], 1)

    def _floats(self) -> list[FloatArray]:
        """Return the vectors in floats, (B, d) each."""
        return [np.stack([entry.mid[self.rows] for entry in vector], 1) for vector in self.maps.balls]

    def moved(self, v: FloatArray) -> FloatArray:
        """Return u at v, both (B, d)."""
        m, p, *more = self._floats()
        u = m + p * v[:, :1]
        return np.asarray(u + v[:, 1:] * (more[0] + more[1] * v[:, :1]) if more else u)

    def pulled(self, v: FloatArray, outer: Derivatives) -> Derivatives:
        """Return the derivatives in v by the chain rule: J'g, and J'HJ plus g times u's own mixed derivative r."""
        value, gradient, hessian = outer
        _, *slopes = self._floats()
        if len(slopes) == 1:
            return value, gradient * slopes[0], hessian * slopes[0][:, :, None] ** 2
        p, q, r = slopes
        turn = np.stack([p + r * v[:, 1:], q + r * v[:, :1]], 2)  # rows u, columns v
        back = np.swapaxes(turn, -1, -2)
        second, mixed = back @ hessian @ turn, (gradient * r).sum(1)
        second[:, 0, 1] += mixed
        second[:, 1, 0] += mixed
        return value, (back @ gradient[:, :, None])[:, :, 0], second

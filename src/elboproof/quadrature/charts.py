"""Charts: coordinates v of cells that are straight in u, or run between lines of the plane.

A chart gives u for v, the factor |du/dv| by which volumes stretch, and how near to the origin u comes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import downward, rounding, upward

Derivatives = tuple[FloatArray, FloatArray, FloatArray]
"""A function's values (B,), gradients (B, d) and Hessians (B, d, d), in plain floats."""


@runtime_checkable
class Chart(Protocol):
    """What cells ask of their coordinates; a chart of B cells has a row for each."""

    straight: bool

    def __getitem__(self, part: Any) -> "Chart":
        """Return the chart of some of the cells."""

    def joined(self, charts: "Sequence[Chart]") -> "Chart":
        """Return the chart of all cells of several collections, all of this kind."""

    def place(self, v: list[Any], number: Callable[[FloatArray], Any] = BallArray) -> tuple[list[Any], Any]:
        """Return u and |du/dv| at v, elements of a ring whose numbers ``number`` makes of floats."""

    def stretch(self, centre: FloatArray, half: FloatArray, reach: float) -> FloatArray | float:
        """Return upper bounds of |du/dv| over cells, (B,), with ``reach`` half widths around the centre."""

    def nearest(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Return lower bounds of |u_k| over cells, (B, d)."""

    def moved(self, v: FloatArray) -> FloatArray:
        """Return u at v, both (B, d), in plain floats."""

    def pulled(self, v: FloatArray, outer: Derivatives) -> Derivatives:
        """Return the derivatives in v at v, given those in u there, in plain floats."""


@dataclass(frozen=True)
class Straight:
    """The chart u = v."""

    straight = True

    def __getitem__(self, part: Any) -> "Straight":
        return self

    def joined(self, charts: "Sequence[Chart]") -> "Straight":  # noqa: ARG002
        """Return the chart of all cells of several collections."""
        return self

    def place(self, v: list[Any], number: Callable[[FloatArray], Any] = BallArray) -> tuple[list[Any], Any]:  # noqa: ARG002
        """Return u and |du/dv|."""
        return v, 1

    def stretch(self, centre: FloatArray, half: FloatArray, reach: float) -> float:  # noqa: ARG002
        """Return 1."""
        return 1.0

    def nearest(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Return lower bounds of |u_k|, (B, d); the difference is rounded once."""
        return np.asarray(downward(np.maximum(np.abs(centre) - half, 0.0), 1))

    def moved(self, v: FloatArray) -> FloatArray:
        """Return v."""
        return v

    def pulled(self, v: FloatArray, outer: Derivatives) -> Derivatives:  # noqa: ARG002
        """Return the derivatives as they are."""
        return outer


@dataclass(frozen=True)
class BetweenLines:
    """In the plane: u_1 = v_1 and u_2 = (1 - v_2)(p0 + p1 v_1) + v_2 (q0 + q1 v_1).

    So du_2/dv_2 = (q0 - p0) + (q1 - p1) v_1, which is |du/dv| as long as the lines do not cross.

    Attributes
    ----------
    lines : (B, 4)
        Rows p0, p1, q0, q1, exact floats.
    """

    lines: FloatArray
    straight = False

    def __getitem__(self, part: Any) -> "BetweenLines":
        return BetweenLines(self.lines[part])

    def joined(self, charts: "Sequence[Chart]") -> "BetweenLines":
        """Return the chart of all cells of several collections."""
        return BetweenLines(np.concatenate([chart.lines for chart in charts]))  # type: ignore[attr-defined]

    def place(self, v: list[Any], number: Callable[[FloatArray], Any] = BallArray) -> tuple[list[Any], Any]:
        """Return u and |du/dv|; v are two elements of a ring, of shape (B,) in systems of arrays."""
        # Elements (B,) or single numbers. Written so that v_1 and v_2 enter the slope and the place once each:
        # in centred forms that keeps their dependence.
        p0, p1, q0, q1 = (number(column) for column in self.lines.T)
        slope = v[0] * (q1 - p1) + (q0 - p0)
        return [v[0], v[0] * p1 + p0 + v[1] * slope], slope

    def stretch(self, centre: FloatArray, half: FloatArray, reach: float) -> FloatArray:
        """Return upper bounds of |du/dv| for all v_1, real or complex, within ``reach`` half widths of the centre.

        Balls of shape (B,) enclose the affine function over such a disc, whose farthest point is as far as on the
        real line.
        """
        p0, p1, q0, q1 = (BallArray(column) for column in self.lines.T)
        # (B,). An affine function maps a disc to a disc, whose farthest point has the size |slope at the
        # centre| + |q1 - p1| r: that of the real interval. One rounding in r, the rest is balls.
        disc = BallArray(centre[:, 0], upward(half[:, 0] * reach, 1))
        return (disc * (q1 - p1) + (q0 - p0)).mag()

    def nearest(self, centre: FloatArray, half: FloatArray) -> FloatArray:
        """Return lower bounds of |u_1| and |u_2|, (B, 2): u_2 is bilinear, so its extremes are at corners.

        A corner's u_2 takes less than 10 operations on terms whose sizes are together at most |p0| + ... + |q1| times
        1 + |v_1|, because v_2 lies in [0, 1].
        """
        p0, p1, q0, q1 = self.lines.T
        # (B,) each. A bilinear function is affine along each edge, so its least and greatest values over a box
        # are at corners. If they have one sign, |u_2| is at least the smaller size.
        corners = []
        for side in (-1.0, 1.0):
            u = centre[:, 0] + side * half[:, 0]
            for top in (-1.0, 1.0):
                t = centre[:, 1] + top * half[:, 1]
                corners.append((1 - t) * (p0 + p1 * u) + t * (q0 + q1 * u))
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        sizes = np.abs(self.lines).sum(1) * (1 + np.abs(centre[:, 0]) + half[:, 0])
        second = np.maximum(low, -high) - rounding(sizes, 10)
        first = np.abs(centre[:, 0]) - half[:, 0]
        return np.asarray(downward(np.maximum(np.stack([first, second], 1), 0.0), 1))

    def moved(self, v: FloatArray) -> FloatArray:
        """Return u at v, both (B, 2)."""
        p0, p1, q0, q1 = self.lines.T
        slope = (q0 - p0) + (q1 - p1) * v[:, 0]
        return np.stack([v[:, 0], p0 + p1 * v[:, 0] + v[:, 1] * slope], 1)

    def pulled(self, v: FloatArray, outer: Derivatives) -> Derivatives:
        """Return the derivatives in v by the chain rule: J'g, and J'HJ plus g_2 times u_2's own mixed derivative."""
        value, gradient, hessian = outer
        p0, p1, q0, q1 = self.lines.T
        # (B, 2, 2). u_1 = v_1 is linear; u_2 has the one second derivative q1 - p1, mixed.
        turn = np.zeros((len(v), 2, 2))  # J: rows u, columns v
        turn[:, 0, 0], turn[:, 1, 0] = 1.0, p1 + v[:, 1] * (q1 - p1)
        turn[:, 1, 1] = (q0 - p0) + (q1 - p1) * v[:, 0]
        back = np.swapaxes(turn, -1, -2)
        second = back @ hessian @ turn
        mixed = gradient[:, 1] * (q1 - p1)
        second[:, 0, 1] += mixed
        second[:, 1, 0] += mixed
        return value, (back @ gradient[:, :, None])[:, :, 0], second


STRAIGHT = Straight()


def joined(charts: Sequence[Chart]) -> Chart:
    """Return the chart of all cells of several collections, all straight or all of one other kind."""
    # Straight charts have no rows, so that others beside them would belong to the wrong cells: it is all or
    # none.
    curved = [chart for chart in charts if not chart.straight]
    return curved[0].joined(curved) if curved else STRAIGHT

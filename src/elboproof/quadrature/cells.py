"""Cells: boxes around centres, each of one data point, and how they are halved until each is settled.

A domain |u_k| <= h has an h of `ROOT_BITS` bits, so after k halvings centres and edges are integers of at most
ROOT_BITS + k bits times one power of two. Cells of at least `SMALLEST` times h may be halved: that is k <= 47, and all
of it stays exact in the 53 bits of a float.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import upward
from elboproof.quadrature.charts import STRAIGHT, Chart, joined
from elboproof.shapes import Float64

ROOT_BITS = 6
SMALLEST = 2.0 ** (ROOT_BITS + 1 - 53)
"""Of the domain's half width: cells below are not halved."""

Index = NDArray[np.intp]


def root_half(radius: Float64[FloatArray, "N"]) -> Float64[FloatArray, "N"]:
    """Return numbers of `ROOT_BITS` bits, each at least its radius: ``ldexp`` and ``ceil`` are exact."""
    # (N,). Scaled to [2^5, 2^6) and rounded up to an integer: six bits, or the power of two above them.
    shift = (np.floor(np.log2(radius)) - (ROOT_BITS - 1)).astype(int)
    return np.asarray(np.ldexp(np.ceil(np.ldexp(radius, -shift)), shift))


def halves(centre: float, half: float) -> list[tuple[float, float]]:
    """Return the two halves of an interval centre +- half, in the same form."""
    # Exact in floats as long as the bits above last: both halves end at the centre, and cover what was halved.
    return [(centre - half / 2, half / 2), (centre + half / 2, half / 2)]


def halved(
    centre: Float64[FloatArray, "B d"], half: Float64[FloatArray, "B d"], axis: Index
) -> tuple[Float64[FloatArray, "2*B d"], Float64[FloatArray, "2*B d"]]:
    """Return centres and half widths of both halves of each box, cut across its own axis, first all lower ones."""
    # (B, d) -> (2B, d). Halves of floats are floats, and so are the new centres as long as the bits last, for which
    # the caller answers: the two halves then cover the box and share one face.
    if half.shape[1] == 1:  # there is no other axis
        half = half / 2
        return np.concatenate([centre - half, centre + half]), np.concatenate([half, half])
    rows = np.arange(len(half))
    half = half.copy()
    half[rows, axis] /= 2
    low, high = centre.copy(), centre.copy()
    low[rows, axis] -= half[rows, axis]
    high[rows, axis] += half[rows, axis]
    return np.concatenate([low, high]), np.concatenate([half, half])


@dataclass(frozen=True)
class Cells:
    """Boxes c +- h in the coordinates of their data points.

    Attributes
    ----------
    owner : (B,)
        Which data point each box belongs to.
    centre, half : (B, d)
        Exact floats.
    chart : Chart
        From the boxes' coordinates to those of the data point's frame.
    least : (B,) or None
        What is known to be the least value of a function over each box; a box hands it on to its parts.
    """

    owner: Index
    centre: FloatArray
    half: FloatArray
    chart: Chart = STRAIGHT
    least: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, part: Any) -> "Cells":
        least = None if self.least is None else self.least[part]
        return Cells(self.owner[part], self.centre[part], self.half[part], self.chart[part], least)

    def known(self) -> Float64[FloatArray, "B"]:
        """Return what is known to be the least value over each box, -inf where nothing is."""
        return np.full(len(self), -np.inf) if self.least is None else self.least

    def volume(self, reach: float = 1.0) -> FloatArray:
        """Return upper bounds of the volumes in u, (B,).

        d - 1 products of the exact 2h, one with the stretch. With a reach r, the stretch is bounded within r half
        widths of the centre.
        """
        # centre, half: (B, d). |du/dv| is at most the stretch all over the cell, so the volume in u is at most
        # that times the box's own. Factors are nonnegative, so that their roundings only scale.
        stretch = self.chart.stretch(self.centre, self.half, reach)
        return np.asarray(upward(np.prod(2 * self.half, axis=1) * stretch, self.half.shape[1]))

    def nearest(self) -> FloatArray:
        """Return lower bounds of |u_k| over the cells, (B, d)."""
        return self.chart.nearest(self.centre, self.half)

    def box(self) -> list[BallArray]:
        """Return the coordinates as d ball arrays of shape (B,)."""
        return [BallArray(self.centre[:, k], self.half[:, k]) for k in range(self.half.shape[1])]

    def points(self) -> list[BallArray]:
        """Return the centres as d ball arrays of shape (B,)."""
        return [BallArray(self.centre[:, k]) for k in range(self.half.shape[1])]

    def split(self, axis: Index) -> "Cells":
        """Return the two halves of each box along its own axis, first all lower ones; exact, see above."""
        # exact, as cells are no smaller than SMALLEST allows
        centre, half = halved(self.centre, self.half, axis)
        least = None if self.least is None else np.tile(self.least, 2)
        return Cells(np.tile(self.owner, 2), centre, half, joined([self.chart, self.chart]), least)

    @staticmethod
    def joined(parts: "list[Cells]") -> "Cells":
        """Return all boxes of several collections, all straight or all between lines."""
        # (B_1 + B_2 + ..., d), row after row in the order of the parts: nothing is computed.
        return Cells(
            np.concatenate([p.owner for p in parts]),
            np.concatenate([p.centre for p in parts]),
            np.concatenate([p.half for p in parts]),
            joined([p.chart for p in parts]),
            None if all(p.least is None for p in parts) else np.concatenate([p.known() for p in parts]),
        )

"""The energy of many data points on many cells at once, in the coordinates of each data point's frame.

A cell belongs to one data point. Its coordinates u give z = A u with a float matrix A, taken as exactly what it is, so
that no orthogonality is assumed: the integral over z is |det A| times the integral over u.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import FloatArray, wrong_type
from elboproof.evidence.domain import frame_excess
from elboproof.evidence.floats import FloatEnergy, Jet
from elboproof.model.latent_model import LatentModel
from elboproof.model.supremum import log_supremum
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual

BLOCK = 8192
"""Cells or points evaluated at once: the temporaries of an operation then stay in cache."""

Index = NDArray[np.intp]
LOG_TWO_PI = 1.8378770664093453
"""Below log(2 pi) by less than 2e-16."""


@dataclass(frozen=True)
class Cells:
    """Boxes c +- h in the coordinates of their data points.

    Attributes
    ----------
    owner : (B,)
        Which data point each box belongs to.
    centre, half : (B, d)
        Exact floats: the root's half width has few bits, and halving adds one each time.
    lines : (B, 4), optional
        For two latents: (p0, p1, q0, q1), between whose lines the second coordinate runs. The box's coordinates are
        then (u_1, t), with u_2 = (1 - t)(p0 + p1 u_1) + t (q0 + q1 u_1) and du_2/dt = (q0 - p0) + (q1 - p1) u_1.
    """

    owner: Index
    centre: FloatArray
    half: FloatArray
    lines: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, part: Any) -> "Cells":
        lines = None if self.lines is None else self.lines[part]
        return Cells(self.owner[part], self.centre[part], self.half[part], lines)

    def volume(self, reach: float = 1.0) -> FloatArray:
        """Return upper bounds of the volumes in u, shape (B,); products of at most 8 floats lose less than 1e-15.

        With a reach r, |du_2/dt| is bounded for all u_1 within r half widths of the centre, real or complex.
        """
        return np.asarray(np.prod(2 * self.half, axis=1) * self._stretch(reach) * (1 + 1e-13))

    def _stretch(self, reach: float) -> FloatArray | float:
        if self.lines is None:
            return 1.0
        p0, p1, q0, q1 = self.lines.T
        sizes = np.abs(q0 - p0) + np.abs(q1 - p1) * np.abs(self.centre[:, 0])  # what rounding is relative to
        middle = np.abs((q0 - p0) + (q1 - p1) * self.centre[:, 0])
        return np.asarray(middle + np.abs(q1 - p1) * self.half[:, 0] * reach + 1e-14 * sizes)

    def box(self) -> list[BallArray]:
        """Return the coordinates as d balls arrays of shape (B,)."""
        return [BallArray(self.centre[:, k], self.half[:, k]) for k in range(self.half.shape[1])]

    def points(self) -> list[BallArray]:
        """Return the centres as d ball arrays of shape (B,)."""
        return [BallArray(self.centre[:, k]) for k in range(self.half.shape[1])]

    def split(self, axis: Index) -> "Cells":
        """Return the two halves of each box along its own axis, first all lower ones."""
        rows = np.arange(len(self))
        half = self.half.copy()
        half[rows, axis] /= 2
        low, high = self.centre.copy(), self.centre.copy()
        low[rows, axis] -= half[rows, axis]
        high[rows, axis] += half[rows, axis]
        halves = [Cells(self.owner, low, half, self.lines), Cells(self.owner, high, half, self.lines)]
        return Cells.joined(halves)

    @staticmethod
    def joined(parts: "list[Cells]") -> "Cells":
        """Return all boxes of several collections, all with lines or all without."""
        lines = [p.lines for p in parts if p.lines is not None]
        return Cells(
            np.concatenate([p.owner for p in parts]),
            np.concatenate([p.centre for p in parts]),
            np.concatenate([p.half for p in parts]),
            np.concatenate(lines) if lines else None,
        )


def between_lines(lines: FloatArray, u: list[Any]) -> tuple[list[Any], Any]:
    """Return (u_1, u_2) and du_2/dt for coordinates (u_1, t), elements of any ring of balls, and lines (B, 4)."""
    p0, p1, q0, q1 = (BallArray(column) for column in lines.T)
    slope = u[0] * (q1 - p1) + (q0 - p0)
    return [u[0], u[0] * p1 + p0 + u[1] * slope], slope


@dataclass(frozen=True)
class Bounds:
    """What is known of U over cells.

    Attributes
    ----------
    central : BallArray (B,)
        U at the centres.
    least : (B,)
        Lower bounds of U over the cells.
    slopes : list of BallArray (B,)
        The d derivatives of U in u over the cells.
    """

    central: BallArray
    least: FloatArray
    slopes: list[BallArray]


class Energy:
    """U_n(u) = -log p(x_n, A_n u) on ball arrays.

    Parameters
    ----------
    model
        The latent-variable model.
    x : BallArray (N, D)
        Data.
    frames : (N, d, d)
        The matrices A_n.
    kinks_across
        Whether all kinks are crossed along the first axis only; this steers.
    """

    def __init__(
        self, model: LatentModel, x: BallArray, frames: FloatArray, kinks_across: bool = False
    ) -> None:
        self.model, self.x, self.frames, self.kinks_across = model, x, frames, kinks_across
        self.d = model.latent_dim
        self._function = model.quantities.compiled("energy", 0, BALL_ARRAYS)
        self._plain = bool((frames == np.eye(self.d)).all())
        self._least_misfit = -log_supremum(model)
        self._shrinking = 1 - 2 * frame_excess(frames)

    def at(self, owner: Index, u: list[BallArray], lines: FloatArray | None = None) -> BallArray:
        """Return U at points, shape (B,)."""
        if lines is not None:
            u, _ = between_lines(lines, u)
        (value,) = self._function(*self._turned(owner, u), *self._data(owner))
        ball: BallArray = value
        return ball.broadcast_to(owner.shape)

    def over(self, cells: Cells) -> Bounds:
        """Return bounds of U over cells."""
        offsets = [BallArray(np.zeros(len(cells)), cells.half[:, k]) for k in range(self.d)]
        value = self._centred(cells, cells.box(), offsets)
        if not isinstance(
            value, Centred
        ):  # an energy that depends on no latent cannot occur: the prior is part of it
            raise wrong_type("value", value, "a centred form")
        slopes = [BallArray.broadcast_to(p, (len(cells),)) for p in value.dual.partials]
        least = np.fmax(value.range().lower(), self._least_by_slopes(cells, slopes))
        return Bounds(value.centre, np.fmax(least, self._least_by_prior(cells)), slopes)

    def _least_by_prior(self, cells: Cells) -> FloatArray:
        """Return lower bounds of U over cells that hold whatever the decoder does there.

        log p(x|z) is at most its supremum, and |A u|^2 is at least (1 - ||A'A - I||) |u|^2.
        """
        nearest = np.maximum(np.abs(cells.centre) - cells.half, 0.0)  # off by less than 2^-52 of the centre
        if cells.lines is not None:
            nearest[:, 1] = _nearest_between(cells)
        squares = (nearest * nearest).sum(1) * self._shrinking[cells.owner] * (1 - 1e-12)
        return np.asarray(0.5 * squares + self._least_misfit + 0.5 * self.d * LOG_TWO_PI - 1e-9)

    def _least_by_slopes(self, cells: Cells, slopes: list[BallArray]) -> FloatArray:
        """Return lower bounds of U over cells from the signs of its slopes.

        Where U increases or decreases along an axis over the whole cell, its least value lies on that face; along the
        other axes the mean-value theorem counts from the centre. NaN where a slope is not bounded.
        """
        places, loss = [], BallArray(np.zeros(len(cells)))
        for k, slope in enumerate(slopes):
            half = cells.half[:, k]
            side = (slope.upper() < 0.0).astype(np.float64) - (slope.lower() > 0.0)
            places.append(BallArray(cells.centre[:, k]) + BallArray(side * half))
            loss = loss + BallArray(np.where(side == 0.0, slope.mag(), 0.0)) * BallArray(half)
        return (self.at(cells.owner, places, cells.lines) - loss).lower()

    def least_real_part(self, cells: Cells, u: list[BallArray | ComplexBallArray]) -> FloatArray:
        """Return lower bounds of Re U over boxes u around the centres, -inf unless U is analytic there.

        At least one coordinate is complex.
        """
        offsets = [box - BallArray(cells.centre[:, k]) for k, box in enumerate(u)]
        value = self._centred(cells, u, offsets).range()
        low, finite = value.real.lower(), np.isfinite(value.imag.upper())
        return np.where(np.isfinite(low) & finite, low, -np.inf)

    def jet(self, floats: FloatEnergy, cells: Cells, u: FloatArray) -> Jet:
        """Return U, gradient and Hessian in the cells' coordinates at u (B, d), in plain floats: not trusted."""
        x = self.x.mid[cells.owner]
        if self._plain and cells.lines is None:
            return floats.jet(u, x)
        frames = self.frames[cells.owner]
        if cells.lines is None:
            value, gradient, hessian = floats.jet((frames @ u[:, :, None])[:, :, 0], x)
            back = np.swapaxes(frames, -1, -2)
            return value, (back @ gradient[:, :, None])[:, :, 0], back @ hessian @ frames
        p0, p1, q0, q1 = cells.lines.T
        slope = (q0 - p0) + (q1 - p1) * u[:, 0]
        z = frames[:, :, 0] * u[:, :1] + frames[:, :, 1] * (p0 + p1 * u[:, 0] + u[:, 1] * slope)[:, None]
        along = frames[:, :, 0] + frames[:, :, 1] * (p1 + u[:, 1] * (q1 - p1))[:, None]
        turn = np.stack([along, frames[:, :, 1] * slope[:, None]], 2)
        value, gradient, hessian = floats.jet(z, x)
        back = np.swapaxes(turn, -1, -2)
        second = back @ hessian @ turn
        mixed = (gradient * frames[:, :, 1]).sum(1) * (q1 - p1)
        second[:, 0, 1] += mixed
        second[:, 1, 0] += mixed
        return value, (back @ gradient[:, :, None])[:, :, 0], second

    def _centred(self, cells: Cells, u: list[Any], offsets: list[Any]) -> Any:
        if cells.lines is not None:
            return self._on_lines(cells, u, offsets)
        points = self._turned(cells.owner, cells.points())
        boxes = self._turned(cells.owner, u)
        latents = [
            Centred(points[j], Dual(boxes[j], self._partials(cells.owner, j)), offsets, tight=True)
            for j in range(self.d)
        ]
        (value,) = self._function(*latents, *self._data(cells.owner))
        return value

    def _on_lines(self, cells: Cells, u: list[Any], offsets: list[Any]) -> Any:
        """Return the same for cells between lines."""
        place = [
            Centred(point, Dual(box, [int(j == k) for k in range(2)]), offsets, tight=True)
            for j, (point, box) in enumerate(zip(cells.points(), u, strict=True))
        ]
        moved, _ = between_lines(cells.lines, place)  # type: ignore[arg-type]
        (value,) = self._function(*self._turned(cells.owner, moved), *self._data(cells.owner))
        return value

    def _partials(self, owner: Index, j: int) -> list[Any]:
        if self._plain:
            return [int(j == k) for k in range(self.d)]
        return [self._frame(owner, j, k) for k in range(self.d)]

    def _frame(self, owner: Index, j: int, k: int) -> BallArray:
        """Return one entry of the frames, a scalar if there is one data point: those are multiplied faster."""
        return BallArray(self.frames[0 if len(self.x) == 1 else owner, j, k])

    def _data(self, owner: Index) -> list[BallArray]:
        rows = 0 if len(self.x) == 1 else owner
        return [self.x[rows, j] for j in range(self.model.data_dim)]

    def _turned(self, owner: Index, u: list[Any]) -> list[Any]:
        """Return z = A u."""
        if self._plain:
            return u
        return [_added([u[k] * self._frame(owner, j, k) for k in range(self.d)]) for j in range(self.d)]


def _added(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _nearest_between(cells: Cells) -> FloatArray:
    """Return lower bounds of |u_2| over cells between lines: u_2 is bilinear, its extremes are at corners."""
    p0, p1, q0, q1 = cells.lines.T  # type: ignore[union-attr]
    corners = []
    for side in (-1.0, 1.0):
        u = cells.centre[:, 0] + side * cells.half[:, 0]
        for top in (-1.0, 1.0):
            t = cells.centre[:, 1] + top * cells.half[:, 1]
            corners.append((1 - t) * (p0 + p1 * u) + t * (q0 + q1 * u))
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    size = np.abs(cells.lines).sum(1) * (1 + np.abs(cells.centre[:, 0]) + cells.half[:, 0])  # type: ignore[arg-type]
    return np.asarray(np.maximum(np.maximum(low, -high) - 1e-14 * size, 0.0))

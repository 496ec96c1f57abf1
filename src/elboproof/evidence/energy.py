"""The energy of many data points on many cells at once, in the coordinates of each data point's frame.

A cell belongs to one data point. Its coordinates u give z = A u with a float matrix A, taken as exactly what it is, so
that no orthogonality is assumed: the integral over z is |det A| times the integral over u.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS, COMPLEX_BALL_ARRAYS

BLOCK = 4096
"""Cells or points evaluated at once: the temporaries of an operation then stay in cache."""

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Cells:
    """Boxes c +- h in the frames of their data points.

    Attributes
    ----------
    owner : (B,)
        Which data point each box belongs to.
    centre, half : (B, d)
        Exact floats: the root's half width has few bits, and halving adds one each time.
    """

    owner: Index
    centre: FloatArray
    half: FloatArray

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, part: Any) -> "Cells":
        return Cells(self.owner[part], self.centre[part], self.half[part])

    def volume(self) -> FloatArray:
        """Return upper bounds of the volumes in u, shape (B,); products of at most 8 floats lose less than 1e-15."""
        return np.asarray(np.prod(2 * self.half, axis=1) * (1 + 1e-14))

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
        return Cells.joined([Cells(self.owner, low, half), Cells(self.owner, high, half)])

    @staticmethod
    def joined(parts: "list[Cells]") -> "Cells":
        """Return all boxes of several collections."""
        return Cells(
            np.concatenate([p.owner for p in parts]),
            np.concatenate([p.centre for p in parts]),
            np.concatenate([p.half for p in parts]),
        )


class Energy:
    """U_n(u) = -log p(x_n, A_n u) and its gradient in u, on ball arrays.

    Parameters
    ----------
    model
        The latent-variable model.
    x : BallArray (N, D)
        Data.
    frames : (N, d, d)
        The matrices A_n.
    """

    def __init__(self, model: LatentModel, x: BallArray, frames: FloatArray) -> None:
        self.model, self.x, self.frames = model, x, frames
        self.d = model.latent_dim
        self._value = model.quantities.compiled("energy", 0, BALL_ARRAYS)
        self._slopes = model.quantities.compiled_with_slopes("energy", BALL_ARRAYS)
        self._complex = model.quantities.compiled("energy", 0, COMPLEX_BALL_ARRAYS)
        self._plain = bool((frames == np.eye(self.d)).all())

    def _data(self, owner: Index) -> list[BallArray]:
        return [self.x[owner, j] for j in range(self.model.data_dim)]

    def _latent(self, owner: Index, u: list[Any]) -> list[Any]:
        """Return z = A u."""
        if self._plain:
            return u
        return [
            _added([u[k] * BallArray(self.frames[owner, j, k]) for k in range(self.d)]) for j in range(self.d)
        ]

    def at(self, owner: Index, u: list[BallArray]) -> BallArray:
        """Return U at points, shape (B,)."""
        (value,) = self._value(*self._latent(owner, u), *self._data(owner))
        return _balls(value, owner)

    def with_slopes(self, owner: Index, u: list[BallArray]) -> tuple[BallArray, list[BallArray]]:
        """Return U and its d derivatives in u over boxes, each of shape (B,)."""
        values = self._slopes(*self._latent(owner, u), *self._data(owner))
        value, *gradient = (_balls(v, owner) for v in values)
        if self._plain:
            return value, gradient
        turned = [
            _added([gradient[j] * BallArray(self.frames[owner, j, k]) for j in range(self.d)])
            for k in range(self.d)
        ]
        return value, turned

    def least_real_part(self, owner: Index, u: list[ComplexBallArray]) -> FloatArray:
        """Return lower bounds of Re U over complex boxes, -inf where U is not known to be analytic."""
        data = [ComplexBallArray(x) for x in self._data(owner)]
        (value,) = self._complex(*self._latent(owner, u), *data)
        rectangle = value if isinstance(value, ComplexBallArray) else ComplexBallArray(value)
        low, finite = rectangle.real.lower(), np.isfinite(rectangle.imag.upper())
        return np.broadcast_to(np.where(np.isfinite(low) & finite, low, -np.inf), owner.shape)


def _balls(value: BallArray, owner: Index) -> BallArray:
    """Return one ball per cell, also for an energy or a slope that is constant."""
    return value.broadcast_to(owner.shape)


def _added(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total

"""Upper bounds of the integrals over all pieces of a decoder at once, in arrays of balls.

On a piece the energy U is convex, so that for every z_0 and all z in the piece

    U(z) >= U(z_0) + min over the corners v of U'(z_0) (v - z_0),

and the integral of exp(-U) is at most the area times exp(-min U). Floats choose z_0 near the piece's least energy,
where the bound is the least energy itself; any z_0 is good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import exp_upward, upward
from elboproof.quadrature.polygons import Piece


@dataclass(frozen=True, eq=False)
class Quadratics:
    """U = z'H z/2 + g'z + k/2 on P pieces: entries H[i][j], g[i] and k, balls (P,)."""

    hessian: tuple[tuple[BallArray, ...], ...]
    slopes: tuple[BallArray, ...]
    constant: BallArray


@dataclass(frozen=True, eq=False)
class Places:
    """Corners of P pieces, and their sizes.

    Attributes
    ----------
    corners : (P, V, d)
        Balls around the exact ones; pieces with fewer have one of them several times.
    log_size : (P,)
        Upper bounds of the log area, or length.
    """

    corners: BallArray
    log_size: FloatArray

    @staticmethod
    def of(pieces: Sequence[Piece]) -> "Places":
        """Return the places of pieces."""
        most = max(len(piece.corners) for piece in pieces)
        rows = [piece.floats[:, :-1] for piece in pieces]
        mids = np.stack([row[np.minimum(np.arange(most), len(row) - 1)] for row in rows])
        # a nearest double is off by 2^-53 of its size, or by 2^-1075
        corners = BallArray(mids, np.abs(mids) * 2.0**-52 + 2.0**-1074)
        low, high = corners.lower().min(1), corners.upper().max(1)
        sides = BallArray(high) - BallArray(low)  # of the box around a piece
        size = sides[:, 0] if sides.shape[1] == 1 else sides[:, 0] * sides[:, 1]
        return Places(corners, size.log().upper())

    def log_bounds(self, energy: Quadratics) -> FloatArray:
        """Return upper bounds of the logs of the integrals of exp(-U), (P,)."""
        place = np.nan_to_num(_least(self.corners.mid, energy), posinf=0.0, neginf=0.0)
        d = place.shape[1]
        z = [BallArray(place[:, k]) for k in range(d)]
        slopes = []
        for k in range(d):
            slope = energy.slopes[k]
            for j in range(d):
                slope = slope + energy.hessian[k][j] * z[j]
            slopes.append(slope)
        value, fall = energy.constant * 0.5, BallArray(np.zeros(self.corners.shape[:2]))
        for k in range(d):
            value = value + z[k] * (slopes[k] + energy.slopes[k]) * 0.5
            fall = fall + slopes[k].reshape(-1, 1) * (self.corners[:, :, k] - z[k].reshape(-1, 1))
        least = value + BallArray(np.minimum(_finite(fall.lower().min(1)), 0.0))
        bounds = (BallArray(_finite(self.log_size, 1e300)) - least).upper()
        return np.asarray(np.where(bounds < UNKNOWN, bounds, np.inf))


UNKNOWN = 1e200
"""A bound that large says nothing: something has overflowed."""


def _finite(bounds: FloatArray, limit: float = -1e300) -> FloatArray:
    """Return bounds with a number in the place of what says nothing."""
    return np.asarray(np.where(np.isfinite(bounds), bounds, limit))


def _least(corners: FloatArray, energy: Quadratics) -> FloatArray:
    """Return about where U is least on each piece (P, d), in floats that nothing rests on."""
    d = corners.shape[2]
    hessian = np.stack([np.stack([one.mid for one in row], -1) for row in energy.hessian], -2)
    slopes = np.stack([one.mid for one in energy.slopes], -1)
    with np.errstate(all="ignore"):
        if d == 1:
            return np.clip(-slopes / hessian[:, 0], corners.min(1), corners.max(1))
        return _in_plane(corners, hessian, slopes)


def _in_plane(corners: FloatArray, hessian: FloatArray, slopes: FloatArray) -> FloatArray:
    determinant = hessian[:, 0, 0] * hessian[:, 1, 1] - hessian[:, 0, 1] ** 2
    m = (
        np.stack(
            [
                hessian[:, 0, 1] * slopes[:, 1] - hessian[:, 1, 1] * slopes[:, 0],
                hessian[:, 0, 1] * slopes[:, 0] - hessian[:, 0, 0] * slopes[:, 1],
            ],
            -1,
        )
        / determinant[:, None]
    )
    edges = np.roll(corners, -1, axis=1) - corners
    away = m[:, None] - corners
    inside = np.all(edges[..., 0] * away[..., 1] - edges[..., 1] * away[..., 0] >= 0, axis=1)
    turned = edges @ hessian  # (P, V, d)
    length = (turned * edges).sum(-1)
    share = np.clip((turned * away).sum(-1) / np.where(length > 0, length, np.inf), 0.0, 1.0)
    feet = corners + share[..., None] * edges
    offset = feet - m[:, None]
    best = ((offset @ hessian) * offset).sum(-1).argmin(1)
    return np.where(inside[:, None], m, feet[np.arange(len(feet)), best])


def balls_of(values: Sequence[arb]) -> BallArray:
    """Return balls (n,) around balls of FLINT."""
    # float() of a midpoint is off by one unit at most
    mids, rads = (
        np.array([float(part) for part in parts])
        for parts in ((v.mid() for v in values), (v.rad() for v in values))
    )
    known = np.isfinite(mids) & np.isfinite(rads)
    mids, rads = np.where(known, mids, 0.0), np.where(known, rads, np.inf)
    return BallArray(mids, upward(rads + np.abs(mids) * 2.0**-52, 3, underflows=2))


def sum_of(bounds: FloatArray, top: float) -> arb:
    """Return an upper bound of the sum of exp(bound - top)."""
    exponents = np.nextafter(bounds - top, np.inf)  # the difference has been rounded
    return arb(float(upward(exp_upward(exponents).sum(), len(bounds) + 1)))

"""Scales of many rows at once, in plain floats: nothing here is trusted, and it only steers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.shared_parts import SharedParts

REACH, SIDE = 5.0, {1: 101, 2: 101, 3: 31}
"""The first grid reaches so many standard deviations of the prior, with so many points an axis for d latents."""
NEAR = 15
"""Points an axis of each row's second grid, between the neighbours of its best point."""
NUMBERS = 2**22
"""Of one temporary."""


@dataclass(frozen=True)
class Scales:
    """The smallest energy (N,) that was seen, and estimates of log p(x), (N,)."""

    energy: FloatArray
    log_mass: FloatArray


def scales(parts: SharedParts, x: FloatArray, constant: FloatArray) -> Scales:
    """Return scales for data (N, D) with constants c(x), (N,), and up to three latents."""
    side = SIDE[parts.d]
    step = 2 * REACH / (side - 1)
    grid = _grid(np.linspace(-REACH, REACH, side), parts.d)
    statistic, rest = parts.floats(grid)
    energy, log_mass = np.empty(len(x)), np.empty(len(x))
    for rows in _rows(len(x), grid.shape[1]):
        values = rest - x[rows] @ statistic + constant[rows, None]
        best = grid[:, np.argmin(np.where(np.isnan(values), np.inf, values), 1)]
        near = _nearby(parts, x[rows], constant[rows], best, step)
        # the grid's sum counts what is not near the best point; that is counted finer
        far = (np.abs(grid[:, None, :] - best[:, :, None]) >= 0.99 * step).any(0)
        lowest = np.fmin(np.fmin.reduce(values, 1), np.fmin.reduce(near, 1))  # NaN where all are
        heavy = _mass(np.where(far, values, np.inf), lowest, step**parts.d)
        fine = _mass(near, lowest, (2 * step / NEAR) ** parts.d)
        energy[rows], log_mass[rows] = lowest, np.log(heavy + fine) - lowest
    return Scales(energy, log_mass)


def _nearby(
    parts: SharedParts, x: FloatArray, constant: FloatArray, best: FloatArray, step: float
) -> FloatArray:
    """Return U on each row's second grid, (n, NEAR^d): the middles of equal boxes around its best point (d, n)."""
    offsets = _grid((np.arange(NEAR) + 0.5) * (2 * step / NEAR) - step, parts.d)
    values = np.empty((len(x), offsets.shape[1]))
    for rows in _rows(len(x), offsets.shape[1] * parts.outputs):
        z = best[:, rows, None] + offsets[:, None, :]
        statistic, rest = parts.floats(z.reshape(parts.d, -1))
        shared = np.broadcast_to(statistic, (len(statistic), rest.size)).reshape(len(statistic), *z.shape[1:])
        values[rows] = rest.reshape(z.shape[1:]) - np.einsum("nj,jng->ng", x[rows], shared)
    return values + constant[:, None]


def _mass(values: FloatArray, lowest: FloatArray, volume: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(np.nansum(np.exp(lowest[:, None] - values), 1) * volume)


def _grid(axis: NDArray[Any], d: int) -> FloatArray:
    """Return all points of a grid, (d, P)."""
    return np.stack(np.meshgrid(*[axis] * d, indexing="ij")).reshape(d, -1)


def _rows(count: int, each: int) -> Iterator[slice]:
    """Return rows in parts of about NUMBERS numbers."""
    size = max(1, NUMBERS // each)
    return (slice(first, first + size) for first in range(0, count, size))

"""Where to begin: modes, frames and scales, in plain floating point.

Nothing here is trusted. A missed mode or a bad frame costs time; the search proves what it needs.
"""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from elboproof.arguments import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING

STARTS = {1: 65, 2: 289, 3: 729}
"""Points of the first scan per data point."""
KEPT = 6
STEPS = 60


@dataclass(frozen=True)
class Start:
    """What the search begins with, for N data points.

    Attributes
    ----------
    frames : (N, d, d)
        Nearly orthogonal matrices whose columns are the axes of the main mode's Hessian.
    energy : (N,)
        Smallest energy found.
    log_mass : (N,)
        Laplace's estimate of log p(x).
    """

    frames: FloatArray
    energy: FloatArray
    log_mass: FloatArray


class _Floats:
    """Energy, gradient and Hessian in float64; what overflows is infinite."""

    def __init__(self, model: LatentModel, x: FloatArray) -> None:
        self.x, self.d = x, model.latent_dim
        self.functions = [model.quantities.compiled("energy", order, FLOATING) for order in (0, 1)]
        with suppress(ValueError):  # a kink, noticed here or at the first call
            self.functions.append(model.quantities.compiled("energy", 2, FLOATING))

    def __call__(self, order: int, z: FloatArray) -> FloatArray:
        """Z (N, S, d) -> (N, S) + (number of distinct derivatives,) for order > 0."""
        with np.errstate(all="ignore"):
            values = self.functions[order](*np.moveaxis(z, -1, 0), *np.moveaxis(self.x[:, None, :], -1, 0))
        stacked = np.stack([np.broadcast_to(v, z.shape[:-1]) for v in values], axis=-1)
        return stacked[..., 0] if order == 0 else stacked

    def hessian(self, z: FloatArray) -> FloatArray:
        """Z (N, S, d) -> (N, S, d, d)."""
        try:
            distinct = self(2, z)
        except (
            IndexError,
            ValueError,
        ):  # no second derivative at a kink: the slope's differences serve as well
            return self._differences(z)
        rows, columns = np.triu_indices(self.d)
        full = np.zeros((*z.shape, self.d))
        full[..., rows, columns] = full[..., columns, rows] = distinct
        return full

    def _differences(self, z: FloatArray) -> FloatArray:
        step = 1e-5
        moved = [(self(1, z + step * e) - self(1, z - step * e)) / (2 * step) for e in np.eye(self.d)]
        matrix = np.stack(moved, -1)
        return np.asarray((matrix + np.swapaxes(matrix, -1, -2)) / 2)


def start(model: LatentModel, x: FloatArray) -> Start:
    """Return frames and scales for data x (N, D)."""
    floats = _Floats(model, x)
    z = _modes(floats, _scan(floats, len(x)))
    energies = np.nan_to_num(floats(0, z), nan=np.inf)
    best = energies.argmin(1)
    rows = np.arange(len(x))
    hessians = floats.hessian(z[rows, best][:, None])[:, 0]
    frames, logs = zip(*(_frame(h) for h in hessians), strict=True)
    lowest = np.where(np.isfinite(energies[rows, best]), energies[rows, best], 0.0)
    log_mass = -lowest + model.latent_dim / 2 * np.log(2 * np.pi) - np.array(logs) / 2
    return Start(np.array(frames), lowest, log_mass)


def _scan(floats: _Floats, points: int) -> FloatArray:
    """Return the best few points of a fixed scan of the prior's bulk, (N, KEPT, d)."""
    side = round(STARTS.get(floats.d, 729) ** (1 / floats.d))
    axis = np.linspace(-4, 4, side)
    grid = np.stack(np.meshgrid(*[axis] * floats.d, indexing="ij"), -1).reshape(-1, floats.d) + 1e-3
    energies = floats(0, np.broadcast_to(grid, (points, *grid.shape)))
    order = np.argsort(np.nan_to_num(energies, nan=np.inf), axis=1)[:, :KEPT]
    return np.asarray(grid[order])


def _modes(floats: _Floats, z: FloatArray) -> FloatArray:
    """Run Newton's method with eigenvalues made positive and steps halved, all starts at once."""
    damping = np.ones(z.shape[:-1])
    energy = floats(0, z)
    for _ in range(STEPS):
        gradient, hessian = floats(1, z), floats.hessian(z)
        finite = np.isfinite(gradient).all(-1) & np.isfinite(hessian).all((-1, -2))
        hessian[~finite], gradient[~finite] = np.eye(floats.d), 0.0
        values, vectors = np.linalg.eigh(hessian)
        inverse = 1 / np.maximum(np.abs(values), 1.0)
        step = np.einsum("nsij,nsj,nskj,nsk->nsi", vectors, inverse, vectors, gradient)
        trial = z - damping[..., None] * step
        new = floats(0, trial)
        better = new <= energy  # False for NaN
        z = np.where(better[..., None], trial, z)
        energy = np.where(better, new, energy)
        damping = np.where(better, np.minimum(1.0, damping * 4), damping / 4)
        if (np.abs(step).max(-1) < 1e-12).all():
            break
    return z


def _frame(hessian: FloatArray) -> tuple[FloatArray, float]:
    """Return the eigenvectors and log det of a Hessian; the identity if it is no number."""
    if not np.isfinite(hessian).all():
        return np.eye(len(hessian)), 0.0
    values, vectors = np.linalg.eigh(hessian)
    logs = float(np.log(np.maximum(values, 1.0)).sum())
    if len(hessian) == 1 or values[-1] < 4 * max(values[0], 0.0):  # round: nothing to turn
        return np.eye(len(hessian)), logs
    return vectors, logs

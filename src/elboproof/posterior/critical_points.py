"""Critical points of U = -log p(x, z) in floats, and the Newton steps that lead to zeros of gradients.

Nothing here is trusted: the points are starts, and what is missed is only not found.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING

SCAN = {1: 25, 2: 7, 3: 4}
"""Points per axis of the scan for critical points of U, over [-REACH, REACH]."""
REACH = 3.0
CRITICAL_STEPS = 16
SAME = 1e-4
"""Distance, relative to the deviations, below which two limits are one."""
LARGEST_STEP = 1.0
LARGEST_SLOPE = 1e150
"""Of a Hessian: with larger entries LAPACK's iterations do not converge."""
ENOUGH = 0.85
"""The share of starts whose limit is reached; the others seldom have one."""
Mask = NDArray[np.bool_]


def critical_points(model: LatentModel, x: FloatArray, deadline: float) -> FloatArray:
    """Return distinct limits of descent and of plain Newton steps on U from a scan, lowest energies first."""
    d = model.latent_dim
    # (S, d) points, half of which descend while the others go to any zero of the gradient, saddles included
    axis = np.linspace(-REACH, REACH, SCAN.get(d, 3))
    mean, factor = model.prior.scales(d)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d) @ factor.T + mean
    z, down = np.concatenate([grid, grid]), np.arange(2 * len(grid)) < len(grid)
    for _ in range(CRITICAL_STEPS):
        slopes, hessian = energy_slopes(model, x, z)
        step = newton_step(-slopes, -hessian, down, 1.0)
        z = z + step
        if (np.abs(step).max(1) < 1e-6).mean() > ENOUGH or time.monotonic() > deadline:
            break
    slopes, hessian = energy_slopes(model, x, z)
    scale = np.sqrt(np.maximum(np.abs(np.einsum("sii->si", hessian)), 1.0))
    whitened = np.linalg.solve(factor, (z - mean).T).T
    settled = (np.abs(slopes) / scale < 1e-3).all(1) & (np.abs(whitened) < 3 * REACH).all(1)
    apart = z[settled][distinct(z[settled], 1 / scale[settled])]
    with np.errstate(all="ignore"):
        energy = model.quantities.compiled("energy", 0, FLOATING)(*apart.T, *map(np.float64, x))[0]
    order = np.argsort(np.nan_to_num(np.broadcast_to(energy, len(apart)), nan=np.inf))
    return np.asarray(apart[order])


def energy_slopes(model: LatentModel, x: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the gradient (S, d) and Hessian (S, d, d) of U; zeros and the identity where they are no numbers."""
    d = model.latent_dim
    arguments = [z[:, k] for k in range(d)] + [np.float64(value) for value in x]
    with np.errstate(all="ignore"):
        values = model.quantities.compiled_jet("energy", 2, FLOATING)(*arguments)
        table = np.stack([np.broadcast_to(value, len(z)) for value in values], -1)
    # a jet's columns: the value, d slopes, and the upper triangle of the Hessian row by row, which is how triu_indices
    # counts
    slopes, curves = table[:, 1 : d + 1], table[:, d + 1 :]
    hessian = np.zeros((len(z), d, d))
    rows, columns = np.triu_indices(d)
    hessian[:, rows, columns] = hessian[:, columns, rows] = curves
    finite = np.isfinite(slopes).all(1) & np.isfinite(hessian).all((1, 2))
    slopes[~finite], hessian[~finite] = 0.0, np.eye(d)
    return slopes, hessian


def newton_step(gradient: FloatArray, hessian: FloatArray, up: Mask, floor: float) -> FloatArray:
    """Return steps of limited size to where the gradient vanishes; uphill where ``up``, whatever the curvature."""
    values, vectors = np.linalg.eigh(np.clip(np.nan_to_num(hessian), -LARGEST_SLOPE, LARGEST_SLOPE))
    # in the eigenbasis of each (n, n) Hessian: uphill the curvature counts as -size whatever its sign, which makes
    # gradient' step > 0; else it keeps its sign, and the step is Newton's to any zero. The floor bounds the step where
    # the curvature vanishes
    size = np.maximum(np.abs(values), np.where(up, floor, 1e-6)[:, None])
    curvature = np.where(up[:, None] | (values < 0), -size, size)
    return _limited(-np.einsum("sij,sj,skj,sk->si", vectors, 1 / curvature, vectors, gradient))


def _limited(step: NDArray[np.floating[Any]]) -> FloatArray:
    # the direction is kept; what is no number gives no step
    size = np.abs(np.nan_to_num(step)).max(1, keepdims=True)
    return np.asarray(np.nan_to_num(step) * np.minimum(1.0, LARGEST_STEP / np.maximum(size, 1e-300)))


def distinct(theta: FloatArray, scales: FloatArray) -> NDArray[np.intp]:
    """Return the rows that are no repetitions of others; none of none."""
    # theta (S, n) against the rows kept before, each in units of its own scale. A chain of near points may keep its
    # ends: what is proved of both is told apart or joined by `without_repetitions`
    kept: list[int] = []
    for n in range(len(theta)):
        near = (np.abs((theta[n] - theta[kept]) / scales[n]).max(1) < SAME).any() if kept else False
        if not near:
            kept.append(n)
    return np.array(kept, dtype=np.intp)

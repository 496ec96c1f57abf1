"""Where to begin: modes, frames and scales, in plain floating point.

Nothing here is trusted. A missed mode or a bad frame costs time; the search proves what it needs.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.steps import Steps
from elboproof.shapes import Float64

SIDES = {1: 65, 2: 17, 3: 9, 4: 6}
"""Points an axis of the first scan."""
SCANNED, ROWS = 2**11, 2**13
"""Points of the scan evaluated at once; and rows of x whose modes are sought at once."""
KEPT = 4
STEPS = 60
HOPELESS = 40.0
"""Nats above the best start of the same x, at which another is no longer followed."""
STUCK = 1e-6
CLOSE = 0.05
"""Nats that Newton's next step would still gain: the scales need no more."""


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

    frames: Float64[FloatArray, "N d d"]
    energy: Float64[FloatArray, "N"]
    log_mass: Float64[FloatArray, "N"]


def start(floats: FloatEnergy, x: Float64[FloatArray, "N D"], deadline: float = math.inf) -> Start:
    """Return frames and scales for data x; rougher ones once ``time.monotonic()`` passes the deadline."""
    parts = [_start(floats, x[first : first + ROWS], deadline) for first in range(0, len(x), ROWS)]
    frames, energy, log_mass = zip(*((p.frames, p.energy, p.log_mass) for p in parts), strict=True)
    return Start(np.concatenate(frames), np.concatenate(energy), np.concatenate(log_mass))


def _start(floats: FloatEnergy, x: Float64[FloatArray, "N D"], deadline: float) -> Start:
    """Return the same for a part of the data."""
    begin = _scan(floats, x, deadline)
    if time.monotonic() > deadline:
        zeros = np.zeros(len(x))
        return Start(np.tile(np.eye(floats.d), (len(x), 1, 1)), zeros, zeros.copy())
    energies, hessians = _modes(floats, x, begin, deadline)
    # (N, S) -> (N,): the best start of each point gives its scales; where none has a finite energy, plain ones.
    energies = np.where(np.isfinite(energies), energies, np.inf)
    rows, best = np.arange(len(x)), energies.argmin(1)
    lowest = np.where(np.isfinite(energies[rows, best]), energies[rows, best], 0.0)
    frames, logs = _frames(hessians[rows, best])
    return Start(frames, lowest, -lowest + floats.d / 2 * np.log(2 * np.pi) - logs / 2)


def _beside(x: FloatArray, z: FloatArray) -> FloatArray:
    """Return x (N, D) as (N, S, D), so that each start z (N, S, d) has its data."""
    return np.broadcast_to(x[:, None, :], (*z.shape[:-1], x.shape[-1]))


def _scan(
    floats: FloatEnergy, x: Float64[FloatArray, "N D"], deadline: float
) -> Float64[FloatArray, "N kept d"]:
    """Return the best few points of a fixed scan of the prior's bulk, the rows of x in parts that fit into memory."""
    # grid (S, d), energies (N, S): the same points for every x, which argpartition sorts only as far as needed.
    sides = SIDES.get(floats.d, 5)
    axes = [np.linspace(low, high, sides) for low, high in np.clip(floats.ends, -4, 4)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, floats.d) + 1e-3
    grid = np.clip(grid, *floats.ends.T)
    energies = np.full((len(x), len(grid)), np.inf)
    rows, steps = max(1, SCANNED // len(grid)), Steps(deadline)
    for part in (slice(first, first + rows) for first in range(0, len(x), rows)):
        if steps.another():
            energies[part] = floats.values(grid[None], x[part, None, :])
    energies[~np.isfinite(energies)] = np.inf
    return np.asarray(grid[np.argpartition(energies, KEPT, axis=1)[:, :KEPT]])


def _modes(
    floats: FloatEnergy, x: Float64[FloatArray, "N D"], z: Float64[FloatArray, "N kept d"], deadline: float
) -> tuple[Float64[FloatArray, "N kept"], Float64[FloatArray, "N kept d d"]]:
    """Run Newton's method with eigenvalues made positive and steps halved, all starts at once.

    Returned are U and its Hessians at the last points. A step that does not lower U is taken back.
    """
    # (N, S): S starts for each of N points, each with its own damping. A step to NaN is no better one, so that
    # a start beside a pole comes to rest.
    damping, steps = np.ones(z.shape[:-1]), Steps(deadline)
    data = _beside(x, z)
    energy, gradient, hessian = floats.jet(z, data)
    for _ in range(STEPS):
        step, gain = _newton(gradient, hessian)
        hopeless = energy > energy.min(1, keepdims=True) + HOPELESS
        if ((gain < CLOSE) | hopeless).all() or (damping < STUCK).all() or not steps.another():
            break
        trial = np.clip(z - damping[..., None] * step, *floats.ends.T)
        jet = floats.jet(trial, data)
        better = jet[0] <= energy  # False for NaN
        z = np.where(better[..., None], trial, z)
        energy = np.where(better, jet[0], energy)
        gradient = np.where(better[..., None], jet[1], gradient)
        hessian = np.where(better[..., None, None], jet[2], hessian)
        damping = np.where(better, np.minimum(1.0, damping * 4), damping / 4)
    return energy, hessian


def _newton(gradient: FloatArray, hessian: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the steps (N, S, d) and what they promise to gain in nats (N, S); no step where nothing is known."""
    # (N, S, d) and (N, S, d, d). Eigenvalues are replaced by their sizes, at least 1, so that a step always
    # goes downhill and never far.
    d = gradient.shape[-1]
    finite = np.asarray(np.isfinite(gradient).all(-1) & np.isfinite(hessian).all((-1, -2)))
    gradient = np.where(finite[..., None], gradient, 0.0)
    if d == 1:
        step = gradient / np.maximum(np.abs(np.where(finite[..., None], hessian[..., 0], 1.0)), 1.0)
    else:
        values, vectors = np.linalg.eigh(np.where(finite[..., None, None], hessian, np.eye(d)))
        scaled = (gradient[..., None, :] @ vectors) / np.maximum(np.abs(values), 1.0)[..., None, :]
        step = (vectors @ np.swapaxes(scaled, -1, -2))[..., 0]
    return step, (step * gradient).sum(-1)


def _frames(hessians: Float64[FloatArray, "N d d"]) -> tuple[FloatArray, FloatArray]:
    """Return the Hessians' eigenvectors (N, d, d) and log determinants (N,); the identity where it is no number."""
    # (N, d, d). A Hessian without preferred axes is not turned: plain frames are exact, and faster.
    d = hessians.shape[-1]
    plain = np.broadcast_to(np.eye(d), hessians.shape)
    finite = np.asarray(np.isfinite(hessians).all((-1, -2)))
    values, vectors = np.linalg.eigh(np.where(finite[:, None, None], hessians, plain))
    logs = np.where(finite, np.log(np.maximum(values, 1.0)).sum(-1), 0.0)
    round_ones = values[:, -1] < 4 * np.maximum(values[:, 0], 0.0)  # nothing to turn
    turned = np.asarray(finite & ~round_ones & (d > 1))
    return np.where(turned[:, None, None], vectors, plain), logs

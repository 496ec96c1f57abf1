"""Minima of W in floats, from many starts at once: damped Newton steps, nothing proved."""

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.expansion.potential import Potential
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.interruption import require_time

STEPS = 120
"""A degenerate minimum such as that of z^6 is approached by a factor 4/5 each step: 1e-11 is left."""
FLOOR = 1e-9
"""Of the largest eigenvalue: smaller ones are raised to it, negative ones turned round, so that each step descends."""


def minima(potential: Potential, starts: FloatArray) -> FloatArray:
    """Return where the descents from ``starts`` (N, d) end, shape (N, d); NaN where W overflows at the start."""
    # all N starts at once: z (N, d), W (N,), slope (N, d), bend (N, d, d), one damping each. A step is taken where it
    # does not raise W, which counts as infinite where it overflows, so that no start goes up or leaves the range.
    # Floats only: whoever uses the ends proves what he says of them
    z = starts.copy()
    damping = np.full(len(z), 1e-3)
    with np.errstate(all="ignore"):
        misfit, slope, bend = potential.floats(z)
        for _ in range(STEPS):
            require_time(potential.deadline)
            step = _step(slope, bend, damping)
            trial = z - step
            other, other_slope, other_bend = potential.floats(trial)
            better = other <= misfit
            damping = np.where(better, damping / 10, damping * 10).clip(1e-12, 1e12)
            z[better], misfit[better] = trial[better], other[better]
            slope[better], bend[better] = other_slope[better], other_bend[better]
    z[~np.isfinite(misfit)] = np.nan
    return z


def log_masses(potential: Potential, z: FloatArray) -> FloatArray:
    """Return log p(z) - log det Hess W / 2, shape (N,); infinite where the Hessian is not positive definite."""
    # the Laplace approximation of each mode's mass, up to what all share; it only decides which are beneath notice. A
    # positive determinant does not make a matrix definite: such points are refused later, where the proof is
    sign, logarithm = np.linalg.slogdet(potential.floats(z)[2])
    (energy,) = potential.model.prior_quantities.compiled("energy", 0, FLOATING)(*z.T)
    return np.where(sign > 0, -energy - logarithm / 2, np.inf)


def _step(slope: FloatArray, bend: FloatArray, damping: FloatArray) -> FloatArray:
    # eigh raises at entries that are no numbers, so that those of one start are put to zero, which gives it no step.
    # bend = V diag(values) V' for each start; with the absolute values raised off zero the step is downhill: slope'
    # step > 0
    usable = np.asarray(np.isfinite(bend).all((1, 2)) & np.isfinite(slope).all(1))
    values, vectors = np.linalg.eigh(np.where(usable[:, None, None], bend, 0.0))
    largest = np.abs(values).max(1, keepdims=True) + 1e-300
    values = np.maximum(np.abs(values), FLOOR * largest) + damping[:, None] * largest
    turned = np.einsum("nij,ni->nj", vectors, np.where(usable[:, None], slope, 0.0))
    step: FloatArray = np.einsum("nij,nj->ni", vectors, turned / values)
    return step

"""Minima of |x - f(z)|^2 in floats, from many starts at once: damped Newton steps, nothing proved."""

from itertools import combinations_with_replacement, permutations

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.interruption import require_time

STEPS = 120
"""A degenerate minimum such as that of z^6 is approached by a factor 4/5 each step: 1e-11 is left."""
FLOOR = 1e-9
"""Of the largest eigenvalue: smaller ones are raised to it, negative ones turned round, so that each step descends."""


def minima(
    model: LatentModel, metric: FloatArray, x: FloatArray, starts: FloatArray, deadline: float
) -> FloatArray:
    """Return where the descents from ``starts`` (N, d) end, shape (N, d); NaN where f overflows at the start."""
    # all N starts at once: z (N, d), W (N,), slope (N, d), bend (N, d, d), one damping each. A step is taken where it
    # does not raise W, which counts as infinite where f overflows, so that no start goes up or leaves the range. Floats
    # only: whoever uses the ends proves what he says of them
    z = starts.copy()
    damping = np.full(len(z), 1e-3)
    with np.errstate(all="ignore"):
        misfit, slope, bend = _expansion(model, metric, x, z)
        for _ in range(STEPS):
            require_time(deadline)
            step = _step(slope, bend, damping)
            trial = z - step
            other, other_slope, other_bend = _expansion(model, metric, x, trial)
            better = other <= misfit
            damping = np.where(better, damping / 10, damping * 10).clip(1e-12, 1e12)
            z[better], misfit[better] = trial[better], other[better]
            slope[better], bend[better] = other_slope[better], other_bend[better]
    z[~np.isfinite(misfit)] = np.nan
    return z


def log_masses(model: LatentModel, metric: FloatArray, x: FloatArray, z: FloatArray) -> FloatArray:
    """Return log p(z) - log det Hess W / 2, shape (N,); infinite where the Hessian is not positive definite."""
    # the Laplace approximation of each mode's mass, up to what all share; it only decides which are beneath notice. A
    # positive determinant does not make a matrix definite: such points are refused later, where the proof is
    sign, logarithm = np.linalg.slogdet(_expansion(model, metric, x, z)[2])
    (energy,) = model.prior_quantities.compiled("energy", 0, FLOATING)(*z.T)
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


def _expansion(
    model: LatentModel, metric: FloatArray, x: FloatArray, z: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return W (N,), grad W (N, d), Hess W (N, d, d) of W = (x - f)' P (x - f) / 2."""
    # f (N, D), J (N, D, d), H (N, D, d, d); Hess W = J' P J - (P r) . H with r = x - f, P symmetric
    f, J, H = (_decoder(model, z, order) for order in (0, 1, 2))
    dual = (x - f) @ metric
    gauss = np.einsum("nik,ij,njl->nkl", J, metric, J)
    misfit: FloatArray = np.einsum("ni,ni->n", dual, x - f) / 2
    return np.where(np.isfinite(misfit), misfit, np.inf), -_with(dual, J), gauss - _with(dual, H)


def _with(dual: FloatArray, derivative: FloatArray) -> FloatArray:
    product: FloatArray = np.einsum("ni,ni...->n...", dual, derivative)
    return product


def _decoder(model: LatentModel, z: FloatArray, order: int) -> FloatArray:
    """Return the derivatives of f of one order, shape (N, D) + (d,) * order; not finite where they overflow."""
    d, D = model.latent_dim, model.data_dim
    # compiled derivatives come by direction, the D entries within each; partial derivatives commute, so that one value
    # fills all orders of its direction. A constant entry is a scalar, which the assignment spreads over the N points
    values = model.quantities.compiled("decoder", order, FLOATING)(*z.T, *[None] * D)
    result = np.empty((D, *(d,) * order, len(z)))
    for n, direction in enumerate(combinations_with_replacement(range(d), order)):
        for place in set(permutations(direction)):
            for j in range(D):
                result[(j, *place)] = values[n * D + j]
    return np.moveaxis(result, -1, 0)

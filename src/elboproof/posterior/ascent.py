"""Where stationary q may be: Newton's method from many starts, in plain floating point.

Nothing here is trusted: each limit is certified afterwards, and what is missed is only not found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING
from elboproof.posterior.equations import Unknown, gradient_of, hessian_of, unknowns

NODES = {1: 32, 2: 14, 3: 8}
"""Gauss-Hermite points per axis."""
SCAN = {1: 25, 2: 7, 3: 4}
"""Points per axis of the scan for critical points of U, over [-REACH, REACH]."""
REACH = 3.0
STEPS = 30
SAME = 1e-4
"""Distance, relative to the deviations, below which two limits are one."""
MOST_STARTS = 16
LARGEST_STEP = 1.0
ENOUGH = 0.85
"""The share of starts whose limit is reached; the others seldom have one."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Guess:
    """A q in floats: mean (d,) and lower triangular factor (d, d)."""

    mean: FloatArray
    factor: FloatArray


class _Expectations:
    """Derivatives of the ELBO at S points of theta, by Gauss-Hermite sums."""

    def __init__(self, model: LatentModel, x: FloatArray, family: str, fixed: FloatArray | None) -> None:
        self.model, self.x, self.fixed = model, x, fixed
        self.d, self.wanted = model.latent_dim, unknowns(model.latent_dim, family)
        quantities = model.quantities
        self.functions = [quantities.compiled("log_likelihood", order, FLOATING) for order in range(3)]
        self.eps, self.weights = _rule(self.d)

    def unpacked(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means (S, d) and factors (S, d, d); t is log L_ii here."""
        count = len(theta)
        mean = np.zeros((count, self.d))
        factor = np.zeros((count, self.d, self.d))
        if self.fixed is not None:
            factor[:] = self.fixed
        for u, column in zip(self.wanted, theta.T, strict=True):
            if u.column is None:
                mean[:, u.row] = column
            else:
                factor[:, u.row, u.column] = np.exp(np.clip(column, -300, 50)) if u.diagonal else column
        return mean, factor

    def packed(self, guess: Guess) -> FloatArray:
        """Return theta of a q."""
        return np.array([_entry(guess, u) for u in self.wanted])

    def jet(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the ELBO up to a constant (S,), its gradient (S, n) and its Hessian (S, n, n)."""
        mean, factor = self.unpacked(theta)
        z = mean[:, None, :] + np.einsum("sij,pj->spi", factor, self.eps)
        arguments = [z[..., k] for k in range(self.d)] + [np.float64(value) for value in self.x]
        with np.errstate(all="ignore"):
            parts = [self._stacked(function(*arguments), z.shape[:2]) for function in self.functions]
        expected = self._lookup(parts)
        columns = list(mean.T), [[factor[:, i, j] for j in range(self.d)] for i in range(self.d)]
        value = expected(0, (), ()) - ((mean**2).sum(1) + (factor**2).sum((1, 2))) / 2
        value = value + np.log(np.abs(np.einsum("sii->si", factor))).sum(1)
        gradient = np.stack(gradient_of(self.wanted, *columns, expected), -1)
        hessian: FloatArray = np.array(hessian_of(self.wanted, columns[1], expected))
        return value, gradient, np.moveaxis(hessian, -1, 0)

    @staticmethod
    def _stacked(values: Sequence[Any], shape: tuple[int, ...]) -> list[FloatArray]:
        return [np.broadcast_to(value, shape) for value in values]

    def _lookup(self, parts: list[list[FloatArray]]) -> Callable[..., Any]:
        numbers = [
            {c: n for n, c in enumerate(combinations_with_replacement(range(self.d), order))}
            for order in range(3)
        ]

        def expected(order: int, indices: tuple[int, ...], factors: tuple[int, ...]) -> FloatArray:
            weights = self.weights
            for k in factors:
                weights = weights * self.eps[:, k]
            return parts[order][numbers[order][tuple(sorted(indices))]] @ weights

        return expected


def _entry(guess: Guess, u: Unknown) -> float:
    if u.column is None:
        return float(guess.mean[u.row])
    value = float(guess.factor[u.row, u.column])
    return float(np.log(value)) if u.diagonal else value


@lru_cache
def _rule(d: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = hermegauss(NODES.get(d, 4))
    eps = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), -1).reshape(-1, d)
    product = np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij"), -1).reshape(-1, d).prod(1)
    keep = product > 1e-17 * product.max()
    return eps[keep], product[keep]


def guesses(model: LatentModel, x: FloatArray, family: str, fixed: FloatArray | None = None) -> list[Guess]:
    """Return distinct limits of Newton's method on the ELBO, candidates for stationary points.

    Parameters
    ----------
    x : (D,)
    fixed : (d, d)
        The Cholesky factor of the covariance, for the family "fixed".
    """
    work = _Expectations(model, x, family, fixed)
    starts = [work.packed(guess) for guess in _starts(model, x)]
    theta = np.array(starts)
    found = _limits(work, theta)
    _, gradient, _ = work.jet(found)
    scaled = np.abs(gradient * _scales(work, found)).max(1)
    settled = found[np.isfinite(scaled) & (scaled < 1e-5)]
    distinct = _distinct(settled, _scales(work, settled)) if len(settled) else settled
    mean, factor = work.unpacked(distinct)
    return [_oriented(Guess(m, f)) for m, f in zip(mean, factor, strict=True)]


def _oriented(guess: Guess) -> Guess:
    return Guess(guess.mean, np.tril(guess.factor))


def _scales(work: _Expectations, theta: FloatArray) -> FloatArray:
    """Return natural units of theta, (S, n): the deviation of z_i for m_i and l_ij, 1 for t_i."""
    _, factor = work.unpacked(theta)
    deviation = np.linalg.norm(factor, axis=2)
    return np.stack([np.ones(len(theta)) if u.diagonal else deviation[:, u.row] for u in work.wanted], -1)


def _distinct(theta: FloatArray, scales: FloatArray) -> FloatArray:
    kept: list[int] = []
    for n in range(len(theta)):
        near = (np.abs((theta[n] - theta[kept]) / scales[n]).max(1) < SAME).any() if kept else False
        if not near:
            kept.append(n)
    return theta[kept]


def _starts(model: LatentModel, x: FloatArray) -> list[Guess]:
    """Return local Gaussians at critical points of U, and wide ones."""
    d = model.latent_dim
    points = _critical_points(model, x)
    _, hessian = _energy_slopes(model, x, points)
    result = [Guess(np.zeros(d), np.eye(d) * scale) for scale in (1.0, 0.3)]
    for z, matrix in zip(points, hessian, strict=True):
        values, vectors = np.linalg.eigh(matrix)
        precision = (vectors * np.maximum(np.abs(values), 1.0)) @ vectors.T
        result.append(Guess(z, np.linalg.cholesky(np.linalg.inv(precision))))
    return result[:MOST_STARTS]


def _energy_slopes(model: LatentModel, x: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the gradient (S, d) and Hessian (S, d, d) of U; zeros and the identity where they are no numbers."""
    d = model.latent_dim
    arguments = [z[:, k] for k in range(d)] + [np.float64(value) for value in x]
    with np.errstate(all="ignore"):
        slopes, curves = (
            np.stack(
                [
                    np.broadcast_to(v, len(z))
                    for v in model.quantities.compiled("energy", order, FLOATING)(*arguments)
                ],
                -1,
            )
            for order in (1, 2)
        )
    hessian = np.zeros((len(z), d, d))
    rows, columns = np.triu_indices(d)
    hessian[:, rows, columns] = hessian[:, columns, rows] = curves
    finite = np.isfinite(slopes).all(1) & np.isfinite(hessian).all((1, 2))
    slopes[~finite], hessian[~finite] = 0.0, np.eye(d)
    return slopes, hessian


def _critical_points(model: LatentModel, x: FloatArray) -> FloatArray:
    """Return distinct limits of descent and of plain Newton steps on U from a scan, lowest energies first."""
    d = model.latent_dim
    axis = np.linspace(-REACH, REACH, SCAN.get(d, 3))
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    z, down = np.concatenate([grid, grid]), np.arange(2 * len(grid)) < len(grid)
    for _ in range(STEPS):
        slopes, hessian = _energy_slopes(model, x, z)
        step = _newton_step(-slopes, -hessian, down, 1.0)
        z = z + step
        if (np.abs(step).max(1) < 1e-6).mean() > ENOUGH:
            break
    slopes, hessian = _energy_slopes(model, x, z)
    scale = np.sqrt(np.maximum(np.abs(np.einsum("sii->si", hessian)), 1.0))
    settled = (np.abs(slopes) / scale < 1e-3).all(1) & (np.abs(z) < 3 * REACH).all(1)
    distinct = _distinct(z[settled], 1 / scale[settled])
    with np.errstate(all="ignore"):
        energy = model.quantities.compiled("energy", 0, FLOATING)(*distinct.T, *map(np.float64, x))[0]
    return distinct[np.argsort(np.nan_to_num(np.broadcast_to(energy, len(distinct)), nan=np.inf))]


def _newton_step(gradient: FloatArray, hessian: FloatArray, up: Mask, floor: float) -> FloatArray:
    """Return steps of limited size to where the gradient vanishes; uphill where ``up``, whatever the curvature."""
    values, vectors = np.linalg.eigh(hessian)
    size = np.maximum(np.abs(values), np.where(up, floor, 1e-6)[:, None])
    curvature = np.where(up[:, None] | (values < 0), -size, size)
    return _limited(-np.einsum("sij,sj,skj,sk->si", vectors, 1 / curvature, vectors, gradient))


def _limited(step: NDArray[np.floating[Any]]) -> FloatArray:
    size = np.abs(np.nan_to_num(step)).max(1, keepdims=True)
    return np.asarray(np.nan_to_num(step) * np.minimum(1.0, LARGEST_STEP / np.maximum(size, 1e-300)))


def _limits(work: _Expectations, theta: FloatArray) -> FloatArray:
    """Run two Newton methods from every start: up the ELBO, with steps halved until it grows, and to any zero."""
    up = np.arange(2 * len(theta)) < len(theta)
    theta = np.concatenate([theta, theta])
    value, gradient, hessian = work.jet(theta)
    damping = np.ones(len(theta))
    for _ in range(STEPS):
        scales = _scales(work, theta)
        scaled = np.nan_to_num(hessian * scales[:, :, None] * scales[:, None, :])
        step = _newton_step(np.nan_to_num(gradient * scales), scaled, up, 1e-6)
        trial = theta + damping[:, None] * step * scales
        new = work.jet(trial)
        taken = ~up | (new[0] >= value - 1e-12 * np.abs(value))
        theta = np.where(taken[:, None], trial, theta)
        value, gradient = np.where(taken, new[0], value), np.where(taken[:, None], new[1], gradient)
        hessian = np.where(taken[:, None, None], new[2], hessian)
        damping = np.where(taken, np.minimum(1.0, 3 * damping), damping / 4)
        if (np.abs(step).max(1) < 1e-8).mean() > ENOUGH:
            break
    return theta

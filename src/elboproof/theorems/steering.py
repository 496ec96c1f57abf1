"""Floats that steer: good Gaussian posteriors, estimates of integrals, and the axis to cut. Nothing here is trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.tape import Tape
from elboproof.theorems.natural import Natural, Theta

GRID = {1: 3001, 2: 161}
HERMITE = {1: 40, 2: 12}
KEPT = 3
STEPS = 25


@dataclass(frozen=True)
class Best:
    """The best Gaussians found for N vectors theta: means (N, d), covariances (N, d, d), ELBOs (N,)."""

    mean: FloatArray
    covariance: FloatArray
    elbo: FloatArray


class Steering:
    """Float64 estimates for the statistics of one statement."""

    def __init__(self, natural: Natural) -> None:
        self.natural, self.d = natural, len(natural.latents)
        tape = Tape(natural.latents)
        factors = [*natural.latents, *natural.atoms]
        roots = []
        for statistic in natural.statistics:
            product = tape.constant(1)
            for factor, power in zip(factors, statistic, strict=True):
                product = tape.multiply(product, tape.power(tape.lower(factor), power))
            roots.append(product)
        self._function = compile_tape(tape, roots, FLOATING)
        nodes, weights = np.polynomial.hermite_e.hermegauss(HERMITE[self.d])
        mesh = np.meshgrid(*[nodes] * self.d, indexing="ij")
        self.nodes = np.stack(mesh, -1).reshape(-1, self.d)
        product_weights = np.stack(np.meshgrid(*[weights] * self.d, indexing="ij"), -1).prod(-1).reshape(-1)
        self.weights = product_weights / product_weights.sum()

    def statistics(self, z: FloatArray) -> FloatArray:
        """Z (..., d) -> T (..., m)."""
        with np.errstate(all="ignore"):
            values = self._function(*np.moveaxis(z, -1, 0))
        return np.stack([np.broadcast_to(v, z.shape[:-1]) for v in values], -1)

    @cached_property
    def _grid(self) -> tuple[FloatArray, FloatArray]:
        axis = np.linspace(-6, 6, GRID[self.d])
        z = np.stack(np.meshgrid(*[axis] * self.d, indexing="ij"), -1).reshape(-1, self.d)
        prior = -(z**2).sum(-1) / 2 + self.d * np.log((axis[1] - axis[0]) / np.sqrt(2 * np.pi))
        return self.statistics(z), prior

    def integrals(self, theta: FloatArray) -> FloatArray:
        """Return estimates of A for theta (N, m)."""
        # theta (N, m) against a grid of K points: a matrix (chunk, K) at a time, or memory would set the limit.
        statistics, prior = self._grid
        chunk = max(1, 2_000_000 // len(prior))
        parts = [
            _log_sum_exp(theta[n : n + chunk] @ statistics.T + prior) for n in range(0, len(theta), chunk)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Means, deviations, expectations and divergences of many Gaussians to start from."""
        # Isotropic Gaussians, means x deviations of them: E[T] (M, m) serves every theta by one product.
        counts = {1: (97, 16), 2: (23, 6)}[self.d]
        axis = np.linspace(-3.5, 3.5, counts[0])
        means = np.stack(np.meshgrid(*[axis] * self.d, indexing="ij"), -1).reshape(-1, self.d)
        scales = np.geomspace(0.02, 1.2, counts[1])
        mean, scale = np.repeat(means, len(scales), 0), np.tile(scales, len(means))
        z = mean[:, None, :] + scale[:, None, None] * self.nodes
        expected = np.einsum("k,nkm->nm", self.weights, self.statistics(z))
        divergence = ((mean**2).sum(-1) + self.d * (scale**2 - 1 - 2 * np.log(scale))) / 2
        return mean, scale, expected, divergence

    def best(self, theta: FloatArray) -> Best:
        """Return the best Gaussian found for each theta (N, m)."""
        # Each theta tries the best `KEPT` entries of a table of Gaussians, then improves them side by side as N KEPT
        # rows.
        mean, scale, expected, divergence = self._table
        values = theta @ expected.T - divergence
        chosen = self._distinct(values)
        rows = np.repeat(np.arange(len(theta)), chosen.shape[1])
        m = mean[chosen.reshape(-1)]
        s = scale[chosen.reshape(-1), None, None] ** 2 * np.eye(self.d)
        found = self._improved(theta[rows], m, s)
        elbo = found.elbo.reshape(len(theta), -1)
        pick = np.arange(len(theta)) * chosen.shape[1] + np.argmax(elbo, 1)
        return Best(found.mean[pick], found.covariance[pick], found.elbo[pick])

    def _distinct(self, values: FloatArray) -> NDArray[np.intp]:
        """Return the best starts, at most one for each mean."""
        # values (N, means x deviations): the best deviation for each mean, then the best means; neighbours of one
        # peak would lead to one and the same optimum.
        means = len(self._table[0])
        per = {1: 16, 2: 6}[self.d]
        by_mean = values.reshape(len(values), means // per, per)
        inner = by_mean.argmax(-1)
        peaks = np.take_along_axis(by_mean, inner[..., None], -1)[..., 0]
        if self.d == 1:  # local maxima along the line of means
            padded = np.pad(peaks, ((0, 0), (1, 1)), constant_values=-np.inf)
            local = (peaks >= padded[:, :-2]) & (peaks >= padded[:, 2:])
            peaks = np.where(local, peaks, peaks - 1e6)
        order = np.argsort(-peaks, axis=1)[:, :KEPT]
        return np.asarray(order * per + np.take_along_axis(inner, order, 1))

    def _improved(self, theta: FloatArray, m: FloatArray, s: FloatArray) -> Best:
        """Take natural-gradient steps, halved where the ELBO would fall."""
        # One step of the natural parameters: precision -> precision + step (I - E[Hess] - precision), mean along the
        # same metric. Rows whose ELBO would fall keep what they have and shorten their step; all rows go on until
        # each has stopped.
        value, slope, curvature = self._moments(theta, m, s)
        step = np.ones(len(theta))
        for _ in range(STEPS):
            precision = np.linalg.inv(s)
            wanted = np.eye(self.d) - curvature
            trial_precision = precision + step[:, None, None] * (wanted - precision)
            positive = np.linalg.eigvalsh(trial_precision)[:, 0] > 1e-3
            trial_precision = np.where(positive[:, None, None], trial_precision, precision * 1.5)
            trial_s = np.asarray(np.linalg.inv(trial_precision), dtype=np.float64)
            trial_m = m + step[:, None] * np.einsum("nij,nj->ni", trial_s, slope - m)
            new = self._moments(theta, trial_m, trial_s)
            better = new[0] > value
            m, s = np.where(better[:, None], trial_m, m), np.where(better[:, None, None], trial_s, s)
            value = np.where(better, new[0], value)
            slope = np.where(better[:, None], new[1], slope)
            curvature = np.where(better[:, None, None], new[2], curvature)
            step = np.where(better, np.minimum(1.0, 2 * step), step / 3)
            if (step < 1e-4).all():
                break
        return Best(m, s, value)

    def _moments(
        self, theta: FloatArray, m: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the ELBO (N,), E[grad] (N, d) and E[Hessian] (N, d, d) of theta . T by Stein's identities."""
        # With z = m + L e: E[grad h] = L^-T E[h e], E[Hess h] = L^-T E[h (ee' - I)] L^-1 by Stein's identities; h
        # minus its mean makes the identity's part vanish, and spares derivatives of the atoms.
        lower = np.linalg.cholesky(s)
        z = m[:, None, :] + np.einsum("nij,kj->nki", lower, self.nodes)
        h = np.einsum("nkm,nm->nk", self.statistics(z), theta)
        mean = h @ self.weights
        centred = (h - mean[:, None]) * self.weights
        inverse = np.linalg.inv(lower)
        slope = np.einsum("nk,kj,nji->ni", centred, self.nodes, inverse)
        outer = np.einsum("nk,ki,kj->nij", centred, self.nodes, self.nodes)
        curvature = np.swapaxes(inverse, -1, -2) @ outer @ inverse
        trace = np.trace(s, axis1=1, axis2=2)
        log_det = 2 * np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(-1)
        divergence = ((m**2).sum(-1) + trace - self.d - log_det) / 2
        elbo = mean - divergence
        return np.where(np.isfinite(elbo), elbo, -np.inf), slope, curvature

    def expected(self, best: Best, n: int) -> FloatArray:
        """Return E[T] (m,) under the n-th Gaussian."""
        # Gauss-Hermite nodes: exact for polynomials of moderate degree, an estimate for atoms.
        return np.asarray(self.weights @ self._samples(best, n))

    def spread(self, best: Best, n: int, direction: FloatArray) -> float:
        """Return the variance of direction . T under the n-th Gaussian."""
        values = self._samples(best, n) @ direction
        return float(self.weights @ (values - self.weights @ values) ** 2)

    def _samples(self, best: Best, n: int) -> FloatArray:
        lower = np.linalg.cholesky(best.covariance[n])
        return self.statistics(best.mean[n] + self.nodes @ lower.T)


def _log_sum_exp(values: FloatArray) -> FloatArray:
    values = np.where(np.isfinite(values), values, -np.inf)
    top = values.max(1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(1)))


def floats(thetas: Sequence[Theta], statistics: int) -> FloatArray:
    """Return theta as floats, (N, m)."""
    rows = [[int(v.p) / int(v.q) for v in theta] for theta in thetas]
    return np.array(rows, dtype=np.float64).reshape(len(thetas), statistics)


def floating(q: GaussianPosterior) -> Best:
    """Return an exact Gaussian in floats, N = 1."""
    covariance = [[[float(entry) for entry in row] for row in q.covariance]]
    return Best(np.array([[float(m) for m in q.mean]]), np.array(covariance), np.zeros(1))


def rounded(best: Best, n: int) -> GaussianPosterior:
    """Return the n-th Gaussian with short exact numbers: 24 bits relative to its deviations."""
    # A lower-triangular factor with short entries gives a covariance that is exactly symmetric and positive definite.
    lower = np.linalg.cholesky(best.covariance[n])
    d = len(lower)
    factor = [
        [_short(lower[i, j], lower[i, i]) if j <= i else Fraction(0) for j in range(d)] for i in range(d)
    ]
    covariance = [
        [sum((factor[i][k] * factor[j][k] for k in range(d)), Fraction(0)) for j in range(d)]
        for i in range(d)
    ]
    mean = [_short(best.mean[n, i], lower[i, i]) for i in range(d)]
    return GaussianPosterior(mean, covariance)


def _short(number: float, scale: float) -> Fraction:
    # A power of two near scale 2^-18 is the unit: numbers of a certificate stay short.
    unit = Fraction(2) ** (int(np.floor(np.log2(scale))) - 18)
    return round(Fraction(float(number)) / unit) * unit

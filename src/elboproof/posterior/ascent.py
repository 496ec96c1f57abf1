"""Where stationary q may be: Newton's method from many starts, in plain floating point.

Nothing here is trusted: each limit is certified afterwards, and what is missed is only not found.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from elboproof.arrays import FloatArray
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.floating import FLOATING
from elboproof.posterior.critical_points import (
    ENOUGH,
    LARGEST_SLOPE,
    critical_points,
    distinct,
    energy_slopes,
    newton_step,
)
from elboproof.posterior.equations import Unknown, gradient_of, hessian_of, unknowns
from elboproof.posterior.whitened import whitening

NODES = {1: 32, 2: 14, 3: 8}
"""Gauss-Hermite points per axis."""
STEPS = {1: 16, 2: 40, 3: 30}
"""Newton's method needs few, but along curved ridges; starts that wander on seldom arrive."""
TEMPERED = 6
"""Starts that follow a likelihood which is raised step by step: along ridges there are no good local ones."""
KICK = 0.5
"""Of a deviation."""
MOST_STARTS = 16
SETTLED = 1e-5
"""Of the whitened gradient: a limit is reached."""


@dataclass(frozen=True)
class Guess:
    """A q in floats: mean (d,) and lower triangular factor (d, d)."""

    mean: FloatArray
    factor: FloatArray


class _Expectations:
    """Derivatives of the ELBO at S points of theta, by Gauss-Hermite sums."""

    def __init__(
        self, model: LatentModel, x: FloatArray, family: str, fixed: FloatArray | None, deadline: float
    ) -> None:
        self.deadline = deadline
        self.model, self.x, self.fixed = model, x, fixed
        self.d, self.wanted = model.latent_dim, unknowns(model.latent_dim, family)
        self.function = model.quantities.compiled_jet("tilted", 2, FLOATING)
        self.eps, self.weights = _rule(self.d)

    def unpacked(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means (S, d) and factors (S, d, d); t is log L_ii here."""
        count = len(theta)
        mean = np.zeros((count, self.d))
        # theta (S, n) with a column for each unknown, in the order of ``wanted``. The diagonal is an exponential, so L
        # stays regular; the clip keeps exp in the range of floats
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

    @property
    def late(self) -> bool:
        """Whether the search's time is over."""
        return time.monotonic() > self.deadline

    temperature = 1.0
    """Divides the log likelihood."""

    def jet(self, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the ELBO up to a constant (S,), its gradient (S, n) and its Hessian (S, n, n)."""
        # (S, P, d) nodes; each derivative of log p(x|z) is a column of (derivatives, S, P), summed by one product
        mean, factor = self.unpacked(theta)
        z = mean[:, None, :] + np.einsum("sij,pj->spi", factor, self.eps)
        arguments = [z[..., k] for k in range(self.d)] + [np.float64(value) for value in self.x]
        with np.errstate(all="ignore"):
            parts = np.stack([np.broadcast_to(value, z.shape[:2]) for value in self.function(*arguments)])
            parts = parts / self.temperature
        expected = self._lookup(parts)
        columns = list(mean.T), [[factor[:, i, j] for j in range(self.d)] for i in range(self.d)]
        value = expected(0, (), ()) - ((mean**2).sum(1) + (factor**2).sum((1, 2))) / 2
        value = value + np.log(np.abs(np.einsum("sii->si", factor))).sum(1)
        gradient = np.stack(gradient_of(self.wanted, *columns, expected), -1)
        hessian: FloatArray = np.array(hessian_of(self.wanted, columns[1], expected))
        return value, gradient, np.moveaxis(hessian, -1, 0)

    def _lookup(self, parts: FloatArray) -> Callable[..., Any]:
        """Return (order, derivative's indices, indices of eps) -> expectations (S,)."""
        derivatives = [c for order in range(3) for c in combinations_with_replacement(range(self.d), order)]
        # one matrix product for all: (derivatives, S, P) @ (P, factors) sums over the P nodes; factors are the
        # monomials of degree at most 2 in eps, that the gradient and the Hessian ask for. Mixed derivatives and
        # monomials are looked up by sorted indices, as both are symmetric
        numbers = {c: n for n, c in enumerate(derivatives)}
        factors = [c for c in derivatives if len(c) <= 2]
        columns = {c: n for n, c in enumerate(factors)}
        weights = np.stack([self.weights * np.prod(self.eps[:, list(c)], axis=1) for c in factors], -1)
        with np.errstate(all="ignore"):
            table = parts @ weights  # (derivatives, S, factors)

        def expected(order: int, indices: tuple[int, ...], eps: tuple[int, ...]) -> Any:  # noqa: ARG001
            return table[numbers[tuple(sorted(indices))], :, columns[tuple(sorted(eps))]]

        return expected


def _entry(guess: Guess, u: Unknown) -> float:
    if u.column is None:
        return float(guess.mean[u.row])
    value = float(guess.factor[u.row, u.column])
    return float(np.log(value)) if u.diagonal else value


@lru_cache
def _rule(d: int) -> tuple[FloatArray, FloatArray]:
    # the product rule (P, d) without nodes whose weight is lost beside the largest in a sum of floats. Weights that
    # were normalised to 1 make E[1] = 1
    nodes, weights = hermegauss(NODES.get(d, 4))
    eps = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), -1).reshape(-1, d)
    product = np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij"), -1).reshape(-1, d).prod(1)
    keep = product > 1e-17 * product.max()
    return eps[keep], product[keep]


def guesses(
    model: LatentModel, x: FloatArray, family: str, fixed: FloatArray | None, deadline: float
) -> list[Guess]:
    """Return distinct limits of Newton's method on the ELBO, candidates for stationary points.

    Parameters
    ----------
    x : (D,)
    fixed : (d, d)
        The Cholesky factor of the covariance, for the family "fixed".
    deadline
        On the clock ``time.monotonic()``; after it, what has been reached is returned.
    """
    # floats only: what is missed here is not found, what is wrong is refused by the test
    work = _Expectations(model, x, family, fixed, deadline)
    found = _limits(work, np.array([work.packed(guess) for guess in _starts(work)]))
    settled = _settled(work, found)
    if (model.data_dim < work.d or not len(settled)) and not work.late:
        followed = _limits(work, _tempered(work))
        settled = np.concatenate([settled, _settled(work, followed)])
    mean, factor = work.unpacked(settled)
    deviation = np.linalg.norm(factor, axis=2)
    places = np.concatenate([mean / deviation, factor.reshape(-1, work.d**2)], 1)
    unit = np.concatenate([np.ones_like(deviation), np.repeat(deviation, work.d, 1)], 1)
    return [Guess(mean[n], np.tril(factor[n])) for n in distinct(places, unit)]


def _settled(work: _Expectations, theta: FloatArray) -> FloatArray:
    """Return the points at which the whitened gradient vanishes."""
    _, gradient, _ = work.jet(theta)
    # whitened, the gradient is the length of Newton's step in q's own deviations, as the Hessian is about -I there
    size = np.abs(_times(whitening(work.wanted, work.unpacked(theta)[1]), gradient)).max(1)
    return np.asarray(theta[np.isfinite(gradient).all(1) & (size < SETTLED)])


def _tempered(work: _Expectations) -> FloatArray:
    """Return points that were followed from the prior to the posterior, kicked on the way: symmetries hold saddles."""
    # log p(x|z) / T is flat for a T of the likelihood's steepness: its best q is near the prior, and one is in reach of
    # the next as T falls by at most a factor 10. Kicks are of the size of q's deviations, so that a start that sits on
    # a symmetry's saddle leaves it; the generator's seed is fixed, so that the same x gives the same points
    count = TEMPERED
    rng = np.random.default_rng(0)
    starts = [work.packed(Guess(rng.normal(size=work.d), np.eye(work.d))) for _ in range(count)]
    theta = np.array(starts)
    slopes = np.abs(np.diagonal(work.jet(theta)[2], axis1=1, axis2=2))
    steepness = np.max(slopes, where=np.isfinite(slopes), initial=2.0)
    for temperature in np.geomspace(steepness, 1.0, 1 + int(np.ceil(np.log10(steepness)))):
        work.temperature = float(temperature)
        factor = work.unpacked(theta)[1]
        theta[:, : work.d] += KICK * np.einsum("sij,sj->si", factor, rng.normal(size=(count, work.d)))
        theta = _limits(work, theta)[:count]  # those that went up
        if work.late:
            break
    work.temperature = 1.0
    return theta


def _times(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Return T'v for each start."""
    return np.asarray(np.einsum("sab,sa->sb", matrix, np.nan_to_num(vector)))


def _starts(work: _Expectations) -> list[Guess]:
    """Return local Gaussians at critical points of U, and wide ones."""
    model, x, d = work.model, work.x, work.d
    # at a critical point the local Gaussian's precision is Hess U; eigenvalues are taken by size and at least the
    # prior's least, 1 for N(0, I), so that saddles and flat places have a Gaussian too. (S, d) points, (S, d, d)
    # Hessians
    points = critical_points(model, x, work.deadline)
    _, hessian = energy_slopes(model, x, points)
    mean, spread = model.prior.scales(d)
    least = min(1.0, 1 / float(np.linalg.norm(spread, 2)) ** 2)
    result = [Guess(mean, spread * scale) for scale in (1.0, 0.3)]
    for z, matrix in zip(points, hessian, strict=True):
        values, vectors = np.linalg.eigh(np.clip(np.nan_to_num(matrix), -LARGEST_SLOPE, LARGEST_SLOPE))
        precision = (vectors * np.maximum(np.abs(values), least)) @ vectors.T
        result.append(Guess(z, np.linalg.cholesky(np.linalg.inv(precision))))
    return result[:MOST_STARTS]


def _limits(work: _Expectations, theta: FloatArray) -> FloatArray:
    """Run two Newton methods from every start: up the ELBO, with steps halved until it grows, and to any zero."""
    # (S, n) points in whitened steps; the first half climbs with steps halved until the ELBO grows, the second half
    # takes plain Newton steps, which saddles and minima attract as well
    up = np.arange(2 * len(theta)) < len(theta)
    theta = np.concatenate([theta, theta])
    value, gradient, hessian = work.jet(theta)
    damping = np.ones(len(theta))
    for _ in range(STEPS.get(work.d, 20)):
        turn = whitening(work.wanted, work.unpacked(theta)[1])
        curves = np.swapaxes(turn, 1, 2) @ np.nan_to_num(hessian) @ turn
        step = newton_step(_times(turn, gradient), curves, up, 1e-6)
        trial = theta + damping[:, None] * np.einsum("sab,sb->sa", turn, step)
        new = work.jet(trial)
        taken = ~up | (new[0] >= value - 1e-12 * np.abs(value))
        theta = np.where(taken[:, None], trial, theta)
        value, gradient = np.where(taken, new[0], value), np.where(taken[:, None], new[1], gradient)
        hessian = np.where(taken[:, None, None], new[2], hessian)
        damping = np.where(taken, np.minimum(1.0, 3 * damping), damping / 4)
        if (np.abs(step).max(1) < 1e-8).mean() > ENOUGH or work.late:
            break
    return theta

"""Beliefs that are linear in the past of a scalar state space, and the loss that they have over a jump.

m_t = sum_k h_k x_{t-k}, variance P; the jump, its noise and the decoder are the true ones, the smoother the best (S6).
The mean loss over the stationary law is quadratic in h:

    1/2 [log(S/P) + (P + E (m_t2 - A^Delta m_t1)^2)/S - 1] + 1/2 [log(2 pi R) + (P + E (x_t2 - m_t2)^2)/R],

S = A^(2 Delta) P + Q_Delta (S7).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from .._shared.kept import kept

Array = NDArray[np.float64]
A, Q, R = 0.9, 0.5, 0.4
V = Q / (1 - A * A)
LAGS = 40
"""The exact filter's weights fall like 0.325^k."""
Shares = Mapping[int, float]
"""Of the pairs, how many are so many steps apart."""


@dataclass(frozen=True)
class Belief:
    """A linear belief.

    Attributes
    ----------
    weights : (LAGS,)
        h.
    variance : float
        P.
    loss : float
        In nats per pair.
    """

    weights: Array
    variance: float
    loss: float

    @property
    def error(self) -> float:
        """Return E (z_t - m_t)^2."""
        return float(
            V
            - 2 * self.weights @ (V * A ** np.arange(LAGS))
            + self.weights @ _covariance(LAGS) @ self.weights
        )


def _covariance(size: int) -> Array:
    """Return that of successive observations, (n, n)."""
    lags = np.arange(size)
    covariance: Array = V * A ** np.abs(lags[:, None] - lags) + R * np.eye(size)
    return covariance


def quadratic(shares: Shares, variance: float) -> tuple[Array, Array, float]:
    """Return H, g and c of the loss h'Hh/2 - g'h + c, from the covariances of x_{t2}, x_{t2 - 1}, ..."""
    H, g, c = np.zeros((LAGS, LAGS)), np.zeros(LAGS), 0.0
    for jump, share in shares.items():
        size = LAGS + jump
        covariance = _covariance(size)
        late = np.eye(size, LAGS)
        change = late - A**jump * np.eye(size, LAGS, -jump)
        pushed = A ** (2 * jump) * variance + V * (1 - A ** (2 * jump))
        H += share * (change.T @ covariance @ change / pushed + late.T @ covariance @ late / R)
        g += share * covariance[0, :LAGS] / R
        c += share * (np.log(pushed / variance) + variance / pushed - 1 + np.log(2 * np.pi * R)) / 2
        c += share * (variance + V + R) / R / 2
    return H, g, c


def loss_of(weights: Array, variance: float, shares: Shares) -> float:
    """Return the mean loss of a belief."""
    H, g, c = quadratic(shares, variance)
    return float(weights @ H @ weights / 2 - g @ weights + c)


def _best_at(shares: Shares, variance: float) -> Belief:
    H, g, c = quadratic(shares, variance)
    weights: Array = np.asarray(np.linalg.solve(H, g), dtype=np.float64)
    return Belief(weights, variance, float(c - g @ weights / 2))


@kept
def best(*shares: tuple[int, float]) -> Belief:
    """Return the belief of least loss: normal equations for h, a search on the line for P."""
    given = dict(shares)
    found = minimize_scalar(
        lambda p: _best_at(given, float(p)).loss,
        bounds=(0.05, 1.0),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return _best_at(given, float(found.x))


def exact() -> Belief:
    """Return the filter: h_k = K (A (1 - K))^k, and its loss for one step."""
    b = Q + R * (1 - A * A)
    variance = (np.sqrt(b * b + 4 * A * A * Q * R) - b) / (2 * A * A)
    gain = variance / R
    weights = gain * (A * (1 - gain)) ** np.arange(LAGS)
    return Belief(weights, float(variance), loss_of(weights, float(variance), {1: 1.0}))


def entropy_of_next(shares: Shares) -> float:
    """Return -E log p(x_t2|x_<=t1): what no loss is below."""
    variance = exact().variance
    seen = {jump: A ** (2 * jump) * (variance - V) + V + R for jump in shares}
    return float(sum(share * (np.log(2 * np.pi * seen[jump]) + 1) / 2 for jump, share in shares.items()))


POINTS = 1024
"""Of the rule on the circle of frequencies: periodic and analytic functions, so that it is exact to rounding."""


@kept
def best_by_spectra(*shares: tuple[int, float]) -> Belief:
    """Return the same by another route: quasi-Newton on (h, log P) together, means as integrals over frequencies."""
    omega = 2 * np.pi * np.arange(POINTS) / POINTS
    power = Q / np.abs(1 - A * np.exp(-1j * omega)) ** 2 + R
    waves = np.exp(-1j * np.outer(omega, np.arange(LAGS)))

    def value_and_slope(vector: Array) -> tuple[float, Array]:
        h, variance = vector[:-1], float(np.exp(vector[-1]))
        response = waves @ h
        cross = waves.conj().T @ (Q / np.abs(1 - A * np.exp(-1j * omega)) ** 2 + R)
        total, slope, in_variance = 0.0, np.zeros(LAGS), 0.0
        miss = float(np.mean(np.abs(1 - response) ** 2 * power))
        for jump, share in shares:
            step = np.abs(1 - A**jump * np.exp(-1j * jump * omega)) ** 2 * power
            change = float(np.mean(np.abs(response) ** 2 * step))
            noise = V * (1 - A ** (2 * jump))
            pushed = A ** (2 * jump) * variance + noise
            total += share * (np.log(pushed / variance) + (variance + change) / pushed - 1) / 2
            total += share * (np.log(2 * np.pi * R) + (variance + miss) / R) / 2
            own = (waves.conj().T @ (response * step)).real / POINTS / pushed
            fit = ((waves.conj().T @ (response * power)).real - cross.real) / POINTS / R
            slope += share * (own + fit)
            grows = A ** (2 * jump)
            in_variance += share * (grows / pushed - 1 / variance + 1 / pushed + 1 / R) / 2
            in_variance -= share * (variance + change) * grows / pushed**2 / 2
        return total, np.append(slope, in_variance * variance)

    start = np.append(np.zeros(LAGS), np.log(0.3))
    options = {"gtol": 1e-11, "maxiter": 2000}
    found = minimize(value_and_slope, start, jac=True, method="BFGS", options=options)
    return Belief(found.x[:-1], float(np.exp(found.x[-1])), float(found.fun))

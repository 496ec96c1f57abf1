"""A noisy oscillator seen through six noisy outputs, and what its exact filter predicts.

z' = A z + N(0, q I), A a rotation by `OMEGA` times `DAMPING`; x = C z + N(0, r I). NumPy alone: nothing is shared with
the networks that learn from its sequences.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
OMEGA, DAMPING, PROCESS, NOISE, OUTPUTS = 0.5, 0.97, 0.02, 0.3, 6


@dataclass(frozen=True)
class Oscillator:
    """The matrices of the system.

    Attributes
    ----------
    a : (2, 2)
        The dynamics, a contraction.
    c : (D, 2)
        What is seen of the state.
    process, noise : float
        Variances q and r per coordinate.
    """

    a: Array
    c: Array
    process: float = PROCESS
    noise: float = NOISE

    @property
    def stationary(self) -> float:
        """Return the variance of each coordinate of z: A A' = DAMPING^2 I."""
        return self.process / (1 - float((self.a @ self.a.T)[0, 0]))

    def sequences(self, rng: np.random.Generator, count: int, length: int) -> Array:
        """Return observations from the stationary law, (N, T, D)."""
        z = np.sqrt(self.stationary) * rng.standard_normal((count, 2))
        x = np.empty((count, length, len(self.c)))
        for t in range(length):
            x[:, t] = z @ self.c.T + np.sqrt(self.noise) * rng.standard_normal((count, len(self.c)))
            z = z @ self.a.T + np.sqrt(self.process) * rng.standard_normal((count, 2))
        return x

    def one_output(self) -> "Oscillator":
        """Return the system of which only the third output is seen."""
        return replace(self, c=self.c[2:3])

    def filtered(self, x: Array) -> tuple[Array, Array]:
        """Return means (N, T, 2) and covariances (T, 2, 2) of z_t given x_1, ..., x_t, by Kalman's filter."""
        mean, covariance = np.zeros((len(x), 2)), self.stationary * np.eye(2)
        means, covariances = [], []
        for t in range(x.shape[1]):
            spread = self.c @ covariance @ self.c.T + self.noise * np.eye(len(self.c))
            gain = np.linalg.solve(spread, self.c @ covariance).T
            mean = mean + (x[:, t] - mean @ self.c.T) @ gain.T
            covariance = covariance - gain @ self.c @ covariance
            means.append(mean)
            covariances.append(covariance)
            mean, covariance = self.ahead(mean, covariance, 1)
        return np.stack(means, 1), np.stack(covariances)

    def ahead(self, mean: Array, covariance: Array, jump: int) -> tuple[Array, Array]:
        """Return the law of z a jump later: A^jump, and the noise of as many steps, a multiple of I."""
        power = np.linalg.matrix_power(self.a, jump)
        left = self.stationary * (np.eye(2) - power @ power.T)
        return mean @ power.T, power @ covariance @ power.T + left

    def seen(self, mean: Array, covariance: Array, x: Array) -> Array:
        """Return log p(x) in nats, (N,), for z ~ N(mean, covariance); means (N, 2), x (N, D)."""
        spread = self.c @ covariance @ self.c.T + self.noise * np.eye(len(self.c))
        residual = x - mean @ self.c.T
        square = (residual * np.linalg.solve(spread, residual.T).T).sum(1)
        constant = np.linalg.slogdet(2 * np.pi * spread)[1]
        found: Array = -0.5 * (square + constant)
        return found


def oscillator() -> Oscillator:
    """Return the system of the experiment; C has fixed entries that are no multiple of an isometry."""
    turn = np.array([[np.cos(OMEGA), -np.sin(OMEGA)], [np.sin(OMEGA), np.cos(OMEGA)]])
    angles = np.arange(OUTPUTS)
    return Oscillator(DAMPING * turn, np.stack([np.cos(angles), 1.2 * np.sin(0.7 * angles)], axis=1))


def steady_covariance(system: Oscillator) -> Array:
    """Return that of z_t given x_1, ..., x_t for large t, (2, 2)."""
    covariance = system.stationary * np.eye(2)
    told = system.c.T @ system.c / system.noise
    for _ in range(SETTLED):
        ahead = system.ahead(np.zeros((1, 2)), covariance, 1)[1]
        covariance = np.asarray(np.linalg.inv(np.linalg.inv(ahead) + told), dtype=np.float64)
    return covariance


SETTLED = 400
"""Steps after which the filter no longer changes."""

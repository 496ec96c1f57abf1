"""State spaces of two latents in NumPy: exact beliefs by Kalman's filter, and the same laws without any filter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """N(mean, covariance): (d,), (d, d)."""

    mean: Array
    covariance: Array

    def log_density(self, at: Array, square: float = 0.5) -> float:
        """Return the log density in nats; ``square`` is the factor of the quadratic form."""
        residual = at - self.mean
        form = residual @ np.linalg.solve(self.covariance, residual)
        return float(-square * form - 0.5 * np.linalg.slogdet(2 * np.pi * self.covariance)[1])

    def draw(self, rng: np.random.Generator) -> Array:
        """Return a draw, (d,)."""
        drawn: Array = self.mean + np.linalg.cholesky(self.covariance) @ rng.standard_normal(len(self.mean))
        return drawn

    def mapped(self, matrix: Array, noise: Array) -> "Law":
        """Return the law of matrix z + N(0, noise)."""
        return Law(matrix @ self.mean, matrix @ self.covariance @ matrix.T + noise)

    def given(self, matrix: Array, noise: Array, seen: Array) -> "Law":
        """Return the law of z once matrix z + N(0, noise) was seen, by Bayes's rule for precisions."""
        precision = np.linalg.inv(self.covariance)
        covariance = np.linalg.inv(precision + matrix.T @ np.linalg.solve(noise, matrix))
        told = precision @ self.mean + matrix.T @ np.linalg.solve(noise, seen)
        return Law(covariance @ told, covariance)


@dataclass(frozen=True)
class LinearSpace:
    """z' = A z + N(0, Q), x = C z + N(0, R), z_1 ~ N(0, S).

    Attributes
    ----------
    a, q, start : (d, d)
    c : (D, d)
    r : (D, D)
    """

    a: Array
    q: Array
    c: Array
    r: Array
    start: Array

    def jump(self, steps: int) -> tuple[Array, Array]:
        """Return A^Delta and Q_Delta."""
        power, noise = np.eye(len(self.a)), np.zeros_like(self.q)
        for _ in range(steps):
            power, noise = self.a @ power, self.a @ noise @ self.a.T + self.q
        return power, noise

    def beliefs(self, x: Array) -> list[Law]:
        """Return p(z_t | x_1, ..., x_t) for each t; x of shape (T, D)."""
        law, found = Law(np.zeros(len(self.a)), self.start), []
        for t, seen in enumerate(x):
            law = (law if t == 0 else law.mapped(self.a, self.q)).given(self.c, self.r, seen)
            found.append(law)
        return found

    def sequence(self, rng: np.random.Generator, length: int) -> Array:
        """Return observations, (T, D)."""
        return self.joint(length).draw(rng).reshape(length, -1)

    def joint(self, length: int) -> Law:
        """Return the law of x_1, ..., x_T, (T D,), from covariances of states: no filter."""
        spread = [self.jump(t)[0] @ self.start @ self.jump(t)[0].T + self.jump(t)[1] for t in range(length)]
        blocks = [
            [self.c @ self._across(spread, s, t) @ self.c.T + (s == t) * self.r for t in range(length)]
            for s in range(length)
        ]
        covariance = np.block(blocks)
        return Law(np.zeros(len(covariance)), covariance)

    def _across(self, spread: Sequence[Array], s: int, t: int) -> Array:
        """Return E z_s z_t'."""
        if s < t:
            return self._across(spread, t, s).T
        across: Array = self.jump(s - t)[0] @ spread[t]
        return across

    def log_next(self, x: Array, t: int) -> float:
        """Return log p(x_t | x_1, ..., x_{t-1}), t from 1, as a difference of joint log densities."""
        return self.log_joint(x[:t]) - self.log_joint(x[: t - 1])

    def log_some(self, x: Array, times: Sequence[int]) -> float:
        """Return the log density of the observations at some times, counted from 0."""
        law, outputs = self.joint(len(x)), x.shape[1]
        rows = np.concatenate([np.arange(outputs * t, outputs * (t + 1)) for t in times])
        return Law(law.mean[rows], law.covariance[np.ix_(rows, rows)]).log_density(x.ravel()[rows])

    def log_joint(self, x: Array) -> float:
        """Return log p(x_1, ..., x_T), x of shape (T, D)."""
        return self.joint(len(x)).log_density(x.ravel()) if len(x) else 0.0


def drawn_space(rng: np.random.Generator, latents: int = 2, outputs: int = 3) -> LinearSpace:
    """Return a state space with full matrices; A may or may not be a contraction."""
    root = rng.standard_normal((3, latents, latents)) / np.sqrt(latents)
    q, start = (one @ one.T + 0.1 * np.eye(latents) for one in root[1:])
    noise = rng.standard_normal((outputs, outputs)) / np.sqrt(outputs)
    return LinearSpace(
        root[0], q, rng.standard_normal((outputs, latents)), noise @ noise.T + 0.1 * np.eye(outputs), start
    )

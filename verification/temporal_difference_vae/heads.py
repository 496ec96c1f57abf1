"""Exact heads for the library's loss: systems whose beliefs are multiples of the identity, so that they are diagonal.

z' = A z + N(0, q I) with A A' a multiple of I, x = C z + N(0, r I) with C'C = c I: seeing x is seeing z with
noise r/c per coordinate, and each covariance of the filter is a multiple of I. b is the filter's mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kalman import Law

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Isotropic:
    """The system in its steady state.

    Attributes
    ----------
    a : (d, d)
    c : (D, d)
    q, r : float
    """

    a: Array
    c: Array
    q: float
    r: float

    @property
    def shrinks(self) -> float:
        """Return the factor of A A'."""
        return float((self.a @ self.a.T)[0, 0])

    @property
    def belief_variance(self) -> float:
        """Return P, the positive root of the steady filter's equation with noise r/c."""
        noise = self.r / float((self.c.T @ self.c)[0, 0])
        b = self.q + noise * (1 - self.shrinks)
        return float((np.sqrt(b * b + 4 * self.shrinks * self.q * noise) - b) / (2 * self.shrinks))

    def noise(self, jump: int) -> float:
        """Return Q_Delta per coordinate."""
        return self.q * sum(self.shrinks**k for k in range(jump))

    def power(self, jump: int) -> Array:
        """Return A^Delta."""
        found: Array = np.linalg.matrix_power(self.a, jump)
        return found

    def next_law(self, mean: Array) -> Law:
        """Return p(x_t | x_<t) for the filter's mean at t - 1."""
        variance = self.shrinks * self.belief_variance + self.q
        return Law(self.c @ self.a @ mean, variance * self.c @ self.c.T + self.r * np.eye(len(self.c)))

    def filtered(self, mean: Array, x: Array) -> Array:
        """Return the filter's mean at t."""
        ahead = Law(self.a @ mean, (self.shrinks * self.belief_variance + self.q) * np.eye(len(mean)))
        return ahead.given(self.c, self.r * np.eye(len(self.c)), x).mean


@dataclass(frozen=True)
class Heads:
    """Four functions of torch for `elboproof.objectives.td_vae_loss`; ``jump`` is the one they are made for."""

    system: Isotropic
    jump: int = 1
    belief_factor: float = 1.0
    smooth_factor: float = 1.0

    def belief(self, b: Any) -> Any:
        """Return p_B(z|b), exact where the factor of its variance is 1."""
        return _with_variance(b, self.system.belief_variance * self.belief_factor)

    def smoother(self, z2: Any, b1: Any, b2: Any, jump: Any) -> Any:  # noqa: ARG002
        """Return p_B(z1|b1) p_T(z2|z1), normalised."""
        variance, noise = self.system.belief_variance * self.belief_factor, self.system.noise(self.jump)
        matrix = _tensor(self.system.power(self.jump))
        pushed = self.system.shrinks**self.jump * variance + noise
        mean = b1 + variance / pushed * (z2 - b1 @ matrix.T) @ matrix
        return _with_variance(mean, variance * noise / pushed * self.smooth_factor)

    def transition(self, z1: Any, jump: Any) -> Any:  # noqa: ARG002
        """Return p_T(z2|z1)."""
        return _with_variance(z1 @ _tensor(self.system.power(self.jump)).T, self.system.noise(self.jump))

    def decoder(self, z: Any) -> Any:
        """Return p_D(x|z)."""
        return _with_variance(z @ _tensor(self.system.c).T, self.system.r)


def _tensor(values: Array) -> Any:
    import torch

    return torch.tensor(values, dtype=torch.float64)


def _with_variance(mean: Any, variance: float) -> Any:
    return mean, mean.new_full(mean.shape, float(np.log(variance)))


def scalar() -> Isotropic:
    """Return the scalar instance of the claim."""
    return Isotropic(np.array([[0.9]]), np.array([[1.0]]), 0.5, 0.4)


def turning() -> Isotropic:
    """Return a damped rotation seen through four outputs."""
    turn = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    return Isotropic(0.97 * turn, np.concatenate([np.eye(2), 1.5 * turn]), 0.2, 0.3)


SYSTEMS = {"scalar": scalar, "rotation": turning}

"""Gaussian posteriors of N test points, q_n = N(m_n, F_n F_n'), in float64: their draws, densities and divergences."""

from dataclasses import dataclass

import torch

from elboproof.arguments import bad
from elboproof.networks.yardstick_model import LOG_TWO_PI, double_rows


@dataclass(frozen=True)
class Posteriors:
    """q_n(z) = N(z; m_n, F_n F_n') for each of N rows.

    Attributes
    ----------
    means : Tensor (N, d)
    factors : Tensor (N, d, d)
        Lower triangular with positive diagonals: z = m + F u has u ~ N(0, I).

    Raises
    ------
    TypeError, ValueError
        If they are not finite float64 tensors of these shapes, or a factor is not of that kind.
    """

    means: torch.Tensor
    factors: torch.Tensor

    def __post_init__(self) -> None:
        count, d = double_rows(self.means, "means").shape
        if tuple(self.factors.shape) != (count, d, d):
            raise ValueError(f"factors: got shape {tuple(self.factors.shape)}; expected {(count, d, d)}")
        double_rows(self.factors.reshape(count, d * d), "factors")
        diagonal = self.factors.diagonal(dim1=-2, dim2=-1)
        if not bool((diagonal > 0).all()) or bool(self.factors.triu(1).any()):
            raise bad("factors", self.factors, "lower triangles with positive diagonals")

    @classmethod
    def diagonal(cls, means: torch.Tensor, log_variances: torch.Tensor) -> "Posteriors":
        """Return N(m, diag(exp(log_variances))) of an encoder, both (N, d): logarithms of VARIANCES."""
        m = double_rows(means, "means")
        logs = double_rows(log_variances, "log_variances", m.shape[1], len(m))
        return cls(m, torch.diag_embed((0.5 * logs).exp()))

    def __len__(self) -> int:
        return len(self.means)

    @property
    def latents(self) -> int:
        """The dimension d."""
        return self.means.shape[1]

    def at(self, u: torch.Tensor) -> torch.Tensor:
        """Return z = m + F u, (K, N, d), of whitened u (K, N, d)."""
        return self.means + torch.einsum("nij,knj->kni", self.factors, u)

    def whitened(self, z: torch.Tensor) -> torch.Tensor:
        """Return u with z = m + F u, (K, N, d)."""
        turned = (z - self.means).permute(1, 2, 0)
        found: torch.Tensor = torch.linalg.solve_triangular(self.factors, turned, upper=False)
        return found.permute(2, 0, 1)

    def log_determinants(self) -> torch.Tensor:
        """Return log det F, (N,): half that of the covariance."""
        return self.factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_density(self, u: torch.Tensor) -> torch.Tensor:
        """Return log q(m + F u) in nats, (K, N), of whitened u (K, N, d)."""
        return -0.5 * ((u**2).sum(-1) + self.latents * LOG_TWO_PI) - self.log_determinants()

    def divergences(self) -> torch.Tensor:
        """Return KL(q || N(0, I)) = (|m|^2 + |F|^2 - d)/2 - log det F in nats, (N,)."""
        squares = (self.means**2).sum(-1) + (self.factors**2).sum((-2, -1))
        return 0.5 * (squares - self.latents) - self.log_determinants()

    def rows(self, start: int, stop: int) -> "Posteriors":
        """Return the posteriors of some rows."""
        return Posteriors(self.means[start:stop], self.factors[start:stop])

    def stretched(self, deviations: float) -> "Posteriors":
        """Return the same with all deviations multiplied: heavier proposals."""
        return Posteriors(self.means, self.factors * deviations)

"""The floating prior: a Gaussian refitted to the aggregate posterior of each variant, absorbed by an affine map.

Of all Gaussian priors N(mu, Sigma) the one with the moments of the aggregate posterior, mu = mean m_n and Sigma =
cov(m) + mean S_n, has the smallest mean KL(q_n || prior). With Sigma = L L' and z = mu + L e the prior of e is
N(0, I), the decoder is f(mu + L e), and q(e) = N(L^-1 (m - mu), L^-1 S L^-T): all log p(x) and ELBOs are as before.
"""

from dataclasses import dataclass

import torch

from elboproof.networks.yardstick_model import Decode, double_rows
from elboproof.networks.yardstick_posteriors import Posteriors


@dataclass(frozen=True)
class AffinePrior:
    """N(mean, factor factor').

    Attributes
    ----------
    mean : Tensor (d,)
    factor : Tensor (d, d)
        Lower triangular.
    """

    mean: torch.Tensor
    factor: torch.Tensor

    def decoder(self, decode: Decode) -> Decode:
        """Return the decoder of e, z = mean + factor e."""
        return lambda e: decode(self.mean + e @ self.factor.T)

    def posteriors(self, posteriors: Posteriors) -> Posteriors:
        """Return the posteriors of e."""
        d = posteriors.latents
        both = torch.cat([(posteriors.means - self.mean)[..., None], posteriors.factors], -1)
        turned = torch.linalg.solve_triangular(self.factor.expand(len(both), d, d), both, upper=False)
        # the inverse of a lower triangle times lower triangles: above the diagonals stands nothing but rounding
        return Posteriors(turned[..., 0].contiguous(), turned[..., 1:].tril())

    def draws(self, e: torch.Tensor) -> torch.Tensor:
        """Return z of standard normal e, (..., d)."""
        return self.mean + e @ self.factor.T


def refitted_prior(means: torch.Tensor, log_variances: torch.Tensor) -> AffinePrior:
    """Return the Gaussian prior with the smallest mean KL(q || prior).

    Parameters
    ----------
    means, log_variances
        (N, d) float64: an encoder's q(z|x) = N(mean, diag(exp(log_variance))) of the training split.

    Returns
    -------
    AffinePrior
        N(mean, factor factor'); its methods absorb it into a `Joint`, whose prior is N(0, I).

    Raises
    ------
    TypeError, ValueError
        If they are not finite float64 tensors of one shape.

    Notes
    -----
    It has the moments of the aggregate posterior: mean m_n, and cov(m) + mean S_n.
    """
    posteriors = Posteriors.diagonal(double_rows(means, "means"), log_variances)
    centre = posteriors.means.mean(0)
    offsets = posteriors.means - centre
    covariance = offsets.T @ offsets / len(offsets) + torch.diag(log_variances.detach().exp().mean(0))
    return AffinePrior(centre, torch.linalg.cholesky(covariance))

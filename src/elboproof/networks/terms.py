"""The loss of a variant: log likelihood less rate, in nats per example, of a batch or of a whole data set.

With r_j the mean squared residual of y_j, R their sum and D dimensions, all in normalised units:

- a Gaussian of variance v: -1/2 [R / v + D log(2 pi v)]; v is 1/c^2 for "unit", the parameter for "learned";
- of variances v_j(z), "per-pixel": -1/2 [W + sum_j E log v_j + D log(2 pi)], W the sum of the mean squares of the
  residuals divided by their deviations;
- "closed": the same at its best variance R / D, -D/2 [log(2 pi R / D) + 1];
- the forms of BAGGINS: `elboproof.objectives.baggins`;
- the rate to N(0, I): 1/2 sum_k E[s_k + m_k^2 - 1 - log s_k] (Kingma and Welling 2014, appendix B);
- to the floating prior N(0, diag v), v_k = E[m_k^2 + s_k]: 1/2 sum_k (log v_k - E log s_k), which is BILBO's rate
  1/2 sum_k log(1 + E m_k^2) where s = 1.

Only R, r, W, and the sums of the rates over examples enter: a whole data set is summed up piece by piece.
"""

import math
from dataclasses import dataclass

import torch

from elboproof.networks.autoencoder import Autoencoder
from elboproof.networks.variants import Variant
from elboproof.objectives.bounded import baggins


@dataclass(frozen=True)
class Statistics:
    """What a loss needs of some examples, as means over them; sums of float64 where a whole set is looked at.

    Attributes
    ----------
    residual : Tensor
        (B, D), of y; or (1, D), the roots r_j^(1/2) of mean squares, which have the same r_j.
    whitened : Tensor
        The same of residuals divided by their deviations, where the decoder gives some; else `residual` again.
    level : Tensor or None
        The mean over examples and dimensions of log v_j(z), where the decoder gives them.
    square, variance, log_variance : Tensor
        (d,): E m_k^2, E s_k, E log s_k.
    """

    residual: torch.Tensor
    whitened: torch.Tensor
    level: torch.Tensor | None
    square: torch.Tensor
    variance: torch.Tensor
    log_variance: torch.Tensor


def statistics(
    residual: torch.Tensor,
    mean: torch.Tensor,
    log_variance: torch.Tensor | None,
    log_v: torch.Tensor | None = None,
) -> Statistics:
    """Return what a loss needs of residuals (B, D), means (B, d) and log variances (B, d), (d,) or None.

    ``log_v`` are the log variances of y that a decoder gives, (B, D).
    """
    whitened = residual if log_v is None else residual * torch.exp(-0.5 * log_v)
    decoded = (residual, whitened, None if log_v is None else log_v.mean())
    square = mean.square().mean(0)
    if log_variance is None:
        return Statistics(*decoded, square, torch.ones_like(square), torch.zeros_like(square))
    expanded = log_variance.expand(mean.shape)
    return Statistics(*decoded, square, expanded.exp().mean(0), expanded.mean(0))


def rate(variant: Variant, given: Statistics) -> torch.Tensor:
    """Return the mean KL to the prior, in nats per example; a scalar."""
    if variant.prior == "standard":
        return 0.5 * (given.variance - 1 - given.log_variance + given.square).sum()
    if variant.posterior == "unit":
        return 0.5 * torch.log1p(given.square).sum()
    return 0.5 * ((given.square + given.variance).log() - given.log_variance).sum()


def likelihood(
    variant: Variant,
    given: Statistics,
    relative_variance: torch.Tensor,
    log_variance: torch.Tensor | float | None,
) -> torch.Tensor:
    """Return the mean log likelihood of y in nats per example, a scalar; of BAGGINS relative to the data's Gaussian.

    Parameters
    ----------
    variant
    given
        Of the residuals of y, and of the log variances that a decoder gives.
    relative_variance
        (D,), v_j / c^2.
    log_variance
        Of y given z, for the likelihoods "unit" and "learned".
    """
    residual = given.residual
    if variant.likelihood in ("aggregate", "fixed", "clamp"):
        return baggins(
            residual, relative_variance, bits=variant.bits, mode=variant.mode, form=variant.likelihood
        )
    total, dimensions = given.whitened.square().sum() / len(residual), residual.shape[1]
    if given.level is not None:
        return -0.5 * (total + dimensions * (math.log(2 * math.pi) + given.level))
    if log_variance is None:
        return -0.5 * dimensions * (torch.log(2 * math.pi * total / dimensions) + 1)
    level = torch.as_tensor(log_variance, dtype=residual.dtype)
    return -0.5 * (total * torch.exp(-level) + dimensions * (math.log(2 * math.pi) + level))


def log_likelihood_variance(networks: Autoencoder, scale: float) -> torch.Tensor | float | None:
    """Return the logarithm of the likelihood's variance in units of y, None where there is no such number."""
    if networks.variant.likelihood == "unit":
        return -2 * math.log(scale)
    return networks.log_likelihood_variance


def first_not_finite(**tensors: torch.Tensor | None) -> str | None:
    """Return the name of the first tensor that holds NaN or infinite numbers."""
    for name, value in tensors.items():
        if value is not None and not bool(torch.isfinite(value).all()):
            return name.replace("_", " ")
    return None

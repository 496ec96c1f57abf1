"""Importance sampling of log p(x) from Gaussian proposals: the estimate, its standard error, and whether to trust it.

p(x) = E_q[w], w = p(x, z)/q(z). log of the mean of K weights is below log p(x) in expectation (Jensen), by about half
its squared error; by the delta method that error is sd(w) / (mean(w) sqrt K).
"""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from elboproof.arguments import require_count, require_positive
from elboproof.networks.yardstick import Estimate, checked_rows
from elboproof.networks.yardstick_model import Joint, normal
from elboproof.networks.yardstick_posteriors import Posteriors

EQUAL = 1e-12
"""Relative: log weights that are as near are one number that was rounded."""
ARVIZ = 'pareto_k: arviz-stats is not installed; expected it: pip install "arviz-stats>=0.8"'


@dataclass(frozen=True)
class ImportanceEvidence(Estimate):
    """log p(x) of each test point, in nats.

    Attributes
    ----------
    log_weights : Tensor (K, N)
    """

    log_weights: torch.Tensor

    def effective(self) -> torch.Tensor:
        """Return the effective number of draws, (sum w)^2 / sum w^2, of each point, (N,)."""
        return 1 / (torch.softmax(self.log_weights, 0) ** 2).sum(0)

    def pareto_k(self) -> torch.Tensor:
        """Return the shape of the weights' tail (Vehtari et al. 2024), (N,): above 0.7 do not trust the estimate.

        It is -inf where all weights are equal to rounding: there is no tail.

        Raises
        ------
        ModuleNotFoundError
            If the package arviz-stats is missing; it names the line that installs it.
        """
        ratios = self.log_weights.T.detach().numpy()
        spread = np.ptp(ratios, axis=-1) > EQUAL * np.abs(ratios).max(-1)
        k = np.full(len(ratios), -np.inf)
        if spread.any():
            # psislw takes the log likelihoods of cross-validation, whose weights are their inverses: it turns the sign
            k[spread] = _array_stats().psislw(-ratios[spread], axis=-1)[1]
        return torch.from_numpy(k)


def _array_stats() -> Any:
    try:
        base = import_module("arviz_stats.base")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(ARVIZ) from error
    return base.array_stats


def importance_evidence(
    model: Joint,
    x: torch.Tensor,
    posteriors: Posteriors,
    *,
    draws: int = 1000,
    stretch: float = 1.0,
    generator: torch.Generator,
) -> ImportanceEvidence:
    """Return log p(x) of each test point by importance sampling.

    Parameters
    ----------
    model, x
        As `elbo_estimate`.
    posteriors
        The proposals; those of `refined` have lighter weights than an encoder's.
    draws
        K for each point, at least 2.
    stretch
        Multiplies the proposals' deviations: a Gaussian fitted to the ELBO is narrower than the posterior.
    generator
        Draws all noise.

    Returns
    -------
    ImportanceEvidence
        ``values`` (N,) in nats, below the truth in expectation, their standard ``errors``, and ``pareto_k`` (N,).

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or a log likelihood is NaN, or all weights of a point are zero.

    Notes
    -----
    log of the mean of K weights w = p(x, z)/q(z); the errors are sd(w) / (mean(w) sqrt K), by the delta method.
    """
    data = checked_rows(model, x, posteriors)
    count = require_count("draws", draws, 2)
    require_positive(stretch=stretch)
    proposals = posteriors.stretched(stretch)
    u = normal(generator, count, *posteriors.means.shape)
    log_weights = model.in_blocks(data, proposals.at(u)) - proposals.log_density(u)
    return ImportanceEvidence(*log_mean(log_weights), log_weights)


def log_mean(log_weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log of the mean of K weights and its standard error, (N,) each, of log weights (K, N).

    Raises
    ------
    ValueError
        If all weights of a point are zero.
    """
    count = len(log_weights)
    values = torch.logsumexp(log_weights, 0) - math.log(count)
    if not bool(values.isfinite().all()):
        row = int((~values.isfinite()).nonzero()[0])
        raise ValueError(
            f"posteriors: got {values[row].item()} as log p(x[{row}]); expected weights that are finite"
        )
    # of weights p_k that sum to 1: var(w)/mean(w)^2 = K (K sum p^2 - 1)/(K - 1), and 1/K of it is the mean's
    shares = (torch.softmax(log_weights, 0) ** 2).sum(0)
    return values, ((count * shares - 1).clamp_min(0) / (count - 1)).sqrt()

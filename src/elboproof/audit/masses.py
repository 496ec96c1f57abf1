"""Log probabilities of counts and of binned grey values, elementwise: terms for the dictionary of likelihoods."""

import math
from collections.abc import Callable

import torch
from torch.nn.functional import logsigmoid, softplus

Tensor = torch.Tensor
TOTALS: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "mean, dispersion": lambda a, b: (b, a.log() - b.log()),
    "mean, log dispersion": lambda a, b: (b.exp(), a.log() - b),
    "total count, logits": lambda a, b: (a, b),
    "total count, probabilities": lambda a, b: (a, torch.logit(b)),
}
"""Of two outputs: the number of failures and the log odds of a success."""
FLOORS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda log_mass: log_mass,
    " at least 1e-7": lambda log_mass: log_mass.clamp_min(math.log(1e-7)),
    " at least 1e-12": lambda log_mass: log_mass.clamp_min(math.log(1e-12)),
    " plus 1e-7": lambda log_mass: torch.log(log_mass.exp() + 1e-7),
}
"""Of the mass of a bin: designs reach those that are cut off."""


def log_negative_binomial(x: Tensor, total: Tensor, logits: Tensor) -> Tensor:
    """Return log of the negative binomial mass plus log x!: ``total`` failures, success of log odds ``logits``."""
    successes = x * logsigmoid(logits) - total * softplus(logits)
    return torch.lgamma(x + total) - torch.lgamma(total) + successes


def with_zeros(log_mass: Tensor, x: Tensor, logits: Tensor) -> Tensor:
    """Return the log mass of counts that are zero, whatever ``log_mass`` says, with log odds ``logits``."""
    kept = log_mass - softplus(logits)
    return torch.where(x < 0.5, torch.logaddexp(logsigmoid(logits), kept), kept)


def log_bin(low: Tensor, width: float, centre: Tensor, log_scale: Tensor) -> Tensor:
    """Return log of a logistic law's mass between ``low`` and ``low + width``.

    The difference of the two sigmoids is written as a product, as which nothing cancels.
    """
    scale = log_scale.exp()
    upper, lower = (low + width - centre) / scale, (low - centre) / scale
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u))
    return logsigmoid(upper) + logsigmoid(-lower) + torch.log(-torch.expm1(-width / scale))

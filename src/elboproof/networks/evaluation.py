"""The objective of a whole data set, piece by piece: never a mean over batches, whose statistics are biased."""

import math

import torch

from elboproof.networks.autoencoder import Autoencoder, sampled
from elboproof.networks.constants import Constants
from elboproof.networks.randomness import generator_of
from elboproof.networks.records import Terms
from elboproof.networks.terms import Statistics, likelihood, log_likelihood_variance, rate, statistics

PIECE = 2048
"""Examples that go through the networks together."""


def whole(networks: Autoencoder, y: torch.Tensor, seed: int) -> Statistics:
    """Return the statistics of all examples (N, D), at one z for each that is the same at every call.

    The networks compute in their own precision, sums are formed in float64.
    """
    noise = generator_of(seed, "evaluation")
    pieces = [_sums(networks, piece, noise) for piece in torch.split(y, PIECE)]
    residual, whitened, level, *rates = (
        torch.stack(part).sum(0) / len(y) for part in zip(*pieces, strict=True)
    )
    roots = residual.sqrt()[None], whitened.sqrt()[None]
    return Statistics(*roots, level if networks.variant.per_pixel else None, *rates)


def _sums(networks: Autoencoder, y: torch.Tensor, noise: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Return the sums over examples of squared residuals, also whitened ones, (D,), log v, m^2, s and log s, (d,)."""
    with torch.no_grad():
        mean, log_variance = networks.encode(y)
        drawn = torch.randn(mean.shape, generator=noise, dtype=torch.float64).to(y.dtype)
        decoded, log_v = networks.decode_both(sampled(mean, log_variance, drawn))
        log_s, log_v = (None if one is None else one.double() for one in (log_variance, log_v))
        found = statistics((y - decoded).double(), mean.double(), log_s, log_v)
    count = len(y)
    return (
        found.residual.square().sum(0),
        found.whitened.square().sum(0),
        count * (torch.zeros((), dtype=torch.float64) if found.level is None else found.level),
        count * found.square,
        count * found.variance,
        count * found.log_variance,
    )


def relative_terms(networks: Autoencoder, given: Statistics, constants: Constants) -> Terms:
    """Return likelihood and rate of y: those of scaled data are the same to the last bit for a loss without a scale."""
    with torch.no_grad():
        level = log_likelihood_variance(networks, constants.scale)
        variance = torch.from_numpy(constants.relative_variance)
        log_p = likelihood(networks.variant, given, variance, level)
        return Terms(float(log_p), float(rate(networks.variant, given)))


def in_units_of_data(networks: Autoencoder, terms: Terms, constants: Constants) -> Terms:
    """Return terms of x for those of y: densities change by the volume c^D, what is relative to the data does not."""
    if networks.variant.bounded:
        return terms
    volume = len(constants.centre) * math.log(constants.scale)
    return Terms(terms.likelihood - volume, terms.rate)


def encoded(networks: Autoencoder, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the means and log variances of all examples, (N, d) each."""
    with torch.no_grad():
        codes = [networks.encode(piece) for piece in torch.split(y, PIECE)]
        means = torch.cat([mean for mean, _ in codes])
        if codes[0][1] is None:
            return means, torch.zeros_like(means)
        spread = [value.expand(mean.shape) for mean, value in codes if value is not None]
        return means, torch.cat(spread).detach()

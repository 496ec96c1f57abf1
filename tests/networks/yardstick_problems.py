"""Problems whose log evidence is known by another way: closed forms, and proofs of the evidence engine."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.stats import multivariate_normal

import elboproof as ep
from elboproof.networks.annealed import simulated
from elboproof.networks.yardstick import refined
from elboproof.networks.yardstick_model import BernoulliLikelihood, GaussianLikelihood, Joint
from elboproof.networks.yardstick_posteriors import Posteriors


@dataclass(frozen=True)
class Problem:
    """A model, data made from it, the z behind them, refined posteriors and the exact log evidence."""

    model: Joint
    x: torch.Tensor
    z: torch.Tensor
    start: Posteriors
    refined: Posteriors
    truth: torch.Tensor


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def standard(count: int, latents: int) -> Posteriors:
    zeros = torch.zeros(count, latents, dtype=torch.float64)
    return Posteriors.diagonal(zeros, zeros)


def _made(
    model: Joint, count: int, latents: int
) -> tuple[torch.Tensor, torch.Tensor, Posteriors, Posteriors]:
    x, z = simulated(model, count, latents, generator(3))
    start = standard(count, latents)
    return x, z, start, refined(model, x, start, generator=generator(4))


VARIANCE = 0.3
ROWS, LATENTS = 6, 3


@cache
def loadings() -> tuple[torch.Tensor, torch.Tensor]:
    g = generator(1)
    W = torch.randn(ROWS, LATENTS, generator=g, dtype=torch.float64)  # columns far from orthogonal
    return W, torch.randn(ROWS, generator=g, dtype=torch.float64)


def normal_log_density(x: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(multivariate_normal(mean.numpy(), covariance.numpy()).logpdf(x.numpy()))


@cache
def linear() -> Problem:
    """x = W z + b + noise: p(x) = N(b, W W' + v I)."""
    W, b = loadings()
    model = Joint(lambda z: z @ W.T + b, GaussianLikelihood(VARIANCE))
    made = _made(model, 40, LATENTS)
    covariance = W @ W.T + VARIANCE * torch.eye(ROWS, dtype=torch.float64)
    return Problem(model, *made, normal_log_density(made[0], b, covariance))


def linear_best_diagonal() -> torch.Tensor:
    """The highest ELBO of a diagonal q: log p - KL at the posterior's mean with variances 1/P_ii."""
    W, _ = loadings()
    precision = torch.eye(LATENTS, dtype=torch.float64) + W.T @ W / VARIANCE
    divergence = 0.5 * (precision.diagonal().log().sum() - torch.logdet(precision))
    return linear().truth - divergence


def _network(outputs: int) -> torch.nn.Sequential:
    g = generator(7)
    layers = [torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, outputs)]
    module = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g, dtype=torch.float64))
    return module


def _proved(module: torch.nn.Module, likelihood: ep.Gaussian | ep.Bernoulli, x: torch.Tensor) -> torch.Tensor:
    model = ep.LatentModel.from_torch(module, likelihood=likelihood)
    found = ep.log_evidence(model, x.numpy(), digits=5)
    assert float(np.max(found.width)) <= 2e-5
    return torch.as_tensor(found.midpoint)


@cache
def tanh_gaussian() -> Problem:
    module = _network(5)
    model = Joint(module, GaussianLikelihood(0.25))
    made = _made(model, 8, 2)
    return Problem(model, *made, _proved(module, ep.Gaussian(variance="1/4"), made[0]))


@cache
def tanh_bernoulli() -> Problem:
    module = _network(7)
    model = Joint(module, BernoulliLikelihood())
    made = _made(model, 8, 2)
    return Problem(model, *made, _proved(module, ep.Bernoulli(), made[0]))


PROBLEMS = {"linear": linear, "tanh, Gaussian": tanh_gaussian, "tanh, Bernoulli": tanh_bernoulli}

"""Problems whose log evidence is known by another way: closed forms, and proofs of the evidence engine."""

import math
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.stats import multivariate_normal

import elboproof as ep
from elboproof.networks.annealed import simulated
from elboproof.networks.yardstick import refined
from elboproof.networks.yardstick_model import (
    BernoulliLikelihood,
    GaussianLikelihood,
    HeteroscedasticLikelihood,
    Joint,
)
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


def _proved(
    module: torch.nn.Module, likelihood: ep.Gaussian | ep.Bernoulli | None, x: torch.Tensor
) -> torch.Tensor:
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


class _Heads(torch.nn.Module):
    """Means and log variances of a hidden layer; the logarithms stay between -2.7 and 2.1, as those of tanh."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        network = _network(2 * outputs)
        both = network[2].get_parameter("weight").detach()
        self.shared = torch.nn.Sequential(*list(network)[:2])
        self.mean, self.log_variance = (torch.nn.Linear(6, outputs).double() for _ in range(2))
        with torch.no_grad():
            self.mean.weight.copy_(both[:outputs])
            self.log_variance.weight.copy_(0.4 * both[outputs:].tanh())
            for layer in (self.mean, self.log_variance):
                layer.bias.fill_(-0.3)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.shared(z)
        return self.mean(hidden), self.log_variance(hidden)


@cache
def two_heads() -> Problem:
    """A network whose log variances depend on z, all of them multiplied by 1.5."""
    module = _Heads(4)
    model = Joint(lambda z: torch.cat(module(z), -1), HeteroscedasticLikelihood(1.5))
    made = _made(model, 8, 2)
    scaled = deepcopy(module)
    with torch.no_grad():
        scaled.log_variance.bias.add_(math.log(1.5))
    return Problem(model, *made, _proved(scaled, None, made[0]))


PROBLEMS = {
    "linear": linear,
    "tanh, Gaussian": tanh_gaussian,
    "tanh, Bernoulli": tanh_bernoulli,
    "two heads": two_heads,
}

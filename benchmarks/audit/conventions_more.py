"""More of what public code bases do: disentangling-vae, altosaar, timbmg, 1Konny, world-models, ethanluoyc, pyro."""

import math

import torch
from torch import Tensor
from torch.distributions import Bernoulli as BernoulliLaw
from torch.distributions import Normal
from torch.nn import functional

from benchmarks.audit.controls import Distributions, LogDeviation
from benchmarks.audit.entries import convention
from benchmarks.audit.vae import Bernoulli, Gaussian, Probabilities
from elboproof.objectives.contract import log_density

convention("disentangling-vae Bernoulli", "EXACT", "bernoulli")(Bernoulli)


@convention(
    "disentangling-vae Gaussian",
    "UP TO A CONSTANT",
    "gaussian",
    variance=lambda _, __: 1 / 510,
    constant=False,
)
class ByteSquares(Gaussian):
    """255 times the summed squares."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 255 * ((x - output) ** 2).sum(-1)


@convention(
    "disentangling-vae Laplace", "UP TO A CONSTANT", "laplace", variance=lambda _, __: 1 / 3, constant=False
)
class ThriceAbsolute(Gaussian):
    """Three times the summed absolute errors."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 3 * (x - output).abs().sum(-1)


@convention("disentangling-vae betaH", "BETA")
class FourTimes(Bernoulli):
    """Bernoulli likelihood, KL weight 4."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + 4 * divergence).mean()


@convention("altosaar mean field", "EXACT", "bernoulli")
class SoftplusMonteCarlo(Bernoulli):
    """Softplus deviation, Monte Carlo KL, logits."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * functional.softplus(log_variance)

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        log_q = log_density(Normal(mean, functional.softplus(log_variance)), z)
        return (log_q + 0.5 * (z**2 + math.log(2 * math.pi))).sum(-1)


convention("VAE-CVAE-MNIST", "EXACT", "bernoulli")(Probabilities)
convention("1Konny Beta-VAE, bernoulli", "BETA")(FourTimes)


@convention(
    "1Konny Beta-VAE, gaussian",
    "UP TO SCALE|BETA",
    "gaussian",
    scale=lambda _, __: 4.0,
    variance=lambda _, __: 2.0,
    constant=False,
)
class SigmoidInside(Gaussian):
    """Summed squares to the sigmoid of the output, KL weight 4."""

    support = "unit"

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - torch.sigmoid(output)) ** 2).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + 4 * divergence).mean()


@convention(
    "world-models",
    "UP TO A CONSTANT",
    "gaussian",
    variance=lambda _, __: 0.5,
    constant=False,
    summed=True,
)
class LogDeviationSquares(LogDeviation):
    """Summed squares, log deviation, sums over the batch."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output) ** 2).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).sum()


@convention("ethanluoyc pytorch-vae", "EXACT", "gaussian")
class UnitVariance(LogDeviation):
    """torch.distributions with unit variance and its constant, log deviation."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return -log_density(Normal(output, 1.0), x).sum(-1)


@convention("pyro vae", "EXACT", "bernoulli", summed=True)
class SumOfDraws(Distributions):
    """Bernoulli by torch.distributions, both log densities at the draw, sums over the batch."""

    support = "binary"

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return -log_density(BernoulliLaw(logits=output), x).sum(-1)

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        q, prior = Normal(mean, functional.softplus(log_variance)), Normal(0.0, 1.0)
        return (log_density(q, z) - log_density(prior, z)).sum(-1)

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).sum()

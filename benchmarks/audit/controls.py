"""Correct losses in the conventions that users follow: none of them may be accused.

A control's ``claim`` is the strongest that it may make: "-elbo" for a plain negative ELBO in nats, constants included.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional

from benchmarks.audit.entries import control
from benchmarks.audit.vae import (
    PIXELS,
    Bernoulli,
    Gaussian,
    ImportanceWeighted,
    LearnedVariance,
    MonteCarlo,
    Probabilities,
    TwoHeads,
)
from elboproof import objectives
from elboproof.objectives.contract import log_density

control("gaussian")(Gaussian)
control("monte carlo kl")(MonteCarlo)
control("importance weighted", claim="-iwae")(ImportanceWeighted)
control("learned variance")(LearnedVariance)
control("two heads")(TwoHeads)
control("bernoulli logits")(Bernoulli)
control("bernoulli probabilities")(Probabilities)


@control("sum over the batch")
class Summed(Gaussian):
    """Sum over the batch."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).sum()


@control("per datum")
class PerDatum(Gaussian):
    """One value for each datum, unreduced."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction + divergence


@control("broadcast without harm")
class HarmlessBroadcast(Gaussian):
    """The mean of a (B, 1) and a (B,): a (B, B) whose mean is the right one."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction[:, None] + divergence).mean()


@control("mean squared error", claim="loss")
class SquaredError(Gaussian):
    """Half the summed squared error: variance 1, its constant omitted."""

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return 0.5 * ((x - output) ** 2).sum(-1)


@control("mean over everything", claim="loss")
class MeanOfAll(Gaussian):
    """All terms divided by the number of pixels: nats per pixel."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).mean() / PIXELS


@control("log deviation")
class LogDeviation(Gaussian):
    """The encoder's second head is a log deviation, in the draw and in the KL."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * log_variance.exp()

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return (0.5 * mean**2 + 0.5 * (2 * log_variance).exp() - 0.5 - log_variance).sum(-1)


@control("distributions")
class Distributions(Gaussian):
    """All by torch.distributions, with a softplus deviation."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        draw: Tensor = Normal(mean, functional.softplus(log_variance)).rsample()
        return draw

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return -log_density(Independent(Normal(output, math.sqrt(self.variance)), 1), x)

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
        return kl_divergence(Normal(mean, functional.softplus(log_variance)), prior).sum(-1)


@control("sticking the landing")
class StickingTheLanding(MonteCarlo):
    """The posterior's parameters are detached in log q: another unbiased estimator of the same gradient."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return super().divergence(mean.detach(), log_variance.detach(), z)


@control("several draws")
class SeveralDraws(ImportanceWeighted):
    """The mean of the plain bound over 3 draws."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + divergence).mean()


@control("beta", claim="loss")
class Beta(Gaussian):
    """A beta of 4 on the KL."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (reconstruction + 4 * divergence).mean()


@control("free bits", claim="loss")
class FreeBits(Gaussian):
    """Each latent's KL counts at least 1/4 nat."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return (0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)).clamp_min(0.25).sum(-1)


@control("learned prior")
class LearnedPrior(Gaussian):
    """A prior of learned mean and width, closed-form KL."""

    def __init__(self) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.tensor([0.3, -0.5]))
        self.log_width = nn.Parameter(torch.tensor([0.2, -0.3]))

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        ratio = log_variance - 2 * self.log_width
        squares = ((mean - self.centre) / self.log_width.exp()) ** 2
        return 0.5 * (ratio.exp() + squares - 1 - ratio).sum(-1)


@control("warm-up", claim="loss")
class WarmUp(Gaussian):
    """A KL weight that grows with each call, up to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        self.calls += 1
        return (reconstruction + min(1.0, self.calls / 100) * divergence).mean()


@control("laplace")
class Laplace(Gaussian):
    """Laplace likelihood of scale 1/3, constant included."""

    scale: ClassVar[float] = 1 / 3

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return ((x - output).abs() / self.scale + math.log(2 * self.scale)).sum(-1)


@control("poisson")
class Poisson(Gaussian):
    """Poisson likelihood of counts by log rates."""

    support = "count"

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        return (output.exp() - x * output + torch.lgamma(x + 1)).sum(-1)


@control("negative binomial")
class NegativeBinomial(Gaussian):
    """Negative binomial likelihood of counts by log means, dispersion 2."""

    support = "count"
    dispersion: ClassVar[float] = 2.0

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        r, total = self.dispersion, torch.logaddexp(torch.tensor(math.log(self.dispersion)), output)
        constant = torch.lgamma(x + r) - math.lgamma(r) - torch.lgamma(x + 1)
        return -(constant + r * (math.log(r) - total) + x * (output - total)).sum(-1)


@control("discretised logistic")
class DiscretisedLogistic(Gaussian):
    """Logistic likelihood of scale 1/2, integrated over bins of width 1 around counts."""

    support = "count"

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        upper, lower = (x + 0.5 - output) / 0.5, (x - 0.5 - output) / 0.5
        mass = torch.sigmoid(upper) * torch.sigmoid(-lower) * -torch.expm1(lower - upper)
        return -mass.log().sum(-1)


@control("elboproof elbo")
class OurElbo(Gaussian):
    """elboproof.objectives.elbo, negative mean."""

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        output = self.decode(self.sample(mean, log_variance))
        return -objectives.elbo(x, output, mean, log_variance, variance=self.variance).mean()


@control("single precision")
class SinglePrecision(Gaussian):
    """All in float32."""

    precision = torch.float32


class Constant(Gaussian):
    """A posterior of variance 1 for all data: the second head is left alone."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean)


@control("elboproof bilbo", claim="loss")
class OurBilbo(Constant):
    """elboproof.objectives.bilbo, negative mean: its rate is one of the batch."""

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        output = self.decode(self.sample(mean, log_variance))
        return -objectives.bilbo(x, output, mean, variance=self.variance).mean()


@control("elboproof baggins", claim="loss")
class OurBaggins(Constant):
    """elboproof.objectives.bilbo_baggins, negative: likelihood and rate are those of the batch."""

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        output = self.decode(self.sample(mean, log_variance))
        return -objectives.bilbo_baggins(x, output, mean, torch.ones(PIXELS, dtype=x.dtype))

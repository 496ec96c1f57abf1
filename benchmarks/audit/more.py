"""Correct models and bugs beyond the list M01-M52: counts, conditions, auxiliary variables, axes, another posterior."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.audit.controls import SinglePrecision
from benchmarks.audit.entries import control, mutant
from benchmarks.audit.vae import LATENTS, LOG_2PI, PIXELS, SAMPLES, Gaussian, ImportanceWeighted, MonteCarlo

LEVELS = 255
"""Of grey values, whose bins a discretised law has."""
REPEATS = 2
"""Of the importance-weighted bound, along an axis of its own."""


@control("negative binomial, two heads")
class Dispersed(Gaussian):
    """Negative binomial likelihood: a mean and a dispersion for each count."""

    support = "count"
    outputs = 2 * PIXELS

    def decode(self, z: Tensor) -> Any:
        mean, dispersion = self.decoder(z).chunk(2, -1)
        return functional.softplus(mean), dispersion.exp()

    def log_mass(self, x: Tensor, mean: Tensor, r: Tensor) -> Tensor:
        coefficient = torch.lgamma(x + r) - torch.lgamma(r) - torch.lgamma(x + 1)
        return coefficient + r * (r / (r + mean)).log() + x * (mean / (r + mean)).log()

    def reconstruction(self, x: Tensor, output: Any) -> Tensor:
        return -self.log_mass(x, *output).sum(-1)


@control("zero-inflated negative binomial")
class ZeroInflated(Dispersed):
    """Zeros more often than a negative binomial has them, by log odds that are a third output."""

    outputs = 3 * PIXELS

    def decode(self, z: Tensor) -> Any:
        mean, dispersion, logits = self.decoder(z).chunk(3, -1)
        return functional.softplus(mean), dispersion.exp(), logits

    def of_zero(self, mass: Tensor, more: Tensor) -> Tensor:
        return torch.log(more + (1 - more) * mass.exp())

    def reconstruction(self, x: Tensor, output: Any) -> Tensor:
        mean, r, logits = output
        mass, more = self.log_mass(x, mean, r), torch.sigmoid(logits)
        return -torch.where(x < 0.5, self.of_zero(mass, more), torch.log1p(-more) + mass).sum(-1)


@control("discretised logistic, two heads")
class Binned(Gaussian):
    """Logistic likelihood of grey values, integrated over bins of width 1/255: a centre and a log scale each."""

    support = "unit"
    outputs = 2 * PIXELS

    def reconstruction(self, x: Tensor, output: Tensor) -> Tensor:
        centre, log_scale = output.chunk(2, dim=-1)
        upper, lower = ((x - centre + half) / log_scale.exp() for half in (0.5 / LEVELS, -0.5 / LEVELS))
        return -(torch.sigmoid(upper) - torch.sigmoid(lower)).clamp(min=1e-7).log().sum(-1)


@control("conditional")
class Conditional(Gaussian):
    """The decoder sees a condition beside the code: the first entry of the data."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(LATENTS + 1, PIXELS)

    def joined(self, z: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([z, condition], -1)

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        z = self.sample(mean, log_variance)
        output = self.decode(self.joined(z, x[:, :1]))
        return self.total(self.reconstruction(x, output), self.divergence(mean, log_variance, z))


@control("auxiliary variables")
class Auxiliary(MonteCarlo):
    """The posterior is a mixture over an auxiliary a ~ N(0, 1), which r(a | z) = N(z / 2, 3/4) infers back."""

    push: ClassVar[float] = 0.5

    def reverse(self, a: Tensor, z: Tensor) -> Tensor:
        return -((a - z / 2) ** 2 / 0.75 + math.log(0.75) + LOG_2PI).sum(-1) / 2

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        a = torch.randn_like(mean)
        moved = mean + self.push * a
        z = self.sample(moved, log_variance)
        log_a = -(a**2 + LOG_2PI).sum(-1) / 2
        divergence = self.divergence(moved, log_variance, z) + log_a - self.reverse(a, z)
        return self.total(self.reconstruction(x, self.decode(z)), divergence)


@control("two axes of samples", claim="-iwae")
class TwoAxes(ImportanceWeighted):
    """The mean of 2 importance-weighted bounds of 3 draws."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        noise = torch.randn((REPEATS, SAMPLES, *mean.shape), dtype=mean.dtype)
        return mean + noise * (0.5 * log_variance).exp()

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (math.log(SAMPLES) - (-reconstruction - divergence).logsumexp(1)).mean()


@control("laplace posterior")
class LaplacePosterior(Gaussian):
    """A Laplace posterior of scale exp(s), its log density at the draw."""

    def noise(self, mean: Tensor) -> Tensor:
        u = torch.rand_like(mean) - 0.5
        return -u.sign() * torch.log1p(-2 * u.abs())

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + log_variance.exp() * self.noise(mean)

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        log_q = -(z - mean).abs() / log_variance.exp() - math.log(2) - log_variance
        return (log_q + (z**2 + LOG_2PI) / 2).sum(-1)


@mutant("N01", "formula", "named")
class CountsMeanOverLatents(Dispersed):
    """The KL is averaged over the latents, beside counts that are summed."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(-1)


@mutant("N02", "formula", "named")
class ZerosOnce(ZeroInflated):
    """The mass of a zero lacks what is added to it."""

    def of_zero(self, mass: Tensor, more: Tensor) -> Tensor:
        return torch.log1p(-more) + mass


@mutant("N03", "gradient", kind="gradient")
class CutAtCondition(Conditional):
    """The code is cut from the graph where the condition is joined to it."""

    def joined(self, z: Tensor, condition: Tensor) -> Tensor:
        return torch.cat([z.detach(), condition], -1)


@mutant("N04", "evidence", "named")
class ReverseLost(Auxiliary):
    """The reverse model is left out, so that the auxiliary's density counts once."""

    def reverse(self, a: Tensor, z: Tensor) -> Tensor:
        return torch.zeros_like(z[..., 0])


@mutant("N05", "samples", "named", claim="-iwae")
class CountOfOtherAxis(TwoAxes):
    """The number of draws is that of the other axis."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return (math.log(REPEATS) - (-reconstruction - divergence).logsumexp(1)).mean()


@mutant("N06", "noise")
class NormalForLaplace(LaplacePosterior):
    """The noise is normal, where the density is that of a Laplace law."""

    def noise(self, mean: Tensor) -> Tensor:
        return torch.randn_like(mean)


@mutant("N07", "formula")
class LogarithmLostInSingle(SinglePrecision):
    """In float32, the KL lacks its log variance."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return 0.5 * (mean**2 + log_variance.exp() - 1).sum(-1)

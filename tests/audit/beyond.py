"""Models beyond Gaussian codes and the plain likelihoods: counts, bins, free bits, capacities, codes of categories."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import NegativeBinomial
from torch.nn import functional

from tests.audit.small import LATENTS, LOG_2PI, PIXELS, Drawn, Small, Weighted

CATEGORIES = 4


def counts() -> Tensor:
    """Return x (N, D) of counts."""
    return torch.poisson(torch.full((12, PIXELS), 2.0), generator=torch.Generator().manual_seed(3))


class Counted(Small):
    """Negative binomial: a mean and a dispersion for each entry, the formula written out."""

    outputs = 2

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(LATENTS, self.outputs * PIXELS)

    def decode(self, z: Tensor) -> Any:
        mean, dispersion, *rest = self.decoder(z).chunk(self.outputs, -1)
        return (functional.softplus(mean), dispersion.exp(), *rest)

    def log_mass(self, x: Tensor, mean: Tensor, r: Tensor) -> Tensor:
        binomial = torch.lgamma(x + r) - torch.lgamma(r) - torch.lgamma(x + 1)
        return binomial + r * (r / (r + mean)).log() + x * (mean / (r + mean)).log()

    def fit(self, x: Tensor, out: Any) -> Tensor:
        return -self.log_mass(x, *out).sum(-1)


class CountedByLaw(Counted):
    """The decoder returns a law of torch."""

    def decode(self, z: Tensor) -> Any:
        total, logits = self.decoder(z).chunk(2, -1)
        return NegativeBinomial(total.exp(), logits=logits, validate_args=False)

    def fit(self, x: Tensor, out: Any) -> Tensor:
        value: Tensor = -out.log_prob(x).sum(-1)
        return value


class ZeroInflated(Counted):
    """Zeros more often, by log odds that are a third output."""

    outputs = 3

    def fit(self, x: Tensor, out: Any) -> Tensor:
        mean, r, logits = out
        mass, more = self.log_mass(x, mean, r), torch.sigmoid(logits)
        zero = torch.log(more + (1 - more) * mass.exp())
        return -torch.where(x < 0.5, zero, torch.log(1 - more) + mass).sum(-1)


class MassLost(Counted):
    """The dispersion's normaliser counts twice: no mass of a law."""

    def fit(self, x: Tensor, out: Any) -> Tensor:
        return super().fit(x, out) + torch.lgamma(out[1]).sum(-1)


class DispersionOfItsOwn(Counted):
    """The dispersion is a parameter that does not pass the decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder, self.r = nn.Linear(LATENTS, PIXELS), nn.Parameter(torch.ones(PIXELS))

    def decode(self, z: Tensor) -> Any:
        return functional.softplus(self.decoder(z))

    def fit(self, x: Tensor, out: Any) -> Tensor:
        return -self.log_mass(x, out, self.r).sum(-1)


class Binned(Small):
    """Discretised logistic: the mass of a bin of 1/255, cut off at 1e-7."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(LATENTS, 2 * PIXELS)

    def fit(self, x: Tensor, out: Any) -> Tensor:
        centre, log_scale = out.chunk(2, -1)
        upper, lower = ((x - centre + half) / log_scale.exp() for half in (0.5 / 255, -0.5 / 255))
        return -(torch.sigmoid(upper) - torch.sigmoid(lower)).clamp(min=1e-7).log().sum(-1)


class FreeBits(Small):
    """Each latent's KL, a mean over the batch, counts at least a nat."""

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return (0.5 * (mean**2 + s.exp() - 1 - s)).mean(0).clamp_min(1.0).sum()


class FreeBitsDrawn(Drawn):
    """The drawn KL of a datum counts at least half a nat."""

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return super().rate(mean, s, z).clamp_min(0.5)


class Capacity(Small):
    """The distance of the mean KL from 2 nats, ten times."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return fit.mean() + 10 * (rate.mean() - 2).abs()


class CapacityDrawn(Drawn):
    """The distance of a drawn KL from half a nat."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (fit + (rate - 0.5).abs()).mean()


class Categories(Small):
    """A categorical code of logits, summed over its values."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(PIXELS, CATEGORIES), nn.Linear(CATEGORIES, PIXELS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)

    def divergence(self, logits: Tensor) -> Tensor:
        log_q = logits.log_softmax(-1)
        return (log_q.exp() * log_q).sum(-1) + math.log(CATEGORIES)

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        codes = torch.eye(CATEGORIES, dtype=x.dtype)[:, None].expand(-1, len(x), -1)
        fit = (logits.softmax(-1) * self.fit(x, self.decode(codes)).T).sum(-1)
        return self.total(fit, self.divergence(logits))


class Relaxed(Categories):
    """Gumbel-softmax draws beside the KL of the categories."""

    hard = False

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        z = functional.gumbel_softmax(logits, 0.7, hard=self.hard)
        return self.total(self.fit(x, self.decode(z)), self.divergence(logits))


class StraightThrough(Relaxed):
    """The draw is a category, its gradient that of the relaxation."""

    hard = True


class RelaxedBlocks(Categories):
    """Two codes, one behind the other: half of what the encoder returns is never taken for a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(PIXELS, 2 * CATEGORIES), nn.Linear(2 * CATEGORIES, PIXELS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x).view(-1, 2, CATEGORIES)

    def loss(self, x: Tensor) -> Any:
        logits = self.encode(x)
        z = functional.gumbel_softmax(logits, 0.7).flatten(1)
        return self.total(self.fit(x, self.decode(z)), self.divergence(logits).sum(-1))


class Bits(Small):
    """Bernoulli codes, drawn without a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(PIXELS, LATENTS)

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)

    def loss(self, x: Tensor) -> Any:
        p = torch.sigmoid(self.encode(x))
        rate = (p * p.log() + (1 - p) * (1 - p).log() + math.log(2)).sum(-1)
        return self.total(self.fit(x, self.decode(torch.bernoulli(p.detach()))), rate)


class Quantised(Categories):
    """The nearest vector of a book, its gradient handed through."""

    def loss(self, x: Tensor) -> Any:
        found, book = self.encode(x), torch.eye(CATEGORIES, dtype=x.dtype)
        near = book[((found[:, None] - book) ** 2).sum(-1).argmin(1)]
        out = self.decode(found + (near - found).detach())
        return ((x - out) ** 2).mean() + ((found - near) ** 2).mean()


class LaplaceCode(Small):
    """A Laplace q, whose drawn KL is that of a Laplace law."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return torch.distributions.Laplace(mean, s.exp()).rsample()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return ((z**2 + LOG_2PI) / 2 - s - math.log(2) - (z - mean).abs() / s.exp()).sum(-1)


class GumbelCode(Small):
    """A Gumbel q, whose drawn KL is that of a Gumbel law."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean - s.exp() * torch.rand_like(mean).log().neg().log()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        r = (z - mean) / s.exp()
        return ((z**2 + LOG_2PI) / 2 - s - r - (-r).exp()).sum(-1)


class Contractive(Small):
    """A square of the decoder's slope beside a bound: the loss differentiates inside."""

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        out = self.decode(z)
        slope = torch.autograd.grad(out.sum(), z, create_graph=True)[0]
        return self.total(self.fit(x, out) + 0.1 * (slope**2).sum(1), self.rate(mean, s, z))


class NeverBelowOne(Small):
    """A variance that is never below that of the prior."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (1 + s.exp()).sqrt()

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        variance = 1 + s.exp()
        return (mean**2 + variance - 1 - variance.log()).sum(-1) / 2


class TwoAxes(Drawn):
    """Importance weights over the second of two axes of samples."""

    axis = 1

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn((3, 4, *mean.shape), dtype=mean.dtype) * (s / 2).exp()

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (math.log((3, 4)[self.axis]) - (-fit - rate).logsumexp(self.axis)).mean()


class FirstAxis(TwoAxes):
    """Importance weights over the first axis."""

    axis = 0


class OtherCount(TwoAxes):
    """The number of samples of the other axis: another constant."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (math.log(3) - (-fit - rate).logsumexp(1)).mean()


class BoundOfEach(Weighted):
    """The importance-weighted bound, one value a datum."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return math.log(4) - (-fit - rate).logsumexp(0)


class MeanOfEach(Weighted):
    """The mean over the samples, one value a datum."""

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (fit + rate).mean(0)


class NeverBelowOneSoft(NeverBelowOne):
    """A deviation of 1 + softplus(s): its slope in s is that of the softplus alone, and it is no flow behind it."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (1 + functional.softplus(s))

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        deviation = 1 + functional.softplus(s)
        return (mean**2 + deviation**2 - 1 - 2 * deviation.log()).sum(-1) / 2


class ConditionalPrior(Small):
    """The prior's mean follows from a condition."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = nn.Linear(3, LATENTS)

    def given(self, x: Tensor, y: Tensor) -> Any:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        return self.total(self.fit(x, self.decode(z)), self.rate(mean - self.prior(y), s, z))

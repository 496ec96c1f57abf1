"""Models whose divergence is bent on purpose, or stands beside another term: free bits, capacities, slopes."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.audit.small import LATENTS, Drawn, Small


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


class Contractive(Small):
    """A square of the decoder's slope beside a bound: the loss differentiates inside."""

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        out = self.decode(z)
        slope = torch.autograd.grad(out.sum(), z, create_graph=True)[0]
        return self.total(self.fit(x, out) + 0.1 * (slope**2).sum(1), self.rate(mean, s, z))


class ConditionalPrior(Small):
    """The prior's mean follows from a condition."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = nn.Linear(3, LATENTS)

    def given(self, x: Tensor, y: Tensor) -> Any:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        return self.total(self.fit(x, self.decode(z)), self.rate(mean - self.prior(y), s, z))

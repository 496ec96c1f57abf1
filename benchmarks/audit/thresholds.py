"""Divergences that are bent at a threshold on purpose, a bug among them, and a module that was compiled."""

import torch
from torch import Tensor

from benchmarks.audit.controls import FreeBits
from benchmarks.audit.entries import control, convention, mutant
from benchmarks.audit.vae import Bernoulli, Gaussian

BITS, NATS, WEIGHT = 0.5, 2.0, 10.0
"""Of free bits of a batch; capacity and its weight."""


@control("free bits of the batch", claim="loss")
class FreeBitsOfBatch(Gaussian):
    """The mean over the batch of each latent's KL counts at least 1/2 nat."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        each = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
        return each.mean(0).clamp_min(BITS).sum()


@control("capacity", claim="loss")
class CapacityOfBatch(Gaussian):
    """Ten times the distance of the batch's mean KL from 2 nats."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction.mean() + WEIGHT * (divergence.mean() - NATS).abs()


@convention("disentangling-vae betaB", "CAPACITY")
class Burgess(Bernoulli):
    """Thirty times the distance of the batch's mean KL from 5 nats."""

    def total(self, reconstruction: Tensor, divergence: Tensor) -> Tensor:
        return reconstruction.mean() + 30 * (divergence.mean() - 5).abs()


@control("compiled")
class Compiled(Gaussian):
    """A module whose forward is the loss, given to torch.compile with its encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        for module in (self.encoder, self.decoder, self):
            module.compile(backend="eager")

    def forward(self, x: Tensor) -> Tensor:
        return super().loss(x)

    def loss(self, x: Tensor) -> Tensor:
        value: Tensor = self(x)
        return value


@mutant("N08", "gradient", kind="gradient")
class CompiledAndDetached(Compiled):
    """In a compiled module no gradient passes through the deviation that scales the noise."""

    def sample(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp().detach()


@mutant("N09", "formula")
class MinimumForMaximum(FreeBits):
    """Each latent's KL counts at most 1/4 nat, where free bits count at least that."""

    def divergence(self, mean: Tensor, log_variance: Tensor, z: Tensor) -> Tensor:
        return (0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)).clamp_max(0.25).sum(-1)

"""Correct models whose posterior is no Gaussian in the codes that the decoder sees: a flow, and categories."""

import math

import torch
from torch import Tensor, nn

from benchmarks.audit.entries import control
from benchmarks.audit.vae import LOG_2PI, PIXELS, Gaussian

CATEGORIES = 4


@control("flow posterior")
class Flow(Gaussian):
    """Posterior of one coupling flow over a Gaussian draw; Monte Carlo log q less log |det|."""

    def __init__(self) -> None:
        super().__init__()
        self.coupling = nn.Parameter(torch.tensor([0.7, -0.4]))

    def flow(self, z: Tensor) -> tuple[Tensor, Tensor]:
        first, second = z.unbind(-1)
        log_scale, shift = self.coupling[0] * torch.tanh(first + 1), self.coupling[1] * first
        return torch.stack([first, second * log_scale.exp() + shift], -1), log_scale

    def log_posterior(self, log_base: Tensor, log_det: Tensor) -> Tensor:
        return log_base - log_det

    def log_prior(self, z: Tensor, base: Tensor) -> Tensor:
        return -0.5 * (z**2 + LOG_2PI).sum(-1)

    def loss(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encode(x)
        base = self.sample(mean, log_variance)
        z, log_det = self.flow(base)
        log_base = -0.5 * ((base - mean) ** 2 / log_variance.exp() + log_variance + LOG_2PI).sum(-1)
        divergence = self.log_posterior(log_base, log_det) - self.log_prior(z, base)
        return self.total(self.reconstruction(x, self.decode(z)), divergence)


@control("categorical code")
class Categorical(Gaussian):
    """One categorical code with a uniform prior, summed over its values: no draw."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(PIXELS, CATEGORIES))
        self.decoder = nn.Linear(CATEGORIES, PIXELS)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_q = self.encoder(x).log_softmax(-1)
        return log_q.exp(), log_q

    def category_divergence(self, q: Tensor, log_q: Tensor) -> Tensor:
        return (q * log_q).sum(-1) + math.log(CATEGORIES)

    def loss(self, x: Tensor) -> Tensor:
        q, log_q = self.encode(x)
        codes = torch.eye(CATEGORIES, dtype=x.dtype)[:, None].expand(-1, len(x), -1)
        reconstruction = (q * self.reconstruction(x, self.decode(codes)).T).sum(-1)
        return self.total(reconstruction, self.category_divergence(q, log_q))

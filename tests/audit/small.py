"""A small VAE whose pieces the tests exchange: D = 6, d = 2, a Gaussian q of a log variance, a Gaussian likelihood."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from elboproof.audit import Adapter, Report, audit

PIXELS, LATENTS = 6, 2
LOG_2PI = math.log(2 * math.pi)
DRAWS = 60
"""Of the noise check where it is not what is tested."""


class Small(nn.Module):
    """An encoder of two heads and a linear decoder; what is between is a method each."""

    variance = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(PIXELS, 2 * LATENTS)
        self.decoder = nn.Linear(LATENTS, PIXELS)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, s = self.encoder(x).chunk(2, dim=-1)
        return mean, s

    def decode(self, z: Tensor) -> Tensor:
        out: Tensor = self.decoder(z)
        return out

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn_like(mean) * (s / 2).exp()

    def fit(self, x: Tensor, out: Tensor) -> Tensor:
        return ((x - out) ** 2 / self.variance + math.log(self.variance) + LOG_2PI).sum(-1) / 2

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return (mean**2 + s.exp() - 1 - s).sum(-1) / 2

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (fit + rate).mean()

    def loss(self, x: Tensor) -> Any:
        mean, s = self.encode(x)
        z = self.sample(mean, s)
        return self.total(self.fit(x, self.decode(z)), self.rate(mean, s, z))


class Drawn(Small):
    """The divergence at the draw."""

    def rate(self, mean: Tensor, s: Tensor, z: Tensor) -> Tensor:
        return (z**2 - (z - mean) ** 2 / s.exp() - s).sum(-1) / 2


class Weighted(Drawn):
    """The importance-weighted bound of 4 samples, samples first."""

    def sample(self, mean: Tensor, s: Tensor) -> Tensor:
        return mean + torch.randn((4, *mean.shape), dtype=mean.dtype) * (s / 2).exp()

    def total(self, fit: Tensor, rate: Tensor) -> Tensor:
        return (math.log(4) - (-fit - rate).logsumexp(0)).mean()


def data(kind: str = "real", count: int = 12) -> Tensor:
    """Return x (N, D)."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(count, PIXELS, generator=generator)
    return x if kind == "real" else (x > 0).float() if kind == "binary" else torch.sigmoid(x)


def adapter_of(model: Small, kind: str = "real", **options: Any) -> Adapter:
    """Return the adapter of a model's own methods."""
    return Adapter(model.loss, data(kind), (model, "encode"), (model, "decode"), **options)


def audited(model: Small, *checks: str, kind: str = "real", draws: int = DRAWS, **options: Any) -> Report:
    """Return the report of some checks; all if none is named."""
    return audit(adapter_of(model, kind, **options), draws=draws, checks=checks or None)


def with_methods(base: type[Small] = Small, /, **methods: Any) -> Small:
    """Return a model with some methods exchanged."""
    torch.manual_seed(0)
    return type("Changed", (base,), methods)()  # type: ignore[no-any-return]

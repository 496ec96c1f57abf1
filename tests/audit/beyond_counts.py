"""Models of counts and bins: negative binomial, zero-inflated, discretised logistic, and a mass that is none."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import NegativeBinomial
from torch.nn import functional

from tests.audit.small import LATENTS, PIXELS, Small


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

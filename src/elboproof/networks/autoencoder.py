"""The networks of a variant, in normalised units: y = (x - centre) / scale in, means of y, or variances too, out."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import softplus

from elboproof.networks.architectures import (
    Architecture,
    Image,
    body,
    decoder,
    draw,
    likelihood_head,
    linear,
    trunk,
)
from elboproof.networks.randomness import generator_of
from elboproof.networks.records import Settings
from elboproof.networks.variants import Variant


class Autoencoder(nn.Module):
    """Encoder and decoder; which heads and numbers they have is the variant's.

    Parameters
    ----------
    variant
        Says which heads there are.
    outputs
        D, the numbers of a datum.
    latents
        d.
    hidden, activation, architecture
        As of `train`.
    image
        (channels, height, width) of a datum, for the architecture "conv".
    seed
        Of the first weights.

    Attributes
    ----------
    trunk, mean_head, decoder : Module
    log_variance_head : Module or None
        For the posterior "learned".
    log_posterior_variance : Parameter or None
        (d,), for the posterior "shared"; starts at 0.
    log_likelihood_variance : Parameter or None
        Of y, for a learned likelihood; where it starts is set by the loop, in the data's units or not.
    likelihood_head : Module or None
        For the likelihood "per-pixel": from the decoder's hidden layers to log variances, before the floor.
    """

    log_posterior_variance: nn.Parameter | None
    log_likelihood_variance: nn.Parameter | None

    def __init__(
        self,
        variant: Variant,
        outputs: int,
        *,
        latents: int,
        hidden: Sequence[int],
        activation: str = "tanh",
        architecture: Architecture = "mlp",
        image: Image | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.variant, self.latents = variant, latents
        self.trunk = trunk(architecture, outputs, hidden, activation, image)
        self.mean_head = linear(hidden[-1], latents)
        learned = variant.posterior == "learned"
        self.log_variance_head = linear(hidden[-1], latents) if learned else None
        self.decoder = decoder(architecture, latents, outputs, hidden, activation, image)
        shared = variant.posterior == "shared"
        self.log_posterior_variance = nn.Parameter(torch.zeros(latents)) if shared else None
        own = variant.likelihood in ("learned", "learned-scaled")
        self.log_likelihood_variance = nn.Parameter(torch.zeros(())) if own else None
        given = variant.per_pixel
        self.likelihood_head = likelihood_head(architecture, outputs, hidden, image) if given else None
        self._draw(seed)

    @classmethod
    def of(cls, settings: Settings, outputs: int) -> "Autoencoder":
        """Return the networks with which a run begins, for data of some dimension."""
        return cls(
            settings.variant,
            outputs,
            latents=settings.latents,
            hidden=settings.hidden,
            activation=settings.activation,
            architecture=settings.architecture,
            image=settings.image,
            seed=settings.seed,
        )

    def _draw(self, seed: int) -> None:
        for name in ("trunk", "mean_head", "log_variance_head", "decoder", "likelihood_head"):
            module = getattr(self, name)
            if module is not None:
                draw(module, generator_of(seed, name))

    def encode(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the means (B, d) and log variances, (B, d) or (d,), None where all are 1."""
        hidden = self.trunk(y)
        log_variance = self.log_posterior_variance
        if self.log_variance_head is not None:
            log_variance = self.log_variance_head(hidden)
        return self.mean_head(hidden), log_variance

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Return the means of y, (B, D)."""
        result: torch.Tensor = self.decoder(z)
        return result

    def decode_both(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the means of y and their log variances, (B, D) each, None where the decoder gives none."""
        if self.likelihood_head is None:
            return self.decode(z), None
        hidden, last = body(self.decoder)
        shared = hidden(z)
        return last(shared), floored(self.likelihood_head(shared), self.variant.floor)


def floored(log_variance: torch.Tensor, floor: float) -> torch.Tensor:
    """Return log(floor + exp(log_variance)), as a softplus: smooth, and never below log floor."""
    level = math.log(floor)
    return level + softplus(log_variance - level)


def sampled(mean: torch.Tensor, log_variance: torch.Tensor | None, noise: torch.Tensor) -> torch.Tensor:
    """Return z = mean + deviation * noise, (B, d)."""
    return mean + (noise if log_variance is None else (0.5 * log_variance).exp() * noise)

"""Decoders of trained networks in the units of the data: float64 modules whose outputs are means and log variances."""

import math
from copy import deepcopy

import torch
from torch import nn

from elboproof.networks.architectures import body
from elboproof.networks.autoencoder import Autoencoder
from elboproof.networks.constants import Constants


class _Rescaled(nn.Module):
    """centre + scale * y, in float64."""

    def __init__(self, centre: torch.Tensor, scale: float) -> None:
        super().__init__()
        self.centre, self.scale = centre, scale

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return self.centre + self.scale * y


def in_data_units(decoder: nn.Sequential, constants: Constants) -> nn.Sequential:
    """Return a float64 decoder whose output is centre + scale * that of the one given; of a Linear, in its weights."""
    layers = list(decoder.children())
    last = layers[-1]
    centre = torch.from_numpy(constants.centre)
    if not isinstance(last, nn.Linear):
        return nn.Sequential(*layers, _Rescaled(centre, constants.scale))
    own = deepcopy(last)
    with torch.no_grad():
        own.weight.mul_(constants.scale)
        own.bias.mul_(constants.scale).add_(centre)
    return nn.Sequential(*layers[:-1], own)


class TwoHeads(nn.Module):
    """Hidden layers, and two last ones that give the means of x and their log VARIANCES: z to a pair of (N, D)."""

    def __init__(self, hidden: nn.Sequential, mean: nn.Sequential, log_variance: nn.Sequential) -> None:
        super().__init__()
        self.hidden, self.mean, self.log_variance = hidden, mean, log_variance

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the means and the log variances of x at latents (N, d)."""
        shared = self.hidden(z)
        return self.mean(shared), self.log_variance(shared)


class SideBySide(nn.Module):
    """The means and the log variances of `TwoHeads` as one row, (N, 2D): what `HeteroscedasticLikelihood` takes."""

    def __init__(self, heads: TwoHeads) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the means and the log variances of x at latents (N, d), side by side."""
        return torch.cat(self.heads(z), -1)


def two_heads(networks: Autoencoder, constants: Constants, factor: float = 1.0) -> TwoHeads:
    """Return the decoder of a network "per-pixel", its variances multiplied by a factor.

    log v = log(floor) + softplus(h - log floor) + 2 log c + log(factor): the first shift stands in the head's bias,
    the last one in a layer that models can read.
    """
    if networks.likelihood_head is None:
        raise ValueError(f"networks: got {networks.variant.name}; expected a head of log variances")
    hidden, mean = body(networks.decoder)
    head = deepcopy(networks.likelihood_head)
    level = math.log(networks.variant.floor)
    with torch.no_grad():
        head[0].get_parameter("bias").sub_(level)
    shift = level + 2 * math.log(constants.scale) + math.log(factor)
    size = len(constants.centre)
    last = _shifting(size, shift) if len(head) == 1 else _Rescaled(torch.full((size,), shift).double(), 1.0)
    return TwoHeads(hidden, in_data_units(mean, constants), nn.Sequential(*head, nn.Softplus(), last))


def _shifting(size: int, shift: float) -> nn.Linear:
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, size, size, dtype=torch.float64)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        layer.weight.copy_(torch.eye(size))
        layer.bias.fill_(shift)
    return layer

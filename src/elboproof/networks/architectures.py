"""Encoders and decoders for torch: multilayer perceptrons, and a small convolutional pair.

Weights are drawn from a generator that is handed in, torch's global one is not touched: U(-1/sqrt(n), 1/sqrt(n)) for n
inputs of a unit, which is torch's own default. Trunk, head and decoder have a generator each, so that two variants
start at the same numbers wherever they have the same layers.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias, TypeVar

import torch
from torch import nn
from torch.nn.utils import skip_init

from elboproof.arguments import bad

Architecture: TypeAlias = Literal["mlp", "conv"]
ARCHITECTURES = ("mlp", "conv")
ACTIVATIONS = {"tanh": nn.Tanh, "silu": nn.SiLU, "gelu": nn.GELU, "softplus": nn.Softplus, "relu": nn.ReLU}
"""All but "relu" are smooth: the evidence of a decoder with two latents can then be proved."""
CHANNELS = (16, 32)
Layer = TypeVar("Layer", bound=nn.Module)
Image: TypeAlias = tuple[int, int, int]
"""Channels, height, width."""


def linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a layer whose weights are yet to be drawn."""
    return _blank(nn.Linear, inputs, outputs)


def mlp(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Return Linear layers of these sizes with an activation after each but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def trunk(
    architecture: Architecture, outputs: int, hidden: Sequence[int], activation: str, image: Image | None
) -> nn.Sequential:
    """Return the encoder without its heads: (B, D) to (B, hidden[-1]), an activation last."""
    last = ACTIVATIONS[activation]()
    if architecture == "mlp":
        return nn.Sequential(*mlp((outputs, *hidden), activation), last)
    channels, height, width = _image(image)
    first, second = CHANNELS
    pixels = math.prod(_halves(_halves((height, width))))
    return nn.Sequential(
        nn.Unflatten(1, (channels, height, width)),
        _blank(nn.Conv2d, channels, first, 3, stride=2, padding=1),
        ACTIVATIONS[activation](),
        _blank(nn.Conv2d, first, second, 3, stride=2, padding=1),
        ACTIVATIONS[activation](),
        nn.Flatten(),
        *mlp((second * pixels, *hidden), activation),
        last,
    )


def decoder(
    architecture: Architecture,
    latents: int,
    outputs: int,
    hidden: Sequence[int],
    activation: str,
    image: Image | None,
) -> nn.Sequential:
    """Return the decoder, (B, d) to (B, D); its hidden layers are those of the encoder in reverse."""
    back = tuple(reversed(hidden))
    if architecture == "mlp":
        return mlp((latents, *back, outputs), activation)
    channels, height, width = _image(image)
    first, second = CHANNELS
    middle = _halves((height, width))
    small = _halves(middle)
    return nn.Sequential(
        *mlp((latents, *back, second * math.prod(small)), activation),
        ACTIVATIONS[activation](),
        nn.Unflatten(1, (second, *small)),
        _doubling(second, first, small, middle),
        ACTIVATIONS[activation](),
        _doubling(first, channels, middle, (height, width)),
        nn.Flatten(),
    )


def likelihood_head(
    architecture: Architecture, outputs: int, hidden: Sequence[int], image: Image | None
) -> nn.Sequential:
    """Return a second last layer of a decoder, (B, D) of what all layers but the last ones give: see `body`."""
    if architecture == "mlp":
        return nn.Sequential(linear(hidden[0], outputs))
    channels, height, width = _image(image)
    middle = _halves((height, width))
    return nn.Sequential(_doubling(CHANNELS[0], channels, middle, (height, width)), nn.Flatten())


def body(decoder: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """Return a decoder's hidden layers, and its last layer with what reshapes its result."""
    layers = list(decoder)
    last = max(k for k, layer in enumerate(layers) if next(layer.parameters(), None) is not None)
    return nn.Sequential(*layers[:last]), nn.Sequential(*layers[last:])


def draw(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights and biases of a module, in the order in which its layers stand."""
    for layer in module.modules():
        weight = getattr(layer, "weight", None)
        if isinstance(weight, torch.Tensor):
            # torch's own rule, whose n is not the inputs of a unit for transposed convolutions
            bound = 1 / math.sqrt(weight[0].numel())
            with torch.no_grad():
                for parameter in (weight, getattr(layer, "bias", None)):
                    if isinstance(parameter, torch.Tensor):
                        parameter.uniform_(-bound, bound, generator=generator)


def _doubling(inputs: int, outputs: int, small: tuple[int, int], large: tuple[int, int]) -> nn.Module:
    # a stride of 2 gives 2 n - 1, or 2 n with one more at the end
    more = tuple(b - (2 * a - 1) for a, b in zip(small, large, strict=True))
    return _blank(nn.ConvTranspose2d, inputs, outputs, 3, stride=2, padding=1, output_padding=more)


def _blank(kind: type[Layer], *sizes: Any, **options: Any) -> Layer:
    # no numbers are drawn: torch would take them of its global generator
    layer: Layer = skip_init(kind, *sizes, **options)  # type: ignore[no-untyped-call]
    return layer


def _halves(sides: tuple[int, int]) -> tuple[int, int]:
    return (sides[0] + 1) // 2, (sides[1] + 1) // 2


def _image(image: Image | None) -> Image:
    if image is None:
        raise bad(
            "architecture", "conv", "'mlp', or data that are images: give image=(channels, height, width)"
        )
    return image

"""Small decoders made of every layer of torch that is read, with weights that differ in every place."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """A residual block: h + W2 g(W1 h)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(n, n), nn.Linear(n, n)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = h + self.second(torch.tanh(self.first(h)))
        return moved


class Residual(nn.Module):
    """Two blocks, a norm and a jump over all; submodules are registered in another order than they are called."""

    def __init__(self, d: int, last: int, norm: bool = True) -> None:
        super().__init__()
        self.out, self.into = nn.Linear(4, last), nn.Linear(d, 4)
        self.blocks = nn.ModuleList([Block(4), Block(4)])
        self.norm = nn.LayerNorm(4) if norm else nn.Identity()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        start = h = self.into(z)
        for block in self.blocks:
            h = block(h)
        result: torch.Tensor = self.out(functional.gelu(self.norm(h), approximate="tanh") + start)
        return result


class Images(nn.Module):
    """From vectors to images (1, 4, 4), with what people write between."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.into = nn.Linear(d, 8)
        self.up = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.out = nn.Conv2d(3, 1, (3, 2), padding="same")

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        h = self.into(z)
        h = functional.dropout(h.view(h.size(0), 2, 2, 2), 0.5, training=self.training)
        h = functional.silu(self.norm(self.up(h)))
        return torch.sigmoid(self.out(h))


class Decoder(nn.Module):
    """From a code to images (1, 8, 8), as decoders without transposed convolutions are written."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.into, self.norm = nn.Linear(d, 16), nn.GroupNorm(2, 4)
        self.middle, self.out = nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        h = functional.silu(self.norm(self.into(z).view(-1, 4, 2, 2)))
        h = torch.tanh(self.middle(functional.interpolate(h, scale_factor=2)))
        return torch.flatten(
            self.out(functional.interpolate(h, None, 2.0, mode="bilinear", align_corners=False)), 1
        )


def _resampled(d: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(d, 16),
        nn.Unflatten(1, (4, 2, 2)),
        nn.Upsample(scale_factor=(1, 2), mode="nearest"),
        nn.InstanceNorm2d(4, affine=True),
        nn.PixelShuffle(2),
        nn.Tanh(),
        nn.AvgPool2d((2, 4), stride=(1, 2), padding=(1, 0)),
        nn.UpsamplingBilinear2d(size=(5, 3)),
        nn.Flatten(),
        nn.Linear(15, 2),
    )


def _strided(d: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(d, 16),
        nn.Unflatten(1, (4, 2, 2)),
        nn.LayerNorm((2, 2)),
        nn.Conv2d(4, 6, 2, padding=(1, 0), stride=(2, 1), groups=2),
        nn.SiLU(),
        nn.ConvTranspose2d(6, 2, (3, 2), groups=2, dilation=(1, 2), bias=False),
        nn.Flatten(),
        nn.Linear(24, 2),
    )


def three(middle: Callable[[], list[nn.Module]]) -> Callable[[int], nn.Module]:
    return lambda d: nn.Sequential(nn.Linear(d, 4), *middle(), nn.Linear(4, 2))


MAKERS: dict[str, Callable[[int], nn.Module]] = {
    "batch norm": three(lambda: [nn.BatchNorm1d(4), nn.Tanh()]),
    "plain batch norm": three(lambda: [nn.BatchNorm1d(4, affine=False, eps=0.25), nn.Sigmoid()]),
    "layer norm": three(lambda: [nn.LayerNorm(4), nn.SiLU()]),
    "plain layer norm": three(lambda: [nn.LayerNorm(4, elementwise_affine=False, eps=0.01)]),
    "gelu by tanh": three(lambda: [nn.GELU(approximate="tanh")]),
    "leaky": three(lambda: [nn.LeakyReLU(0.3)]),
    "elu": three(lambda: [nn.ELU(1.25)]),
    "residual": lambda d: Residual(d, 2),
    "images": lambda d: Images(d),
    "strided": _strided,
    "decoder": lambda d: Decoder(d),
    "resampled": _resampled,
    "group norm": three(lambda: [nn.GroupNorm(2, 4), nn.Tanh()]),
    "bilinear": lambda d: nn.Sequential(
        nn.Linear(d, 6),
        nn.Unflatten(1, (1, 3, 2)),
        nn.Upsample(scale_factor=4, mode="bilinear"),
        nn.Upsample(size=(24, 16)),
    ),
}
KINKED = {"leaky", "elu"}


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)


def made(kind: str, d: int, seed: int = 0) -> Any:
    """Return a float64 module in evaluation mode; the weights of float32, so that they are short numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = MAKERS[kind](d)
        for part in module.modules():
            for name, shape in vars(part).get("_parameters", {}).items():
                if shape is not None and isinstance(part, NORMS):
                    shape.data = torch.randn(shape.shape) + (name == "weight")
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.running_mean = 0.3 * torch.randn(part.num_features)
                part.running_var = 0.5 + torch.rand(part.num_features)
    return module.double().eval()

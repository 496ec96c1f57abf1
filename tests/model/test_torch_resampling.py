"""Averages, interpolations, shuffles and group norms of images: torch's values, and what is refused by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import elboproof as ep
from elboproof.model import torch_norms, torch_resampling
from tests.model.test_torch_layers import close, model_of
from tests.seeding import Bug, Seeded, falsification

Z = np.random.default_rng(3).normal(size=(5, 2))
Image = tuple[int, int, int]


def _of(*layers: nn.Module, image: Image = (2, 4, 2)) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        size = image[0] * image[1] * image[2]
        whole = nn.Sequential(nn.Linear(2, size), nn.Unflatten(1, image), *layers)
        for part in whole.modules():
            if isinstance(part, nn.GroupNorm | nn.InstanceNorm2d) and part.affine:
                part.weight.data, part.bias.data = torch.randn(2, image[0]).unbind()
    return whole.double().eval()


def _agree(*layers: nn.Module, image: Image = (2, 4, 2)) -> None:
    module = _of(*layers, image=image)
    with torch.no_grad():
        truth = module(torch.tensor(Z)).reshape(len(Z), -1).numpy()
    assert close(model_of(module).floating.decoder(Z), truth)


def averages() -> None:
    _agree(nn.AvgPool2d(2))
    _agree(nn.AvgPool2d((2, 1), stride=1))
    _agree(nn.AvgPool2d((4, 2), stride=(1, 3), padding=(2, 1)))
    _agree(nn.AvgPool2d((3, 2), divisor_override=4))


def nearest() -> None:
    _agree(nn.Upsample(scale_factor=3))
    _agree(nn.Upsample(size=(8, 6)))
    _agree(nn.Upsample(scale_factor=(1.0, 4.0), mode="nearest-exact"))
    _agree(nn.UpsamplingNearest2d(scale_factor=2))


def lines() -> None:
    for scale in (1, 2, 4, 8):
        _agree(nn.Upsample(scale_factor=scale, mode="bilinear"))
    _agree(nn.Upsample(scale_factor=(2, 4), mode="bilinear", align_corners=False), image=(1, 3, 5))


def corners() -> None:
    _agree(nn.UpsamplingBilinear2d(size=(9, 3)), image=(2, 3, 1))
    _agree(nn.Upsample(size=(5, 1), mode="bilinear", align_corners=True), image=(1, 1, 1))


def shuffles() -> None:
    _agree(nn.PixelShuffle(2), image=(8, 3, 2))
    _agree(nn.PixelShuffle(3), image=(9, 1, 2))


def norms() -> None:
    _agree(nn.GroupNorm(2, 4), image=(4, 3, 2))
    _agree(nn.GroupNorm(1, 4, affine=False), image=(4, 3, 2))
    _agree(nn.GroupNorm(4, 4, eps=0.1), image=(4, 3, 2))
    _agree(nn.InstanceNorm2d(4, affine=True), image=(4, 3, 2))
    _agree(nn.InstanceNorm2d(4), image=(4, 3, 2))
    _agree(nn.Flatten(), nn.GroupNorm(3, 6), image=(6, 1, 1))


CHECKS = {
    "averages": averages,
    "nearest": nearest,
    "lines": lines,
    "corners": corners,
    "shuffles": shuffles,
    "norms": norms,
}
T = torch_resampling
BUGS: dict[str, Bug] = {
    "sums for averages": Seeded(T, "averaged", "sums[0] / count", "sums[0]", "averages"),
    "padding forgotten": Seeded(T, "_windows", "o * stride - padding", "o * stride", "averages"),
    "strides forgotten": Seeded(T, "_windows", "o * stride -", "o -", "averages"),
    "repeated as a whole": Seeded(
        T,
        "interpolated",
        "np.repeat(np.eye(n), out // n, axis=0)",
        "np.tile(np.eye(n), (out // n, 1))",
        "nearest",
    ),
    "edges of pixels for centres": Seeded(T, "_place", "(2 * o + 1)", "(2 * o)", "lines"),
    "one corner aligned": Seeded(T, "_place", "max(outputs - 1, 1)", "outputs", "corners"),
    "not cut at the edge": Seeded(T, "_place", "max(centre, Fraction(0))", "centre", "lines"),
    "corners not aligned": Seeded(T, "interpolated", "bool(align_corners)", "False", "corners"),
    "another shuffle": Seeded(
        T, "shuffled", "transpose(0, 3, 1, 4, 2)", "transpose(0, 3, 2, 4, 1)", "shuffles"
    ),
    "columns before rows": Seeded(T, "_each_channel", "np.kron(*axes)", "np.kron(*axes[::-1])", "nearest"),
    "one group": Seeded(torch_norms, "group_norm", "else module.num_groups", "else 1", "norms"),
    "weights side by side": Seeded(
        torch_norms, "group_norm", "np.repeat(part, each)", "np.tile(part, each)", "norms"
    ),
}
test_passes, test_catches, test_is_needed = falsification(CHECKS, BUGS, (AssertionError, ValueError))


class Interpolated(nn.Module):
    """A forward that interpolates with options."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.into, self.options = nn.Linear(2, 8), options

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(self.into(z).view(-1, 2, 2, 2), **self.options)


@pytest.mark.parametrize(
    "options",
    [
        {"scale_factor": 2},
        {"size": 6, "mode": "nearest"},
        {"scale_factor": (2, 4), "mode": "bilinear", "align_corners": False},
        {"size": (4, 8), "mode": "bilinear"},
    ],
)
def test_interpolations_of_a_forward_are_read(options: dict[str, Any]) -> None:
    module = Interpolated(**options).double()
    with torch.no_grad():
        truth = module(torch.tensor(Z)).reshape(len(Z), -1).numpy()
    assert close(model_of(module).floating.decoder(Z), truth)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "ninths": (
        lambda: _of(nn.AvgPool2d(3), image=(1, 6, 6)),
        r"module\.2 \(AvgPool2d\)\.kernel_size: got 3; expected a power of 2 of entries, since 1/9 is no float",
    ),
    "ceiling": (lambda: _of(nn.AvgPool2d(2, ceil_mode=True)), r"AvgPool2d\): got ceil_mode=True"),
    "not counted": (
        lambda: _of(nn.AvgPool2d(2, padding=1, count_include_pad=False)),
        r"AvgPool2d\): got .*count_include_pad=False",
    ),
    "small": (
        lambda: _of(nn.AvgPool2d(8)),
        r"AvgPool2d\): got \(2, 4, 2\); expected images .* not smaller than the",
    ),
    "vectors": (
        lambda: nn.Sequential(nn.Linear(2, 4), nn.AvgPool2d(2)),
        r"AvgPool2d\): got inputs of shape \(4,\); expected images \(C, H, W\), as an Unflatten before it gives",
    ),
    "thirds": (
        lambda: _of(nn.Upsample(scale_factor=3, mode="bilinear")),
        r"Upsample\): got a bilinear interpolation from 4 to 12, whose weights are no floats",
    ),
    "bicubic": (
        lambda: _of(nn.Upsample(scale_factor=2, mode="bicubic")),
        r"Upsample\): got mode='bicubic'; expected mode='nearest' or mode='bilinear'",
    ),
    "half": (
        lambda: _of(nn.Upsample(scale_factor=1.5)),
        r"Upsample\): got scale_factor=1.5 for images of side 2|side 4",
    ),
    "odd size": (
        lambda: _of(nn.Upsample(size=(9, 4))),
        r"Upsample\): got size=9 for images of side 4; expected a whole",
    ),
    "shuffle": (lambda: _of(nn.PixelShuffle(2)), r"PixelShuffle\): got 2 channels; expected a multiple of 4"),
    "running": (
        lambda: _of(nn.InstanceNorm2d(2, track_running_stats=True)),
        r"InstanceNorm2d\): got running statistics; expected track_running_stats=False",
    ),
    "channels": (
        lambda: _of(nn.GroupNorm(3, 3)),
        r"GroupNorm\): got inputs of shape \(2, 4, 2\); expected images \(3, H, W\)",
    ),
    "maxima": (
        lambda: _of(nn.MaxPool2d(2)),
        r"module\.2 \(MaxPool2d\): got MaxPool2d\(.*; expected an AvgPool2d or a Conv2d with a stride, or one of",
    ),
    "softmax": (
        lambda: nn.Sequential(nn.Linear(2, 4), nn.Softmax(1)),
        r"Softmax\): got .*; expected the layers before it: ep\.Categorical takes logits",
    ),
    "prelu": (
        lambda: nn.Sequential(nn.Linear(2, 4), nn.PReLU()),
        r"PReLU\): got .*; expected a LeakyReLU of the slope that was learned, or one of Sequential",
    ),
    "antialias": (
        lambda: Interpolated(scale_factor=2, mode="bilinear", antialias=True),
        r"interpolate: got interpolate in its forward; expected only calls of its layers",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_named_with_what_to_do(kind: str) -> None:
    make, message = REFUSED[kind]
    module = make()
    with pytest.raises((TypeError, ValueError), match=message):
        ep.LatentModel.from_torch(module, ep.Gaussian("1/4"))


def test_evidences_of_such_decoders_are_proved() -> None:
    module = _of(nn.GroupNorm(2, 4), nn.Tanh(), nn.Upsample(scale_factor=2, mode="bilinear"), image=(4, 2, 1))
    x = np.full(4 * 4 * 2, 0.25)
    found = ep.log_evidence(model_of(module), x, 3)
    with torch.no_grad():
        z = torch.randn(200_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        residual = (torch.tensor(x) - module(z).reshape(len(z), -1)) ** 2
        logs = -2 * residual.sum(1) - len(x) / 2 * np.log(2 * np.pi / 4)
    estimate = float(torch.logsumexp(logs, 0)) - np.log(len(z))
    spread = float(torch.exp(logs - torch.logsumexp(logs, 0)).square().sum().sqrt())
    assert abs(found.midpoint - estimate) < 6 * spread + 1e-3
    assert spread < 0.05

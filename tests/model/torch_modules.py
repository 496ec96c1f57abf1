"""Torch modules that the tests of reading share: some are what they seem, some are not."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Sin(nn.Module):
    """The sine, or something else under its name."""

    def __init__(self, function: Callable[[torch.Tensor], Any] = torch.sin) -> None:
        super().__init__()
        self.function = function

    def forward(self, t: torch.Tensor) -> Any:
        return self.function(t)


class Learned(nn.Module):
    """A sine with a frequency for each of four units."""

    def __init__(self, *frequencies: float) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.tensor(frequencies))

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.frequencies * t)


Learned.__name__ = "Sin"


class Named(nn.Sequential):
    """A Sequential under another name, which computes the same."""


class Exponential(nn.Sequential):
    def __call__(self, t: torch.Tensor) -> torch.Tensor:
        return torch.exp(super().__call__(t))


class Backwards(nn.Sequential):
    def __iter__(self) -> Any:
        return iter(list(self._modules.values())[::-1])


def three(middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, 4), middle, nn.Linear(4, 1))


def weighted(linear: nn.Linear, weight: list[list[float]], bias: list[float]) -> nn.Linear:
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight, dtype=torch.float64))
        linear.bias.copy_(torch.tensor(bias, dtype=torch.float64))
    return linear.double()

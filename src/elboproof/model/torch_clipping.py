"""Hard tanh and ReLU6 of torch as layers of the network: min(max(h, a), b) = b - relu(b - a - relu(h - a))."""

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad
from elboproof.model.networks import Activation, Affine, Layer
from elboproof.model.torch_parts import Part, Shape
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

CLIPPING = ("Hardtanh", "ReLU6")


def clips(module: "torch.nn.Module") -> bool:
    """Whether a module is a hard tanh, or a ReLU6, of torch."""
    from torch import nn

    return type(module) in {getattr(nn, kind) for kind in CLIPPING}


def clipped(module: Any, shape: Shape, name: str) -> Part:
    """Return the parts that a clipping module is for inputs of a shape.

    Raises
    ------
    ValueError
        If nothing before it says the shape, or the ends are not finite, or their difference is no double.
    """
    if shape is None:
        raise ValueError(
            f"{name}: got a number of inputs that no layer before it says; expected it after a Linear"
        )
    low, high = float(module.min_val), float(module.max_val)
    if not np.isfinite([low, high]).all() or Fraction(high) - Fraction(low) != Fraction(high - low):
        raise bad(f"{name}.min_val, max_val", (low, high), "finite ends whose difference is a double exactly")
    size = prod(shape)
    steps: list[tuple[Layer, Callable[[Any], Any]]] = [
        (_affine(1.0, -low, size), lambda h: h - low),
        (Activation("relu"), _relu),
        (_affine(-1.0, high - low, size), lambda h: (high - low) - h),
        (Activation("relu"), _relu),
        (_affine(-1.0, high, size), lambda h: high - h),
    ]
    parts = tuple(Part(f"{name}, step {k}", run, shape, shape, layer) for k, (layer, run) in enumerate(steps))
    return Part(name, module, shape, shape, parts=parts, operands=tuple((k,) for k in range(len(parts))))


def _affine(slope: float, constant: float, size: int) -> Affine:
    return Affine(ExactMatrix(slope * np.eye(size)), np.full(size, constant), "clipping")


def _relu(h: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.relu(h)

"""The layers of torch that are known: what each is in a network, from its structure and by its exact class."""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad
from elboproof.arrays import FloatArray
from elboproof.model.networks import Activation, Affine, Layer
from elboproof.model.torch_convolutions import convolution, transposed
from elboproof.model.torch_norms import batch_norm, group_norm, layer_norm
from elboproof.model.torch_numbers import numbers
from elboproof.model.torch_parts import Reading, Shape
from elboproof.model.torch_resampling import averaged, shuffled, upsampled
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

ALLOWED = (
    "Sequential (also nested), Linear, Conv2d, ConvTranspose2d, Tanh, Sigmoid, Softplus(beta=1, threshold=20), GELU, "
    "SiLU, ReLU, LeakyReLU, ELU, Hardtanh, ReLU6, Sin, Identity, Flatten(start_dim=1, end_dim=-1), "
    "Unflatten(1, ...), LayerNorm, GroupNorm, InstanceNorm2d, AvgPool2d, Upsample, PixelShuffle, in evaluation mode "
    "BatchNorm1d, BatchNorm2d and Dropout, and modules whose forward does nothing but call, add and reshape such"
)
_ACTIVATIONS: dict[str, Callable[[Any], str]] = {
    "Tanh": lambda _: "tanh",
    "Sigmoid": lambda _: "sigmoid",
    "Softplus": lambda _: "softplus",
    "GELU": lambda module: gelu(module.approximate),
    "SiLU": lambda _: "silu",
    "ReLU": lambda _: "relu",
    "LeakyReLU": lambda module: with_number("leaky_relu", module.negative_slope),
    "ELU": lambda module: with_number("elu", module.alpha),
}
_SETTINGS: dict[str, dict[str, object]] = {
    "Softplus": {"beta": 1, "threshold": 20},
    "Flatten": {"start_dim": 1, "end_dim": -1},
    "Unflatten": {"dim": 1},
}
_INSTEAD: dict[str, str] = {
    **dict.fromkeys(
        ("MaxPool1d", "MaxPool2d", "MaxPool3d", "AdaptiveMaxPool2d"), "an AvgPool2d or a Conv2d with a stride"
    ),
    **dict.fromkeys(
        ("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AvgPool1d"), "an AvgPool2d of the size that it has"
    ),
    **dict.fromkeys(("Conv1d", "ConvTranspose1d"), "a Conv2d or ConvTranspose2d with one side of 1"),
    **dict.fromkeys(
        ("Softmax", "LogSoftmax", "Softmax2d"),
        "the layers before it: ep.Categorical takes logits, not probabilities",
    ),
    **dict.fromkeys(("RNN", "LSTM", "GRU"), "a network without recurrence"),
    "PReLU": "a LeakyReLU of the slope that was learned",
    "Hardsigmoid": "a Sigmoid",
    "Hardswish": "a SiLU",
}
"""What stands for layers that are not read: the module is to be made, or trained, with it."""
_DROPOUTS = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"}
_SHAPED: dict[str, Callable[[Any, Shape, Reading, str], tuple[Layer, Shape]]] = {
    "Linear": lambda *given: _linear(*given),
    "Conv2d": lambda *given: _convolved(*given),
    "ConvTranspose2d": lambda *given: _convolved(*given),
    "BatchNorm1d": batch_norm,
    "BatchNorm2d": batch_norm,
    "LayerNorm": layer_norm,
    "GroupNorm": group_norm,
    "InstanceNorm2d": group_norm,
    "AvgPool2d": averaged,
    "Upsample": upsampled,
    "UpsamplingNearest2d": upsampled,
    "UpsamplingBilinear2d": upsampled,
    "PixelShuffle": shuffled,
}
"""(module, shape that comes, what is known, name) -> the layer, and the shape that it gives."""


def leaf(module: "torch.nn.Module", shape: Shape, reading: Reading, name: str) -> tuple[Layer | None, Shape]:
    """Return the layer that a module is, None for one that changes no number, and the shape that it gives.

    Raises
    ------
    TypeError
        If it is none of the allowed layers, or has other settings.
    ValueError
        If a weight is not finite, sizes do not fit, or a layer is in training mode where that is another function.
    """
    kind = type(module).__name__
    if kind == "Sin":
        return Activation("sin"), shape
    if not _is_known(module):
        text = " ".join(str(module).split())  # torch writes containers on many lines
        instead = f"{_INSTEAD[kind]}, or " if kind in _INSTEAD and _is_of_torch(module) else ""
        raise TypeError(f"{name}: got {text:.200}; expected {instead}one of {ALLOWED}")
    for setting, wanted in _SETTINGS.get(kind, {}).items():
        got = getattr(module, setting)
        if got != wanted:
            raise TypeError(f"{name}: got {setting}={got!r}; expected {setting}={wanted!r}")
    if kind in _SHAPED:
        return _SHAPED[kind](module, reading.told(shape), reading, name)
    if kind in _ACTIVATIONS:
        return Activation(_ACTIVATIONS[kind](module)), shape
    return None, _reshaped(module, shape, reading, name)


def _is_known(module: "torch.nn.Module") -> bool:
    kind = type(module).__name__
    known = {*_ACTIVATIONS, *_SHAPED, *_DROPOUTS, "Identity", "Flatten", "Unflatten"}
    return kind in known and _is_of_torch(module)


def _is_of_torch(module: "torch.nn.Module") -> bool:
    from torch import nn

    return type(module) is getattr(nn, type(module).__name__, None)


def _reshaped(module: Any, shape: Shape, reading: Reading, name: str) -> Shape:
    """Return the shape that a module gives which changes no number."""
    kind = type(module).__name__
    if kind in _DROPOUTS and module.training and module.p > 0:
        raise ValueError(f"{name}: got a dropout in training mode; expected module.eval() before")
    if kind == "Flatten":
        return shape if shape is None else (prod(shape),)
    if kind == "Unflatten":
        return unflattened(module.unflattened_size, shape, reading, name)
    return shape


def unflattened(sizes: Any, shape: Shape, reading: Reading, name: str) -> Shape:
    """Return the axes that vectors are given, one of them perhaps -1, which says as many as there are.

    Raises
    ------
    ValueError
        If they have another number of entries than what comes, or that is not known.
    """
    axes = tuple(sizes)
    if (
        not all(type(axis) is int for axis in axes)
        or sum(axis < 1 for axis in axes) > axes.count(-1)
        or not axes
    ):
        raise bad(f"{name}.unflattened_size", axes, "positive numbers, one of them perhaps -1")
    given, rest = reading.told(shape), abs(prod(axes))
    if given is None and -1 not in axes:
        given = (reading.vector(None, rest, name),)
    if given is None or axes.count(-1) > 1 or prod(given) % rest or (-1 not in axes and prod(given) != rest):
        got = (
            "a number of inputs that no layer before it says" if given is None else f"inputs of shape {given}"
        )
        raise ValueError(f"{name}: got {got}; expected as many entries as {axes} has")
    return tuple(prod(given) // rest if axis == -1 else axis for axis in axes)


def gelu(approximate: str) -> str:
    """Return the name of a GELU."""
    return "gelu_tanh" if approximate == "tanh" else "gelu"


def with_number(function: str, number: Any) -> str:
    """Return the name of an activation that carries a number.

    Raises
    ------
    ValueError
        If it is no finite float.
    """
    if not np.isfinite(float(number)):
        raise bad(function, number, "a finite number")
    return f"{function}({float(number)!r})"


def _linear(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Layer, Shape]:
    weight, bias = _weights(module, name, 2, 0)
    reading.vector(shape, weight.shape[1], name)
    return Affine(ExactMatrix(weight), bias, name), (len(bias),)


def _convolved(module: Any, shape: Shape, reading: Reading, name: str) -> tuple[Layer, Shape]:  # noqa: ARG001
    forwards = type(module).__name__ == "Conv2d"
    groups = module.groups
    weight, bias = _weights(module, name, 4, 0 if forwards else 1, 1 if forwards else groups)
    wanted = (
        (module.out_channels, module.in_channels) if forwards else (module.in_channels, module.out_channels)
    )
    if weight.shape != (wanted[0], wanted[1] // groups, *module.kernel_size):
        raise bad(
            f"{name}.weight", weight.shape, f"shape {(wanted[0], wanted[1] // groups, *module.kernel_size)}"
        )
    return (convolution if forwards else transposed)(module, shape, weight, bias, name)


def _weights(module: Any, name: str, axes: int, axis: int, times: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias, whose length is that of one axis of the weight, times the groups."""
    weight = numbers(getattr(module, "weight", None), f"{name}.weight", axes)
    size = weight.shape[axis] * times
    given = getattr(module, "bias", None)
    bias = np.zeros(size) if given is None else numbers(given, f"{name}.bias", 1)
    if len(bias) != size:
        what = "row of the weight" if axes == 2 else "channel"
        raise bad(f"{name}.bias", bias.shape, f"shape ({size},), one entry per {what}")
    return weight, bias

"""A torch module read as a network with exact weights."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import FloatArray, require_dense, wrong_type
from elboproof.model.networks import Activation, Affine, Network
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

ALLOWED = (
    "Sequential (also nested), Linear, Tanh, Sigmoid, Softplus(beta=1), GELU(approximate='none'), SiLU, ReLU, Sin, "
    "Identity, Flatten(start_dim=1, end_dim=-1), and Dropout in evaluation mode"
)
_ACTIVATIONS = {
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "GELU": "gelu",
    "SiLU": "silu",
    "ReLU": "relu",
}
_SETTINGS: dict[str, dict[str, object]] = {
    "Softplus": {"beta": 1},
    "GELU": {"approximate": "none"},
    "Flatten": {"start_dim": 1, "end_dim": -1},
}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def read(module: "torch.nn.Module") -> Network:
    """Return the network that a torch module computes on batches of vectors, its weights as the numbers they are.

    Parameters
    ----------
    module
        Layers of the kinds in ``ALLOWED``. A softplus is log(1 + e^t) everywhere; torch's own becomes linear beyond
        its threshold, 2e-9 off. A ``Sin`` is any module whose class has that name; it is taken to be the sine.

    Raises
    ------
    TypeError
        If ``module`` is no torch module or a layer is none of the allowed ones.
    ValueError
        If a weight is not finite, sizes do not fit, or a dropout is in training mode.
    """
    from torch import nn

    if not isinstance(module, nn.Module):
        raise wrong_type("module", module, "a torch.nn.Module")
    layers = tuple(_layers(module, "module"))
    width = None
    for layer in layers:
        if isinstance(layer, Affine):
            rows, columns = layer.weight.shape
            if width not in (None, columns):
                raise ValueError(
                    f"{layer.name}: got {columns} inputs; expected {width}, as many as come to it"
                )
            width = rows
    if width is None:
        raise ValueError(f"module: got {module} without a Linear layer; expected at least one")
    return Network(layers)


def _layers(module: "torch.nn.Module", place: str) -> "Iterator[Affine | Activation]":
    from torch import nn

    kind = type(module).__name__
    name = f"{place} ({kind})"
    if any(getattr(module, hooks) for hooks in _HOOKS):
        raise TypeError(f"{name}: got a layer with hooks, which may change what it computes; expected none")
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        for child, layer in module.named_children():
            yield from _layers(layer, f"{place}.{child}")
    elif type(module) is nn.Linear:
        yield _affine(module, name)
    elif kind == "Sin":
        yield Activation("sin")
    elif type(module) is nn.Dropout:
        if module.training and module.p > 0:
            raise ValueError(f"{name}: got a dropout in training mode; expected module.eval() before")
    else:
        yield from _simple(module, kind, name)


def _simple(module: "torch.nn.Module", kind: str, name: str) -> "Iterator[Activation]":
    """Yield the activation that a module of torch is; identities yield nothing."""
    from torch import nn

    known = type(module) is getattr(nn, kind, None) and kind in {*_ACTIVATIONS, "Identity", "Flatten"}
    if not known:
        raise TypeError(f"{name}: got {module}; expected one of {ALLOWED}")
    for setting, wanted in _SETTINGS.get(kind, {}).items():
        got = getattr(module, setting)
        if got != wanted:
            raise TypeError(f"{name}: got {setting}={got!r}; expected {setting}={wanted!r}")
    if kind in _ACTIVATIONS:
        yield Activation(_ACTIVATIONS[kind])


def _affine(module: Any, name: str) -> Affine:
    weight = _numbers(module.weight, f"{name}.weight")
    bias = np.zeros(len(weight)) if module.bias is None else _numbers(module.bias, f"{name}.bias")
    return Affine(ExactMatrix(weight), bias, name)


def _numbers(parameter: "torch.Tensor", name: str) -> FloatArray:
    """Return a parameter as float64, which holds float16, bfloat16 and float32 exactly."""
    import torch

    if not parameter.is_floating_point() or 0 in parameter.shape or parameter.is_meta:
        got = f"{parameter.dtype} of shape {tuple(parameter.shape)} on {parameter.device}"
        raise TypeError(f"{name}: got {got}; expected real floating-point numbers, at least one")
    require_dense(parameter, name)
    array: FloatArray = parameter.detach().to("cpu", torch.float64).numpy().copy()
    finite = np.isfinite(array)
    if not finite.all():
        place = "".join(f"[{i}]" for i in np.argwhere(~finite)[0])
        raise ValueError(f"{name}: got {array[~finite][0]} at {place}; expected finite weights")
    return array

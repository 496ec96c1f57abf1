"""A torch module read as a network with exact weights.

What a module is comes from its structure, by exact classes; then the module itself is run, and what it computes is
compared with what was read (``torch_agreement.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import FloatArray, require_dense
from elboproof.model.networks import Activation, Affine, Network
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

ALLOWED = (
    "Sequential (also nested), Linear, Tanh, Sigmoid, Softplus(beta=1, threshold=20), GELU(approximate='none'), SiLU, "
    "ReLU, Sin, Identity, Flatten(start_dim=1, end_dim=-1), and Dropout in evaluation mode"
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
    "Softplus": {"beta": 1, "threshold": 20},
    "GELU": {"approximate": "none"},
    "Flatten": {"start_dim": 1, "end_dim": -1},
}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_CALLED = (  # what runs when a module is called, and what a Sequential's forward asks of itself
    "__call__",
    "_wrapped_call_impl",
    "_call_impl",
    "_compiled_call_impl",
    "_slow_forward",
    "forward",
    "__iter__",
)


@dataclass(frozen=True, eq=False)
class Part:
    """One module at one place of the whole: a layer, an identity, or a Sequential of parts.

    A module object that is used twice is two parts.
    """

    name: str
    module: "torch.nn.Module"
    layer: Affine | Activation | None = None
    parts: "tuple[Part, ...]" = ()

    def layers(self) -> Iterator[Affine | Activation]:
        """Yield the layers in order of evaluation."""
        if self.layer is not None:
            yield self.layer
        for part in self.parts:
            yield from part.layers()


def read(module: "torch.nn.Module") -> Network:
    """Return the network that a torch module computes on batches of vectors, its weights as the numbers they are.

    Parameters
    ----------
    module
        Layers of the kinds in ``ALLOWED``. A softplus is log(1 + e^t) everywhere; torch's own becomes linear beyond
        its threshold of 20, 2.1e-9 off. A ``Sin`` is any module whose class has that name and which is the sine
        wherever it is compared.

    Raises
    ------
    TypeError
        If ``module`` is no torch module, a layer is none of the allowed ones, or something was put in the way of what
        its class computes: hooks, parametrizations, another ``forward``.
    ValueError
        If a weight is not finite, sizes do not fit, a dropout is in training mode, or a copy of the module computes
        something else than what was read.
    """
    from torch import nn

    from elboproof.model.torch_agreement import require_agreement

    # Structure says what is meant, and only a run what is computed: a class may be called like another, or a
    # function of torch be replaced. So what was read is compared with what a copy gives.
    if not isinstance(module, nn.Module):
        raise wrong_type("module", module, "a torch.nn.Module")
    _require_no_global_hooks()
    whole = parts_of(module, "module")
    network = Network(tuple(whole.layers()))
    _require_fitting(network.layers, module)
    require_agreement(whole, network.inputs)
    return network


def _require_no_global_hooks() -> None:
    from torch.nn.modules import module as registry

    if any(getattr(registry, f"_global{hooks}") for hooks in _HOOKS):
        raise TypeError(
            "module: got global forward hooks of torch (register_module_forward_hook), which may change what every "
            "layer computes; expected none"
        )


def _require_fitting(layers: tuple[Affine | Activation, ...], module: "torch.nn.Module") -> None:
    # Activations keep the number of units, so that each affine layer follows the last one before it.
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


def parts_of(module: "torch.nn.Module", place: str, above: "tuple[torch.nn.Module, ...]" = ()) -> Part:
    """Return what a module is; ``above`` are the modules that contain it."""
    from torch import nn

    name = f"{place} ({type(module).__name__})"
    if not isinstance(module, nn.Module):
        raise wrong_type(place, module, f"one of {ALLOWED}")
    if any(module is one for one in above):
        raise ValueError(f"{name}: got a module that contains itself; expected layers that end")
    _require_untouched(module, name)
    if isinstance(module, nn.Sequential) and _calls_as(type(module), nn.Sequential):
        # not named_children, which leaves out a module that was there before
        parts = [parts_of(m, f"{place}.{key}", (*above, module)) for key, m in module._modules.items()]
        return Part(name, module, parts=tuple(parts))
    if type(module) is nn.Linear:
        return Part(name, module, _affine(module, name))
    return Part(name, module, _activation(module, name))


def _calls_as(kind: type, known: type) -> bool:
    # A subclass that only adds a name or an attribute computes as its parent does: all that runs is the same
    # object.
    return all(getattr(kind, word, None) is getattr(known, word, None) for word in _CALLED)


def _require_untouched(module: "torch.nn.Module", name: str) -> None:
    """Raise if this one object may compute something else than its class does."""
    from torch.nn.utils import parametrize

    if any(getattr(module, hooks) for hooks in _HOOKS):
        raise TypeError(f"{name}: got a layer with hooks, which may change what it computes; expected none")
    if parametrize.is_parametrized(module):
        raise TypeError(
            f"{name}: got a layer with parametrizations, which compute its weights anew at every call; "
            "expected plain weights, as torch.nn.utils.parametrize.remove_parametrizations leaves them"
        )
    # An object may shadow methods of its class, and torch would call what the object has.
    replaced = [word for word in _CALLED if vars(module).get(word) is not None]
    if replaced:
        raise TypeError(f"{name}: got an object whose {replaced[0]} was replaced; expected that of its class")


def _activation(module: "torch.nn.Module", name: str) -> Activation | None:
    """Return the activation that a module is; None for an identity."""
    from torch import nn

    kind = type(module).__name__
    if kind == "Sin":
        return Activation("sin")
    if type(module) is nn.Dropout:
        if module.training and module.p > 0:
            raise ValueError(f"{name}: got a dropout in training mode; expected module.eval() before")
        return None
    known = type(module) is getattr(nn, kind, None) and kind in {*_ACTIVATIONS, "Identity", "Flatten"}
    if not known:
        text = " ".join(str(module).split())  # torch writes containers on many lines
        raise TypeError(f"{name}: got {text:.200}; expected one of {ALLOWED}")
    for setting, wanted in _SETTINGS.get(kind, {}).items():
        got = getattr(module, setting)
        if got != wanted:
            raise TypeError(f"{name}: got {setting}={got!r}; expected {setting}={wanted!r}")
    return Activation(_ACTIVATIONS[kind]) if kind in _ACTIVATIONS else None


def _affine(module: Any, name: str) -> Affine:
    weight = _numbers(getattr(module, "weight", None), f"{name}.weight", 2)
    given = getattr(module, "bias", None)
    bias = np.zeros(len(weight)) if given is None else _numbers(given, f"{name}.bias", 1)
    if len(bias) != len(weight):
        raise bad(f"{name}.bias", bias.shape, f"shape ({len(weight)},), one entry per row of the weight")
    return Affine(ExactMatrix(weight), bias, name)


def _numbers(parameter: object, name: str, axes: int) -> FloatArray:
    """Return a parameter as float64, which holds float16, bfloat16 and float32 exactly."""
    import torch

    if type(parameter) not in {torch.Tensor, torch.nn.Parameter}:  # a subclass may compute as it likes
        raise wrong_type(name, parameter, "a plain torch tensor")
    tensor: Any = parameter
    real = tensor.is_floating_point() and tensor.layout is torch.strided
    if not real or 0 in tensor.shape or tensor.ndim != axes or tensor.is_meta:
        got = f"{tensor.dtype} of shape {tuple(tensor.shape)} on {tensor.device}"
        raise TypeError(
            f"{name}: got {got}, {tensor.layout}; "
            f"expected real floating-point numbers, at least one, with {axes} axes"
        )
    require_dense(tensor, name)
    # A negated view is only marked as such; NumPy would be refused its memory.
    array: FloatArray = tensor.detach().to("cpu", torch.float64).resolve_neg().numpy().copy()
    finite = np.isfinite(array)
    if not finite.all():
        place = "".join(f"[{i}]" for i in np.argwhere(~finite)[0])
        raise ValueError(f"{name}: got {array[~finite][0]} at {place}; expected finite weights")
    return array

"""The forward of a module of one's own, as torch.fx records it: calls of submodules, sums, activations and reshapings.

A copy of the module is recorded, so that a forward that counts its calls leaves the module as it was.
"""

import operator
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elboproof.model.networks import Activation, Layer, Plus
from elboproof.model.torch_layers import gelu, unflattened, with_number
from elboproof.model.torch_parts import Reading, Shape
from elboproof.model.torch_resampling import interpolated

if TYPE_CHECKING:
    import torch

ONLY = (
    "only calls of its layers, sums of two of their values, activations and interpolate of torch, and reshapings to "
    "(N, ...)"
)
_PLAIN = {
    "relu": "relu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "sin": "sin",
    "silu": "silu",
    "relu_": "relu",
    "tanh_": "tanh",
}
"""Functions without settings."""
_NAMES = {"gelu": ("approximate",), "softplus": ("beta", "threshold")}
"""Of the settings of functions, in order."""
_INTERPOLATION = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
_RESHAPED = {"flatten", "view", "reshape", "unflatten"}
_SUMS = {"add", "iadd", "add_"}


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a forward.

    Attributes
    ----------
    node : torch.fx.Node
    operands : tuple of int
        0 is what comes to the module, k what the step at place k - 1 gives.
    """

    node: Any
    operands: tuple[int, ...]


def steps_of(module: "torch.nn.Module", name: str) -> tuple[list[Step], Any, dict[Any, int]]:
    """Return the steps of a forward that its result rests on, the result as it was recorded, and the steps' places.

    Raises
    ------
    TypeError
        If the forward cannot be recorded, or takes more than one argument.
    """
    from torch import fx

    class Tracer(fx.Tracer):
        def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:  # noqa: ARG002
            return True

    try:
        graph = Tracer().trace(deepcopy(module))
    except Exception as error:
        raise TypeError(
            f"{name}: got a forward that cannot be recorded ({error}); expected {ONLY}"
        ) from error
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    (output,) = (node for node in graph.nodes if node.op == "output")
    if not inputs or any(node.users for node in inputs[1:]):
        raise TypeError(f"{name}: got a forward of {len(inputs)} arguments; expected one, the latents")
    needed, waiting = set(), list(output.all_input_nodes)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend(_operands(node))
    places = {inputs[0]: 0}
    steps: list[Step] = []
    for node in graph.nodes:
        if node in needed and node not in places:
            taken = _operands(node)
            if not taken or any(one not in places for one in taken):
                raise _unknown(node, name)
            steps.append(Step(node, tuple(places[one] for one in taken)))
            places[node] = len(steps)
    return steps, output.args[0], places


def _operands(node: Any) -> list[Any]:
    """Return the values that a step computes with; those that only say how many examples there are do not count."""
    if word(node) in _RESHAPED:
        return list(node.all_input_nodes[:1])
    if word(node) in _SUMS:
        return [one for one in node.args if hasattr(one, "op")]
    return list(node.all_input_nodes)


def word(node: Any) -> str:
    """Return the name of a function or method that a step calls; empty for a submodule and all else."""
    if node.op == "call_method":
        return str(node.target)
    return (
        str(getattr(node.target, "__name__", ""))
        if node.op == "call_function" and _of_torch(node.target)
        else ""
    )


def _of_torch(function: Any) -> bool:
    home = str(getattr(function, "__module__", None) or "")
    return home.split(".")[0] == "torch" or function in {operator.add, operator.iadd} or _is_builtin(function)


def _is_builtin(function: Any) -> bool:
    """Whether a function is one of torch's own that are written in C, which name no module."""
    import torch

    name = str(getattr(function, "__name__", ""))
    return any(getattr(home, name, None) is function for home in (torch, torch._C._nn, torch.nn.functional))


def operation(
    step: Step, shapes: tuple[Shape, ...], reading: Reading, name: str
) -> tuple[Layer | None, Shape, Callable[..., Any]]:
    """Return the layer that a function or method is, None for one that changes no number; its shape; and how it is run.

    Raises
    ------
    TypeError
        If it is none of those that are known, or has settings that are not.
    ValueError
        If shapes do not fit.
    """
    called, node = word(step.node), step.node
    if called in _SUMS and len(step.operands) == 2 and len(node.args) == 2 and not node.kwargs:
        shape = reading.told(shapes[0]) or reading.told(shapes[1])
        if shape not in (reading.told(shapes[1]) or shape, None):
            raise ValueError(f"{name}: got a sum of shapes {shapes[0]} and {shapes[1]}; expected equal ones")
        return Plus(), shape, operator.add
    if called in _RESHAPED:
        shape = _reshaped(node, called, shapes[0], reading, name)
        axes = (-1,) if shape is None else shape
        return None, shape, lambda t: t.reshape(len(t), *axes)
    if called == "dropout" and _settings(node, ("p", "training")).get("training", True) is False:
        return None, shapes[0], lambda t: t
    if called == "dropout":
        raise ValueError(
            f"{name}: got a dropout in training mode; expected module.eval() before, and training=self.training"
        )
    if called == "interpolate" and node.op == "call_function":
        layer, shape = _interpolation(node, reading.told(shapes[0]), name)
        return layer, shape, lambda t: node.target(t, *node.args[1:], **node.kwargs)
    function = _activation(node, called, name)
    rest, keywords = node.args[1:], dict(node.kwargs)
    if node.op == "call_method":
        return Activation(function), shapes[0], lambda t: getattr(t, called)(*rest, **keywords)
    return Activation(function), shapes[0], lambda t: node.target(t, *rest, **keywords)


def _interpolation(node: Any, shape: Shape, name: str) -> tuple[Layer, Shape]:
    given = _settings(node, _INTERPOLATION)
    if set(given) - set(_INTERPOLATION) or given.get("antialias", False):
        raise _unknown(node, name)
    mode, corners = given.get("mode", "nearest"), given.get("align_corners")
    return interpolated(given.get("size"), given.get("scale_factor"), mode, corners, shape, name)


def _activation(node: Any, called: str, name: str) -> str:
    if called in _PLAIN and not set(_settings(node, ("inplace",))) - {"inplace"}:
        return _PLAIN[called]
    given = _settings(node, _NAMES.get(called, ("number", "inplace")))
    if called == "gelu":
        return gelu(given.get("approximate", "none"))
    if called == "leaky_relu":
        return with_number(called, given.get("negative_slope", given.get("number", 0.01)))
    if called == "elu":
        return with_number(called, given.get("alpha", given.get("number", 1.0)))
    if called == "softplus" and {"beta": 1, "threshold": 20} | given == {"beta": 1, "threshold": 20}:
        return called
    raise _unknown(node, name)


def _settings(node: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments after the first, by their names; those without a name in order."""
    positional = node.args[1:]
    extra = {f"argument {k}": value for k, value in enumerate(positional[len(names) :])}
    return dict(zip(names, positional, strict=False)) | extra | dict(node.kwargs)


def _reshaped(node: Any, called: str, shape: Shape, reading: Reading, name: str) -> Shape:
    """Return the axes of one example after a reshaping that keeps the examples apart."""
    if called == "flatten":
        if _settings(node, ("start_dim", "end_dim")) not in (
            {"start_dim": 1},
            {"start_dim": 1, "end_dim": -1},
        ):
            raise _unknown(node, name)
        return unflattened((-1,), shape, reading, name) if reading.told(shape) else None
    rest = node.args[1:]
    sizes = tuple(rest[0]) if len(rest) == 1 and isinstance(rest[0], tuple | list) else rest
    if called == "unflatten" and len(rest) == 2 and rest[0] == 1:
        return unflattened(rest[1], shape, reading, name)
    if called == "unflatten" or len(sizes) < 2 or node.kwargs or not _counts(sizes[0]):
        raise _unknown(node, name)
    if any(type(size) is not int for size in sizes[1:]) or (sizes[0] == -1 and -1 in sizes[1:]):
        raise _unknown(node, name)
    if sizes[1:] == (-1,) and reading.told(shape) is None:
        return None
    return unflattened(sizes[1:], shape, reading, name)


def _counts(first: Any) -> bool:
    """Whether the first size of a reshaping is the number of examples: -1, or what t.size(0) or t.shape[0] is."""
    if first == -1:
        return True
    if getattr(first, "op", None) == "call_method" and first.target == "size":
        return bool(first.args[1:] == (0,))
    if getattr(first, "target", None) is not operator.getitem or first.args[1] != 0:
        return False
    inner = first.args[0]
    whole = inner.target == "size" and len(inner.args) == 1
    return whole or (inner.target is getattr and inner.args[1] == "shape")


def _unknown(node: Any, name: str) -> TypeError:
    return TypeError(f"{name}: got {node!s:.60} in its forward; expected {ONLY}")

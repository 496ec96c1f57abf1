"""A torch module read as a network with exact weights.

What a module is comes from its structure, by exact classes and by what torch.fx records of a forward of one's own; then
the module itself is run, and what it computes is compared with what was read (``torch_agreement.py``).
"""

from typing import TYPE_CHECKING, Any

from elboproof.arguments import wrong_type
from elboproof.model.networks import Network
from elboproof.model.torch_clipping import clipped, clips
from elboproof.model.torch_graphs import Step, operation, steps_of
from elboproof.model.torch_layers import ALLOWED, leaf
from elboproof.model.torch_parts import Part, Reading, Shape, network_of

if TYPE_CHECKING:
    import torch

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
Above = "tuple[torch.nn.Module, ...]"


def read(module: "torch.nn.Module") -> Network:
    """Return the network that a torch module computes on batches of vectors, its weights as the numbers they are.

    Parameters
    ----------
    module
        Layers of the kinds in ``ALLOWED``. Images that it gives are read row by row, (C, H, W) flattened. A softplus is
        log(1 + e^t) everywhere; torch's own becomes linear beyond its threshold of 20, 2.1e-9 off. A ``Sin`` is any
        module whose class has that name and which is the sine wherever it is compared.

    Raises
    ------
    TypeError
        If ``module`` is no torch module, a layer is none of the allowed ones, or something was put in the way of what
        its class computes: hooks, parametrizations, another ``forward``.
    ValueError
        If a weight is not finite, sizes do not fit, a dropout or a batch norm is in training mode, or a copy of the
        module computes something else than what was read.
    """
    from elboproof.model.torch_agreement import require_agreement

    # Structure says what is meant, and only a run what is computed: a class may be called like another, or a
    # function of torch be replaced. So what was read is compared with what a copy gives.
    require_module(module)
    whole = parts_of(module, "module", None, Reading())
    network = require_affine(network_of(whole), module)
    require_agreement(whole, network.inputs)
    return network


def require_module(module: "torch.nn.Module") -> None:
    """Raise unless this is a module, not a whole auto-encoder, and torch has no global hooks."""
    from torch import nn
    from torch.nn.modules import module as registry

    if not isinstance(module, nn.Module):
        raise wrong_type("module", module, "a torch.nn.Module")
    if any(getattr(registry, f"_global{hooks}") for hooks in _HOOKS):
        raise TypeError(
            "module: got global forward hooks of torch (register_module_forward_hook), which may change what every "
            "layer computes; expected none"
        )
    _require_decoder(module)


def _require_decoder(module: "torch.nn.Module") -> None:
    """Raise if a module is a whole auto-encoder, and say which part of it is the decoder."""
    children = dict(module.named_children())
    encodes = any(name.lower().startswith("enc") for name in children) or hasattr(module, "encode")
    decoder = next((name for name in children if name.lower().startswith("dec")), None)
    if not encodes or (decoder is None and not hasattr(module, "decode")):
        return
    pass_it = f"pass its decoder: vae.{decoder}" if decoder else "pass a module whose forward is its decode"
    raise TypeError(
        f"module: got a {type(module).__name__}, which has an encoder, too; expected what maps latents to outputs "
        f"alone: {pass_it}"
    )


def require_affine(network: Network, module: "torch.nn.Module") -> Network:
    """Return a network that has an affine layer, which says how many latents there are."""
    if not network.affine:
        raise ValueError(f"module: got {module} without a Linear layer; expected at least one")
    return network


def parts_of(
    module: "torch.nn.Module",
    place: str,
    shape: Shape,
    reading: Reading,
    above: "tuple[torch.nn.Module, ...]" = (),
) -> Part:
    """Return what a module is for inputs of a shape; ``above`` are the modules that contain it."""
    from torch import nn

    name = f"{place} ({type(module).__name__})"
    if not isinstance(module, nn.Module):
        raise wrong_type(place, module, f"one of {ALLOWED}")
    if any(module is one for one in above):
        raise ValueError(f"{name}: got a module that contains itself; expected layers that end")
    _require_untouched(module, name)
    if isinstance(module, nn.Sequential) and _calls_as(type(module), nn.Sequential, _CALLED):
        return _sequence(module, place, shape, reading, above)
    if _has_own_forward(type(module)):
        parts, result, places = recorded(module, place, shape, reading, above)
        if result not in places:
            raise TypeError(f"{name}: got a forward that returns {result!s:.60}; expected one tensor")
        chosen = parts.parts[places[result] - 1].leaving if places[result] else shape
        return Part(name, module, shape, chosen, parts=parts.parts, operands=parts.operands)
    if clips(module):
        return clipped(module, reading.told(shape), name)
    layer, leaving = leaf(module, shape, reading, name)
    return Part(name, module, shape, leaving, layer)


def _sequence(module: Any, place: str, shape: Shape, reading: Reading, above: Any) -> Part:
    parts, entering = [], shape
    # not named_children, which leaves out a module that was there before
    for key, inner in module._modules.items():
        parts.append(parts_of(inner, f"{place}.{key}", shape, reading, (*above, module)))
        shape = parts[-1].leaving
    operands = tuple((k,) for k in range(len(parts)))
    name = f"{place} ({type(module).__name__})"
    return Part(name, module, entering, shape, parts=tuple(parts), operands=operands)


def recorded(
    module: "torch.nn.Module",
    place: str,
    shape: Shape,
    reading: Reading,
    above: "tuple[torch.nn.Module, ...]" = (),
) -> tuple[Part, Any, dict[Any, int]]:
    """Return the parts of a module with a forward of its own, what that returns, and the places of its values."""
    name = f"{place} ({type(module).__name__})"
    steps, result, places = steps_of(module, name if place != "module" else place)
    parts: list[Part] = []
    for step in steps:
        shapes = tuple(parts[i - 1].leaving if i else shape for i in step.operands)
        parts.append(_step(step, module, place, shapes, reading, above))
    operands = tuple(step.operands for step in steps)
    leaving = parts[-1].leaving if parts else shape
    return Part(name, module, shape, leaving, parts=tuple(parts), operands=operands), result, places


def _step(
    step: Step, module: Any, place: str, shapes: tuple[Shape, ...], reading: Reading, above: Any
) -> Part:
    node = step.node
    if node.op == "call_module" and len(node.args) == 1 and not node.kwargs and len(step.operands) == 1:
        inner = module.get_submodule(node.target)
        return parts_of(inner, f"{place}.{node.target}", shapes[0], reading, (*above, module))
    name = f"{place}.{node.name}"
    layer, leaving, run = operation(step, shapes, reading, name)
    return Part(name, run, shapes[0], leaving, layer)


def _has_own_forward(kind: type) -> bool:
    """Whether a class says itself what it computes, and leaves to torch how a module is called."""
    from torch import nn

    modules = [one for one in kind.__mro__ if issubclass(one, nn.Module)]
    own = all(one is nn.Module or one.__module__.split(".")[0] != "torch" for one in modules)
    called = [word for word in _CALLED if word not in {"forward", "__iter__"}]
    return (
        own
        and kind.__name__ != "Sin"
        and _calls_as(kind, nn.Module, called)
        and not _calls_as(kind, nn.Module, ["forward"])
    )


def _calls_as(kind: type, known: type, words: "list[str] | tuple[str, ...]") -> bool:
    # A subclass that only adds a name or an attribute computes as its parent does: all that runs is the same
    # object.
    return all(getattr(kind, word, None) is getattr(known, word, None) for word in words)


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

"""A torch module that returns (mean, log variance), read as one network with twice as many outputs.

torch.fx records which submodules the forward calls, and on what: a chain from the latents to each of the two results,
with a common beginning. Each chain is read and compared as a Sequential (`torch_layers`, `torch_agreement`); the module
as a whole is run, too, and must give what the chains give.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import wrong_type
from elboproof.arrays import FloatArray
from elboproof.model.networks import Activation, Affine, Network
from elboproof.model.torch_agreement import twins_of
from elboproof.model.torch_layers import read
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

_TWO = "a module whose forward gives (mean, log variance), each a chain of its submodules with a common beginning"
_TOLERANCE = 1e-9
"""Of the module against its chains, relative: the same operations in the same order."""
Layers = tuple[Affine | Activation, ...]


def read_heads(module: "torch.nn.Module") -> Network:
    """Return the network z -> (mean_1..mean_D, log variance_1..log variance_D) that a module computes.

    Raises
    ------
    TypeError, ValueError
        If the forward is not of that kind, a layer is none of those that `torch_layers.read` takes, or the module
        computes something else than what was read.
    """
    from torch import nn

    if not isinstance(module, nn.Module):
        raise wrong_type("module", module, "a torch.nn.Module")
    chains = _chains(module)
    networks = [read(nn.Sequential(*(module.get_submodule(name) for name in chain))) for chain in chains]
    _require_same(module, chains)
    shared = next((k for k, (a, b) in enumerate(zip(*chains, strict=False)) if a != b), min(map(len, chains)))
    # as many layers as the common submodules have: identities have none
    count = len(_layers_of(module, chains[0][:shared]))
    first, second = (network.layers for network in networks)
    return Network((*first[:count], *_side_by_side(first[count:], second[count:], module)))


def _layers_of(module: "torch.nn.Module", chain: list[str]) -> Layers:
    from elboproof.model.torch_layers import parts_of

    return tuple(layer for name in chain for layer in parts_of(module.get_submodule(name), name).layers())


def _chains(module: "torch.nn.Module") -> tuple[list[str], list[str]]:
    """Return the names of the submodules that each result comes through."""
    from torch import fx

    class Tracer(fx.Tracer):
        def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:  # noqa: ARG002
            return True

    try:
        graph = Tracer().trace(module)
    except Exception as error:
        raise TypeError(
            f"module: got a forward that cannot be recorded ({error}); expected {_TWO}"
        ) from error
    (output,) = (node for node in graph.nodes if node.op == "output")
    results = output.args[0]
    if not isinstance(results, tuple | list) or len(results) != 2:
        raise TypeError(f"module: got a forward that returns {results!s:.60}; expected {_TWO}")
    first, second = (_chain(node) for node in results)
    return first, second


def _chain(node: Any) -> list[str]:
    names: list[str] = []
    while getattr(node, "op", None) == "call_module" and len(node.args) == 1 and not node.kwargs:
        names.insert(0, str(node.target))
        node = node.args[0]
    if getattr(node, "op", None) != "placeholder" or not names:
        raise TypeError(f"module: got {node!s:.60} in its forward; expected {_TWO}")
    return names


def _require_same(module: "torch.nn.Module", chains: tuple[list[str], list[str]]) -> None:
    """Run a copy of the module, and of its chains, and raise unless they give the same."""
    import torch

    twin: Any = twins_of(module)[id(module)]
    width = next(part.in_features for part in twin.modules() if isinstance(part, torch.nn.Linear))
    z = torch.tensor(
        np.random.default_rng(0).standard_normal((16, width)) * np.geomspace(0.1, 10, 16)[:, None]
    )
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        got = twin(z)
        for name, result, chain in zip(("mean", "log variance"), got, chains, strict=True):
            want = torch.nn.Sequential(*(twin.get_submodule(part) for part in chain))(z)
            if (
                result.shape != want.shape
                or not ((result - want).abs() <= _TOLERANCE * (1 + want.abs())).all()
            ):
                raise ValueError(f"module: got a {name} that is not what its layers give; expected {_TWO}")


def _side_by_side(first: Layers, second: Layers, module: object) -> Layers:
    """Return layers that compute both heads: the first affine ones take the same input, later ones each their own."""
    layers: list[Affine | Activation] = []
    apart = False
    if len(first) != len(second) or not first:
        raise wrong_type("module", module, f"{_TWO}, and then two heads with the same kinds of layers")
    for a, b in zip(first, second, strict=True):
        if isinstance(a, Affine) and isinstance(b, Affine):
            weights = _diagonal(a, b) if apart else np.concatenate([a.weight.entries, b.weight.entries])
            bias = np.concatenate([a.bias, b.bias])
            layers.append(Affine(ExactMatrix(weights), bias, f"{a.name} and {b.name}"))
            apart = True
        elif a == b and apart and not isinstance(a, Affine):
            layers.append(a)
        else:
            raise wrong_type("module", module, f"{_TWO}, and then two heads with the same kinds of layers")
    return tuple(layers)


def _diagonal(a: Affine, b: Affine) -> FloatArray:
    (m, n), (p, q) = a.weight.shape, b.weight.shape
    weights = np.zeros((m + p, n + q))
    weights[:m, :n], weights[m:, n:] = a.weight.entries, b.weight.entries
    return weights

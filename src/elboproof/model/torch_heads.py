"""A torch module that returns (mean, log variance), read as one network with twice as many outputs.

torch.fx records what the forward calls, and on what; what the two results rest on is read and compared as for one
result (`torch_reading`, `torch_agreement`), and both are put side by side.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elboproof.model.networks import Affine, Network, Plus
from elboproof.model.torch_agreement import require_agreement
from elboproof.model.torch_parts import Part, Reading, Steps, appended, network_of_steps, padded
from elboproof.model.torch_reading import recorded, require_affine, require_module
from elboproof.numbers.ball_matrices import ExactMatrix

if TYPE_CHECKING:
    import torch

_TWO = "a module whose forward gives (mean, log variance), of one size, by calling and adding its submodules"


def read_heads(module: "torch.nn.Module") -> Network:
    """Return the network z -> (mean_1..mean_D, log variance_1..log variance_D) that a module computes.

    Raises
    ------
    TypeError, ValueError
        If the forward is not of that kind, a layer is none of those that `torch_reading.read` takes, or the module
        computes something else than what was read.
    """
    require_module(module)
    parts, result, places = recorded(module, "module", None, Reading())
    pair = isinstance(result, tuple | list) and len(result) == 2 and all(one in places for one in result)
    if not pair:
        raise TypeError(f"module: got a forward that returns {result!s:.60}; expected {_TWO}")
    ends = [places[one] for one in result]
    steps: Steps = []
    values = appended(parts, (0,), steps)
    networks = [require_affine(network_of_steps(steps, values[end]), module) for end in ends]
    for k, (network, end) in enumerate(zip(networks, ends, strict=True)):
        require_agreement(_of_result(parts, end, k), network.inputs)
    if networks[0].outputs != networks[1].outputs:
        got = f"a mean of {networks[0].outputs} and a log variance of {networks[1].outputs} entries"
        raise ValueError(f"module: got {got}; expected {_TWO}")
    return _side_by_side(steps, [values[end] for end in ends], networks[0].outputs)


def _of_result(parts: Part, end: int, k: int) -> Part:
    """Return the module with what its result k rests on, up to the part at place ``end - 1``."""
    shape = parts.parts[end - 1].leaving if end else None
    return replace(parts, leaving=shape, parts=parts.parts[:end], operands=parts.operands[:end], result=k)


def _side_by_side(steps: Steps, ends: list[int], size: int) -> Network:
    """Return the network of both results: one affine layer if both are affine maps of one value, else a sum."""
    layers = [steps[end - 1] if end else (None, (0,)) for end in ends]
    (first, taken), (second, other) = layers
    if isinstance(first, Affine) and isinstance(second, Affine) and taken == other:
        weights = np.concatenate([first.weight.entries, second.weight.entries])
        bias = np.concatenate([first.bias, second.bias])
        both = Affine(ExactMatrix(weights), bias, f"{first.name} and {second.name}")
        return network_of_steps([*steps, (both, taken)], len(steps) + 1)
    # zeros below the mean and above the log variance: the sum is exact
    identity = Affine(ExactMatrix(np.eye(size)), np.zeros(size), "identity")
    halves: Steps = []
    for k, ((layer, given), end) in enumerate(zip(layers, ends, strict=True)):
        affine, place = (layer, given) if isinstance(layer, Affine) else (identity, (end,))
        halves.append((padded(affine, k * size, (1 - k) * size), place))
    n = len(steps)
    return network_of_steps([*steps, *halves, (Plus(), (n + 1, n + 2))], n + 3)

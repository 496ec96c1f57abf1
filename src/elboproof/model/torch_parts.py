"""What a torch module consists of: a tree of parts, and the network that they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.model.networks import Affine, Layer, Network

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...] | None
"""The axes of one example's values; None while they are a vector of as many entries as there are latents, not known."""


Steps = list[tuple[Layer, tuple[int, ...]]]
"""Layers with what they take, as in `Network`."""


@dataclass(frozen=True, eq=False)
class Part:
    """One module, or one operation of a forward, at one place of the whole: a layer, an identity, or parts of its own.

    A module object that is used twice is two parts.

    Attributes
    ----------
    name : str
        What errors call it.
    module : torch.nn.Module or callable
        What computes it.
    entering, leaving : Shape
        Axes of what comes to it and of what it gives.
    layer : Layer, optional
    parts : tuple of Part
    operands : tuple of tuple of int
        What each part takes: 0 is what comes to the whole, k what the part at place k - 1 gives.
    result : int, optional
        Which of several results of the module this is.
    """

    name: str
    module: "torch.nn.Module | Callable[..., Any]"
    entering: Shape
    leaving: Shape
    layer: Layer | None = None
    parts: "tuple[Part, ...]" = ()
    operands: tuple[tuple[int, ...], ...] = ()
    result: int | None = None


class Reading:
    """What is found out on the way: the number of latents, where the first layer that knows it tells."""

    def __init__(self) -> None:
        self.width: int | None = None

    def told(self, shape: Shape) -> Shape:
        """Return a shape with what is known by now."""
        return (self.width,) if shape is None and self.width is not None else shape

    def vector(self, shape: Shape, size: int, name: str) -> int:
        """Return the size of the vectors that come to a layer, which says what it expects.

        Raises
        ------
        ValueError
            If something else comes.
        """
        shape = self.told(shape)
        if shape is None:
            self.width, shape = size, (size,)
        if len(shape) != 1:
            raise ValueError(
                f"{name}: got inputs of shape {shape}; expected vectors, as a Flatten before it gives"
            )
        if shape[0] != size:
            raise ValueError(f"{name}: got {size} inputs; expected {shape[0]}, as many as come to it")
        return size


def network_of(whole: Part) -> Network:
    """Return the network that a part is."""
    steps: Steps = []
    values = appended(whole, (0,), steps)
    return network_of_steps(steps, values[-1])


def appended(part: Part, taken: tuple[int, ...], steps: Steps) -> list[int]:
    """Append a part's layers, and return the places of the values of its own parts, after what comes; its own last."""
    values = list(taken)
    if part.layer is not None:
        steps.append((part.layer, taken))
        values.append(len(steps))
    for inner, operands in zip(part.parts, part.operands, strict=True):
        values.append(appended(inner, tuple(values[i] for i in operands), steps)[-1])
    return values


def network_of_steps(steps: Steps, place: int) -> Network:
    """Return the network whose outputs are the value at a place, without steps that it does not rest on."""
    needed, waiting = {0}, [place]
    while waiting:
        if (i := waiting.pop()) not in needed:
            needed.add(i)
            waiting.extend(steps[i - 1][1])
    new = {i: n for n, i in enumerate(sorted(needed))}
    kept = [steps[i - 1] for i in sorted(needed - {0})]
    operands = tuple(tuple(new[i] for i in taken) for _, taken in kept)
    network = Network(tuple(layer for layer, _ in kept), operands)
    return Network(network.layers) if network.chain else network


def padded(layer: Affine, before: int, after: int) -> Affine:
    """Return an affine layer with outputs that are 0 before and after its own."""
    rows, columns = layer.weight.shape
    weight, bias = np.zeros((before + rows + after, columns)), np.zeros(before + rows + after)
    weight[before : before + rows], bias[before : before + rows] = layer.weight.entries, layer.bias
    return Affine(type(layer.weight)(weight), bias, layer.name)

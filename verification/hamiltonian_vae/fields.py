"""A log joint of no known form on the line, fields to move by, and paths of the library along them on a lattice."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Tensor: TypeAlias = Any
Field: TypeAlias = Callable[[Tensor], Tensor]
"""From places (S, 1, 1) to the vectors by which momenta are kicked."""
X = 0.6
"""The datum."""
REACH, POINTS = 9.0, 181
"""Half width and points of the lattice in each of z and gamma: the integrands are analytic, and fall like Gaussians."""


def log_joint(z: Tensor) -> Tensor:
    """Return log N(z; 0, 1) + log N(x; 3/2 tanh(z) + z/4, 1/2), summed over the last axis."""
    import torch

    outputs = 1.5 * torch.tanh(z) + z / 4
    each = -(z**2) / 2 - (X - outputs) ** 2 - np.log(2 * np.pi) / 2 - np.log(np.pi) / 2
    return each.sum(-1)


def slope(z: Tensor) -> Tensor:
    """Return the log joint's gradient, by hand."""
    import torch

    t = torch.tanh(z)
    return -z + 2 * (X - 1.5 * t - z / 4) * (1.5 * (1 - t**2) + 0.25)


def too_long(z: Tensor) -> Tensor:
    """Return a gradient that is wrong: half as long again."""
    return 1.5 * slope(z)


def swirl(z: Tensor) -> Tensor:
    """Return a field that has nothing to do with the model."""
    import torch

    return torch.sin(2 * z) - z


FIELDS: dict[str, Field] = {"gradient": slope, "gradient, half as long again": too_long, "sin 2z - z": swirl}


def force(field: Field) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Return the library's force with a field in place of the gradient."""
    return lambda z: (log_joint(z), field(z))


def lattice() -> tuple[Tensor, Tensor, float]:
    """Return places and momenta of a square lattice, (POINTS^2, 1, 1) each, and the area of a cell."""
    import torch

    nodes = torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)
    z, gamma = torch.meshgrid(nodes, nodes, indexing="ij")
    return z.reshape(-1, 1, 1), gamma.reshape(-1, 1, 1), float(nodes[1] - nodes[0]) ** 2


def evidence() -> float:
    """Return p(x) by a sum over a line."""
    import torch

    nodes = torch.linspace(-REACH, REACH, 20 * POINTS, dtype=torch.float64)
    return float(log_joint(nodes[:, None]).exp().sum() * (nodes[1] - nodes[0]))

"""Derivatives along a graph that may not hold what they are taken in."""

from collections.abc import Sequence
from typing import TypeAlias

import torch

Tensor: TypeAlias = torch.Tensor


def slopes(of: Tensor, inputs: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Return the derivatives of a scalar; None where it does not depend on an input. The graph is kept."""
    used = [one for one in inputs if one.requires_grad]
    if not used or not of.requires_grad:
        return (None,) * len(inputs)
    found = iter(torch.autograd.grad(of, used, retain_graph=True, allow_unused=True))
    return tuple(next(found) if one.requires_grad else None for one in inputs)

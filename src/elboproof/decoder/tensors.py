"""The places where torch differs from NumPy."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import wrong_type
from elboproof.arrays import float_array, is_tensor, require_dense, require_finite, tensor_array

if TYPE_CHECKING:
    import torch

Table = Any
"""A NumPy array or a torch tensor."""


def numbers(value: Table, name: str, shape: tuple[str, ...]) -> Table:
    """Return an array or tensor of finite floats of a shape; a tensor keeps its graph.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If the shape does not fit, an axis is empty, or an entry is infinite or NaN.
    """
    # the checks are made on a detached copy in NumPy, the tensor itself is returned with its graph
    if not is_tensor(value):
        return float_array(value, name, shape)
    require_floating(value, name)
    float_array(value, name, shape)
    return value


def require_floating(value: "torch.Tensor", name: str) -> None:
    """Raise TypeError unless a tensor holds real floating-point numbers, densely."""
    if not value.is_floating_point() or value.element_size() < 2:  # torch does not compute with eight bits
        raise wrong_type(name, value, "a tensor of real floating-point numbers")
    require_dense(value, name)


def plain(value: Table, name: str = "z") -> NDArray[np.floating[Any]]:
    """Return the numbers of an array or tensor as a NumPy array of float32 or float64."""
    array = tensor_array(value, name) if is_tensor(value) else np.asarray(value)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def module_of(value: Table) -> ModuleType:
    """Return the module whose functions take the value: torch or numpy."""
    return sys.modules["torch"] if is_tensor(value) else np


def like(value: Table, z: "torch.Tensor") -> "torch.Tensor":
    """Return an array or tensor on the device of z, in its precision or in float32 if that is coarser."""
    import torch

    # float16 and bfloat16 would lose codes and data that z's precision alone cannot hold
    wide = torch.promote_types(z.dtype, torch.float32)
    if is_tensor(value):
        return value.to(device=z.device, dtype=wide)
    return torch.tensor(value, device=z.device, dtype=wide)


def require_finite_queries(z: Table) -> None:
    """Raise ValueError if a query is not finite; under `torch.func.vmap` no number can be looked at."""
    if not is_tensor(z):
        require_finite(np.asarray(z), "z")
        return
    if not _surely_finite(z):
        require_finite(plain(z), "z")


def require_in_range(result: Table) -> Table:
    """Return a result, or raise OverflowError if a number in it is infinite or NaN; vmap's cannot be looked at."""
    if _surely_finite(result) if is_tensor(result) else np.isfinite(result).all():
        return result
    raise OverflowError(
        f"z: got points where numbers exceed the range of {result.dtype}; expected nearer points, larger covariances, "
        "or a wider precision"
    )


def _surely_finite(value: "torch.Tensor") -> bool:
    try:
        return bool(value.detach().isfinite().all())
    except RuntimeError:  # vmap forbids decisions that depend on data
        return True


def slices(count: int, length: int) -> Iterator[slice]:
    """Yield slices of at most ``length`` that cover ``range(count)``; one empty slice if that is empty."""
    for start in range(0, max(count, 1), max(length, 1)):
        yield slice(start, start + max(length, 1))

"""What all objectives ask of their tensors, and how they sum: in float32 at least, and never to a NaN in silence."""

from collections.abc import Mapping
from typing import TypeAlias

import torch

from elboproof.arguments import bad, plain, wrong_type
from elboproof.arrays import require_dense

Variance: TypeAlias = "float | torch.Tensor"
"""A positive number, or a tensor of them."""


def wide(value: torch.Tensor, name: str) -> torch.Tensor:
    """Return a floating-point tensor of batches, float16 and bfloat16 as float32, in which sums do not overflow.

    Raises
    ------
    TypeError
        If it is no dense tensor of floating-point numbers.
    ValueError
        If it has no two axes, or an empty one.
    """
    given: object = value
    if not isinstance(given, torch.Tensor) or not value.is_floating_point() or value.element_size() < 2:
        raise wrong_type(name, value, "a floating-point tensor")
    if not torch.compiler.is_compiling():  # torch.compile does not look into torch.masked
        require_dense(value, name)
    if value.ndim != 2 or 0 in value.shape:
        raise _shape(name, value, "two axes, (batch, dimensions), none of them empty")
    return value.float() if value.element_size() == 2 else value


def require_shape(value: torch.Tensor, name: str, shape: tuple[int, ...], of: str) -> None:
    """Raise ``ValueError`` unless a tensor has the shape of another argument."""
    if tuple(value.shape) != shape:
        raise _shape(name, value, f"{shape}, the shape of {of}")


def require_batch(value: torch.Tensor, name: str, other: torch.Tensor, of: str) -> None:
    """Raise ``ValueError`` unless two tensors have the same number of examples."""
    if len(value) != len(other):
        raise _shape(name, value, f"{len(other)} rows, one for each of {of}")


def variance_of(value: Variance, name: str, like: torch.Tensor) -> torch.Tensor:
    """Return a variance as a tensor that broadcasts with (B, D), in the precision of ``like``.

    Raises
    ------
    TypeError
        If it is neither a number nor a tensor of floating-point numbers.
    ValueError
        If a number is not positive and finite, or a tensor is not of shape (), (D,), (B, 1) or (B, D).
    """
    value = value if isinstance(value, torch.Tensor) else plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float | torch.Tensor):
        raise wrong_type(name, value, "a positive number, or a tensor of variances")
    if not isinstance(value, torch.Tensor):
        if not 0 < value < float("inf"):
            raise bad(name, value, "a positive variance")
        return torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if not value.is_floating_point():
        raise wrong_type(name, value, "a floating-point tensor")
    rows, columns = like.shape
    if tuple(value.shape) not in {(), (1,), (columns,), (rows, 1), (1, columns), (rows, columns)}:
        raise _shape(name, value, f"(), ({columns},), ({rows}, 1) or ({rows}, {columns})")
    return value.to(torch.promote_types(value.dtype, torch.float32))


def never_nan(
    result: torch.Tensor, arguments: Mapping[str, "Variance"], positive: tuple[str, ...]
) -> torch.Tensor:
    """Return a result, which may be infinite where sizes overflow, or say which argument made it NaN.

    Raises
    ------
    ValueError
        If it is NaN: an argument holds NaN or infinite numbers, a variance is not positive, or numbers of both signs
        overflow.
    """
    if not surely(torch.isnan(result.detach()).any()):  # one look at (B,) numbers
        return result
    for name, value in arguments.items():
        numbers = torch.as_tensor(value)
        if not bool(torch.isfinite(numbers).all()):
            raise ValueError(f"{name}: got infinite or NaN entries; expected finite numbers")
        if name in positive and not bool((numbers > 0).all()):
            raise bad(name, float(numbers.min()), "positive variances")
    names = ", ".join(arguments)
    raise ValueError(
        f"{names}: got numbers too large for {result.dtype}; expected smaller ones, or a wider type"
    )


def surely(truth: torch.Tensor) -> bool:
    """Return whether a flag is seen to be true; False where no number can be looked at: compiled, under vmap, meta."""
    # inside a compiled function a look at a number would break the graph
    if torch.compiler.is_compiling():
        return False
    try:
        return bool(truth)
    except RuntimeError:
        return False


def _shape(name: str, value: torch.Tensor, requirement: str) -> ValueError:
    return ValueError(f"{name}: got shape {tuple(value.shape)}; expected {requirement}")

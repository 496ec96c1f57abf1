"""Parameters of torch modules as the exact numbers that they are."""

from typing import Any

import numpy as np

from elboproof.arguments import wrong_type
from elboproof.arrays import FloatArray, require_dense


def numbers(parameter: object, name: str, axes: int) -> FloatArray:
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

"""The floating number systems: NumPy arrays in float64, torch tensors of any dtype and device."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import MOMENTS
from elboproof.numbers.nearest import nearest_doubles

if TYPE_CHECKING:
    import torch

_SAME_NAME = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "erf",
    "sigmoid",
    "sign",
)
# A template names the function, and the namespace says what that name is: NumPy, torch and Python
# differ in names and in how they guard against overflow, not in the source that is compiled. None
# of the three proves anything.
_CALLS = {name: f"{name}({{0}})" for name in (*_SAME_NAME, "asinh", "atan", "softplus", "abs")}
_BINARY = {name: f"{name}({{0}}, {{1}})" for name in ("max", "min", "pow", "logaddexp")}
_TEMPLATES = INFIX | _CALLS | _BINARY | {f"moment{n}": f"moment({{0}}, {n})" for n in MOMENTS}


def _numpy_names() -> Mapping[str, Any]:
    import numpy as np
    from scipy import special

    from elboproof.numbers.moments import moment_of_floats

    names: dict[str, Any] = {name: getattr(np, name) for name in _SAME_NAME if hasattr(np, name)}
    return names | {
        "asinh": np.arcsinh,
        "atan": np.arctan,
        "abs": np.abs,
        "erf": special.erf,
        "sigmoid": special.expit,
        "softplus": lambda t: np.logaddexp(0.0, t),
        "logaddexp": np.logaddexp,
        "max": np.maximum,
        "min": np.minimum,
        "pow": np.power,
        "moment": moment_of_floats,
    }


FLOATING = Ring(
    name="floating", templates=_TEMPLATES, namespace=_numpy_names, fixed="nearest", doubles=nearest_doubles
)
"""NumPy: arguments and values are float64 arrays that broadcast against each other."""


def _torch_names() -> Mapping[str, Any]:
    import torch

    from elboproof.numbers.moments import moment_of_tensors

    names: dict[str, Any] = {name: getattr(torch, name) for name in (*_SAME_NAME, "asinh", "atan", "abs")}
    return names | {
        "softplus": _torch_softplus,
        "max": lambda s, t: torch.maximum(*_both(s, t)),
        "min": lambda s, t: torch.minimum(*_both(s, t)),
        "pow": torch.pow,
        "logaddexp": lambda s, t: torch.logaddexp(*_both(s, t)),
        "moment": moment_of_tensors,
    }


def _torch_softplus(t: "torch.Tensor") -> "torch.Tensor":
    """log(1 + exp t) to full precision: torch's own softplus is linear beyond 20, which is 2e-9 off."""
    import torch

    # log(e^0 + e^t) without overflow, and differentiable with the slope sigmoid(t)
    return torch.logaddexp(torch.zeros_like(t), t)


def _both(*values: Any) -> tuple["torch.Tensor", ...]:
    import torch

    # torch.maximum takes no Python number; the constant becomes a tensor of the other's kind, so no
    # precision changes
    like = next(value for value in values if isinstance(value, torch.Tensor))
    return tuple(torch.as_tensor(value, dtype=like.dtype, device=like.device) for value in values)


TENSORS = Ring(
    name="tensors", templates=_TEMPLATES, namespace=_torch_names, fixed="nearest", doubles=nearest_doubles
)
"""torch: arguments and values are tensors; differentiable."""


def _scalar_names() -> Mapping[str, Any]:
    import math

    from elboproof.numbers.moments import moment_of_scalar

    # tanh and exp of a negative number do not overflow, where 1/(1 + exp(-t)) and log(1 + exp(t)) would raise
    return vars(math) | {
        "abs": abs,
        "moment": moment_of_scalar,
        "max": max,
        "min": min,
        "sign": lambda t: math.copysign(1.0, t) if t else 0.0,
        "sigmoid": lambda t: 0.5 * (1 + math.tanh(t / 2)),
        "softplus": lambda t: max(t, 0.0) + math.log1p(math.exp(-abs(t))),
        "logaddexp": lambda s, t: max(s, t) + math.log1p(math.exp(-abs(s - t))),
    }


SCALARS = Ring(
    name="python floats",
    templates=_TEMPLATES,
    namespace=_scalar_names,
    fixed="nearest",
    doubles=nearest_doubles,
)
"""Python floats, one point at a time: many times faster than NumPy's scalars; errors where NumPy gives inf or NaN."""

"""What encoders and decoders return: its tensors, and the same container with other tensors in it."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    Laplace,
    NegativeBinomial,
    Normal,
    Poisson,
)

from elboproof.checking.collect import UsageError

Tensor: TypeAlias = torch.Tensor


class NoPairError(UsageError):
    """What an encoder returns is no mean and s: it may sample inside."""


def tensors_of(out: Any) -> tuple[Tensor, ...]:
    """Return the floating tensors in an output: of a tensor itself, of a law its parameters, of a container each.

    Raises
    ------
    UsageError
        If none are found.
    """
    if isinstance(out, torch.Tensor):
        return (out,)
    if isinstance(out, Distribution):
        return _parameters(out)
    values = out.values() if isinstance(out, dict) else out if isinstance(out, list | tuple) else ()
    found = tuple(one for value in values if _holds(value) for one in tensors_of(value))
    if not found:
        raise UsageError(
            f"read_q, read_x: no tensors found in a {type(out).__name__}; name them by a function"
        )
    return found


def _holds(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point()
    return isinstance(value, Distribution)


def with_tensors(out: Any, tensors: Sequence[Tensor]) -> Any:
    """Return a container of the kind of ``out`` that holds these tensors, in the order of `tensors_of`."""
    if isinstance(out, torch.Tensor):
        return tensors[0]
    if isinstance(out, Distribution):
        return _law(out, tensors)
    rest = list(tensors)
    if isinstance(out, dict):
        return type(out)({key: _filled(value, rest) for key, value in out.items()})
    filled = [_filled(value, rest) for value in out]
    return type(out)(*filled) if hasattr(out, "_fields") else type(out)(filled)


def _filled(value: Any, rest: list[Tensor]) -> Any:
    if not _holds(value):
        return value
    count = len(tensors_of(value))
    taken = [rest.pop(0) for _ in range(count)]
    return with_tensors(value, taken)


def _parameters(law: Distribution) -> tuple[Tensor, ...]:
    if isinstance(law, Independent):
        return _parameters(law.base_dist)
    if isinstance(law, Normal | Laplace):
        return (law.loc, law.scale)
    if isinstance(law, Bernoulli):
        return (law.logits if _by_logits(law) else law.probs,)
    if isinstance(law, Poisson):
        return (law.rate,)
    if isinstance(law, NegativeBinomial):
        return (law.total_count, law.logits if _by_logits(law) else law.probs)
    raise UsageError(
        f"read_q, read_x: the law {type(law).__name__} is not known; name its tensors by a function"
    )


def _by_logits(law: Bernoulli | NegativeBinomial) -> bool:
    # the parameter that such a law was made of stands in its __dict__; the other one is computed when asked for
    return "logits" in law.__dict__


def _law(law: Distribution, tensors: Sequence[Tensor]) -> Distribution:
    if isinstance(law, Independent):
        return Independent(_law(law.base_dist, tensors), law.reinterpreted_batch_ndims)
    if isinstance(law, Bernoulli):
        return Bernoulli(logits=tensors[0]) if _by_logits(law) else Bernoulli(probs=tensors[0])
    if isinstance(law, NegativeBinomial):
        total, second = tensors
        return (
            NegativeBinomial(total, logits=second)
            if _by_logits(law)
            else NegativeBinomial(total, probs=second)
        )
    make: Any = type(law)
    made: Distribution = make(*tensors)
    return made


def halves(out: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and s of one tensor that holds both along axis 1.

    Raises
    ------
    NoPairError
        If that axis cannot be halved.
    """
    if out.ndim < 2 or out.shape[1] % 2:
        raise NoPairError(
            f"encode: one tensor of shape {tuple(out.shape)}; expected mean and s along axis 1, or read_q"
        )
    first, second = out.chunk(2, dim=1)
    return first, second


def q_of(out: Any) -> tuple[Tensor, Tensor]:
    """Return mean and s of an encoder's output.

    Raises
    ------
    NoPairError
        If it holds other than one or two tensors: of three, the encoder samples inside.
    """
    found = tensors_of(out)
    if len(found) == 1:
        return halves(found[0])
    if len(found) == 2 and found[0].shape == found[1].shape:
        return found[0], found[1]
    raise NoPairError(
        f"encode: its output holds tensors of shapes {[tuple(one.shape) for one in found]}; expected mean and s. "
        "Tap what computes them (a method, or the two modules), or give read_q and write_q"
    )


def with_q(out: Any, mean: Tensor, s: Tensor) -> Any:
    """Return an encoder's output with another mean and s."""
    return with_tensors(out, [torch.cat([mean, s], 1)] if len(tensors_of(out)) == 1 else [mean, s])


def has_scale(out: Any) -> bool:
    """Return whether the second tensor of an output is the deviation of a law, which must be positive."""
    return isinstance(out, Normal | Laplace) or (
        isinstance(out, Independent) and isinstance(out.base_dist, Normal | Laplace)
    )


def loss_of(out: Any) -> Tensor:
    """Return the loss in what a loss function returned: a tensor, or the "loss" or first entry of a container."""
    if isinstance(out, dict):
        out = out["loss"] if "loss" in out else next(iter(out.values()))
    elif isinstance(out, tuple | list):
        out = out[0]
    elif hasattr(out, "loss"):
        out = out.loss
    value = out if isinstance(out, torch.Tensor) else torch.as_tensor(out, dtype=torch.get_default_dtype())
    return value.reshape(()) if value.numel() == 1 else value

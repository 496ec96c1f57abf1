"""How K samples of a datum can be combined: the bounds, the surrogates of gradients, and the slips."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Combination:
    """A function of the losses (B, K) of samples.

    Attributes
    ----------
    name : str
        In words.
    value : function
        (B, K) -> (B,).
    gradient : function
        The same value, or what its gradient is to be that of.
    fault : str
        Why it is no bound; empty if it is one.
    hint : str
        Where to look.
    surrogate : bool
        Whether only its gradient is that of the bound.
    count : int
        How many samples it combines; 0 for all of a datum.
    """

    name: str
    value: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]
    fault: str = ""
    hint: str = ""
    surrogate: bool = False
    count: int = 0


def _bound(losses: Tensor) -> Tensor:
    return math.log(losses.shape[1]) - torch.logsumexp(-losses, 1)


def _surrogate(losses: Tensor) -> Tensor:
    return (torch.softmax(-losses, 1).detach() * losses).sum(1)


def _worst_first(losses: Tensor) -> Tensor:
    return (torch.softmax(losses, 1) * losses).sum(1)


def _other_sign(losses: Tensor) -> Tensor:
    return torch.logsumexp(losses, 1) - math.log(losses.shape[1])


def _over_batch(losses: Tensor) -> Tensor:
    # a number of the batch: the mean over the samples of what the weights of all data give
    value = math.log(losses.shape[0]) - torch.logsumexp(-losses, 0)
    return value.mean().expand(losses.shape[0])


def _over_all(losses: Tensor) -> Tensor:
    value = math.log(losses.numel()) - torch.logsumexp(-losses.reshape(-1), 0)
    return value.expand(losses.shape[0])


def _smallest(losses: Tensor) -> Tensor:
    return losses.amin(1)


def _largest(losses: Tensor) -> Tensor:
    return losses.amax(1)


def _slip(name: str, value: Callable[[Tensor], Tensor], fault: str, hint: str) -> Combination:
    return Combination(name, value, value, fault, hint)


COMBINATIONS = (
    Combination("the importance-weighted bound", _bound, _bound),
    Combination("losses weighted by softmax(-loss)", _surrogate, _bound, surrogate=True),
    _slip(
        "losses weighted by softmax(+loss)",
        _worst_first,
        "the worst sample gets the largest weight",
        "M48: the sign inside the softmax",
    ),
    _slip(
        "the logarithm of the mean exponential of the losses",
        _other_sign,
        "it lies above the mean loss: the sign inside the exponential",
        "M50: logsumexp of log weights, not of losses",
    ),
    _slip(
        "the logarithm of mean weights over the batch",
        _over_batch,
        "the weights are averaged over the data and not over the samples",
        "M45: the axis of logsumexp",
    ),
    _slip(
        "the logarithm of mean weights over batch and samples",
        _over_all,
        "the weights are averaged over the data too",
        "M45: the axis of logsumexp",
    ),
    _slip(
        "the smallest loss",
        _smallest,
        "the best sample alone is counted",
        "M47: a maximum where a mean stands",
    ),
    _slip(
        "the largest loss",
        _largest,
        "the worst sample alone is counted",
        "M47: a maximum where a mean stands",
    ),
)


def of_axes(sizes: tuple[int, ...]) -> tuple[Combination, ...]:
    """Return what can be done with the samples of a datum that stand along axes of these sizes.

    All of them are combined, or those along one axis, with a mean over the other axes.
    """
    if len(sizes) < 2:
        return COMBINATIONS
    alone = [one for one in COMBINATIONS if not one.hint.startswith("M45")]
    return COMBINATIONS + tuple(_along(one, sizes, axis) for axis in range(len(sizes)) for one in alone)


def _along(one: Combination, sizes: tuple[int, ...], axis: int) -> Combination:
    def along(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def value(losses: Tensor) -> Tensor:
            grouped = losses.reshape(-1, *sizes).movedim(1 + axis, -1)
            return function(grouped.reshape(-1, sizes[axis])).reshape(len(losses), -1).mean(1)

        return value

    others = " x ".join(str(size) for n, size in enumerate(sizes) if n != axis)
    name = f"a mean over {others} samples of {one.name}, along axis {axis + 1} of {len(sizes)},"
    return replace(one, name=name, value=along(one.value), gradient=along(one.gradient), count=sizes[axis])

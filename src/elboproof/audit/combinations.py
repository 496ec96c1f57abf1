"""How K samples of a datum can be combined: the bounds, the surrogates of gradients, and the slips."""

import math
from collections.abc import Callable
from dataclasses import dataclass

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
    """

    name: str
    value: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]
    fault: str = ""
    hint: str = ""
    surrogate: bool = False


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

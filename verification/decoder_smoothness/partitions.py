"""Set partitions, and joint cumulants of finitely many values with weights: for balls, floats and symbols alike."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Block = tuple[int, ...]
Variable = Any
"""The values of a random variable at the points: a sequence, or an array of shape (N,)."""


def partitions(items: Sequence[int]) -> Iterator[tuple[Block, ...]]:
    """Yield the partitions of a set into blocks."""
    if not items:
        yield ()
        return
    first, rest = items[0], items[1:]
    for smaller in partitions(rest):
        yield ((first,), *smaller)
        for k, block in enumerate(smaller):
            yield (*smaller[:k], (first, *block), *smaller[k + 1 :])


def expectation(weights: Sequence[Any], variables: Sequence[Variable]) -> Any:
    """Return sum_i w_i times the product of the variables at i."""
    total: Any = 0
    for i, weight in enumerate(weights):
        total += weight * math.prod((variable[i] for variable in variables[1:]), start=variables[0][i])
    return total


def cumulant(weights: Sequence[Any], variables: Sequence[Variable]) -> Any:
    """Return the joint cumulant: sum over partitions pi of (-1)^(|pi| - 1) (|pi| - 1)! prod_B E[prod_B]."""
    total: Any = 0
    for blocks in partitions(range(len(variables))):
        moments = [expectation(weights, [variables[k] for k in block]) for block in blocks]
        sign = (-1) ** (len(blocks) - 1) * math.factorial(len(blocks) - 1)
        total += sign * math.prod(moments[1:], start=moments[0])
    return total


def central_moment(weights: Sequence[Any], variables: Sequence[Variable]) -> Any:
    """Return the joint central moment: the cumulant up to three variables, and not beyond."""
    means = [expectation(weights, [variable]) for variable in variables]
    centred = [[value - m for value in variable] for variable, m in zip(variables, means, strict=True)]
    return expectation(weights, centred)


Joint = Callable[[Sequence[Any], Sequence[Variable]], Any]


def derivative(
    weights: Sequence[Any],
    x: Variable,
    along: Callable[[Block], Variable],
    order: int,
    joint: Joint = cumulant,
    largest: int = 2,
) -> Any:
    """Return D^k f*: the sum over partitions of {1..k} into blocks of at most two of kappa(x, l^(B) : B).

    ``along(B)`` is the derivative of log q(z|x_i) along the directions in B, which vanishes for three and more.
    """
    total: Any = 0
    for blocks in partitions(range(order)):
        if max(map(len, blocks)) <= largest:
            total += joint(weights, [x, *(along(block) for block in blocks)])
    return total

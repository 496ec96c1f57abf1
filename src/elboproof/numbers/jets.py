r"""Truncated Taylor polynomials over any number system: derivatives of any order through a computation.

A jet is a mapping from multi-indices to Taylor coefficients: the key (0, 0, 1) stands for z_0^2 z_1, () for the
value. A missing key is a zero. Coefficients need + and * only, so they may be arrays, tensors or balls. For a function
g of one variable, g(h) = sum_n g^(n)(h_0)/n! (h - h_0)^n is exact for truncated polynomials: the chain rule of all
orders.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Any

Key = tuple[int, ...]
Jet = dict[Key, Any]


def mapped(function: Callable[[Any], Any], jet: Mapping[Key, Any]) -> Jet:
    """Return a linear function of a jet."""
    return {key: function(value) for key, value in jet.items()}


def added(a: Mapping[Key, Any], b: Mapping[Key, Any]) -> Jet:
    """Return the sum of two jets."""
    total = dict(a)
    for key, value in b.items():
        total[key] = total[key] + value if key in total else value
    return total


def times(a: Mapping[Key, Any], b: Mapping[Key, Any], order: int) -> Jet:
    """Return the product of two jets, truncated after ``order``."""
    # Cauchy's product: the keys are sorted multi-indices, so sorted(i + j) is the key of the
    # product of monomials
    total: Jet = {}
    for i, p in a.items():
        for j, q in b.items():
            if len(i) + len(j) <= order:
                total = added(total, {tuple(sorted(i + j)): p * q})
    return total


def squared(a: Mapping[Key, Any], order: int, square: Callable[[Any], Any]) -> Jet:
    """Return the square of a jet; ``square`` of a coefficient keeps enclosures nonnegative."""
    # as `times`, each pair of keys once and doubled; a coefficient times itself by `square`, which
    # knows that it is one
    total: Jet = {}
    keys = list(a)
    for n, i in enumerate(keys):
        for j in keys[n:]:
            if len(i) + len(j) <= order:
                term = square(a[i]) if i == j else a[i] * a[j] * 2
                total = added(total, {tuple(sorted(i + j)): term})
    return total


def composed(taylor: Sequence[Any], h: Mapping[Key, Any]) -> Jet:
    """Return g(h) for the Taylor coefficients g^(n)(h_0)/n!, n = 0, ..., order."""
    # sum_n g_n (h - h_0)^n: the offset has no constant term, so its n-th power has no term of
    # degree below n, and powers above ``order`` vanish
    order = len(taylor) - 1
    offset = {key: value for key, value in h.items() if key}
    total: Jet = {(): taylor[0]}
    power: Jet = dict(offset)
    for n in range(1, order + 1):
        total = added(total, mapped(_factor(taylor[n]), power))
        power = times(power, offset, order) if n < order else {}
    return total


def _factor(coefficient: Any) -> Callable[[Any], Any]:
    return lambda value: coefficient * value


def derivatives(jet: Mapping[Key, Any], d: int, order: int) -> list[Any]:
    """Return the derivatives of one order, ordered as ``combinations_with_replacement(range(d), order)``.

    None stands for one that is zero because no coefficient is there.
    """
    # a Taylor coefficient is the derivative over prod_k a_k!, a_k how often k stands in the key
    result = []
    for key in combinations_with_replacement(range(d), order):
        scale = prod(factorial(key.count(k)) for k in set(key))
        value = jet.get(key)
        result.append(value if value is None or scale == 1 else value * scale)
    return result

"""Derivatives of any order of a ratio of sums of Gaussians, by a recursion over multi-indices.

Let g_i(z) = N(z; m_i, S_i) exp(-c.z), f = N / D with N = sum_i g_i x_i and D = sum_i g_i: the factor
exp(-c.z) is common to both and changes nothing. Let c be the w-mean of grad log N(z; m_i, S_i) at the point of
evaluation, A_i = grad log g_i and H_i = Hess log g_i = -S_i^-1, a constant. With P_a(i) = (d^a g_i) / g_i,
Leibniz' rule for d^a (A_ij g_i), in which A_ij is affine, gives

    P_0 = 1,    P_{a + e_j} = A_j P_a + sum_l a_l H_jl P_{a - e_l}.

Divide N and D by D at the point: N_a = sum_i w_i x_i P_a(i), D_a = sum_i w_i P_a(i). Leibniz' rule
for N = D f gives

    f_a = N_a - sum_{0 != b <= a} binom(a, b) D_b f_{a - b}.

By the choice of c every D_b with |b| = 1 is 0, so that no large slope cancels: that is why c is there.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from elboproof.decoder.gaussians import Planes, Stack
from elboproof.shapes import Float

Array = Any
Index = tuple[int, ...]
MAX_ORDER = 6


def indices(dimensions: int, order: int) -> list[Index]:
    """Return the multi-indices (a_1, ..., a_d) of total degree up to ``order``, by degree."""
    return [
        tuple(choice.count(k) for k in range(dimensions))
        for degree in range(order + 1)
        for choice in itertools.combinations_with_replacement(range(dimensions), degree)
    ]


def _less(a: Index, axis: int) -> Index:
    return (*a[:axis], a[axis] - 1, *a[axis + 1 :])


def polynomials(slopes: Planes, precisions: Stack, order: int) -> dict[Index, Float[Array, "Q N"]]:
    """Return P_a of shape (Q, N) for every multi-index up to a degree.

    Parameters
    ----------
    slopes : d planes of shape (Q, N)
        A: gradients of the log densities, minus their w-mean.
    precisions : (n,) or (n, d, d)
        S_i^-1, with n = N or n = 1.
    order : int
    """
    # Planes (Q, N) throughout, by degree: a = below + e_axis needs only lower multi-indices, which
    # are there. P_0 is 1 as an array, so that dtype, device and graph are those of the slopes. H_jl
    # = -P_jl; a variance has no other than j = l.
    d = len(slopes)
    found: dict[Index, Array] = {(0,) * d: slopes[0] * 0 + 1}
    for a in indices(d, order)[1:]:
        axis = next(k for k in range(d) if a[k])
        below = _less(a, axis)
        term = slopes[axis] * found[below]
        for other in range(d):
            if below[other] and (precisions.ndim == 3 or other == axis):
                hessian = -precisions if precisions.ndim == 1 else -precisions[:, axis, other]
                term = term + below[other] * hessian * found[_less(below, other)]
        found[a] = term
    return found


def _below(a: Index) -> Iterator[tuple[Index, Index, int]]:
    """Yield (b, a - b, binom(a, b)) for every 0 != b <= a."""
    # b <= a componentwise, the terms of Leibniz' rule in several variables
    for b in itertools.product(*(range(k + 1) for k in a)):
        if any(b):
            rest = tuple(k - j for k, j in zip(a, b, strict=True))
            yield b, rest, math.prod(math.comb(k, j) for k, j in zip(a, b, strict=True))


def quotient(
    numerators: dict[Index, Float[Array, "Q D"]], denominators: dict[Index, Float[Array, "Q"]], a: Index
) -> Float[Array, "Q D"]:
    """Return f_a (Q, D) from N_b (Q, D) and D_b (Q,) for b <= a; ``numerators`` gains nothing."""
    # N_c (Q, D), D_b (Q,): sorted by degree, so f_{c - b} with b != 0 is known when c is reached;
    # D_0 = 1 is divided out
    known: dict[Index, Array] = {}
    for c in sorted(itertools.product(*(range(k + 1) for k in a)), key=sum):
        value = numerators[c]
        for b, rest, ways in _below(c):
            value = value - ways * denominators[b][..., None] * known[rest]
        known[c] = value
    return known[a]

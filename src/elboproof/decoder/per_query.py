"""What is computed of the optimal decoder for some queries at once, each against all codes: arrays of shape (Q, N)."""

import itertools
import math
from typing import Any

import numpy as np

from elboproof.arrays import is_tensor
from elboproof.decoder import derivatives, gaussians, tensors
from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import Table

PAIRS = 1 << 19
"""Pairs of a query and a code that are held at once: temporaries of 4 MB in float64."""

TOO_FAR = (
    "z: got a point so far away that its log densities exceed the range of float64; expected nearer points"
)


def relative(g: Gaussians, z: Table) -> tuple[Table, Table, list[Table]]:
    """Return a point of largest log density, and log densities and slopes relative to it."""
    if g.xp is not np:
        index = gaussians.nearest(g, z)
        return index, *gaussians.relative(g, z, index)
    with np.errstate(over="ignore", invalid="ignore"):
        index = gaussians.nearest(g, z)
        scores, slopes = gaussians.relative(g, z, index)
    if not (scores < np.inf).all():  # false for NaN too
        raise OverflowError(TOO_FAR)
    return index, scores, slopes


def softmax(g: Gaussians, scores: Table) -> Table:
    """Return the weights (Q, N) of log densities (Q, N) that are known up to a constant per query."""
    # the largest score becomes 0, so that no exp overflows and each sum is at least 1
    powers = g.xp.exp(scores - g.xp.amax(scores, -1)[:, None])
    return powers / powers.sum(-1)[:, None]


def weights(g: Gaussians, z: Table) -> Table:
    """Return the weights w_i(z), shape (Q, N)."""
    return softmax(g, relative(g, z)[1])


def parts(g: Gaussians, z: Table, held: int = 1) -> list[Table]:
    """Return the queries as (Q, d) in parts, so small that ``held`` arrays (Q, N) fit in memory."""
    # at most PAIRS numbers in the `held` arrays; at least one query in a part, one part even if
    # there is no query
    flat = z.reshape(math.prod(z.shape[:-1]), z.shape[-1])
    flat = flat.astype(np.float64) if g.xp is np else flat.to(g.means.dtype)
    return [flat[part] for part in tensors.slices(len(flat), PAIRS // (len(g.means) * held))]


def log_density(g: Gaussians, z: Table) -> Table:
    """Return log (1/N) sum_i N(z; m_i, S_i) in nats, shape (Q,)."""
    # (Q, N) to (Q,): log of the sum relative to its largest term, so that exp does not overflow and
    # the sum is at least 1
    index, scores, _ = relative(g, z)
    top = g.xp.amax(scores, -1)
    mass = g.xp.log(g.xp.exp(scores - top[:, None]).sum(-1))
    return gaussians.log_density_of(g, z, index) + top + mass - math.log(len(g.means))


def derivative(g: Gaussians, data: Table, z: Table, order: int) -> Table:
    """Return the derivative at z (Q, d), shape (Q, D, d ** order)."""
    # d planes (Q, N), powers (Q, N) for each multi-index, sums (Q, D) and (Q,). The w-mean is taken
    # off the slopes, which makes D_b = 0 for |b| = 1 (derivatives.py); each distinct multi-index is
    # computed once and copied to its orders of axes.
    _, scores, slopes = relative(g, z)
    weights = softmax(g, scores)
    # A weight of 0 makes its point's share 0, whose slope may be so large that its powers overflow:
    # 0 inf is NaN.
    slopes = [g.xp.where(weights == 0, 0.0, plane) for plane in slopes]
    slopes = [plane - (weights * plane).sum(-1)[:, None] for plane in slopes]
    powers = derivatives.polynomials(slopes, g.precisions, order)
    weighted = {a: g.xp.where(weights == 0, 0.0, weights * power) for a, power in powers.items()}
    numerators = centred_sums(g, weighted, data)
    masses = {a: value.sum(-1) for a, value in weighted.items()}
    axes = range(z.shape[1])
    wanted = [tuple(c.count(k) for k in axes) for c in itertools.product(axes, repeat=order)]
    found = {a: derivatives.quotient(numerators, masses, a) for a in set(wanted)}
    return g.xp.stack([found[a] for a in wanted], -1)


def centred_sums(g: Gaussians, weighted: dict[Any, Table], data: Table) -> dict[Any, Table]:
    """Return sum_i w_i P_a(i) (x_i - c), shape (Q, D), for every a; c, a mean, only improves the rounding."""
    # sum_i w_i P_a(i) is D_a, not 0 for a != 0, so this is N_a - c D_a: the numerator of f - c,
    # whose derivatives are those of f because the recursion is linear in N for one D. N rows in
    # parts, so that no copy of the data is made.
    centre = (data.detach() if is_tensor(data) else data).mean(0)
    sums: dict[Any, Any] = dict.fromkeys(weighted, 0.0)
    for part in tensors.slices(len(data), max(1, PAIRS // data.shape[1])):
        rows = data[part] - centre
        rows = rows.astype(np.float64) if g.xp is np else rows
        sums = {a: sums[a] + weighted[a][:, part] @ rows for a in weighted}
    return sums

r"""Bounds of the slope of f* and of its tube for N points with different covariances, where there are any.

With l_i = log q(z|x_i), g_i = grad l_i, P_i = S_i^-1 and w = w(z), J(z) = Cov_w(x, g), and l_i - l_j = log w_i / w_j.

**Slope.** a.Cov_w(x, b.g) is linear in each a.x_i, which lies in an interval of length diam(x), so that it is largest
where A and B share out the ends of that interval: at most diam(x) sum_{i in A, j in B} w_i w_j |g_i - g_j|. Let
|g_i - g_j|^2 <= c + r (log 1/w_i + log 1/w_j), c >= 0. With the masses p and q of A and B, Jensen's inequality and
sum_A w_i log(1/w_i) <= p log(|A| / p) bound the sum by p q sqrt(c + r log(|A||B| / (p q))), which grows with p q, at
most 1/4. As |A||B| <= N^2 / 4,

    ||J|| <= diam(x) sqrt(c + 2 r log N) / 4.

**Tube.** At a + ib the terms have weights W_i, proportional to w_i exp(b.P_i b / 2), and phases b.g_i. Points with
W_i <= e / N weigh at most e together. Let the others, which have log(1/W_i) <= T = log(N / e), have phases within
|b| sqrt(c + s T + k^2 |b|^2) of each other. If that is below 2 arccos(e / (1 - e)) <= pi, they sum up to more than e in
size, and the denominator is not zero.

**Isotropic S_i = v_i I.** For v_i < v_j let k_ij = 1/v_i - 1/v_j. Completing the square,
|g_i - g_j|^2 = c_ij - 2 k_ij (l_i - l_j), c_ij = |m_i - m_j|^2 / (v_i v_j) + d k_ij log(v_j / v_i), and
l_j - l_i <= log 1/w_i, or log 1/W_i + k_ij |b|^2 / 2. So c = max c_ij, k = max k_ij, r = s = 2 k. For equal v these
are the sharp bounds of a shared covariance.

**One covariance S_r above all others** (K_i = P_i - P_r positive definite, or zero). With the largest eigenvalue L_i of
K_i and the maximum H_i of l_i - l_r, |g_i - g_r|^2 <= 2 L_i (H_i + log 1/w_i) (`two_points`), or it is
|P_r (m_i - m_r)|^2. As |g_i - g_j|^2 <= 2 |g_i - g_r|^2 + 2 |g_j - g_r|^2, c is four times the maximum of 2 L_i H_i and
of the latter; with L = max L_i, r = 4 L, s = 8 L and k = 2 L.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from elboproof.decoder import two_points
from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import slices
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import above, below, upward
from elboproof.numbers.precision import working_precision
from elboproof.shapes import Float, Float64

Float64s = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

BLOCK = 512
SHARES = tuple(2.0**-k for k in range(3, 60))
"""Shares e of weight that may be neglected, of which the one with the widest tube is taken."""


@dataclass(frozen=True)
class Spread:
    """c, k and L (or k) of the module docstring: ``rate`` is r, ``each`` is s and ``bend`` is k, all rounded up."""

    constant: float
    rate: float
    each: float
    bend: float


def steepness(g: Gaussians, data: Float[Floats, "N D"]) -> float:
    """Return a bound of ||J(z)|| / diam(x) for all z, rounded up: exact for two points, infinite if none is proved."""
    two = two_points.pair(g, data)
    if two is not None:
        return two.steepness()
    found = spread(g)
    if found is None:
        return math.inf
    with working_precision(two_points.BITS):
        logarithm = arb(len(data)).log()
        return above((arb(found.constant) + 2 * arb(found.rate) * logarithm).sqrt() / 4)


def radius(g: Gaussians, data: Float[Floats, "N D"]) -> float:
    """Return the width of a tube, rounded down: exact for two points, 0 if none is proved."""
    two = two_points.pair(g, data)
    if two is not None:
        return two.radius()
    found = spread(g)
    if found is None:
        return 0.0
    with working_precision(two_points.BITS):
        return max(below(_tube(found, len(data), share)) for share in SHARES)


def _tube(found: Spread, points: int, share: float) -> arb:
    """Return the positive root of t^2 (C + k^2 t^2) = angle^2, C = c + s T: t = |b|."""
    e = arb(share)
    angle = 2 * (e / (1 - e)).acos()
    square = arb(found.constant) + arb(found.each) * (points / e).log()
    bend = 2 * arb(found.bend) * angle
    return (2 * angle * angle / (square + (square * square + bend * bend).sqrt())).sqrt()


def spread(g: Gaussians) -> Spread | None:
    """Return how far slopes of log densities are apart, or None if nothing is proved."""
    variances = isotropic(g)
    found = _dominated(g) if variances is None else _isotropic(g.means, variances)
    return found if found is not None and math.isfinite(found.constant + found.bend) else None


def isotropic(g: Gaussians) -> Float64[Float64s, "N"] | None:
    """Return one variance for each point if all covariances are multiples of the identity."""
    if g.isotropic:
        return np.asarray(g.covariances)
    scales = g.covariances[:, 0, 0]
    return scales if (g.covariances == scales[:, None, None] * np.eye(g.means.shape[1])).all() else None


def _isotropic(means: Float64[Float64s, "N d"], variances: Float64[Float64s, "N"]) -> Spread:
    # what overflows makes a bound infinite, and is no error
    with np.errstate(over="ignore", invalid="ignore"):
        radii = np.linalg.norm(means - means.mean(0), axis=1)
        order = np.lexsort((-radii, variances))
        v = variances[order]
        bend = float(upward((v[-1] - v[0]) / v[0] / v[-1], roundings=3))
        constant = _largest_constant(means[order], v, radii[order])
    return Spread(constant, 2 * bend, 2 * bend, bend)


def _largest_constant(
    m: Float64[Float64s, "N d"], v: Float64[Float64s, "N"], radii: Float64[Float64s, "N"]
) -> float:
    """Return max c_ij, rounded up, for rows by variance and then by distance from the centre."""
    # Blocks of rows, each against itself and all later ones: (n, m) pairs by differences of coordinates, all terms
    # nonnegative with a few roundings each. A pair of blocks is left out if its largest distance (the sum of the
    # radii), least variances and widest logarithms cannot reach what was found; twice the roundings are allowed for.
    logs = BallArray(v).log()
    low, high = logs.lower(), logs.upper()
    best, roundings = 0.0, m.shape[1] + 12
    for first in slices(len(m), BLOCK):
        for second in slices(len(m) - first.start, BLOCK):
            other = slice(first.start + second.start, first.start + second.stop)
            w, far = v[other], radii[first].max() + radii[other].max()
            change = (w[-1] - v[first.start]) / v[first.start] / w[-1]
            most = far / v[first.start] * (far / w[0]) + m.shape[1] * change * (
                high[other][-1] - low[first.start]
            )
            if upward(most, 2 * roundings) < best:
                continue
            best = max(best, _constants(m[first], v[first], low[first], m[other], w, high[other]))
    return float(upward(best, roundings, underflows=m.shape[1]))


def _constants(
    m: Float64[Float64s, "n d"], v: Float64[Float64s, "n"], low: Float64[Float64s, "n"],
    other: Float64[Float64s, "k d"], w: Float64[Float64s, "k"], high: Float64[Float64s, "k"],
) -> float:  # fmt: skip
    """Return max c_ij over i in one block and j in another one or the same; of two variances the first is narrow."""
    change = np.maximum(w - v[:, None], 0.0) / v[:, None] / w
    total = m.shape[1] * change * np.maximum(high - low[:, None], 0.0)
    for axis in range(m.shape[1]):
        away = m[:, axis, None] - other[:, axis]
        total += np.abs(away / v[:, None]) * np.abs(away / w)
    largest = total.max()
    return float(largest) if not np.isnan(largest) else math.inf


def _dominated(g: Gaussians) -> Spread | None:
    """Return the spread if one covariance is above all others, each of which equals it or is proved to be below."""
    # the one of the least trace of the precision is the only candidate; floats see most cases in which it fails
    r = int(np.trace(g.precisions, axis1=1, axis2=2).argmin())
    same = (g.covariances == g.covariances[r]).all((1, 2))
    others = np.flatnonzero(~same)
    if not (np.linalg.eigvalsh(g.precisions[others] - g.precisions[r]) > 0).all():
        return None
    constant, largest = 0.0, 0.0
    with working_precision(two_points.BITS):
        widest = two_points.matrix(g, r)
        for i in map(int, others):
            found = two_points.narrow(two_points.matrix(g, i), widest, two_points.displacement(g, i, r))
            if found is None:
                return None
            constant = max(constant, above(8 * found.largest * found.height))
            largest = max(largest, above(found.largest))
        for i in map(int, np.flatnonzero(same)):
            pulled = widest.solve(two_points.displacement(g, i, r))
            constant = max(constant, above(4 * (pulled.transpose() * pulled)[0, 0]))
    return Spread(constant, 4 * largest, 8 * largest, 2 * largest)

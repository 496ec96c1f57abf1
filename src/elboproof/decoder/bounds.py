"""Diameters of data and of natural parameters, rounded up: what the bounds of `smoothness` are made of."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import slices
from elboproof.numbers.outward import upward
from elboproof.shapes import Float, Float64

EPS = float(np.finfo(np.float64).eps)
"""2 u, the bound of two roundings."""
BLOCK = 1024

Floats = NDArray[np.floating[Any]]
Float64s = NDArray[np.float64]


def diameter(points: Float[Floats, "n D"]) -> float:
    """Return the largest distance between two rows of (n, D), rounded up.

    Relative excess at most (2 D + 20) eps. Exact search over pairs of blocks of 1,024 rows by matrix products in
    float64, largest distance from the centre first; blocks too close to the centre are skipped. Memory: two blocks.
    Time: up to n^2 D flops: one to two minutes on one thread for 60,000 points in 784 dimensions, where no block
    can be skipped; well under a second for 60,000 points in 2 dimensions.
    """
    if (points == points[0]).all():
        return 0.0
    # Any centre is right; the mean makes the radii small. With the largest radius L, and u = EPS /
    # 2: - a squared distance |a|^2 + |b|^2 - 2 a.b of computed rows has 2 u D L^2 from the squares,
    # 2 u D L^2 from the
    #   product and at most 6 u L^2 from the sums (Higham, section 3.1): (2 D + 3) EPS L^2 in all;
    # - no pair of two blocks is farther apart than the sum of their largest radii, rows being in
    # order of radius, so a
    #   block, and all after it, is skipped if reach^2 < best; that comparison errs by (2 D + 8) EPS L^2 at most;
    # - subtracting the centre moves each row by EPS L at most, hence each distance by 2 EPS L.
    # Twice `rounding` covers the first two, 4 EPS L the third and the root.
    centre = points.mean(0, dtype=np.float64)
    radii = np.concatenate([_norms(points[part] - centre) for part in slices(len(points), BLOCK)])
    order = np.argsort(-radii)
    best, largest = 0.0, float(radii[order[0]])
    for first in slices(len(points), BLOCK):
        rows = points[order[first]] - centre
        for second in slices(first.start + len(rows), BLOCK):
            reach = radii[order[first.start]] + radii[order[second.start]]
            if reach * reach < best:
                break
            best = max(best, _farthest(rows, points[order[second]] - centre))
    rounding = (2 * points.shape[1] + 10) * EPS * largest * largest
    return upward(math.sqrt(best + 2 * rounding) + 4 * EPS * largest, roundings=3)


def _norms(rows: Float64[Float64s, "n D"]) -> Float64[Float64s, "n"]:
    norms: Float64s = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return norms


def _farthest(one: Float64[Float64s, "n D"], two: Float64[Float64s, "m D"]) -> float:
    # (n, D) and (m, D) to all n m squared distances, by one matrix product
    squares = np.einsum("nd,nd->n", one, one)[:, None] + np.einsum("nd,nd->n", two, two)
    return float((squares - 2 * (one @ two.T)).max())


def slope_diameter(g: Gaussians) -> float:
    """Return diam(S^-1 m) of Gaussians with one shared covariance S, rounded up.

    Raises
    ------
    ArithmeticError
        If S is so ill-conditioned that float64 cannot bound its inverse.
    """
    if g.isotropic:
        return upward(diameter(g.means) / float(g.covariances[0]), roundings=1)
    S, P, d = g.covariances[0], g.precisions[0], g.means.shape[1]
    # S^-1 = (1 - E)^-1 P with E = 1 - P S, so |S^-1 v| <= |P v| / (1 - |E|). Frobenius' norm is
    # above the spectral one. The computed product P S errs by at most (d + 2) u |P| |S| in each
    # entry, P v by (d + 2) u |P| |v|, the difference of means included: four times that is added,
    # which the roundings of the norms do not use up.
    defect = np.linalg.norm(np.eye(d) - P @ S) + 2 * (d + 2) * EPS * np.linalg.norm(np.abs(P) @ np.abs(S))
    if not defect < 0.5:
        raise ArithmeticError(f"covariances: got a matrix whose inverse has a relative error of {defect:.2g}")
    shifted = g.means - g.means[0]
    rounding = 2 * (d + 2) * EPS * float(_norms(np.abs(shifted) @ np.abs(P).T).max())
    # a distance has two ends, hence twice; four roundings on the path
    return upward(float((diameter(shifted @ P.T) + 2 * rounding) / (1 - defect)), roundings=6)

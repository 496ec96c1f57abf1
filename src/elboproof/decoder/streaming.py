"""The weighted average sum_i w_i(z) x_i of many points at many queries, in blocks that stay in cache.

Log densities are products of features of z with coefficients of the codes, in float64, less one shift per query; the
powers and their product with the data are in the precision of the data. Codes and queries are ordered by a k-d
tree, so that a block of either lies in a small box, and each block of codes has an upper bound of its log densities:

    log N(z; m_i, S_i) <= max_i c_i - lambda_min(P) dist(z, box)^2 / 2.

A pair of blocks is skipped if every weight in it is provably below eps / (4 N) times the largest weight of its query,
so all that is skipped moves the average by at most eps max_ij |x_i - x_j| / 4, eps the spacing of the data's floats.

The products round: |error of a log density| <= K eps64 sum_k |feature_k| max_i |coefficient_ik|. `average` leaves
the queries where this is more than 16 eps (or 1e-13) to the caller: they need `gaussians.relative`. They are those
far from narrow Gaussians.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.tensors import slices
from elboproof.shapes import Bool, Float, Float64, Int

Floats = NDArray[np.floating[Any]]
Float64s = NDArray[np.float64]
Integers = NDArray[np.intp]
Booleans = NDArray[np.bool_]

QUERY_BLOCK = 256
GROUP = 64
"""Queries that share one list of candidates."""
CODE_BLOCK = 512
FINEST = 1e-13
"""Rounding of a log density that is always accepted, in nats; 16 eps of float64 would refuse nearly everything."""

HEADROOM = 20.0
"""Powers up to exp(HEADROOM) stay far inside the range of float32, sums and products with data included."""


@dataclass(frozen=True)
class Terms:
    """Log densities as ``features @ coefficients.T``, up to a constant per query.

    Attributes
    ----------
    positions : (Q, d), codes : (N, d)
        Coordinates in which the bounds hold: whitened if the covariance is shared.
    features : (Q, K), coefficients : (N, K)
    offset : (Q,)
        What the features leave out: log density = offset + top - stiffness dist^2 / 2 at the most.
    top, stiffness : (N,)
    condition : float
        That of a whitened covariance: the factor by which whitening amplifies rounding.
    """

    positions: Float64[Float64s, "Q d"]
    codes: Float64[Float64s, "N d"]
    features: Float64[Float64s, "Q K"]
    coefficients: Float64[Float64s, "N K"]
    offset: Float64[Float64s, "Q"]
    top: Float64[Float64s, "N"]
    stiffness: Float64[Float64s, "N"]
    condition: float = 1.0

    @property
    def rounding(self) -> Float64[Float64s, "Q"]:
        """A bound (Q,) of the rounding error of the log densities, in nats."""
        # a product of K terms errs by K u sum |feature coefficient| <= K u (|features| @ max
        # |coefficient|), (Q, K) times (K,); four times that, as the features and coefficients are
        # rounded themselves; whitening loses its condition number
        size = np.abs(self.features) @ np.abs(self.coefficients).max(0)
        return np.asarray(2 * self.features.shape[1] * self.condition * np.finfo(np.float64).eps * size)


def terms(g: Gaussians, z: Float64[Float64s, "Q d"]) -> Terms:
    """Return the log densities of N Gaussians at z (Q, d) as products of features and coefficients."""
    centre = g.means.mean(0)
    u, v = z - centre, g.means - centre
    return _shared(g, u, v) if g.shared else _separate(g, u, v)


def _shared(g: Gaussians, u: Float64[Float64s, "Q d"], v: Float64[Float64s, "N d"]) -> Terms:
    """Whiten: log density = y.y_i - |y_i|^2 / 2 - |y|^2 / 2 + constant, with y = L^-1 u and S = L L^T."""
    # (Q, d) and (N, d). The products give y.y_i - |y_i|^2/2 = |y|^2/2 - |y - y_i|^2/2, the log
    # density up to a constant of the query; |y|^2/2 is the offset of its bounds, in which the
    # distance stands alone.
    if g.isotropic:
        scale = 1 / math.sqrt(float(g.covariances[0]))
        y, codes, condition = u * scale, v * scale, 1.0
    else:
        inverse = np.linalg.inv(np.linalg.cholesky(g.covariances[0]))
        y, codes = u @ inverse.T, v @ inverse.T
        condition = float(np.linalg.cond(g.covariances[0]))
    half = 0.5 * (codes * codes).sum(1)
    features = np.column_stack([y, np.ones(len(y))])
    ones = np.ones(len(v))
    coefficients = np.column_stack([codes, -half])
    return Terms(y, codes, features, coefficients, 0.5 * (y * y).sum(1), 0 * ones, ones, condition)


def _separate(g: Gaussians, u: Float64[Float64s, "Q d"], v: Float64[Float64s, "N d"]) -> Terms:
    """Expand the quadratic form: products of two coordinates, the coordinates, and a constant."""
    # -(u - v).P (u - v)/2 = -u.P u/2 + u.P v - v.P v/2, linear in the features u_j u_k (j <= k),
    # u_j and 1, with K = 1 + d + 1 for variances. An entry off the diagonal stands twice in the
    # form, hence 1 and 1/2. The least eigenvalue of P is one over the largest of S.
    if g.isotropic:
        linear = g.precisions[:, None] * v
        squares, quadratic = (u * u).sum(1), -0.5 * g.precisions
        stiffness = g.precisions
    else:
        linear = np.einsum("njk,nk->nj", g.precisions, v)
        row, column = np.triu_indices(u.shape[1])
        squares = u[:, row] * u[:, column]
        quadratic = -g.precisions[:, row, column] * np.where(row == column, 0.5, 1.0)
        stiffness = 1 / np.linalg.eigvalsh(g.covariances)[:, -1]
    constant = g.log_norms - 0.5 * (linear * v).sum(1)
    features = np.column_stack([squares, u, np.ones(len(u))])
    coefficients = np.column_stack([quadratic, linear, constant])
    return Terms(u, v, features, coefficients, np.zeros(len(u)), g.log_norms, stiffness)


def spatial_order(points: Float64[Float64s, "n d"], block: int) -> Int[Integers, "n"]:
    """Return an order of points (n, d) in which each run of ``block`` is a leaf of a k-d tree."""
    # halves along the longest side, cut at a multiple of `block`, so that every leaf but the last
    # of all is full; the lower half is taken first, and the order is a permutation by construction
    leaves: list[Integers] = []
    pending = [np.arange(len(points))]
    while pending:
        part = pending.pop()
        if len(part) <= block:
            leaves.append(part)
            continue
        here = points[part]
        axis = int(np.argmax(here.max(0) - here.min(0)))
        cut = block * (-(-len(part) // block) // 2)
        split = np.argpartition(here[:, axis], cut)
        pending += [part[split[cut:]], part[split[:cut]]]
    return np.concatenate(leaves)


def average(
    g: Gaussians, data: Float[Floats, "N D"], z: Float64[Float64s, "Q d"]
) -> tuple[Float[Floats, "Q D"], Bool[Booleans, "Q"]]:
    """Return sum_i w_i(z) x_i, shape (Q, D), and which queries (Q,) are accurate.

    Parameters
    ----------
    g : Gaussians
        In float64.
    data : (N, D)
        float32 or float64; the result has its precision.
    z : (Q, d)

    Notes
    -----
    Memory beside the arguments and the result: a second result, and blocks of a few megabytes.
    """
    # `rounding` (Q,) decides before anything is summed who is accurate; NaN and infinity are not.
    # Only those are passed on, the others' rows of the result stay undefined for the caller to
    # fill.
    with np.errstate(over="ignore", invalid="ignore"):  # whoever overflows is not accurate
        whole = terms(g, z)
        rounding = whole.rounding
    accurate = rounding <= max(16 * float(np.finfo(data.dtype).eps), FINEST)
    order, codes = spatial_order(whole.positions, QUERY_BLOCK), spatial_order(whole.codes, CODE_BLOCK)
    order = order[accurate[order]]
    result = np.empty((len(z), data.shape[1]), data.dtype)
    result[order] = _Pass(whole, data, order, codes).run()
    return result, accurate


def candidates(g: Gaussians, eps: float, z: Float64[Float64s, "Q d"]) -> Iterator[tuple[Integers, Integers]]:
    """Yield groups of nearby queries with the codes that can matter to any of them, as two index arrays.

    The codes left out weigh less than eps / (4 N) times the largest weight, rounding included.
    """
    # an empty (N, 0) table of data: the pass is only asked which blocks it sees, (blocks, Q)
    # booleans; a run of neighbouring queries gets the union of their blocks, so no query loses one
    with np.errstate(over="ignore", invalid="ignore"):
        whole = terms(g, z)
        order, codes = spatial_order(whole.positions, QUERY_BLOCK), spatial_order(whole.codes, CODE_BLOCK)
        search = _Pass(whole, np.empty((len(codes), 0)), order, codes)
        search.seed()
        seen = np.stack([search.seen(number, eps) for number in range(len(search.blocks))])
    for run in slices(len(order), GROUP):
        used = np.flatnonzero(seen[:, run].any(1))
        yield order[run], np.concatenate([search.blocks[number] for number in used])


class _Pass:
    """One pass over all blocks of codes; ``out`` and ``total`` are relative to exp(shift)."""

    def __init__(
        self, whole: Terms, data: Float[Floats, "N D"], order: Int[Integers, "q"], codes: Int[Integers, "N"]
    ) -> None:
        # A last feature, -shift of the query, meets a last coefficient 1: the product then gives
        # log densities less the shift. `out` (Q, D) and `total` (Q,) are sums of exp(log density -
        # shift); buffers are made once for all blocks.
        self.data, self.codes = data, codes
        self.blocks = [codes[part] for part in slices(len(codes), CODE_BLOCK)]
        self.bounds = _upper_bounds(whole, order, self.blocks)
        self.slack = 2 * whole.rounding[order]  # of a bound and of the shift it is compared with
        ones = np.ones((len(codes), 1))
        self.coefficients = np.hstack([whole.coefficients[codes], ones])
        self.features = np.hstack([whole.features[order], np.zeros((len(order), 1))])
        self.out = np.zeros((len(order), data.shape[1]), data.dtype)
        self.total = np.zeros(len(order))
        self.scores = np.empty(QUERY_BLOCK * CODE_BLOCK)
        self.powers = np.empty(QUERY_BLOCK * CODE_BLOCK, data.dtype)
        self.product = np.empty((QUERY_BLOCK, data.shape[1]), data.dtype)

    def run(self) -> Float[Floats, "q D"]:
        self.seed()
        eps = float(np.finfo(self.data.dtype).eps)
        for number, part in enumerate(slices(len(self.codes), CODE_BLOCK)):
            seen = self.seen(number, eps)
            rows = self.data[self.blocks[number]] if seen.any() else self.data[:0]
            for queries in slices(len(self.total), QUERY_BLOCK):
                if seen[queries].any():
                    self._add(number, part, queries, rows)
        self.out /= self.total[:, None].astype(self.out.dtype)
        return self.out

    def seen(self, number: int, eps: float) -> Bool[Booleans, "q"]:
        """Return for which queries (Q,) a block of codes is not provably negligible; NaN proves nothing."""
        # The shift is the log density of some code, so at most the largest of the query. A block
        # whose bound is below it by `depth`, with the roundings of both (`slack`), holds only
        # weights below eps / (4 N) of the largest weight. The comparison is turned, so that NaN
        # counts as seen.
        depth = math.log(4 * len(self.codes) / eps)
        negligible = self.bounds[number] + self.slack + self.features[:, -1] < -depth
        return np.asarray(~negligible)

    def seed(self) -> None:
        """Shift each query by its largest log density in the block of codes with the highest bound."""
        # any shift is right; the largest log density of the most promising block is near the
        # largest of all, so exp neither overflows nor loses the sum
        best = self.bounds.argmax(0)
        for number, part in enumerate(slices(len(self.codes), CODE_BLOCK)):
            chosen = np.flatnonzero(best == number)
            for run in slices(len(chosen), QUERY_BLOCK):
                scores = self.features[chosen[run]] @ self.coefficients[part].T
                self.features[chosen[run], -1] = -scores.max(1)

    def _add(self, number: int, part: slice, queries: slice, rows: Float[Floats, "n D"]) -> None:
        # (q, K + 1) times (K + 1, n) into a buffer (q, n), its exp in the data's precision, then
        # the sums over n codes, one of them a product with ones, so that both are rounded alike. If
        # a bound may exceed the shift by HEADROOM, the shift is raised before exp.
        features = self.features[queries]
        shape = len(features), len(rows)
        scores = self.scores[: shape[0] * shape[1]].reshape(shape)
        powers = self.powers[: shape[0] * shape[1]].reshape(shape)
        np.matmul(features, self.coefficients[part].T, out=scores)
        if (self.bounds[number, queries] + features[:, -1]).max() > HEADROOM:
            self._raise_shift(scores, queries)
        np.exp(scores, out=powers, dtype=powers.dtype, casting="same_kind")
        self.total[queries] += powers @ np.ones(shape[1], powers.dtype)
        self.out[queries] += np.matmul(powers, rows, out=self.product[: shape[0]])

    def _raise_shift(self, scores: Float64[Float64s, "q n"], queries: slice) -> None:
        # exp(s - shift - top) = exp(s - shift) exp(-top): what was summed so far is multiplied by
        # exp(-top), once a query
        top = scores.max(1)
        top[top < HEADROOM] = 0
        if top.any():
            scores -= top[:, None]
            self.features[queries, -1] -= top
            factor = np.exp(-top)
            self.total[queries] *= factor
            self.out[queries] *= factor[:, None].astype(self.out.dtype)


def _upper_bounds(
    whole: Terms, order: Int[Integers, "q"], blocks: list[Int[Integers, "_"]]
) -> Float64[Float64s, "blocks q"]:
    """Return upper bounds (blocks, Q) of the log densities of each block at each query."""
    # blocks of codes against Q queries. dist(z, box)^2 is the sum over axes of the distance to the
    # interval [min, max] of the block; with the largest constant and the least stiffness of a block
    # no code in it exceeds the bound.
    z, offset = whole.positions[order], whole.offset[order]
    bounds = np.empty((len(blocks), len(order)))
    for number, block in enumerate(blocks):
        here = whole.codes[block]
        outside = np.maximum(np.maximum(here.min(0) - z, z - here.max(0)), 0)
        squared = (outside * outside).sum(1)
        bounds[number] = offset + whole.top[block].max() - 0.5 * whole.stiffness[block].min() * squared
    return bounds

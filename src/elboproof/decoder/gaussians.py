"""The encoder's Gaussians q(z|x_i) = N(m_i, S_i), and their log densities relative to one of them.

Log densities of a far or narrow Gaussian are huge numbers with a small difference: at a distance of 1e6 and a
standard deviation of 1e-4 they are near -5e19, and their difference is lost in float64. So they are never
subtracted. With u = z - m_r, delta_i = m_i - m_r, P = S^-1 and t_i = (S_r - S_i) P_r u,

    log N(z; m_i, S_i) - log N(z; m_r, S_r) = u.P_i (delta_i - t_i / 2) - delta_i.P_i delta_i / 2 + c_i - c_r,
    grad log N(z; m_i, S_i) - grad log N(z; m_r, S_r) = P_i (delta_i - t_i),

where c = -log det(2 pi S) / 2, because P_i - P_r = P_i (S_r - S_i) P_r. With one shared covariance t_i = 0.
Each term has the size of the difference itself, so its rounding error has the size of the rounding error of z.
"""

import functools
import math
import operator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import RECTANGULAR, FloatArray, is_tensor, real_array, require_doubles, require_finite
from elboproof.decoder import tensors
from elboproof.decoder.tensors import Table
from elboproof.shapes import Float, Float64, Int, Shaped

Array = Any
"""A NumPy array or a torch tensor: the functions here use only what both have."""

Planes = list[Float[Array, "Q N"]]
"""A field of d-vectors, one array per component: short last axes would make every pass slow."""

Stack = Float[Array, "#N"] | Float[Array, "#N d d"]
"""Variances or matrices, one per point or one for all."""

SYMMETRY = 1e-6
"""Largest asymmetry of a covariance, relative to its largest entry: room for float32 rounding only."""

SMALLEST = float(np.finfo(np.float64).tiny)
"""Smallest variance whose inverse is sure to be a float64: the smallest normal number."""

ACCEPTED = (
    "a scalar (one shared isotropic variance), shape (N,) (one isotropic variance per point), (d, d) or "
    "(1, d, d) (one shared covariance), or (N, d, d) (one covariance per point)"
)


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians in R^d; an isotropic stack holds variances, any other one matrices.

    Attributes
    ----------
    xp : numpy or torch
        The module whose arrays these are.
    means : (N, d)
    covariances, precisions : (n,) or (n, d, d)
        n = N, or n = 1 if all N share one.
    log_norms : (n,)
        -log det(2 pi S_i) / 2, in nats.
    """

    xp: ModuleType
    means: Float[Array, "N d"]
    covariances: Stack
    precisions: Stack
    log_norms: Float[Array, "#N"]

    @property
    def shared(self) -> bool:
        """Whether all points have the same covariance."""
        return bool(self.covariances.shape[0] == 1)

    @property
    def isotropic(self) -> bool:
        """Whether every covariance is a multiple of the identity."""
        return bool(self.covariances.ndim == 1)


def gaussians(xp: ModuleType, means: Float[Array, "N d"], covariances: Stack) -> Gaussians:
    """Return the Gaussians of means (N, d) and a checked stack of covariances (n,) or (n, d, d)."""
    # only the symmetric part of a matrix enters its quadratic form; what is dropped is rounding (`SYMMETRY`)
    d = means.shape[1]
    if covariances.ndim == 3:
        covariances = 0.5 * (covariances + covariances.mT)
    if covariances.ndim == 1:
        precisions, log_det = 1.0 / covariances, d * xp.log(covariances)
    else:
        precisions, log_det = xp.linalg.inv(covariances), xp.linalg.slogdet(covariances)[1]
    return Gaussians(xp, means, covariances, precisions, -0.5 * (log_det + d * math.log(2 * math.pi)))


def subset(g: Gaussians, chosen: Int[Array, "n"]) -> Gaussians:
    """Return the Gaussians of some of the points."""
    own = slice(None) if g.shared else chosen
    return Gaussians(g.xp, g.means[chosen], g.covariances[own], g.precisions[own], g.log_norms[own])


def apply(stack: Stack, planes: list[Float[Array, "*Q N"]]) -> list[Float[Array, "*Q N"]]:
    """Return the products of n variances or matrices with vectors, given and returned as d planes (Q, n)."""
    if stack.ndim == 1:
        return [stack * plane for plane in planes]
    # (n, d, d) times d planes (Q, n), n = 1 broadcasts: d^2 passes over long last axes
    axes = range(len(planes))
    return [_sum([stack[:, j, k] * planes[k] for k in axes]) for j in axes]


def relative(
    g: Gaussians, z: Float[Array, "Q d"], reference: Int[Array, "Q"]
) -> tuple[Float[Array, "Q N"], Planes]:
    """Return log densities and their gradients at z (Q, d), relative to the points ``reference`` (Q,).

    Returns
    -------
    scores : (Q, N)
        log N(z; m_i, S_i) - log N(z; m_r, S_r), in nats.
    slopes : d planes of shape (Q, N)
        The gradient of the scores in z.
    """
    # Q queries, N codes, d planes of (Q, N); u are d planes of (Q, 1), one reference for each
    # query. With t_i = 0 the score is (u - delta/2).P delta and the slope P delta; for differing
    # covariances the module docstring's t_i enters both, and nothing larger than the difference
    # itself is ever formed.
    axes = range(z.shape[1])
    centre = g.means[reference]
    u = [(z[:, k] - centre[:, k])[:, None] for k in axes]
    delta = [g.means[:, k] - centre[:, k, None] for k in axes]
    slopes = apply(g.precisions, delta)
    scores = _sum([(u[k] - 0.5 * delta[k]) * slopes[k] for k in axes])
    if g.shared:
        return scores, slopes
    turned = apply(g.precisions, _turn(g, u, reference))
    scores = scores - 0.5 * _sum([u[k] * turned[k] for k in axes])
    scores = scores + (g.log_norms - g.log_norms[reference][:, None])
    return scores, [slopes[k] - turned[k] for k in axes]


def _turn(g: Gaussians, u: list[Float[Array, "Q 1"]], reference: Int[Array, "Q"]) -> Planes:
    """Return t_i = (S_r - S_i) P_r u as d planes (Q, N)."""
    # P_r u has one column for each query (Q,), S_r - S_i one matrix for each pair (Q, N)
    pulled = apply(g.precisions[reference], [plane[:, 0] for plane in u])
    if g.isotropic:
        change = g.covariances[reference][:, None] - g.covariances
        return [change * plane[:, None] for plane in pulled]
    axes = range(len(u))
    chosen = g.covariances[reference]
    return [
        _sum([(chosen[:, j, k, None] - g.covariances[:, j, k]) * pulled[k][:, None] for k in axes])
        for j in axes
    ]


def _sum(terms: list[Float[Array, "*S"]]) -> Float[Array, "*S"]:
    """Return the sum without the integer 0 that the built-in starts from."""
    return functools.reduce(operator.add, terms)


def nearest(g: Gaussians, z: Float[Array, "Q d"]) -> Int[Array, "Q"]:
    """Return the index (Q,) of a point of largest log density at z (Q, d), up to rounding.

    The second round is relative to the winner of the first, so it decides what the first could not.
    """
    # relative to code 0 first: far from it the differences of two near candidates may be lost;
    # relative to the winner, which is near both, they are not
    index = g.xp.zeros(len(z), dtype=g.xp.int64) if g.xp is np else z[:, 0].detach().long() * 0
    for _ in range(2):
        index = g.xp.argmax(relative(g, z, index)[0], -1)
    return index


def log_density_of(g: Gaussians, z: Float[Array, "Q d"], index: Int[Array, "Q"]) -> Float[Array, "Q"]:
    """Return log N(z; m_r, S_r) in nats, shape (Q,), of one point r per query."""
    axes = range(z.shape[1])
    u = [z[:, k] - g.means[index, k] for k in axes]
    which = index * 0 if g.shared else index
    pulled = apply(g.precisions[which], u)
    return g.log_norms[which] - 0.5 * _sum([u[k] * pulled[k] for k in axes])


def covariance_stack(covariances: Shaped[Array, "..."], points: int, dimensions: int) -> Stack:
    """Return ``covariances`` (array or tensor) as (n,) variances or (n, d, d) matrices, n = 1 or N.

    Only the shape is decided here; `require_covariances` looks at the numbers.

    Raises
    ------
    ValueError
        If the shape is none of those accepted, or could mean two of them.
    """
    # A vector is one variance for each point, (N,), never a diagonal: (d,) with d > 1 is refused
    # also where N = d makes it fit. (d, d) is one matrix even where N = d; (N, d, d) differs from
    # it by its number of axes.
    shape = tuple(covariances.shape)
    if shape == ():
        return covariances.reshape(1)
    if shape == (dimensions,) and dimensions > 1:
        meaning = "is ambiguous because N = d" if points == dimensions else "looks like one shared diagonal"
        raise ValueError(
            f"covariances: got shape {shape}, which {meaning}; for a shared diagonal pass numpy.diag(v), "
            f"of shape (d, d); for one variance per point pass v[:, None, None] * numpy.eye(d) of shape (N, d, d)"
        )
    if shape == (points,) or shape in {(1, dimensions, dimensions), (points, dimensions, dimensions)}:
        return covariances
    if shape == (dimensions, dimensions):
        return covariances[None]
    raise ValueError(
        f"covariances: got shape {shape} with N = {points} and d = {dimensions}; expected {ACCEPTED}"
    )


def require_covariances(
    stack: Float64[FloatArray, "n"] | Float64[FloatArray, "n d d"],
) -> None:
    """Raise ValueError unless a stack (n,) or (n, d, d) is finite, symmetric and positive definite."""
    # (n,) or (n, d, d), in this order: eigenvalues of what is not finite or not symmetric say
    # nothing. The smallest of each matrix (n,) must be positive and have an inverse in float64;
    # both are computed in floats, so a matrix that is singular to rounding may pass here, and the
    # proofs (`bounds`, `enclosing`) look again.
    require_finite(stack, "covariances")
    if stack.ndim == 1:
        if not (stack > 0).all():
            index = int(np.argmin(stack > 0))
            raise bad("covariances", float(stack[index]), f"positive variances; entry {index} is not")
        require_invertible(stack)
        return
    transposed = stack.swapaxes(1, 2)
    skew = np.abs(stack - transposed).max((1, 2)) > SYMMETRY * np.abs(stack).max((1, 2))
    if skew.any():
        index = int(np.argmax(skew))
        raise bad("covariances", stack[index].tolist(), f"symmetric matrices; matrix {index} is not")
    smallest = np.linalg.eigvalsh(stack)[:, 0].astype(np.float64)
    if not (smallest > 0).all():
        index = int(np.argmin(smallest))
        raise ValueError(
            f"covariances: got matrix {index} with smallest eigenvalue {smallest[index]:.6g}; "
            "expected positive definite matrices"
        )
    require_invertible(smallest)


def require_invertible(variances: Float64[FloatArray, "n"]) -> None:
    """Raise ValueError if the inverse of a positive variance (or smallest eigenvalue) overflows."""
    if (variances < SMALLEST).any():
        raise bad(
            "covariances", float(variances.min()), f"variances of at least {SMALLEST:.3g} in every direction"
        )


def real_table(value: Any, name: str, requirement: str) -> Table:
    """Return a tensor of floats as it is, anything else as an array of real numbers, float32 or float64.

    Raises
    ------
    TypeError
        If the entries are no real numbers, or the nesting is ragged.
    ValueError
        If an entry is masked, or float64 would round it.
    """
    # any shape, which others look at; a tensor keeps its graph, a ragged nesting is a wrong type here as strings are
    if is_tensor(value):
        tensors.require_floating(value, name)
        return value
    try:
        array = real_array(value, name, requirement)
    except ValueError as error:
        if RECTANGULAR in str(error):
            raise wrong_type(name, value, requirement) from error
        raise
    require_doubles(array, name)
    return tensors.plain(array)

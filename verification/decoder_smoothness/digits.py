"""S3 on real data: the bound against the steepest place that a search finds, on the digits with 2-D codes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, at_least, at_most, control, equal

from .._shared.digits import digits, principal_codes
from . import claim
from .hypotheses import definite_encoder, shared_covariance

Array = NDArray[np.float64]
VARIANCES = (1.0, 0.05, 0.01)
GRID, EXTENT = 30, 3.5
"""Latents per axis of a square grid around the codes, which have unit variance."""
FAR = (3.0, 30.0, 3000.0)
"""How far beyond each edge of the codes' hull the search begins, on the wall between its two ends."""
BEST, STEPS = 3, 40
"""Starts of the local search, and its evaluations."""
ROOM = 1e-6


@dataclass(frozen=True)
class Search:
    """The places looked at (Q, 2), ||J|| there (Q,), the product of the weights' deviations (Q,), and the bound."""

    z: Array
    norms: Array
    deviations: Array
    bound: float
    equal_weights: float


@lru_cache
def data() -> tuple[Array, Array]:
    """Return codes (1797, 2) and images (1797, 64)."""
    images = digits()
    return principal_codes(images), images


def hull() -> NDArray[np.intp]:
    """Return the indices of the corners of the codes' hull, in order."""
    from scipy.spatial import ConvexHull

    return np.asarray(ConvexHull(data()[0]).vertices)


def steepest_wall(variance: float) -> float:
    """Return max |x_i - x_j| |m_i - m_j|/(4 s^2) over neighbouring corners: far out on their wall only they count."""
    i = hull()
    j = np.roll(i, -1)
    lengths = [np.linalg.norm(one[i] - one[j], axis=1) for one in data()]
    return float((lengths[0] * lengths[1]).max() / (4 * variance))


def walls() -> Array:
    """Return latents on the walls between neighbouring corners of the codes' hull, far outside."""
    corners = data()[0][hull()]
    ahead = np.roll(corners, -1, axis=0)
    along = ahead - corners
    normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.linalg.norm(along, axis=1)[:, None]
    return np.concatenate([(corners + ahead) / 2 + distance * normal for distance in FAR])


def norms(decoder: ep.OptimalDecoder, z: Array) -> Array:
    """Return ||J(z)||, shape (Q,)."""
    return np.asarray(np.linalg.norm(np.asarray(decoder.jacobian(z)), 2, axis=(1, 2)))


@lru_cache
def search(variance: float) -> Search:
    """Look on a grid and on the walls, then climb from the best places."""
    from scipy.optimize import minimize

    codes, images = data()
    decoder = ep.OptimalDecoder(codes, images, variance)
    axis = np.linspace(-EXTENT, EXTENT, GRID)
    z = np.concatenate([np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), walls()])
    found = norms(decoder, z)
    for start in z[np.argsort(-found)[:BEST]]:
        climbed = minimize(
            lambda one: -float(norms(decoder, one[None])[0]),
            start,
            method="Nelder-Mead",
            options={"maxfev": STEPS},
        ).x[None]
        z, found = np.concatenate([z, climbed]), np.concatenate([found, norms(decoder, climbed)])
    w = np.asarray(decoder.weights(z))
    squares = [(w @ (one**2).sum(1)) - ((w @ one) ** 2).sum(1) for one in _centred()]
    spreads = [np.sqrt(np.maximum(square, 0.0)) for square in squares]
    together = _centred()[1].T @ _centred()[0] / len(codes) / variance
    return Search(z, found, spreads[0] * spreads[1] / variance, decoder.lipschitz_bound(),
                  float(np.linalg.norm(together, 2)))  # fmt: skip


def _centred() -> tuple[Array, Array]:
    codes, images = data()
    return codes - codes.mean(0), images - images.mean(0)


def the_bound(found: Search, variance: float) -> float:  # noqa: ARG001
    """OptimalDecoder.lipschitz_bound()."""
    return found.bound


def with_deviation(found: Search, variance: float) -> float:
    """diam(x) diam(m)/(4 s)."""
    return found.bound * math.sqrt(variance)


def under_equal_weights(found: Search, variance: float) -> float:  # noqa: ARG001
    """The norm of the covariance of all data: J for large s."""
    return found.equal_weights


@claim.check(
    statement="S3",
    role="sharpens",
    method="numeric",
    relation="<=",
    states=(
        "the largest ||J|| that a search finds is diam(x) diam(m)/(4 s^2) divided by 4.23 to 4.24; it is max |x_i - "
        "x_j| |m_i - m_j|/(4 s^2) over neighbouring corners i, j of the codes' hull, within 1e-6, far out on the "
        "wall between them; everywhere ||J|| is at most the product of the deviations of x and m under w(z), over "
        "s^2"
    ),
    domain=(
        f"1,797 digits, 64 pixels, 2-D codes from PCA, s^2 = 1, 0.05, 0.01; {GRID}^2 latents, {len(FAR)} on each "
        f"wall, {BEST} local searches"
    ),
    hypotheses=(definite_encoder, shared_covariance),
    controls=(
        control(
            "the covariance under equal weights as the bound", refutes="bound, *", bound=under_equal_weights
        ),
        control("s for s^2", refutes="bound, s^2 = 0.01", bound=with_deviation),
        control(
            "a factor of at most 4.23 between bound and search", refutes="at least, *", factors=(4.22, 4.23)
        ),
        control("a factor of at least 4.24", refutes="at most, *", factors=(4.24, 4.25)),
        control("1/4.01 for 1/4 on the wall", refutes="wall, *", quarter=4 / 4.01),
        control("99 % of the product of the deviations", refutes="deviations, *", share=0.99),
    ),
    time_limit=120,
)
def digits_lie_below_the_bound(
    run: Run,
    *,
    bound: Callable[[Search, float], float] = the_bound,
    factors: tuple[float, float] = (4.23, 4.24),
    share: float = 1.0,
    quarter: float = 1.0,
) -> Verdict:
    """A search shows what is reached, not the supremum."""
    parts: dict[str, Verdict] = {}
    series: dict[str, Any] = {"variance": VARIANCES, "bound": [], "found": []}
    for variance in VARIANCES:
        run.assume(definite_encoder, variance)
        run.assume(shared_covariance, [variance] * 2)
        found = search(variance)
        largest = float(found.norms.max())
        room = (
            ROOM * found.bound
        )  # where one point has nearly all weight, deviations are differences of large numbers
        parts[f"bound, s^2 = {variance}"] = at_most(largest, bound(found, variance) * (1 + ROOM))
        parts[f"at least, s^2 = {variance}"] = at_least(largest, found.bound / factors[1])
        parts[f"at most, s^2 = {variance}"] = at_most(largest, found.bound / factors[0])
        parts[f"deviations, s^2 = {variance}"] = at_most(found.norms, share * found.deviations + room)
        parts[f"wall, s^2 = {variance}"] = equal(largest / (quarter * steepest_wall(variance)), 1.0, 1e-6)
        series["bound"].append(found.bound)
        series["found"].append(largest)
    return all_of(parts).with_data(**series)

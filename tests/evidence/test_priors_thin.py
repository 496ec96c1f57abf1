"""Thin likelihoods, two modes, three latents: as sigma falls, p(x) is the prior's density pushed forward.

p(x) = sum over preimages of p(z) / |det f'(z)| up to O(sigma^2), which is 1e-8 here: the prior's SciPy density is the
route, for every kind of prior.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

import elboproof as ep

SIGMA = 1e-4
ROOM = 2e-6
"""Of log p: what the route leaves out is of the order of sigma^2 times second derivatives of up to about 100."""
FULL = [[2.0, 1.9, 0.5], [1.9, 2.0, 0.5], [0.5, 0.5, 1.0]]


def _box(low: Sequence[float], high: Sequence[float]) -> Callable[[Any], float]:
    return lambda _: -float(np.log(np.subtract(high, low)).sum())


def _exponential_normal(z: Any) -> float:
    return float(-z[0] + stats.norm.logpdf(z[1:]).sum())


def priors(d: int) -> dict[str, tuple[Any, Callable[[Any], float]]]:
    """Return priors of d latents with their log densities; all are positive at the points of the tests."""
    mean, covariance = [0.5, -0.25, 0.125][:d], [row[:d] for row in FULL[:d]]
    names = ["z", "w", "y"][:d]
    squares = "".join(f" - {name}**2/2 - log(2*pi)/2" for name in names[1:])
    normal = stats.multivariate_normal(mean, covariance).logpdf
    low, high = [-1.0, -2.0, -1.5][:d], [2.0, 1.5, 1.0][:d]
    mixture = ep.Mixture(
        [ep.Normal(mean, covariance), ep.Uniform(low, high), ep.Normal([0] * d, [1] * d)],
        ["1/4", "1/2", "1/4"],
    )

    def mixed(z: Any) -> float:
        parts = [np.log(0.25) + normal(z), np.log(0.5) + _box(low, high)(z)]
        return float(np.logaddexp.reduce([*parts, np.log(0.25) + stats.norm.logpdf(z).sum()]))

    return {
        "standard": (ep.Normal(), lambda z: float(stats.norm.logpdf(z).sum())),
        "normal": (ep.Normal(mean, covariance), lambda z: float(normal(z))),
        "uniform": (ep.Uniform(low, high), _box(low, high)),
        "density": (
            ep.PriorDensity(f"-z{squares}", [(0, "inf"), *[("-inf", "inf")] * (d - 1)]),
            _exponential_normal,
        ),
        "mixture": (mixture, mixed),
    }


KINDS = list(priors(2))
MAPS: dict[str, tuple[list[str], list[str], list[str], list[list[float]], list[float]]] = {
    "curve": (["z", "w"], ["z", "w + z**2"], ["1/2", "7/10"], [[0.5, 0.45]], [1.0]),
    "two modes": (
        ["z", "w"],
        ["z**2", "w + z"],
        ["1/4", "3/10"],
        [[0.5, -0.2], [-0.5, 0.8]],
        [1.0, 1.0],
    ),
    "three latents": (
        ["z", "w", "y"],
        ["z", "w + z**2", "y + z*w"],
        ["1/2", "7/10", "2/10"],
        [[0.5, 0.45, -0.025]],
        [1.0],
    ),
}
"""Names, decoder, x, preimages, and the sizes of the determinants there."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAPS)
def test_the_pushed_forward_density(name: str, kind: str) -> None:
    latents, decoder, x, places, sizes = MAPS[name]
    prior, log_density = priors(len(latents))[kind]
    inside = [
        (z, size)
        for z, size in zip(places, sizes, strict=True)
        if all(
            low < float(v) < high
            for v, (low, high) in zip(z, np.array(prior.domain(len(z)), float), strict=True)
        )
    ]
    value = np.logaddexp.reduce([log_density(np.array(z)) - np.log(size) for z, size in inside])
    model = ep.LatentModel(latents, decoder, ep.Gaussian(variance="1e-8"), prior=prior)
    found = ep.log_evidence(model, x, 6 if len(latents) < 3 else 5, seconds=60)
    assert found.lower - ROOM <= value <= found.upper + ROOM
    assert found.width <= 2.1e-5

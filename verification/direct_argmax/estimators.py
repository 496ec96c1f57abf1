"""Estimators of the gradient on drawn Gumbels: the library's, and what it is compared with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .laws import Categories, Estimator

Array = NDArray[np.float64]


def gumbels(rng: np.random.Generator, *shape: int) -> Array:
    """Return independent standard Gumbel variables."""
    return -np.log(rng.standard_exponential(shape))


def direct(given: Categories, eps: float, noise: Array, two_sided: bool) -> Array:
    """Return the library's estimates, one for each row of the noise (B, K)."""
    import torch

    from elboproof import objectives

    shape = (len(noise), 1, noise.shape[1])
    a, f = (
        torch.tensor(list(map(float, one))).double().expand(shape) for one in (given.logits, given.values)
    )
    result: Any = objectives.direct_gradient(a, f, eps, torch.tensor(noise)[:, None], two_sided)
    return np.asarray(result[:, 0])


def fresh_noise(rng: np.random.Generator) -> Estimator:
    """Return the estimator whose two arg maxima have Gumbels of their own."""

    def estimate(given: Categories, eps: float, noise: Array, two_sided: bool) -> Array:
        a, f = (np.array(list(map(float, one))) for one in (given.logits, given.values))
        behind = a - eps * f if two_sided else a
        ahead = np.eye(len(a))[(a + eps * f + noise).argmax(1)]
        back = np.eye(len(a))[(behind + gumbels(rng, *noise.shape)).argmax(1)]
        return np.asarray((ahead - back) / (2 * eps if two_sided else eps))

    return estimate


def backwards(logits: Any, values: Any, eps: float, noise: Any, two_sided: bool) -> Any:
    """Return `elboproof.objectives.direct_gradient` with the step down in place of up."""
    from elboproof import objectives

    return objectives.direct_gradient(logits, -values, eps, noise, two_sided)

r"""Bounded scores of noise that should be of a law, standard normal say; thresholds that hold at every sample size.

For r of distribution function F, u = F(r) is uniform and the orthonormal Legendre polynomials P1, P2, P4 of u have mean
0 and variance 1, and bounds: 3^(1/2), 5^(1/2), 3. So have products of scores of independent entries. Bernstein's
inequality gives, for n independent scores of variance 1 within [-c, c], |mean| <= (2 L / n)^(1/2) + 2 c L / (3 n) with
probability at least 1 - delta, L = log(2 / delta).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from elboproof.audit.laws import NORMAL, NoiseLaw

Tensor = torch.Tensor
BOUNDS = {"P1": math.sqrt(3), "P2": math.sqrt(5), "P4": 3.0}
MOST_PAIRS = 28
"""Of latents that are compared; all of 8."""


@dataclass(frozen=True)
class Score:
    """A family of means of scores that should vanish.

    Attributes
    ----------
    what : str
        In words.
    means : Tensor
        Any shape.
    n : int
        Independent scores in each.
    bound : float
        Of one score.
    """

    what: str
    means: Tensor
    n: int
    bound: float

    def threshold(self, false_alarm: float) -> float:
        """Return what a mean exceeds with probability at most ``false_alarm``."""
        return bernstein(self.n, self.bound, false_alarm)


def bernstein(n: int, bound: float, false_alarm: float) -> float:
    """Return the largest mean of n scores of variance 1 up to a probability."""
    level = math.log(2 / false_alarm)
    return math.sqrt(2 * level / n) + 2 * bound * level / (3 * n)


def legendre(r: Tensor, law: NoiseLaw = NORMAL) -> dict[str, Tensor]:
    """Return P1, P2 and P4 of F(r) of a law; what is not finite scores at the bound."""
    t = 2 * law.cdf(r.double()) - 1
    t = torch.where(torch.isfinite(t), t, torch.ones_like(t))
    return {
        "P1": math.sqrt(3) * t,
        "P2": math.sqrt(5) * (3 * t**2 - 1) / 2,
        "P4": 3 * (35 * t**4 - 30 * t**2 + 3) / 8,
    }


WORDS = {"P1": "mean", "P2": "variance", "P4": "shape"}


def scores(r: Tensor, law: NoiseLaw = NORMAL) -> Iterator[Score]:
    """Yield the scores of residuals r, (T, B, K, d): calls, data, samples, latents."""
    found = legendre(r, law)
    calls, batch, samples, _ = r.shape
    for name, value in found.items():
        yield Score(
            f"{WORDS[name]} of a latent", value.mean((0, 1, 2)), calls * batch * samples, BOUNDS[name]
        )
        if name != "P4":
            yield Score(f"{WORDS[name]} of an entry", value.mean(0), calls, BOUNDS[name])
    for name in ("P1", "P2"):
        yield from _products(found[name], WORDS[name], BOUNDS[name] ** 2)


def _products(value: Tensor, words: str, bound: float) -> Iterator[Score]:
    """Yield products of entries that should be independent, of pairs that share no entry where they are averaged."""
    calls, batch, samples, latents = value.shape
    pairs = [(i, j) for i in range(latents) for j in range(i)][:MOST_PAIRS]
    if pairs:
        products = torch.stack([(value[..., i] * value[..., j]).mean() for i, j in pairs])
        yield Score(f"dependence of two latents ({words}s)", products, calls * batch * samples, bound)
    for axis, what in ((1, "data"), (2, "samples"), (0, "calls")):
        half = value.shape[axis] // 2
        if half:
            count = half * value.numel() // value.shape[axis]
            far = (value.narrow(axis, 0, half) * value.narrow(axis, half, half)).mean()
            yield Score(f"dependence of two {what} ({words}s)", far, count, bound)
            near = (_every_second(value, axis, 0, half) * _every_second(value, axis, 1, half)).mean()
            yield Score(f"dependence of two {what} ({words}s), neighbours", near, count, bound)


def _every_second(value: Tensor, axis: int, start: int, count: int) -> Tensor:
    return value.index_select(axis, torch.arange(count) * 2 + start)


def smallest_variance(threshold: float) -> float:
    """Return by how much the variance of the noise must exceed 1 that the mean of P2 is twice a threshold."""
    # to be told from 0 with high probability the mean must lie beyond the threshold by as much again
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()

    def mean(variance: float) -> float:
        value = legendre(torch.from_numpy(nodes * math.sqrt(variance)))["P2"]
        return float((value.numpy() * weights).sum())

    low, high = 1.0, 1e6
    if mean(high) < 2 * threshold:
        return math.inf
    while high - low > 1e-4 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean(middle) < 2 * threshold else (low, middle)
    return high - 1

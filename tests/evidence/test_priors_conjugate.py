"""Conjugate pairs of priors and likelihoods, whose evidences are closed forms."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, comb

import elboproof as ep

GAMMA = "2*log(z) - z - log(2)"
"""Gamma(3) with rate 1."""
BETA = "log(30) + log(z) + 4*log(1 - z)"
CASES: dict[str, tuple[Any, str, Any, list[Any], float]] = {
    "Gamma and Poisson": (
        ep.PriorDensity(GAMMA, (0, "inf")), "log(z)", ep.Poisson(), [4], stats.nbinom.logpmf(4, 3, 0.5),
    ),
    "Gamma and exponential": (
        ep.PriorDensity(GAMMA, (0, "inf")), "log(z)", ep.Exponential(), ["3/2"], stats.lomax.logpdf(1.5, 3),
    ),
    "Beta and binomial": (
        ep.PriorDensity(BETA, (0, 1)), "log(z/(1 - z))", ep.Binomial(7), [3],
        float(np.log(comb(7, 3)) + betaln(2 + 3, 5 + 4) - betaln(2, 5)),
    ),
    "uniform and binomial": (ep.Uniform(0, 1), "log(z/(1 - z))", ep.Binomial(7), [3], -float(np.log(8))),
    "normal and normal": (
        ep.Normal(3, "1/4"), "2*z - 1", ep.Gaussian("1/9"), [4], stats.norm.logpdf(4, 5, np.sqrt(1 + 1 / 9)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_conjugate_pairs(name: str) -> None:
    prior, decoder, likelihood, x, value = CASES[name]
    model = ep.LatentModel("z", [decoder], likelihood, prior=prior)
    found = ep.log_evidence(model, x, 8)
    assert found.lower - 1e-12 <= value <= found.upper + 1e-12
    assert found.width <= 2e-8

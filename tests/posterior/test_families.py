"""ELBOs, stationary posteriors and gaps of likelihoods that are not Gaussian, against routes of their own."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import elboproof as ep
from tests.evidence.family_cases import Instance, by_lattice, instances

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
"""Of N(0, 1) up to sqrt(2 pi)."""
SMOOTH = [
    "Bernoulli",
    "Binomial",
    "Categorical",
    "Poisson",
    "NegativeBinomial",
    "Exponential",
    "Gamma",
    "StudentT",
    "VonMises",
    "ContinuousBernoulli",
    "Density",
]
ROUTE = 1e-7
"""Of a Gauss-Hermite rule of 120 points for these decoders and posteriors."""


def by_rule(case: Instance, mean: float, deviation: float) -> float:
    """Return the ELBO at N(mean, deviation^2)."""
    z = mean + deviation * NODES
    expected = (WEIGHTS * case.log_density(case.outputs(z[:, None]))).sum() / np.sqrt(2 * np.pi)
    return float(expected + (1 - mean**2 - deviation**2) / 2 + np.log(deviation))


@pytest.mark.parametrize("name", [*SMOOTH, "Laplace"])
def test_elbos(name: str) -> None:
    for case in instances(name, 3, seed=7, d=1, tame=True):
        found = ep.elbo(case.model, case.x, ep.GaussianPosterior("1/4", "1/9"), 7)
        tolerance = ROUTE if name != "Laplace" else 2e-2  # the rule knows no kinks
        assert found.lower - tolerance <= by_rule(case, 0.25, 1 / 3) <= found.upper + tolerance
        assert found.upper - found.lower <= 2e-7


@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "ContinuousBernoulli"])
def test_the_stationary_posterior_is_the_best_of_a_float_search(name: str) -> None:
    for case in instances(name, 2, seed=8, d=1, tame=True):
        point = ep.stationary_posterior(case.model, case.x)
        start = [float(point.posterior.mean[0]), 0.5 * np.log(float(point.posterior.covariance[0][0]))]
        best = minimize(lambda v, c=case: -by_rule(c, v[0], np.exp(v[1])), start, method="BFGS", tol=1e-10)
        assert abs(-best.fun - float(point.elbo.midpoint)) < 1e-6
        assert np.allclose(best.x, start, atol=1e-3)
        gap = ep.gap(case.model, case.x, 3)
        value = by_lattice(case) + best.fun
        assert gap.lower - 1e-6 <= value <= gap.upper + 1e-6


@pytest.mark.parametrize("name", SMOOTH)
def test_gaps_with_two_latents(name: str) -> None:
    (case,) = instances(name, 1, seed=10, d=2)
    point = ep.stationary_posterior(case.model, case.x)
    gap = ep.gap(case.model, case.x, 3)
    assert gap.lower - 2e-6 <= by_lattice(case) - float(point.elbo.midpoint) <= gap.upper + 2e-6
    mean = np.array([float(m) for m in point.posterior.mean])
    factor = np.linalg.cholesky(np.array(point.posterior.covariance, dtype=float))
    grid = np.stack(np.meshgrid(NODES, NODES, indexing="ij"), -1).reshape(-1, 2)
    weights = np.outer(WEIGHTS, WEIGHTS).ravel() / (2 * np.pi)
    expected = float((weights * case.log_density(case.outputs(mean + grid @ factor.T))).sum())
    elbo = expected + 1 - (mean @ mean + (factor**2).sum()) / 2 + np.log(np.diag(factor)).sum()
    assert abs(elbo - float(point.elbo.midpoint)) < 1e-6


def test_best_posteriors_of_bernoulli_data() -> None:
    """Newton's method on two grids gave these numbers."""
    for a, mean, variance, gap in (
        ("1", 0.4131268059796831, 0.828868291887001, 7.829371349866860e-5),
        ("3", 0.6834749886867214, 0.504493479653220, 0.00959709169533632),
    ):
        model = ep.LatentModel("z", [f"{a}*z"], ep.Bernoulli())
        point = ep.stationary_posterior(model, [1])
        assert float(point.mean.midpoint[0]) == pytest.approx(mean, rel=1e-6)
        assert point.mean.lower[0] - 1e-13 <= mean <= point.mean.upper[0] + 1e-13
        assert point.covariance.lower[0, 0] - 1e-13 <= variance <= point.covariance.upper[0, 0] + 1e-13
        assert ep.gap(model, [1], 5).contains(gap)


def test_continuous_bernoulli_data_of_affine_decoders() -> None:
    """Its growth bounds take affine outputs; of others the evidence is proved, and the rest says what it lacks."""
    model = ep.LatentModel("z", ["z + 1/4", "-2*z"], ep.ContinuousBernoulli())
    elbo = ep.stationary_posterior(model, ["1/4", "3/4"]).elbo
    gap = ep.gap(model, ["1/4", "3/4"], 3)
    evidence = ep.log_evidence(model, ["1/4", "3/4"], 9)
    assert gap.lower - 2e-8 <= float(evidence.midpoint) - float(elbo.midpoint) <= gap.upper + 2e-8
    curved = ep.LatentModel("z", ["-z**2/8"], ep.ContinuousBernoulli())
    assert ep.log_evidence(curved, ["1/4"], 6).upper < 1
    with pytest.raises(ep.Undecided, match="no stationary point proved"):
        ep.stationary_posterior(curved, ["1/4"])


def test_what_has_no_second_derivatives_says_so() -> None:
    model = ep.LatentModel("z", ["z"], ep.Laplace(1))
    for ask in (ep.stationary_posterior, ep.gap):
        with pytest.raises(ep.Undecided, match="got a derivative across the jump of sign"):
            ask(model, [0.5])


@pytest.mark.parametrize("name", [*SMOOTH, "Laplace"])
def test_elbos_with_two_latents(name: str) -> None:
    (case,) = instances(name, 1, seed=12, d=2, tame=True)
    q = ep.GaussianPosterior(["1/4", "-1/8"], [["1/9", "1/30"], ["1/30", "1/16"]])
    grid = np.stack(np.meshgrid(NODES, NODES, indexing="ij"), -1).reshape(-1, 2)
    weights = np.outer(WEIGHTS, WEIGHTS).ravel() / (2 * np.pi)
    mean, covariance = np.array([0.25, -0.125]), np.array([[1 / 9, 1 / 30], [1 / 30, 1 / 16]])
    z = mean + grid @ np.linalg.cholesky(covariance).T
    expected = float((weights * case.log_density(case.outputs(z))).sum())
    value = expected + 1 - (mean @ mean + np.trace(covariance)) / 2 + np.linalg.slogdet(covariance)[1] / 2
    found = ep.elbo(case.model, case.x, q, 5 if name != "Laplace" else 3)
    tolerance = ROUTE if name != "Laplace" else 2e-2  # the rule knows no kinks
    assert found.lower - tolerance <= value <= found.upper + tolerance


def test_growth_of_elbos() -> None:
    """E_q of an exponential of a falling square has majorants; of a rising one it has none, and that is said."""
    falling = ep.LatentModel(["z", "w"], ["w - z**2/4"], ep.Poisson())
    q = ep.GaussianPosterior([0, 0], ["1/2", "1/2"])
    grid = np.stack(np.meshgrid(NODES, NODES, indexing="ij"), -1).reshape(-1, 2) * np.sqrt(0.5)
    weights = np.log(np.outer(WEIGHTS, WEIGHTS).ravel() / (2 * np.pi))
    f = grid[:, 1] - grid[:, 0] ** 2 / 4
    value = 2 * (np.exp(weights) * f).sum() - np.exp(logsumexp(weights + f)) - np.log(2) + 0.5 + np.log(0.5)
    assert abs(float(ep.elbo(falling, [2], q, 7).midpoint) - value) < 1e-6
    rising = ep.LatentModel(["z", "w"], ["w + z**2/8"], ep.Poisson())
    with pytest.raises(ep.Undecided, match="tails cannot be bounded: an exponential of something"):
        ep.elbo(rising, [2], q, 7)

"""One covariance for several x: proved points, and what a shared covariance costs."""

from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import elboproof as ep
from elboproof.posterior import shared
from elboproof.posterior.shared import shared_stationary_posterior
from tests.timing import kept, started

SINH = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
BANANA = ep.LatentModel(["a", "b"], ["a", "b + a**2"], ep.Gaussian("1/10"))
X = [["1/10"], ["7/10"], ["2"]]


def test_the_mean_elbo_is_that_of_its_gaussians_and_below_the_free_ones() -> None:
    found = shared_stationary_posterior(SINH, X)
    assert found.kind == "maximum"
    own = [float(ep.elbo(SINH, row, q, 12).midpoint) for row, q in zip(X, found.posteriors, strict=True)]
    assert found.elbo.width < 2.1e-10
    assert abs(float(found.elbo.midpoint) - np.mean(own)) < 1e-9
    free = [float(ep.stationary_posterior(SINH, row).elbo.lower) for row in X]
    assert found.elbo < np.mean(free) - 1e-3
    assert all(q.covariance == found.posteriors[0].covariance for q in found.posteriors)


def test_no_other_gaussians_next_to_it_are_better() -> None:
    """A derivative-free search over means and variance by closed-form ELBOs in floats ends at the proved point."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    data = np.array([0.1, 0.7, 2.0])

    def negative(theta: np.ndarray) -> float:
        scale = np.exp(theta[3])
        z = theta[:3, None] + scale * nodes
        misfit = ((data[:, None] - np.sinh(z)) ** 2) @ weights / 0.02
        elbo = -misfit - (theta[:3] ** 2 + scale**2) / 2 + theta[3] + 0.5 - 0.5 * np.log(2 * np.pi * 0.01)
        return float(-elbo.mean())

    start = np.array([0.1, 0.6, 1.4, -2.5])
    best = minimize(
        negative, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000}
    )
    found = shared_stationary_posterior(SINH, X)
    assert abs(-best.fun - float(found.elbo.midpoint)) < 1e-8
    assert np.abs(best.x[:3] - found.means.midpoint[:, 0]).max() < 1e-4
    assert abs(np.exp(2 * best.x[3]) - float(found.covariance.midpoint[0, 0])) < 1e-6


def test_one_x_is_the_free_problem() -> None:
    alone = shared_stationary_posterior(BANANA, [["1/2", "3/10"]])
    free = ep.stationary_posterior(BANANA, ["1/2", "3/10"])
    assert abs(float(alone.elbo.midpoint) - float(free.elbo.midpoint)) < 1e-9
    assert (alone.covariance.lower <= free.covariance.upper).all()
    assert (free.covariance.lower <= alone.covariance.upper).all()


@pytest.mark.parametrize("family", ["full", "diagonal"])
def test_two_latents(family: str) -> None:
    found = shared_stationary_posterior(BANANA, [["1/2", "3/10"], ["-1", "1"], ["0", "0"]], family=family)
    assert found.kind == "maximum"
    off = found.covariance.midpoint[0, 1]
    assert off == 0.0 if family == "diagonal" else abs(off) > 1e-3


def test_an_affine_decoder_needs_no_other_covariance() -> None:
    """S = 1/(1 + w^2/v) for every x, so nothing is lost: the mean ELBO is the mean log evidence."""
    model = ep.LatentModel("z", ["2*z + 1"], ep.Gaussian("1/4"))
    x = [["0"], ["1/3"], ["5"]]
    found = shared_stationary_posterior(model, x)
    evidence = ep.log_evidence(model, x, 11)
    assert abs(float(found.elbo.midpoint) - evidence.midpoint.mean()) < 1e-9
    assert found.covariance.lower[0, 0] <= Fraction(1, 17) <= found.covariance.upper[0, 0]


def test_a_bounded_decoder_by_quadrature() -> None:
    model = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10"))
    found = shared_stationary_posterior(model, [["1/2"], ["-1/5"]], digits=8)
    assert found.elbo.width < 2.1e-8
    assert found.kind == "maximum"


def test_a_wrong_border_is_not_certified() -> None:
    """Without the data points' contributions to the border Newton's method goes elsewhere, and nothing is proved."""
    add = shared._add

    def forgetful(gradient, hessian, rows, value, curve):  # type: ignore[no-untyped-def]
        add(gradient, hessian, rows, [v * 0 if a == 0 else v for a, v in enumerate(value)], curve)

    right = shared_stationary_posterior(SINH, X)
    with patch.object(shared, "_add", forgetful):
        try:
            wrong = shared_stationary_posterior(SINH, X, seconds=5.0)
        except ep.Undecided:
            return
    assert (
        wrong.means.upper[0, 0] < right.means.lower[0, 0] or wrong.means.lower[0, 0] > right.means.upper[0, 0]
    )


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (["1"], {}, r"x: got .*; expected several data points, shape \(N, 1\)"),
        (X, {"family": "round"}, "family: got 'round'; expected one of 'full', 'diagonal'"),
        (X, {"digits": -1}, "digits: got -1; expected a positive number"),
        ([["1"]] * 300, {}, "x: got '300 data points'; expected at most 200 unknowns, not 301"),
    ],
)
def test_bad_input(x: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shared_stationary_posterior(SINH, x, **options)  # type: ignore[arg-type]


def test_what_is_no_model_is_named() -> None:
    with pytest.raises(TypeError, match=r"model: got 1 of type int; expected an ep.LatentModel"):
        shared_stationary_posterior(1, X)  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [2.0, 3.0])
def test_the_limit_holds_for_all_data_points_together(seconds: float) -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 6)]
    model = ep.LatentModel.from_torch(torch.nn.Sequential(*layers).double(), ep.Gaussian("1/10000"))
    start = started()
    with pytest.raises(ep.Undecided, match="time limit"):
        shared_stationary_posterior(model, [[n / 40] * 6 for n in range(40)], seconds=seconds)
    assert kept(seconds, start)

"""ELBOs, stationary points and gaps under other priors: closed forms, twins, and other routes to the numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats

import elboproof as ep

QUADRATURE = 1e-8
"""Of SciPy's integrals in float64."""
THIN = ep.Gaussian(variance="1/100")
COVARIANCE = [["2", "1"], ["1", "2"]]


def _overlap(a: ep.Enclosure, b: ep.Enclosure, room: float = 1e-15) -> None:
    assert (np.maximum(a.lower, b.lower) <= np.minimum(a.upper, b.upper) + room).all()


def test_linear_models_have_no_gap() -> None:
    """p(z|x) is Gaussian: the ELBO is log p(x) there, and the stationary point is that posterior."""
    prior = ep.Normal([1, "-1/2"], COVARIANCE)
    model = ep.LatentModel(["u", "v"], ["u + v", "u - 2*v", "v"], THIN, prior=prior)
    x = ["1/2", "1/3", "-1/4"]
    w = np.array([[1.0, 1.0], [1.0, -2.0], [0.0, 1.0]])
    c, m = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, -0.5])
    data = np.array([float(Fraction(value)) for value in x])
    precision = np.linalg.inv(c) + w.T @ w * 100
    mean = np.linalg.solve(precision, np.linalg.solve(c, m) + w.T @ data * 100)
    value = stats.multivariate_normal(w @ m, w @ c @ w.T + np.eye(3) / 100).logpdf(data)
    evidence = ep.log_evidence(model, x)
    assert abs(evidence.midpoint - value) < 1e-10
    point = ep.stationary_posterior(model, x)
    assert np.abs(point.mean.midpoint - mean).max() < 1e-12
    assert np.abs(point.covariance.midpoint - np.linalg.inv(precision)).max() < 1e-12
    _overlap(point.elbo, evidence)
    assert ep.gap(model, x).upper == 0.0


def test_a_normal_prior_has_a_twin_under_the_standard_one() -> None:
    """z = m + T w: evidences, best ELBOs and gaps are the same, and means and covariances are moved."""
    pairs: list[Any] = [
        (
            ep.LatentModel("z", ["sinh(z)"], THIN, prior=ep.Normal("1/2", "2")),
            ep.LatentModel("w", ["sinh(1/2 + sqrt(2)*w)"], THIN),
            ["0.7"],
            np.array([[np.sqrt(2.0)]]),
            np.array([0.5]),
        ),
        (
            ep.LatentModel(["u", "v"], ["u", "v + u**2"], THIN, prior=ep.Normal([1, "-1/2"], COVARIANCE)),
            ep.LatentModel(
                ["a", "b"],
                ["1 + sqrt(2)*a", "-1/2 + a/sqrt(2) + sqrt(3/2)*b + (1 + sqrt(2)*a)**2"],
                THIN,
            ),
            ["0.7", "1"],
            np.array([[np.sqrt(2.0), 0.0], [np.sqrt(0.5), np.sqrt(1.5)]]),
            np.array([1.0, -0.5]),
        ),
        (
            ep.LatentModel("z", ["tanh(z)"], ep.Bernoulli(), prior=ep.Normal("1/2", 4)),
            ep.LatentModel("w", ["tanh(1/2 + 2*w)"], ep.Bernoulli()),
            [1],
            np.array([[2.0]]),
            np.array([0.5]),
        ),
    ]
    for one, two, x, t, m in pairs:
        _overlap(ep.log_evidence(one, x), ep.log_evidence(two, x))
        p, q = ep.stationary_posterior(one, x), ep.stationary_posterior(two, x)
        _overlap(p.elbo, q.elbo)
        assert np.abs(p.mean.midpoint - (m + t @ q.mean.midpoint)).max() < 1e-7
        assert np.abs(p.covariance.midpoint - t @ q.covariance.midpoint @ t.T).max() < 1e-7
        assert p.kind == q.kind == "maximum"
        _overlap(ep.gap(one, x), ep.gap(two, x))


def test_shared_covariances_have_the_twin_too() -> None:
    one = ep.LatentModel(["u", "v"], ["u", "v + u**2"], THIN, prior=ep.Normal([1, "-1/2"], COVARIANCE))
    two = ep.LatentModel(
        ["a", "b"], ["1 + sqrt(2)*a", "-1/2 + a/sqrt(2) + sqrt(3/2)*b + (1 + sqrt(2)*a)**2"], THIN
    )
    rows = [["0.7", "1"], [1, 2]]
    _overlap(ep.shared_stationary_posterior(one, rows).elbo, ep.shared_stationary_posterior(two, rows).elbo)


def test_a_diagonal_family_knows_which_coordinates_are_meant() -> None:
    """The best diagonal q in z is another one than in w: only the equations in z give it."""
    model = ep.LatentModel(["u", "v"], ["u + v"], ep.Gaussian(1), prior=ep.Normal([0, 0], COVARIANCE))
    point = ep.stationary_posterior(model, [1], family="diagonal")
    precision = np.linalg.inv([[2.0, 1.0], [1.0, 2.0]]) + np.ones((2, 2))
    assert np.abs(point.covariance.midpoint - np.diag(1 / np.diag(precision))).max() < 1e-12
    assert np.abs(point.mean.midpoint - np.linalg.solve(precision, np.ones(2))).max() < 1e-12


PRIORS: dict[str, tuple[Any, Any]] = {
    "normal": (ep.Normal("1/2", "1/4"), lambda z: stats.norm.logpdf(z, 0.5, 0.5)),
    "mixture": (
        ep.Mixture([ep.Normal(0, 1), ep.Normal(2, "1/4")], ["1/3", "2/3"]),
        lambda z: np.logaddexp(
            np.log(1 / 3) + stats.norm.logpdf(z), np.log(2 / 3) + stats.norm.logpdf(z, 2, 0.5)
        ),
    ),
    "three components": (
        ep.Mixture([ep.Normal(0, 1), ep.Normal(2, "1/4"), ep.Normal(-1, 4)], ["1/4", "1/4", "1/2"]),
        lambda z: np.logaddexp.reduce(
            [
                np.log(0.25) + stats.norm.logpdf(z),
                np.log(0.25) + stats.norm.logpdf(z, 2, 0.5),
                np.log(0.5) + stats.norm.logpdf(z, -1, 2),
            ]
        ),
    ),
    "cauchy": (ep.PriorDensity("-log(pi) - log(1 + z**2)", ("-inf", "inf")), stats.cauchy.logpdf),
    "laplace": (ep.PriorDensity("-abs(z) - log(2)", ("-inf", "inf")), stats.laplace.logpdf),
    "logistic": (ep.PriorDensity("-z - 2*softplus(-z)", ("-inf", "inf")), stats.logistic.logpdf),
}
DECODERS: dict[str, Any] = {
    "tanh(z)": np.tanh,
    "z**2/2": lambda z: z * z / 2,
    "sin(2*z)": lambda z: np.sin(2 * z),
}


@pytest.mark.parametrize("name", PRIORS)
def test_elbos_against_quadrature(name: str) -> None:
    prior, log_prior = PRIORS[name]
    digits = 5 if name == "laplace" else 8
    for text, function in DECODERS.items():
        model = ep.LatentModel("z", [text], ep.Gaussian("1/4"), prior=prior)
        for mean, variance in (("0.3", "1/100"), ("-1", "2")):
            m, s = float(Fraction(mean)), float(Fraction(variance)) ** 0.5

            def integrand(z: float, f: Any = function, m: float = m, s: float = s) -> float:
                inside = stats.norm.logpdf(0.4, f(z), 0.5) + log_prior(z) - stats.norm.logpdf(z, m, s)
                return float(stats.norm.pdf(z, m, s) * inside)

            value = integrate.quad(
                integrand, m - 12 * s, m + 12 * s, points=[0.0], limit=400, epsabs=1e-11, epsrel=1e-11
            )[0]
            found = ep.elbo(model, ["0.4"], ep.GaussianPosterior(mean, variance), digits)
            assert found.lower - QUADRATURE <= value <= found.upper + QUADRATURE
            assert found.width <= 2.1 * 10.0**-digits


@pytest.mark.parametrize("name", ["normal", "mixture", "cauchy", "logistic"])
def test_stationary_points_are_stationary(name: str) -> None:
    """Beside the point the ELBO is lower, and the gap is the evidence less the ELBO."""
    prior = PRIORS[name][0]
    model = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/100"), prior=prior)
    x = ["0.4"]
    point = ep.stationary_posterior(model, x)
    q = point.posterior
    for dm, ds in ((0.01, 1.0), (-0.01, 1.0), (0.0, 1.1), (0.0, 0.9)):
        moved = ep.GaussianPosterior(float(q.mean[0]) + dm, float(q.covariance[0][0]) * ds)
        assert ep.elbo(model, x, moved, 8).upper < point.elbo.lower
    gap, evidence = ep.gap(model, x, 4), ep.log_evidence(model, x, 10)
    assert abs(gap.midpoint - (evidence.midpoint - point.elbo.midpoint)) < 1e-9
    assert gap.lower > 0


def test_networks() -> None:
    """A network under another prior, against the same function written as an expression."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1)).double()
    w, b = (p.tolist() for p in net[0].parameters())
    v, c = (p.tolist() for p in net[2].parameters())
    terms = [f"({v[0][k]!r})*tanh(({w[k][0]!r})*z + ({b[k]!r}))" for k in range(2)]
    text = " + ".join([repr(c[0]), *terms])
    q = ep.GaussianPosterior("0.3", "1/5")
    for name in ("normal", "mixture", "logistic"):
        prior = PRIORS[name][0]
        network = ep.LatentModel.from_torch(net, THIN, prior=prior)
        written = ep.LatentModel("z", [text], THIN, prior=prior)
        _overlap(ep.elbo(network, [0.2], q, 7), ep.elbo(written, [0.2], q, 7))
        p, r = (ep.stationary_posterior(model, [0.2], digits=7) for model in (network, written))
        _overlap(p.elbo, r.elbo)
        _overlap(ep.gap(network, [0.2], 3), ep.gap(written, [0.2], 3))


REFUSED: dict[str, tuple[Any, str]] = {
    "uniform": (
        ep.Uniform(0, 1),
        "prior: got Uniform.*positive on all of R.*the ELBO of every Gaussian q is -inf",
    ),
    "half-line": (
        ep.PriorDensity("-z", (0, "inf")),
        "prior: got PriorDensity.*the ELBO of every Gaussian q is -inf",
    ),
    "mixture of uniforms": (
        ep.Mixture([ep.Uniform(0, 1), ep.Uniform(0, 1)], ["1/2", "1/2"]),
        "prior: got Mixture.*the ELBO of every Gaussian q is -inf",
    ),
    "no density": (
        ep.PriorDensity("-z**2", ("-inf", "inf"), normalised=False),
        "prior: got PriorDensity.*expected a normalised density, for an ELBO",
    ),
    "a wrong norm": (
        ep.PriorDensity("-z**2", ("-inf", "inf")),
        "prior: got PriorDensity.*whose integral is between 1.77245",
    ),
    "a mixture of two domains": (
        ep.Mixture([ep.Normal(), ep.Uniform(0, 1)], ["1/2", "1/2"]),
        "prior: got Mixture.*components with the same domain",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_there_is_no_elbo_it_says_so(name: str) -> None:
    prior, message = REFUSED[name]
    model = ep.LatentModel("z", ["tanh(z)"], THIN, prior=prior)
    q = ep.GaussianPosterior("0.5", "1/100")
    for ask in (
        lambda: ep.elbo(model, ["0.4"], q),
        lambda: ep.stationary_posterior(model, ["0.4"]),
        lambda: ep.gap(model, ["0.4"]),
        lambda: ep.shared_stationary_posterior(model, [["0.4"], ["0.3"]]),
    ):
        with pytest.raises(ValueError, match=message):
            ask()


def test_deep_gaps_by_the_lattice_around_q() -> None:
    """Digits for which cells are too dear: the lattice is laid in the whitened coordinates."""
    one = ep.LatentModel(
        ["u", "v"], ["u", "v + u**2"], ep.Gaussian("1e-8"), prior=ep.Normal([1, "-1/2"], COVARIANCE)
    )
    two = ep.LatentModel(
        ["a", "b"],
        ["1 + sqrt(2)*a", "-1/2 + a/sqrt(2) + sqrt(3/2)*b + (1 + sqrt(2)*a)**2"],
        ep.Gaussian("1e-8"),
    )
    x = ["0.7", "1"]
    _overlap(ep.gap(one, x), ep.gap(two, x))

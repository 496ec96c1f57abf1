"""Fisher metrics, observed information, cumulants and samplers against sums and integrals over x."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.integrate import quad

import elboproof as ep
from elboproof.model.metrics import cumulant, fisher_metric, observed_information
from elboproof.numbers.functions import Sigmoid
from tests.evidence.family_cases import FAMILIES
from tests.model.family_models import COUNTS, GIVEN, ONE_OUTPUT

AFFINE = [name for name in ONE_OUTPUT if name not in {"Laplace", "StudentT", "VonMises", "Gaussian"}]
"""Families whose log density is affine in x."""
STEP = 1e-4
"""Of the differences that stand for scores."""


def score(name: str, f: float, x: Any) -> Any:
    """Return the slope of log p(x|f) by central differences, at the middle of a kink 0."""
    with np.errstate(invalid="ignore"):
        slope = (log_one(name, f + STEP, x) - log_one(name, f - STEP, x)) / (2 * STEP)
    return np.where(np.isfinite(slope), slope, 0.0)  # where the density vanishes in floats


@pytest.mark.parametrize("place", [-1.0, 0.5, 1.25])
@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_metric_is_the_mean_squared_score(name: str, place: float) -> None:
    metric = float(fisher_metric(GIVEN[name][0], [sympy.Rational(place)])[0].evalf())
    found = mean_over_x(name, place, lambda x: score(name, place, x) ** 2)
    assert found == pytest.approx(metric, rel=2e-3)


@pytest.mark.parametrize("place", [-1.0, 0.5, 1.25])
@pytest.mark.parametrize("name", [name for name in ONE_OUTPUT if name != "Laplace"])
def test_metric_is_the_mean_information(name: str, place: float) -> None:
    x = sympy.Symbol("x", real=True)
    metric = float(fisher_metric(GIVEN[name][0], [sympy.Rational(place)])[0].evalf())
    given = observed_information(GIVEN[name][0], [sympy.Rational(place)], [x])[0]
    given = given.replace(Sigmoid, lambda t: 1 / (1 + sympy.exp(-t))).evalf(20)
    information: Callable[..., Any] = sympy.lambdify(x, given)
    assert mean_over_x(name, place, lambda v: information(v) + 0 * v) == pytest.approx(metric, rel=1e-7)


@pytest.mark.parametrize("place", [-1.0, 0.5, 1.25])
@pytest.mark.parametrize("name", AFFINE)
def test_cumulants_are_central_moments(name: str, place: float) -> None:
    mean = mean_over_x(name, place, lambda x: x)
    for order in (2, 3):
        moment = mean_over_x(name, place, lambda x: (x - mean) ** order)  # noqa: B023
        found = cumulant(GIVEN[name][0], order, sympy.Rational(place))
        assert float(found.evalf()) == pytest.approx(moment, rel=1e-6, abs=1e-8)
    assert float(cumulant(GIVEN[name][0], 1, sympy.Rational(place)).evalf()) == pytest.approx(mean, rel=1e-7)


def log_one(name: str, f: float, x: Any) -> Any:
    x = np.asarray(x, dtype=np.float64)
    return FAMILIES[name].log_density(x[..., None], np.full((*x.shape, 1), f), *GIVEN[name][1])


def mean_over_x(name: str, f: float, function: Any) -> float:
    if name in COUNTS:
        x = np.arange(COUNTS[name], dtype=np.float64)
        return float((np.exp(log_one(name, f, x)) * function(x)).sum())
    low, high = {
        "Exponential": (0, np.inf),
        "Gamma": (0, np.inf),
        "ContinuousBernoulli": (0, 1),
        "VonMises": (f - np.pi, f + np.pi),
    }.get(name, (-np.inf, np.inf))
    parts = [(low, f), (f, high)] if low < f < high else [(low, 0.5), (0.5, high)]
    return float(
        sum(
            quad(
                lambda v: float(np.exp(log_one(name, f, v)) * function(np.float64(v))),
                a,
                b,
                epsrel=1e-10,
                limit=400,
            )[0]
            for a, b in parts
        )
    )


def test_metrics_of_the_others() -> None:
    a, b, c = sympy.symbols("a b c", real=True)
    soft = fisher_metric(ep.Categorical(), [a, b, c])
    assert sympy.simplify(soft * sympy.ones(3, 1)) == sympy.zeros(3, 1)  # a common constant changes nothing
    assert abs(soft.subs({a: 0, b: 0, c: 0})[0, 0].evalf() - sympy.Rational(2, 9)) < 1e-15
    assert (
        fisher_metric(ep.Gaussian(covariance=[[2, 1], [1, 2]]), [a, b])
        == sympy.Matrix([[2, -1], [-1, 2]]) / 3
    )
    for k, value in ((1, 0.4463899658965345), (5, 4.466915685220426)):
        assert float(fisher_metric(ep.VonMises(k), [a])[0].evalf()) == pytest.approx(value, rel=1e-14)
    for n, text in ((1, "1/2"), (2, "3/5"), (3, "2/3"), (5, "3/4")):
        assert fisher_metric(ep.StudentT(n), [a])[0] == sympy.Rational(text)
    with pytest.raises(TypeError, match=r"likelihood: got Density.*moments are known"):
        fisher_metric(ep.Density("-(x1 - f1)**2"), [a])
    with pytest.raises(TypeError, match=r"likelihood: got StudentT.*affine in x"):
        cumulant(ep.StudentT(3), 1, a)
    with pytest.raises(ValueError, match="order: got 7; expected an integer from 1 to 4"):
        cumulant(ep.Poisson(), 7, a)


@pytest.mark.parametrize("name", [name for name in GIVEN if name != "Gaussian"])
def test_samplers(name: str) -> None:
    """Frequencies and means of 40,000 draws within 5 standard errors."""
    likelihood, _ = GIVEN[name]
    count, place = 40_000, 0.5
    f = np.full((count, 3), place)
    x = likelihood.sample(f, np.random.default_rng(11))
    assert x.shape == f.shape
    if name == "Categorical":
        assert np.allclose(x.mean(0), 1 / 3, atol=5 * 0.5 / np.sqrt(count))
        return
    for function in (np.tanh, lambda v: np.cos(2 * v)):
        mean = mean_over_x(name, place, function)
        assert abs(function(x).mean() - mean) < 5 * np.sqrt(1.0 / (3 * count))

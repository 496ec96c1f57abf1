"""Coefficients of the gap of n replicates, against proved gaps, and what is refused."""

from typing import Any

import pytest
import sympy

import elboproof as ep
from elboproof.expansion.coefficients import gap_coefficient
from elboproof.model.metrics import cumulant, fisher_metric

Z = sympy.Symbol("z", real=True)


def at(expression: Any, place: Any) -> float:
    """Return the value of an expression of one symbol."""
    (symbol,) = expression.free_symbols
    return float(expression.subs(symbol, place))


@pytest.mark.parametrize("decoder", ["z", "z + sin(z)/3"])
def test_two_orders_are_those_of_proved_gaps(decoder: str) -> None:
    """What is left of the gap of n Poisson counts of mean 2 after two orders falls like n^-3."""
    place = sympy.nsolve(sympy.sympify(decoder, locals={"z": Z}) - sympy.log(2), Z, 0.5)
    own = ep.LatentModel("z", [decoder], ep.Poisson())
    first, second = (at(gap_coefficient(own, order), place) for order in (1, 2))
    left = []
    for n in (2000, 4000):
        model = ep.LatentModel("z", [f"log({n}) + {decoder}"], ep.Poisson())
        left.append(float(ep.gap(model, [2 * n], 11).midpoint) - first / n - second / n**2)
    assert left[0] / left[1] == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize(
    "likelihood",
    [ep.Bernoulli(), ep.Binomial(7), ep.Gamma(3), ep.NegativeBinomial(3), ep.ContinuousBernoulli()],
)
def test_parameters_of_the_record_have_their_law(likelihood: Any) -> None:
    """(3 t'' G t' + C t'^3)^2 / (12 g^3), with t the natural parameter and G, C its cumulants, at one latent."""
    natural = likelihood.log_density([Z], [sympy.Symbol("x", real=True)]).diff(sympy.Symbol("x", real=True))
    slope, bend = natural.diff(Z), natural.diff(Z, 2)
    second, third = (cumulant(likelihood, order, Z) for order in (2, 3))
    stated = (3 * bend * second * slope + third * slope**3) ** 2 / (
        12 * fisher_metric(likelihood, [Z])[0] ** 3
    )
    found = gap_coefficient(ep.LatentModel("z", ["z"], likelihood))
    place = sympy.Rational(3, 5)
    value = found.subs(dict.fromkeys(found.free_symbols, place)).evalf()
    assert float(value) == pytest.approx(float(stated.subs(Z, place).evalf()), rel=1e-9)


def test_more_replicates_are_more_trials() -> None:
    """A binomial likelihood of n trials is n Bernoulli ones."""
    one, five = (
        gap_coefficient(ep.LatentModel("z", ["z"], likelihood))
        for likelihood in (ep.Bernoulli(), ep.Binomial(5))
    )
    assert at(one, 0.7) == pytest.approx(5 * at(five, 0.7), rel=1e-12)


def test_independent_outputs_that_do_not_vary_add_nothing() -> None:
    alone = gap_coefficient(ep.LatentModel("z", ["z"], ep.Poisson()))
    beside = gap_coefficient(ep.LatentModel("z", ["z", "1/3"], ep.Poisson()))
    assert at(beside, 0.4) == pytest.approx(at(alone, 0.4), rel=1e-12)


def test_a_reference_class_is_a_bernoulli_likelihood() -> None:
    two = gap_coefficient(ep.LatentModel("z", ["z", "0"], ep.Categorical()))
    one = gap_coefficient(ep.LatentModel("z", ["z"], ep.Bernoulli()))
    assert at(two, 0.9) == pytest.approx(at(one, 0.9), rel=1e-12)


@pytest.mark.parametrize(
    "likelihood", [ep.StudentT(3), ep.VonMises(1), ep.Laplace(1), ep.Density("-(x1 - f1)**4 + x1**2*f1")]
)
def test_other_families_are_named(likelihood: Any) -> None:
    with pytest.raises(
        TypeError, match=r"model\.likelihood: got .*expected a family whose log density is affine in x"
    ):
        gap_coefficient(ep.LatentModel("z", ["z"], likelihood))


def test_what_is_no_model_or_has_no_such_order() -> None:
    with pytest.raises(TypeError, match=r"model: got 'z'.*an ep\.LatentModel"):
        gap_coefficient("z")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order: got 0; expected a power of the variance from 1"):
        gap_coefficient(ep.LatentModel("z", ["z"], ep.Poisson()), 0)

"""riemannian-likelihoods: its predicates decide, its tools agree with others, and planted errors are seen."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from flint import acb, arb
from scipy import stats

from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.model.continuous import StudentT
from elboproof.numbers.precision import working_precision

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "riemannian_likelihoods")
HYPOTHESES = (
    "positive_parameters",
    "exponential_family",
    "smooth_density",
    "regular_metric",
    "data_at_the_mean",
    "one_preimage",
    "sums_to_one",
)


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


def refuted(verdict: Any) -> set[str]:
    """Return the names of the parts that were refuted."""
    return {name for name, one in verdict.parts.items() if one.status == "refuted"}


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


@pytest.mark.parametrize("power", [0, 1, 2])
def test_student_means_by_cosines(power: int) -> None:
    """E cos^(2 j) for phi with density cos^(nu - 1): r = sqrt(nu) tan(phi) is Student's t."""
    module = part("information")
    found = module.mean_of_student(module.COSINE**power).subs(module.NU, 3)
    by_scipy = stats.t(3).expect(lambda r: (1 / (1 + r**2 / 3)) ** power)
    assert float(found) == pytest.approx(by_scipy, rel=1e-8)


def test_means_over_counts_hold_their_tail() -> None:
    """A Poisson law of rate 1: E x^2 = 2, and the first terms alone are outside their bound."""
    averages = part("averages")

    def density(x: acb, _: bool) -> acb:
        return (-acb(1) - (x + 1).lgamma()).exp()

    with working_precision(100):
        mean = averages.sum_over_counts(density)(lambda x: x * x)
        assert mean.contains(2)
        assert mean.rad() < 1e-25


def test_counts_whose_terms_do_not_fall_are_refused() -> None:
    averages = part("averages")
    with pytest.raises(ArithmeticError, match="do not fall by half after x = 300"):
        averages.sum_over_counts(lambda x, _: 1 / (1 + x) ** 6)(lambda x: x)


def test_the_tail_of_a_half_line() -> None:
    """Integral of (1 + x)^4 r e^(-r x) beyond 40, by mpmath."""
    with working_precision(100):
        bound = float(part("averages").exponential_tail("3/5", 40).mid())
    true = mpmath.quad(lambda x: (1 + x) ** 4 * mpmath.mpf("0.6") * mpmath.exp(-0.6 * x), [40, 80, 200])
    assert true < bound < 2 * true


@pytest.mark.parametrize(("alpha", "chance"), [("0", "1/5"), ("-1", "1/5"), ("1/3", "1/3"), ("1", "1/4")])
def test_jets_of_coordinates(alpha: str, chance: str) -> None:
    """t', t'', t''' of the logit by dz = V^(-(1 + alpha)/2) dmu, differentiated by SymPy, in the scale of t' = 1."""
    mu, (a, p) = sympy.Symbol("mu", positive=True), map(sympy.Rational, (alpha, chance))
    speed = (mu * (1 - mu)) ** ((1 + a) / 2)
    jets, slope = [], sympy.log(mu / (1 - mu))
    for _ in range(3):
        slope = speed * slope.diff(mu)
        jets.append(slope.subs(mu, p))
    found = part("gap_slopes").logit_jet(Fraction(alpha), Fraction(chance))
    for order, (one, two) in enumerate(zip(found, jets, strict=True), 1):
        assert float(one) == pytest.approx(float(two / jets[0] ** order), abs=1e-12)


@pytest.mark.parametrize("alpha", ["-1", "0", "1/3", "1"])
def test_rates_are_those_of_the_coordinate(alpha: str) -> None:
    """Near the data the smooth rate is (1 + z/p)^p: rate 1 and slope 1 at 0, and (rate^(1/p) - 1) p = z."""
    z = sympy.Symbol("z", real=True)
    text = part("gap_slopes").rate_text(Fraction(alpha)).replace("softplus", "SP")
    log_rate = sympy.sympify(text, locals={"z": z, "SP": lambda t: sympy.log(1 + sympy.exp(t))})
    a = float(Fraction(alpha))
    for place in (0.3, 0.7):
        stated = np.exp(place) if a == 1 else (1 + place * (1 - a) / 2) ** (2 / (1 - a))
        assert float(sympy.exp(log_rate.subs(z, place))) == pytest.approx(stated, rel=1e-9)


def test_a_laplace_likelihood_has_the_stated_variance() -> None:
    """By maximising the ELBO of N(0, s) on a grid."""
    s = np.linspace(0.2, 1.2, 200_001)
    elbo = -np.sqrt(2 * s / np.pi) - (s - 1 - np.log(s)) / 2
    assert float(part("laplace")._variance("1")) == pytest.approx(s[elbo.argmax()], abs=1e-5)


def test_moments_of_a_cell_bound_both_ways() -> None:
    """The likelihood at each x of a cell lies between the two weights, and so do its moments."""
    module = part("sinh_variance")
    z = np.linspace(-8, 8, 4001)
    normal = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    with working_precision(64):
        low, high = (float(module._moments(arb(1), side)[0].mid()) for side in (1, -1))
    for x in 1 + float(module.CELL) * np.array([-0.5, 0.0, 0.5]):
        weight = np.exp(-((x - np.sinh(z)) ** 2) / 0.2) / np.sqrt(0.2 * np.pi)
        assert low < (normal * weight).sum() * (z[1] - z[0]) < high


def test_a_wrong_metric_of_the_library_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StudentT, "metric", staticmethod(lambda f, n, s: (n + 1) / ((n + 2) * s**2)))  # noqa: ARG005
    assert refuted(part("information").metric_by_integration(Run("x"))) == {"library, Student"}


def test_a_wrong_observed_information_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module = part("information")
    kept = module.observed_information
    monkeypatch.setattr(
        module, "observed_information", lambda *given: kept(*given) * sympy.Rational(101, 100)
    )
    found = refuted(module.information_of_the_table(Run("x")))
    assert found == {f"library, {name}" for name in part("families").ROWS}


def test_a_wrong_gap_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One per cent of the gap, in each coordinate."""
    module = part("gap_slopes")
    kept = module.proved_gap
    monkeypatch.setattr(module, "proved_gap", lambda *given: kept(*given) * 101 / 100)
    verdict = module.gaps_follow_the_law(Run("x"))
    assert refuted(verdict) == set(verdict.parts)

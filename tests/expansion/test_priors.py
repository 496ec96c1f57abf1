"""The gap law under other priors: twins under N(0, I), and the proved gap as the variance falls."""

from typing import Any

import numpy as np
import pytest
import sympy

import elboproof as ep

COVARIANCE = [["2", "1"], ["1", "2"]]


def test_a_normal_prior_has_a_twin_under_the_standard_one() -> None:
    one = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"), prior=ep.Normal("1/2", 2))
    two = ep.LatentModel("w", ["sinh(1/2 + sqrt(2)*w)"], ep.Gaussian("1/100"))
    a, b = (ep.gap_law(model, ["0.7"]) for model in (one, two))
    assert isinstance(a.next_order, sympy.Expr)
    assert isinstance(b.next_order, sympy.Expr)
    assert a.order == b.order == 1
    assert a.leading == b.leading == sympy.Rational(3675, 22201)
    assert sympy.simplify(a.next_order - b.next_order) == 0
    assert np.allclose(a.log_mass, b.log_mass, rtol=1e-12)


def test_a_full_covariance_has_a_twin() -> None:
    one = ep.LatentModel(
        ["u", "v"], ["u", "v + u**2"], ep.Gaussian("1/10"), prior=ep.Normal([1, "-1/2"], COVARIANCE)
    )
    law = ep.gap_law(one, ["0.7", "1"])
    assert (law.order, law.leading, law.next_order) == (1, 1, sympy.Rational(-554, 75))
    two = ep.LatentModel(
        ["a", "b"],
        ["1 + sqrt(2)*a", "-1/2 + a/sqrt(2) + sqrt(3/2)*b + (1 + sqrt(2)*a)**2"],
        ep.Gaussian("1/10"),
    )
    twin = ep.gap_law(two, ["0.7", "1"])
    assert abs(law.as_float() - twin.as_float()) < 1e-12
    assert np.allclose(law.log_mass, twin.log_mass, rtol=1e-12)


CAUCHY = ep.PriorDensity("-log(pi) - log(1 + z**2)", ("-inf", "inf"))
LAWS: dict[str, tuple[Any, str, int, float]] = {
    "normal": (ep.Normal("1/2", 2), "sinh(z)", 1, 1e-4),
    "normal, x off the prior's middle": (ep.Normal(-1, "1/4"), "z + z**3/3", 1, 1e-4),
    "cauchy, a linear decoder": (CAUCHY, "z", 3, 1e-4),
    "cauchy": (CAUCHY, "z + z**3/3", 1, 1e-4),
}


@pytest.mark.parametrize("name", LAWS)
def test_the_law_is_the_proved_gap_to_leading_orders(name: str) -> None:
    """What the law leaves out is of the order v^(n + 2): relative to the gap, of v^2."""
    prior, decoder, order, variance = LAWS[name]
    model = ep.LatentModel("z", [decoder], ep.Gaussian(variance), prior=prior)
    law, gap = ep.gap_law(model, ["0.7"]), ep.gap(model, ["0.7"])
    assert law.order == order
    assert abs(law.as_float() / gap.midpoint - 1) < 3e3 * variance**2 + 2e-6
    plain = ep.LatentModel("z", [decoder], ep.Gaussian(variance))
    if decoder != "z":  # the next order feels the prior
        other = ep.gap_law(plain, ["0.7"])
        assert abs(other.as_float() / gap.midpoint - 1) > 1e-5


@pytest.mark.slow
def test_a_mixture() -> None:
    """Balls, as SymPy's numbers grow; with a linear decoder the prior alone makes the gap."""
    mixture = ep.Mixture([ep.Normal(0, 1), ep.Normal(2, "1/4")], ["1/3", "2/3"])
    for decoder, order in (("z", 3), ("sinh(z)", 1)):
        model = ep.LatentModel("z", [decoder], ep.Gaussian("1/10000"), prior=mixture)
        law, gap = ep.gap_law(model, ["0.7"]), ep.gap(model, ["0.7"])
        assert law.order == order
        assert abs(law.as_float() / gap.midpoint - 1) < 1e-4


def test_modes_are_weighed_by_the_prior() -> None:
    """z^2 = x has two modes, of which a prior that is not symmetric favours one."""
    model = ep.LatentModel("z", ["z**2"], ep.Gaussian("1/10000"), prior=ep.Normal("1/10", 1))
    law = ep.gap_law(model, [1])
    assert len(law.branches) == 2
    share = 1 / (1 + np.exp(-0.2))  # exp(-(z - 1/10)^2/2) at 1 over that at -1
    assert abs(law.limit + np.log(share)) < 1e-12
    assert law.preimage == (1,)


def test_affine_decoders() -> None:
    """The gap is 0 under every normal prior, and under no other one."""
    normal = ep.LatentModel("z", ["2*z + 1"], ep.Gaussian(1), prior=ep.Normal(3, "1/9"))
    assert ep.gap_law(normal, [1]).order is None


REFUSED: dict[str, tuple[Any, str]] = {
    "uniform": (
        ep.Uniform(-9, 9),
        "prior: got Uniform.*ELBO of every Gaussian q is -inf, and the gap infinite",
    ),
    "laplace": (
        ep.PriorDensity("-abs(z) - log(2)", ("-inf", "inf")),
        "prior: got PriorDensity.*derivatives of all orders",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_there_is_no_law_it_says_so(name: str) -> None:
    prior, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        ep.gap_law(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(1), prior=prior), [1])

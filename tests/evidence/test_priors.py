"""Evidences under priors of every kind: published values, twins, and routes of SciPy and mpmath."""

from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from scipy.special import erf

import elboproof as ep
from elboproof.evidence import ridges, rounds
from elboproof.evidence.log_evidence import prove
from elboproof.evidence.log_integral import LogIntegral

CLOSED = 1e-9
"""Of closed forms in float64 and of values that were published with ten digits."""
ONE = ep.Gaussian(variance=1)
FLAT = ep.Bernoulli()
"""With a constant logit of 0 its probability is 1/2."""


def _integral(log_density: str, domain: Any, latent: list[str], digits: float = 9) -> ep.Enclosure:
    prior = ep.PriorDensity(f"{log_density} + log(2)", domain, normalised=False)
    return ep.log_evidence(ep.LatentModel(latent, ["0"], FLAT, prior=prior), [1], digits)


def _near(found: ep.Enclosure, value: float, room: float = CLOSED) -> None:
    assert found.lower - room <= value <= found.upper + room
    assert found.width <= 2e-6 * (1 + room)


def test_the_eggbox() -> None:
    found = _integral("(2 + cos(5*pi*u)*cos(5*pi*v))**5", [(0, 1), (0, 1)], ["u", "v"], 8)
    _near(found, 235.8559403322)


def test_rosenbrock() -> None:
    found = _integral("-(1 - x)**2 - 100*(y - x**2)**2 - log(100)", [(-5, 5), (-5, 5)], ["x", "y"])
    _near(found, -5.8041323638)


def test_gaussian_shells() -> None:
    """The two shells have one integral over the box, as they are mirror images; sqrt has a branch point in each."""
    shell = ep.LatentModel(
        ["x", "y"],
        ["sqrt((x + 7/2)**2 + y**2)"],
        ep.Gaussian(variance="1/100"),
        prior=ep.Uniform(-6, 6),
    )
    found = ep.log_evidence(shell, [2], 8)
    _near(found, -1.7456418845 - np.log(2))


@pytest.mark.parametrize(("d", "value"), [(2, -3.759106937), (3, -5.024555579)])
def test_correlated_gaussian(d: int, value: float) -> None:
    names = [f"z_{k}" for k in range(d)]
    covariance = [["1" if j == k else "0.95" for k in range(d)] for j in range(d)]
    prior = ep.Normal([2] * d, [1] * d)
    model = ep.LatentModel(names, names, ep.Gaussian(covariance=covariance), prior=prior)
    _near(ep.log_evidence(model, [0] * d, 6), value)
    # the same with the roles of prior and likelihood exchanged: N(x; z, I) N(z; 0, C) at x = 2
    twin = ep.LatentModel(names, names, ONE, prior=ep.Normal([0] * d, covariance))
    _near(ep.log_evidence(twin, [2] * d, 8), value)


def test_coin_bias() -> None:
    beta = ep.PriorDensity("log(30) + log(p) + 4*log(1 - p)", (0, 1))
    coin = ep.LatentModel("p", ["log(p/(1 - p))"] * 5, ep.Bernoulli(), prior=beta)
    found = ep.log_evidence(coin, [1, 1, 1, 0, 0])
    _near(found, -np.log(77.0), 1e-13)
    assert found.width <= 2e-10


def test_neals_funnel() -> None:
    """P(0 <= x <= 1/4), which guaranteed bounds of others put into [.1482, .1773]; y is unbounded."""
    funnel = "-y**2/18 - log(2*pi*9)/2 - x**2*exp(-y)/2 - y/2 - log(2*pi)/2"
    found = _integral(funnel, [(0, "1/4"), ("-inf", "inf")], ["x", "y"], 7)
    truth = quad(lambda y: stats.norm.pdf(y, 0, 3) * erf(np.exp(-y / 2) / np.sqrt(32)) / 2, -40, 40)[0]
    _near(found, np.log(0.162663992), 3e-9)
    _near(found, np.log(truth), 1e-8)


def test_a_problem_in_three_dimensions_on_a_true_box() -> None:
    """Undecided with an erf and a tail, see benchmarks/priors.py."""
    names = ["a", "b", "c"]
    model = ep.LatentModel(
        names, ["a", "b + a**2", "c + a*b"], ep.Gaussian(variance="1/100"), prior=ep.Uniform(-2, 2)
    )
    found = ep.log_evidence(model, ["1/2", "1/4", "1/3"], 6)
    # x lies 12 deviations inside of the box's image, whose map has the Jacobian 1
    _near(found, -3 * np.log(4.0), 1e-9)


def test_batches_and_digits_beyond_float64() -> None:
    model = ep.LatentModel("z", ["z"], ONE, prior=ep.Uniform(0, 3))
    rows = [[0.0], [1.0], [2.5], [7.0], [-3.0], [0.3], [0.4]]
    found = ep.log_evidence(model, rows, 9)
    low, high = (stats.norm.cdf(end, np.array(rows)[:, 0]) for end in (0, 3))
    assert (np.abs(found.midpoint - np.log((high - low) / 3)) < 1e-9).all()
    sharp = prove(model, [["1"]], 40, seconds=60, most_cells=10**6)
    assert not any(sharp.statuses)
    ((lower, upper),) = sharp.balls
    assert float(upper - lower) < 2e-40
    mix = ep.Mixture([ep.Normal(1, 3), ep.Uniform(0, 3)], ["1/4", "3/4"])
    value = np.log(stats.norm.pdf(1, 1, 2) / 4 + (stats.norm.cdf(2) - stats.norm.cdf(-1)) / 4)
    _near(ep.log_evidence(ep.LatentModel("z", ["z"], ONE, prior=mix), [1], 10), value)
    many = ep.log_evidence(ep.LatentModel("z", ["z"], ONE, prior=mix), rows, 9)
    assert many.lower.shape == (7,)


def test_a_shift_is_a_twin() -> None:
    """z = m + T w with w ~ N(0, I): a model under N(m, T T') is one under N(0, I), also far away and thin."""
    for m, t in (("0.5", "2"), ("1000", "1/1000"), ("-3", "1/100")):
        variance = str(Fraction(t) ** 2)
        one = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian(variance="1e-8"), prior=ep.Normal(m, variance))
        two = ep.LatentModel("w", [f"tanh({m} + ({t})*w)"], ep.Gaussian(variance="1e-8"))
        x = [float(np.tanh(float(Fraction(m))))]
        a, b = ep.log_evidence(one, x, 8), ep.log_evidence(two, x, 8)
        assert max(a.lower, b.lower) <= min(a.upper, b.upper)


def test_a_uniform_prior_is_the_density_that_it_is() -> None:
    """Two routes through the engine: a constant density, and the distribution function of a normal latent."""
    likelihood = ep.Gaussian(variance="1e-8")
    box = ep.LatentModel(["u", "v"], ["u", "v + u**2"], likelihood, prior=ep.Uniform(-2, 2))
    density = ep.LatentModel(
        ["u", "v"], ["u", "v + u**2"], likelihood, prior=ep.PriorDensity("-log(16)", [(-2, 2), (-2, 2)])
    )
    pushed = [f"(-2 + 2*(1 + erf({name}/sqrt(2))))" for name in ("u", "v")]
    normal = ep.LatentModel(["u", "v"], [pushed[0], f"{pushed[1]} + {pushed[0]}**2"], likelihood)
    found = [ep.log_evidence(model, ["0.5", "0.7"], 6) for model in (box, density, normal)]
    assert max(one.lower for one in found) <= min(one.upper for one in found)


def test_modes_at_and_beyond_the_faces() -> None:
    """Data whose likelihood is largest outside of the box: only its tail inside counts."""
    for x in (3.0, 3.5, 10.0, 60.0):
        model = ep.LatentModel(["u", "v"], ["u", "v"], ONE, prior=ep.Uniform([0, -1], [3, "1/2"]))
        value = (
            stats.norm.logsf(x - 3)
            + np.log1p(-np.exp(stats.norm.logsf(x) - stats.norm.logsf(x - 3)))
            + np.log((stats.norm.cdf(0.5) - stats.norm.cdf(-1)) / 4.5)
        )
        found = ep.log_evidence(model, [x, 0.0], 7)
        _near(found, value, 1e-8)


def test_an_integral_that_is_no_evidence_says_so() -> None:
    found = _integral("-abs(z)", ("-inf", "inf"), ["z"], 7)
    assert isinstance(found, LogIntegral)
    assert str(found).startswith("log integral [")
    _near(found, np.log(2), 1e-12)


@pytest.mark.parametrize(
    ("density", "domain", "total"),
    [
        ("-z", (-1, "inf"), "2.71828183"),
        ("log(5) + 4*log(z)", (0, "0.99999"), "0.99995"),
        ("-z**2/2", ("-inf", "inf"), "2.506"),
    ],
)
def test_a_density_that_is_claimed_to_be_normalised_is_checked(density: str, domain: Any, total: str) -> None:
    model = ep.LatentModel("z", ["z"], ONE, prior=ep.PriorDensity(density, domain))
    message = (
        rf"prior: got PriorDensity.* whose integral is between {total}.*expected a density that integrates"
    )
    with pytest.raises(ValueError, match=message):
        ep.log_evidence(model, [1])
    mixed = ep.Mixture([ep.Uniform(0, 1), ep.PriorDensity(density, domain)], ["1/2", "1/2"])
    with pytest.raises(ValueError, match=message):
        ep.log_evidence(ep.LatentModel("z", ["z"], ONE, prior=mixed), [1])


def test_a_tail_that_nobody_bounds_is_undecided() -> None:
    """Neal's funnel: its slope along x falls with every y, so that no slab bounds what lies beyond."""
    funnel = ep.PriorDensity(
        "-y**2/18 - x**2*exp(-y)/2 - y/2 - log(2*pi) - log(3)", [("-inf", "inf"), ("-inf", "inf")]
    )
    model = ep.LatentModel(["x", "y"], ["x", "y"], ONE, prior=funnel)
    with pytest.raises(ep.Undecided, match="the prior's tail, of which no bound was found"):
        ep.log_evidence(model, [0, 0], 3, seconds=20)


@pytest.mark.parametrize(
    "prior",
    [
        ep.Normal([1, "-1/2"], [["2", "1.9"], ["1.9", "2"]]),
        ep.Uniform([-3, -2], [3, "5/2"]),
        ep.PriorDensity("-z_0 - z_1**2/2 - log(2*pi)/2", [(0, "inf"), ("-inf", "inf")]),
        ep.Mixture([ep.Normal([1, 2], [1, "1/4"]), ep.Uniform(-2, 2)], ["1/3", "2/3"]),
    ],
    ids=lambda prior: type(prior).__name__,
)
def test_networks_take_every_prior(prior: Any) -> None:
    """Against the same decoder written as expressions, and a sum over draws."""
    torch.manual_seed(3)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double()
    likelihood = ep.Gaussian(variance="1/10")
    model = ep.LatentModel.from_torch(net, likelihood, prior=prior)
    weights = [[p.tolist() for p in layer.parameters()] for layer in (net[0], net[2])]
    (w, b), (v, c) = weights
    hidden = [f"tanh({w[k][0]!r}*z_0 + {w[k][1]!r}*z_1 + {b[k]!r})" for k in range(3)]
    outputs = [" + ".join([repr(c[j]), *(f"({v[j][k]!r})*{hidden[k]}" for k in range(3))]) for j in range(2)]
    written = ep.LatentModel(["z_0", "z_1"], outputs, likelihood, prior=prior)
    x = [0.1, -0.2]
    one, two = (ep.log_evidence(which, x, 6) for which in (model, written))
    assert max(one.lower, two.lower) <= min(one.upper, two.upper)
    assert one.width <= 2e-6


@pytest.mark.parametrize("deviation", ["1e-2", "1e-4"])
@pytest.mark.parametrize("ridges_from", [0, rounds.MANY])
def test_ridges_end_at_the_faces_of_the_box(deviation: str, ridges_from: int) -> None:
    """The sum of two uniform latents has a triangular density, which is 1/2 at 1/2: ridges leave the box there."""
    variance = Fraction(deviation) ** 2
    model = ep.LatentModel(["u", "v"], ["u + v"], ep.Gaussian(variance), prior=ep.Uniform(0, 1))
    with patch.object(rounds, "MANY", ridges_from):
        _near(ep.log_evidence(model, ["1/2"], 6), np.log(0.5), 1e-12)
        curved = ep.LatentModel(["u", "v"], ["v + u**2"], ep.Gaussian(variance), prior=ep.Uniform(-1, 1))
        # v = x - u^2 lies within [-1, 1] for all |u| <= 1: the density of x is 2/4
        _near(ep.log_evidence(curved, ["1/4"], 6), np.log(0.5), 1e-12)


def test_no_cell_reaches_beyond_a_prior_s_own_box() -> None:
    """A seeded bug: ridges' cells that reach beyond, as they may under N(0, I), are seen by the closed form."""
    model = ep.LatentModel(["u", "v"], ["u + v"], ep.Gaussian("1e-8"), prior=ep.Uniform(0, 1))
    roots = ridges.roots
    with patch.object(rounds, "MANY", 0), patch.object(ridges, "roots", lambda *a, **_: roots(*a)):
        found = ep.log_evidence(model, ["1/2"], 6)
    assert not found.lower <= np.log(0.5) <= found.upper

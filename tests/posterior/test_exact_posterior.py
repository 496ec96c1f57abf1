"""ep.Posterior: against closed forms, and against sums on generated instances; seeded bugs in its steps."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb
from scipy.stats import beta, multivariate_normal, norm

import elboproof as ep
from elboproof.model.data import data_of
from elboproof.model.decoder_entries import entry_of
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.posterior import quantile, questions, ratios, region, root
from tests.posterior.posterior_instances import DIGITS, instance, question
from tests.seeding import Seeded, falsification

SINH = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance="1/100"))


def _is(enclosure: ep.Enclosure, truth: float, half_width: float = 1e-4, slack: float = 1e-9) -> None:
    """The enclosure is as narrow as was asked, and holds a number that is known to ``slack``."""
    assert float(enclosure.width) <= 2 * half_width * (1 + 1e-9)
    assert float(enclosure.lower) - slack <= truth <= float(enclosure.upper) + slack


def _line() -> tuple[ep.Posterior, Any]:
    """x = 2 z + noise of variance 1/4, x = 1: p(z|x) = N(8/17, 1/17)."""
    model = ep.LatentModel("z", ["2*z"], ep.Gaussian(variance="1/4"))
    return ep.Posterior(model, [1], 4), norm(8 / 17, (1 / 17) ** 0.5)


def _plane() -> tuple[ep.Posterior, np.ndarray, np.ndarray]:
    """Two latents under a correlated prior, three data, all linear."""
    prior = ep.Normal(["1/2", "-1"], [[1, "1/2"], ["1/2", 2]])
    model = ep.LatentModel(["u", "v"], ["u + 2*v", "3*u - v", "v"], ep.Gaussian(variance="1/2"), prior=prior)
    W, C = np.array([[1.0, 2], [3, -1], [0, 1]]), np.array([[1, 0.5], [0.5, 2]])
    S = np.linalg.inv(np.linalg.inv(C) + 2 * W.T @ W)
    x = np.array([0.5, -1.0, 0.25])
    return ep.Posterior(model, x, 4), S @ (2 * W.T @ x + np.linalg.inv(C) @ np.array([0.5, -1])), S


def lines_are_gaussian() -> None:
    posterior, law = _line()
    m, s = law.mean(), law.std()
    _is(posterior.probability([("0.3", "0.6")]), law.cdf(0.6) - law.cdf(0.3))
    _is(posterior.probability([("-inf", "0.4")]), law.cdf(0.4))
    _is(posterior.marginal(0, "0.5"), law.pdf(0.5))
    q = ep.GaussianPosterior("1/2", "1/10")
    _is(posterior.kl(q), (0.1 / s**2 - 1 + (0.5 - m) ** 2 / s**2 - math.log(0.1 / s**2)) / 2)
    _is(posterior.expectation("100*z - 47"), 100 * m - 47)
    _is(posterior.mean()[0], m)
    _is(posterior.covariance()[0, 0], s**2)


def expectations_of_functions_are_closed_forms() -> None:
    posterior, law = _line()
    m, s = law.mean(), law.std()
    found = posterior.expectation(["exp(4*z)", "sin(3*z)", "200000*z"])
    _is(found[0], math.exp(4 * m + 8 * s**2))
    _is(found[1], math.sin(3 * m) * math.exp(-4.5 * s**2))
    _is(found[2], 200000 * m)


def quantiles_are_gaussian() -> None:
    bracket = quantile.Bracket(Fraction(0), Fraction(1))
    assert not bracket.take(Fraction(1, 2), arb(0.4, 0.2), arb(0.5))
    assert (bracket.low, bracket.high) == (Fraction(0), Fraction(1))
    posterior, law = _line()
    for p in (0.01, 0.9):
        _is(posterior.quantile(0, p), law.ppf(p))
    uneven = ep.LatentModel(["u", "v"], ["u", "v"], ep.Gaussian(variance=1), prior=ep.Uniform([0, 0], [1, 3]))
    cut = norm(0.5, 1)
    level = (cut.cdf(0.25) - cut.cdf(0)) / (cut.cdf(1) - cut.cdf(0))
    _is(ep.Posterior(uneven, ["0.5", "2"], 3).quantile(0, level), 0.25, 1e-3)


def planes_are_gaussian() -> None:
    posterior, m, S = _plane()
    covariance = posterior.covariance()
    for j in range(2):
        for k in range(2):
            _is(covariance[j, k], S[j, k])
    _is(posterior.marginal(1, "-0.1"), norm(m[1], S[1, 1] ** 0.5).pdf(-0.1))
    low, high = m - np.array([0.3, 0.2]), m + np.array([0.1, 0.4])
    box = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    _is(posterior.probability(box), multivariate_normal(m, S).cdf(high, lower_limit=low), slack=1e-7)


def other_priors_are_seen() -> None:
    """Beta(2, 5) and 3 of 5 tosses: Beta(5, 7); a uniform prior cuts a Gaussian off."""
    density = ep.PriorDensity("log(30) + log(z) + 4*log(1 - z)", [("0", "1")])
    coin = ep.LatentModel("z", ["log(z) - log(1 - z)"], ep.Binomial(5), prior=density)
    posterior, law = ep.Posterior(coin, [3], 4), beta(5, 7)
    _is(posterior.mean()[0], law.mean())
    _is(posterior.probability([("0.2", "0.5")]), law.cdf(0.5) - law.cdf(0.2))
    _is(posterior.marginal(0, "0.4"), law.pdf(0.4))
    assert posterior.marginal(0, 2).upper == 0
    assert posterior.probability([(-1, 2)]).lower == 1
    one = instance(314)  # two latents under a mixture
    name, ask, truth = question(one, 314)
    assert (name, type(one.model.prior)) == ("marginal", ep.Mixture)
    _is(ask(ep.Posterior(one.model, one.x, DIGITS)), truth, 1e-5, 1e-8)
    uniform = ep.LatentModel("z", ["z"], ep.Gaussian(variance=1), prior=ep.Uniform("0", "2"))
    cut = norm(1.5, 1)
    share = (cut.cdf(1) - cut.cdf(0)) / (cut.cdf(2) - cut.cdf(0))
    _is(ep.Posterior(uniform, ["1.5"], 4).probability([("-5", "1")]), share)


def networks_agree_with_sums() -> None:
    g = torch.Generator().manual_seed(2)
    net = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=g, dtype=torch.float64))
    x = torch.tensor([0.5, -0.25, 0.125]).double()
    model = ep.LatentModel.from_torch(net, likelihood=ep.Gaussian(variance="1/2"))
    posterior = ep.Posterior(model, x.numpy(), 3)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    grid = torch.as_tensor(9 * nodes)
    z = torch.stack(torch.meshgrid(grid, grid, indexing="ij"), -1)
    with torch.no_grad():
        energy = ((net(z.reshape(-1, 2)) - x) ** 2).sum(1) + 0.5 * (z.reshape(-1, 2) ** 2).sum(1)
    mass = np.exp(-energy.numpy()).reshape(400, 400) * np.outer(weights, weights)
    mass /= mass.sum()
    _is(posterior.expectation("z_0*z_1"), float((9 * nodes) @ mass @ (9 * nodes)), 1e-3)
    place = grid[230]
    line = torch.stack([torch.full_like(grid, float(place)), grid], -1)
    with torch.no_grad():
        along = ((net(line) - x) ** 2).sum(1) + 0.5 * (line**2).sum(1)
    total = float((np.exp(-energy.numpy()).reshape(400, 400) * np.outer(weights, weights)).sum()) * 9
    _is(posterior.marginal(0, float(place)), float(weights @ np.exp(-along.numpy())) / total, 1e-3)
    with pytest.raises(ValueError, match="at: got '1/3'; expected a number that float64 holds exactly"):
        posterior.marginal(0, Fraction(1, 3))


def far_tails_are_bounded() -> None:
    """What lies outside of all cells is added: a box beyond them, and a g that is large there."""
    found = ep.Posterior(SINH, ["0.7"]).probability([("50", "60")])
    assert found.lower == 0
    assert 0 < found.upper < 1e-6
    inner = root.root_of(*_steered("exp(6*z)"))
    plain = root.root_of(*_steered("1"))
    assert inner.box[0][1] > plain.box[0][1]
    # int_outside |g| F <= e^s E_prior[|g|; outside], exact for g = exp(6 z) under N(0, 1)
    r = float(plain.box[0][1])
    exact = math.exp(18) * (norm.sf(r - 6) + norm.cdf(-r - 6)) * math.exp(float(plain.log_supremum.mid()))
    bound = float(plain.moment(root.prior_square(SINH, _g("exp(6*z)"), 10.0)))
    assert exact <= bound <= 1e4 * exact
    assert (
        2 * norm.sf(r - 1) * 0.9999 <= float(plain.outside) <= 2 * norm.sf(r - 1) * 1.0001
    )  # ends rounded outward


def _g(text: str) -> Any:
    return entry_of(text, {"z": SINH.latents[0]}, "g")


def _steered(text: str) -> tuple[Any, ...]:
    return SINH, data_of(SINH, ["0.7"]), -1.3, 6.0, root.prior_square(SINH, _g(text), 10.0)


def generated_instances_agree(seeds: range = range(0, 1000, 25)) -> int:
    undecided = 0
    for seed in seeds:
        one = instance(seed)
        name, ask, truth = question(one, seed)
        try:
            _is(ask(ep.Posterior(one.model, one.x, DIGITS, seconds=60)), truth, 1e-5, 1e-8)
        except ep.Undecided as error:
            undecided += 1
            print(f"undecided: {one.name}, {name}: {error}")
        except AssertionError as error:
            raise AssertionError(f"{one.name}, {name}: {truth}") from error
    return undecided


CHECKS = {
    "line": lines_are_gaussian,
    "functions": expectations_of_functions_are_closed_forms,
    "quantile": quantiles_are_gaussian,
    "plane": planes_are_gaussian,
    "priors": other_priors_are_seen,
    "network": networks_agree_with_sums,
    "tails": far_tails_are_bounded,
}
R = ratios.Ratios
BUGS = {
    "difference of the parts not halved": Seeded(
        R, "_expected", "(up - down) / 2 +", "(up - down) +", ("line", "plane")
    ),
    "sum of the parts": Seeded(R, "_expected", "(up - down) / 2 +", "(up + down) / 2 +", "line"),
    "scale left out": Seeded(R, "_expected", "_ball(scale) * (up", "(up", "functions"),
    "centre left out": Seeded(R, "_expected", "_ball(centre) * inside", "0 * inside", "functions"),
    "both parts the same": Seeded(R, "_expected", "for sign in (1, -1)", "for sign in (1, 1)", "line"),
    "a ratio without its divisor": Seeded(
        region.LogMass, "ratio", "(self.lower - whole.upper).exp()", "self.lower.exp()", "line"
    ),
    "tilt forgotten": Seeded(
        region, "region", "(model.latents) + tilt)", "(model.latents))", ("line", "priors")
    ),
    "held number rounded": Seeded(
        region, "_with_numbers", "if Fraction(bias[k]) != value:", "if False:", "network"
    ),
    "inputs of a slice exchanged": Seeded(
        region, "_with_numbers", "[:, list(free)]", "[:, [k for k in held]]", "network"
    ),
    "nothing outside of the box": Seeded(
        R, "probability", "ball.union(ball + _share(root.mass(), whole))", "ball", "tails"
    ),
    "half of the outside": Seeded(root, "root_of", "(d * (arb(radius)", "(arb(0.5) * (arb(radius)", "tails"),
    "outside without the root": Seeded(
        root.Root, "moment", "(square * self.outside).sqrt()", "square.sqrt() * self.outside", "tails"
    ),
    "E g instead of E g^2": Seeded(root, "prior_square", "g**2", "g", "tails"),
    "radius that knows no g": Seeded(root, "root_of", "deficit + growth +", "deficit +", "tails"),
    "another latent's deviation": Seeded(
        questions.Covariance, "answers", "offsets[j] * offsets[k]", "offsets[j] * offsets[j]", "plane"
    ),
    "another latent's marginal": Seeded(R, "_slice", "{k: at}", "{1 - k: at}", "plane"),
    "weights of slices left out": Seeded(
        ratios, "_summed", "_ball(w) * p.upper.exp()", "p.upper.exp()", "priors"
    ),
    "density outside of the domain": Seeded(R, "density", 'return arb(0), ""', 'return arb(1), ""', "priors"),
    "quantile from above": Seeded(
        questions.Quantile, "answers", '(-float("inf"), t) if', '(t, float("inf")) if', "quantile"
    ),
    "quantile of the complement": Seeded(
        questions.Quantile, "answers", "else 1 - ball", "else ball", "quantile"
    ),
    "quantile of another latent": Seeded(
        questions.Quantile, "answers", "half[place] =", "half[place - 1] =", "quantile"
    ),
    "an end that was not proved": Seeded(
        quantile.Bracket, "take", "if value < p:", "if value.mid() < p.mid():", "quantile"
    ),
    "KL of the other sign": Seeded(questions.Divergence, "answers", "log_p - ball", "ball - log_p", "line"),
    "inner box is the root": Seeded(
        R, "probability", "(max(a, low), min(b, high))", "(low, high)", ("line", "priors")
    ),
}
test_passes, test_catches, test_is_needed = falsification(
    CHECKS, BUGS, (AssertionError, pytest.fail.Exception, ep.Undecided, ValueError)
)


def test_generated_instances_agree() -> None:
    """No miss of 40; one is undecided: the KL of a Poisson model whose ELBO's tails cannot be bounded."""
    assert generated_instances_agree() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_a_thousand_generated_instances_agree(block: int) -> None:
    """No miss; a few undecided, which are printed.

    Of all 1,000, with 120 s for each on a busy machine: no miss, 986 decided, and 3 more when asked again, as the clock
    had passed without work; 11 are undecided, all of them divergences of a Gaussian from a posterior under a Poisson
    likelihood, whose expectation has tails that could not be bounded.
    """
    assert generated_instances_agree(range(25 * block, 25 * block + 25)) <= 3


def test_generated_instances_are_of_all_kinds() -> None:
    names, kinds = set(), set()
    for seed in range(60):
        one = instance(seed)
        names |= {part for part in one.name.replace(",", "").split(" ") if part.isalpha()}
        kinds.add(question(one, seed)[0])
    assert {
        "line",
        "sinh",
        "abs",
        "parabola",
        "Gaussian",
        "Bernoulli",
        "Poisson",
        "Normal",
        "Uniform",
        "Mixture",
    } <= names
    assert {"probability", "marginal", "quantile", "kl", "mean", "covariance"} <= kinds


def test_what_cannot_be_proved_keeps_its_bounds() -> None:
    posterior = ep.Posterior(SINH, ["0.7"], 6, seconds=1e-9)
    with pytest.raises(ep.Undecided, match=r"1 of 1 posterior probabilities undecided") as caught:
        posterior.probability([("0.5", "0.7")])
    assert float(caught.value.enclosure.lower[0]) <= 0.7091157 <= float(caught.value.enclosure.upper[0])
    with pytest.raises(ep.Undecided, match="expectations undecided"):
        ep.Posterior(SINH, ["0.7"]).expectation("exp(z**2)")  # E_prior[g^2] is infinite
    with pytest.raises(ep.Undecided, match=r"quantiles undecided.*rare"):
        ep.Posterior(SINH, ["0.7"], 3).quantile(0, "1e-60")


def test_a_status_says_once_how_far_it_came_and_names_what_stopped_it() -> None:
    model = ep.LatentModel("z", ["z"], ep.Poisson(), prior=ep.Uniform("-1", "3"))
    with pytest.raises(ep.Undecided, match=r"of 6 digits proved; stopped by (?!.*stopped by)"):
        ep.Posterior(model, [2]).expectation("sqrt(z + 1)")  # no derivative at an end
    with pytest.raises(ep.Undecided, match="the time limit"):
        ep.Posterior(SINH, ["0.7"], seconds=1e-9).quantile(0, "1/2")


@pytest.mark.parametrize("p", ["1e-14", "1e-9", "0.999999999", "0.99999999999999"])
def test_quantiles_of_both_tails(p: str) -> None:
    posterior, law = _line()
    tail = min(Fraction(p), 1 - Fraction(p))
    truth = law.ppf(float(tail)) if Fraction(p) < Fraction(1, 2) else law.isf(float(tail))
    _is(posterior.quantile(0, p), truth)
    assert float(posterior.quantile(np.int64(0), p).width) <= 2e-4


@pytest.mark.parametrize("place", [0.03, 0.1, math.nextafter(0.125, 0)])
def test_a_secants_place_is_kept_to_a_256th_of_the_bracket(place: float) -> None:
    bracket = quantile.Bracket(Fraction(0), Fraction(1, 8))
    found = bracket.inside(place)
    assert 0 < found < Fraction(1, 8)
    if round(place * 2**11) < 2**8:
        assert abs(found - Fraction(place)) <= Fraction(1, 2**12)
    else:  # the end itself is no place between
        assert found == Fraction(1, 16)


def test_as_many_digits_as_are_asked() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(variance=1))
    posterior = ep.Posterior(model, ["0.5"], 60)  # N(1/4, 1/2)
    q = ep.GaussianPosterior(0, 1)
    with working_precision(400):
        density = (-((arb(1) / 12) ** 2)).exp() / arb.pi().sqrt()
        divergence = (arb(1) - arb(2).log() + arb(1) / 8) / 2
        probability = ((arb(3) / 4).erf() + (arb(1) / 4).erf()) / 2
    for found, truth in (
        (posterior.marginal(0, "1/3"), density),
        (posterior.kl(q), divergence),
        (posterior.probability([(0, 1)]), probability),
        (posterior.covariance()[0, 0], arb(1) / 2),
    ):
        assert found.exact is not None
        low, high = (Fraction(end.item()) for end in found.exact)
        assert high - low <= Fraction(2, 10**60)
        with working_precision(400):
            assert ball_of(low) < truth < ball_of(high)


@pytest.mark.parametrize("at", ["1e3", "1e9", "1e308", "-1e600"])
def test_a_density_far_out_is_small_and_can_be_written(at: str) -> None:
    found = ep.Posterior(ep.LatentModel("z", ["z"], ep.Gaussian(variance=1)), ["0.5"]).marginal(0, at)
    assert found.lower == 0
    assert 0 <= found.upper <= 1e-300
    assert len(str(found)) < 100


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ep.Posterior("z", [1]), TypeError, "model: got 'z'"),  # type: ignore[arg-type]
        (
            lambda: ep.Posterior(SINH, [["0.7", "1"]]),
            ValueError,
            r"x: got shape \(1, 2\); expected \(1,\) or",
        ),
        (lambda: ep.Posterior(SINH, ["0.7"], 0), ValueError, "digits: got 0"),
        (lambda: ep.Posterior(SINH, ["0.7"], seconds=-1), ValueError, "seconds: got -1"),
        (lambda: ep.Posterior(SINH, ["0.7"]).probability([(0, 1), (0, 1)]), (TypeError, ValueError), "box"),
        (
            lambda: ep.Posterior(SINH, ["0.7"]).probability([(1, 0)]),
            ValueError,
            r"box: got \(1, 0\); expected a low",
        ),
        (lambda: ep.Posterior(SINH, ["0.7"]).probability(0.5), ValueError, r"box: got \[0.5\]"),  # type: ignore[arg-type]
        (lambda: ep.Posterior(SINH, ["0.7"]).expectation("w"), ValueError, "g: "),
        (lambda: ep.Posterior(SINH, ["0.7"]).expectation(["z", "log(z)"]), ValueError, r"g\[1\]: .*not real"),
        (lambda: ep.Posterior(SINH, ["0.7"]).expectation([]), ValueError, "g: got .*at least one"),
        (
            lambda: ep.Posterior(SINH, ["0.7"]).marginal(1, 0),
            ValueError,
            "k: got 1; expected the place of a latent, 0 to 0",
        ),
        (lambda: ep.Posterior(SINH, ["0.7"]).marginal(0, "a"), ValueError, "at: got 'a'"),
        (
            lambda: ep.Posterior(SINH, ["0.7"]).quantile(0, 1),
            ValueError,
            "p: got 1; expected a number between 0 and 1",
        ),
        (lambda: ep.Posterior(SINH, ["0.7"]).kl(0.5), TypeError, "q: got 0.5"),  # type: ignore[arg-type]
        (
            lambda: ep.Posterior(SINH, ["0.7"]).kl(ep.GaussianPosterior([0, 0], [1, 1])),
            ValueError,
            "q: got 2 dimensions; expected 1",
        ),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_a_prior_without_a_box_is_refused_for_moments_alone() -> None:
    prior = ep.PriorDensity("-z", [("0", "inf")])
    posterior = ep.Posterior(ep.LatentModel("z", ["z"], ep.Gaussian(variance=1), prior=prior), ["1.5"])
    law = norm(0.5, 1)
    _is(posterior.probability([("0", "1")]), (law.cdf(1) - law.cdf(0)) / law.sf(0))
    with pytest.raises(ValueError, match=r"prior: got .*zero outside of a box"):
        posterior.mean()


def test_a_likelihood_that_grows_is_refused() -> None:
    model = ep.LatentModel("z", ["z"], ep.Exponential())
    with pytest.raises(ValueError, match=r"model: got .*a likelihood that is bounded over z"):
        ep.Posterior(model, [0]).mean()

"""Each variant's loss against the public objectives and against torch.distributions."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from elboproof import objectives
from elboproof.networks.evaluation import in_units_of_data, relative_terms, whole
from elboproof.networks.randomness import generator_of
from elboproof.networks.run import Run
from elboproof.networks.settings import Request, settings_of
from elboproof.networks.splits import Splits, split
from elboproof.networks.terms import likelihood, rate, statistics
from elboproof.networks.variants import VARIANTS, Variant

CLOSE = 1e-12
"""Of sums of some dozen numbers in float64."""
B, D, L = 7, 5, 3
Given = dict[str, torch.Tensor]


def given() -> Given:
    generator = torch.Generator().manual_seed(3)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "y": normal(B, D),
        "output": 0.3 * normal(B, D),
        "mean": 1.5 + normal(B, L),
        "log_s": 0.7 * normal(B, L) - 1,
        "v": torch.tensor([1.0, 0.5, 4.0, 0.0, 2.0], dtype=torch.float64),
    }


def loss(variant: Variant, data: Given, log_s: torch.Tensor | None, level: float | None = None) -> float:
    found = statistics(data["y"] - data["output"], data["mean"], log_s, data.get("log_v"))
    return float(likelihood(variant, found, data["v"], level) - rate(variant, found))


def test_the_ordinary_ones_are_the_elbo() -> None:
    data = given()
    for name in ("vae", "vae-learned"):
        found = loss(VARIANTS[name], data, data["log_s"], math.log(0.3))
        wanted = objectives.elbo(data["y"], data["output"], data["mean"], data["log_s"], variance=0.3).mean()
        assert found == pytest.approx(float(wanted), rel=CLOSE)


def test_the_closed_variance_is_the_best_one() -> None:
    data = given()
    found = loss(VARIANTS["sigma-vae"], data, data["log_s"])
    best = float((data["y"] - data["output"]).square().mean())
    for factor, relation in ((1.0, "="), (0.99, ">"), (1.01, ">")):
        value = objectives.elbo(
            data["y"], data["output"], data["mean"], data["log_s"], variance=best * factor
        )
        if relation == "=":
            assert found == pytest.approx(float(value.mean()), rel=CLOSE)
        else:
            assert found > float(value.mean()) + 1e-5


def test_one_posterior_variance_is_that_of_all_examples() -> None:
    data = given()
    shared = data["log_s"][0]
    found = loss(VARIANTS["sigma-vae-shared"], data, shared)
    assert found == pytest.approx(loss(VARIANTS["sigma-vae"], data, shared.expand(B, L).clone()), rel=CLOSE)


def test_half_outputs_are_bilbo() -> None:
    data = given()
    wanted = objectives.bilbo(data["y"], data["output"], data["mean"], variance=0.3).mean()
    assert loss(VARIANTS["bilbo"], data, None, math.log(0.3)) == pytest.approx(float(wanted), rel=CLOSE)


@pytest.mark.parametrize("name", [name for name, one in VARIANTS.items() if one.bounded])
def test_the_bounded_ones_are_bilbo_and_baggins(name: str) -> None:
    data, variant = given(), replace(VARIANTS[name], bits=2.5)
    form: Any = variant.likelihood
    wanted = objectives.bilbo_baggins(
        data["y"], data["output"], data["mean"], data["v"], bits=2.5, mode=variant.mode, form=form
    )
    assert loss(variant, data, None) == pytest.approx(float(wanted), rel=CLOSE)


def test_the_floating_prior_is_the_best_centred_one() -> None:
    data = given()
    m, s = data["mean"], data["log_s"].exp()
    found = float(rate(VARIANTS["sigma-vae-floating"], statistics(data["y"], m, data["log_s"])))
    best = (m.square() + s).mean(0)

    def mean_divergence(variance: torch.Tensor) -> float:
        q: Any = Normal(m, s.sqrt())
        prior: Any = Normal(torch.zeros_like(m), variance.sqrt().expand(m.shape))
        divergence: Any = kl_divergence(q, prior)
        return float(divergence.sum(1).mean())

    assert found == pytest.approx(mean_divergence(best), rel=CLOSE)
    assert all(found < mean_divergence(best * factor) - 1e-6 for factor in (0.99, 1.01))


def run_of(data: Splits, variant: str) -> Run:
    request = Request(variant, 2, (8,), "tanh", "mlp", 10, 32, 1e-3, 0, 5, None)
    settings = settings_of(data, request, 0)
    return Run(settings, data)


def table(scale: float = 1.0) -> Splits:
    x = torch.randn(5000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return split(scale * (x + x[:, :1]) @ torch.diag(torch.tensor([1.0, 2.0, 3.0, 0.0]).double()))


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_the_terms_of_all_data_are_those_of_one_large_batch(name: str) -> None:
    # pieces of 2048 examples: 4000 are two of them, of different sizes
    run = run_of(table(), name)
    networks, y = run.networks.double(), run.train
    found = relative_terms(networks, whole(networks, y, 5), run.constants)
    with torch.no_grad():
        mean, log_s = networks.encode(y)
        pieces = [y[:2048], y[2048:]]  # each draws its own noise
        generator = generator_of(5, "evaluation")
        noise = torch.cat([torch.randn(len(p), 2, generator=generator, dtype=torch.float64) for p in pieces])
        z = mean + (noise if log_s is None else (log_s / 2).exp() * noise)
        means, log_v = networks.decode_both(z)
        level: torch.Tensor | None = networks.log_likelihood_variance
        if name in ("vae", "bilbo"):
            level = torch.tensor(-2 * math.log(run.constants.scale), dtype=torch.float64)
        v = torch.from_numpy(run.constants.relative_variance)
        both = statistics(y - means, mean, log_s, log_v)
        log_p, kl = likelihood(networks.variant, both, v, level), rate(networks.variant, both)
    assert found.likelihood == pytest.approx(float(log_p), rel=1e-10)
    assert found.rate == pytest.approx(float(kl), rel=1e-10)


def test_terms_in_the_units_of_the_data_are_those_of_the_data() -> None:
    # the log density of x, computed of x, at the same z
    for scale in (1.0, 7.0):
        run = run_of(table(scale), "vae")
        networks = run.networks.double()
        given = whole(networks, run.train, 5)
        found = in_units_of_data(networks, relative_terms(networks, given, run.constants), run.constants)
        squares = float(given.residual.square().sum()) * run.constants.scale**2
        assert found.likelihood == pytest.approx(-0.5 * (squares + 4 * math.log(2 * math.pi)), rel=1e-12)


def test_a_learned_variance_starts_at_one_in_the_units_of_the_data_or_not() -> None:
    for scale in (1.0, 7.0):
        started = {name: run_of(table(scale), name) for name in ("vae-learned", "vae-learned-scaled", "vae")}
        levels = {}
        for name, run in started.items():
            given = whole(run.networks, run.train.float(), 5)
            levels[name] = relative_terms(run.networks, given, run.constants).likelihood
        assert levels["vae-learned"] == pytest.approx(levels["vae"], rel=1e-6)
        assert levels["vae-learned-scaled"] != pytest.approx(levels["vae"], rel=1e-2)


def test_a_rival_form_is_another_loss() -> None:
    data = given()
    values = [loss(one, data, None) for one in VARIANTS.values() if one.bounded]
    assert len({round(value, 6) for value in values}) == 4

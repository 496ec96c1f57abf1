"""half-output-networks: its predicates decide, intervals have three answers, and each knob of the yardstick counts."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elboproof.checking.run import Run, try_instances
from elboproof.checking.sources import import_claim

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "half_output_networks")


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


protocol, scores, intervals = part("protocol"), part("scores"), part("intervals")
TINY = protocol.SMALL.but(seeds=(0, 1), steps=20, hidden=(8,), points=5, latents=2)


@pytest.mark.parametrize("name", ["powers_of_two", "several_seeds", "smooth_networks"])
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(CLAIM.hypotheses, name))


SEEDS = torch.tensor([1.0, 1.2, 0.8, 1.1, 0.9], dtype=torch.float64)
"""Mean 1, standard error 0.0707, Student's half width 0.196."""


@pytest.mark.parametrize(
    ("least", "most", "status"),
    [
        (0.8, math.inf, "established"),
        (-math.inf, 1.2, "established"),
        (0.81, math.inf, "undecided"),
        (-math.inf, 1.19, "undecided"),
        (1.19, math.inf, "undecided"),
        (1.2, math.inf, "refuted"),
        (-math.inf, 0.8, "refuted"),
    ],
)
def test_an_interval_decides_where_no_border_cuts_it(least: float, most: float, status: str) -> None:
    verdict = intervals.differs_by(SEEDS, torch.zeros_like(SEEDS), least, most)
    assert verdict.status == status
    assert verdict.method == "experiment"
    assert ("not decided at this size" in verdict.reason) == (status == "undecided")


def test_what_all_seeds_share_is_no_part_of_the_interval() -> None:
    shared = torch.tensor([0.0, 40.0, -30.0, 10.0, 70.0], dtype=torch.float64)
    assert intervals.differs_by(SEEDS + shared, shared, 0.8).status == "established"


def test_scores_are_of_the_refitted_prior_and_the_validation_variance() -> None:
    network, data = protocol.trained(TINY, "bilbo-baggins", 0), protocol.splits(TINY, 0)
    one = scores.judged(network, data)
    prior = scores.prior_of(network, data)
    means, logs = network.encode(data.train)
    assert np.allclose(prior.mean.numpy(), means.mean(0))
    covariance = np.cov(means.T, bias=True) + np.diag(np.exp(logs).mean(0))
    assert np.allclose((prior.factor @ prior.factor.T).numpy(), covariance)
    held_out, _ = network.encode(data.validation)
    rng = np.random.default_rng(0)
    draws = [network.decode(held_out + rng.standard_normal(held_out.shape)) for _ in range(64)]
    assert one.variance == pytest.approx(
        float(np.mean([(data.validation - f) ** 2 for f in draws])), rel=0.01
    )


@pytest.mark.parametrize("changes", [{"prior": "N(0, I)"}, {"fit": "train"}, {"power": 0.5}])
def test_each_knob_of_the_yardstick_moves_the_score(changes: dict[str, Any]) -> None:
    fair = scores.amortised(TINY, "bilbo-baggins", 0)
    other = scores.amortised(TINY, "bilbo-baggins", 0, scores.Yardstick(**changes))
    assert float((fair - other).abs().max()) > 5e-4


def test_scores_are_in_units_of_the_data() -> None:
    one, larger = (scores.amortised(TINY.but(scale=c), "bilbo-baggins", 0) for c in (1.0, 1024.0))
    assert torch.allclose(one, larger, rtol=0, atol=1e-9)


def test_refinement_gains_and_evidence_is_above_it() -> None:
    found = scores.refinement(TINY, "bilbo-baggins", 1)
    amortised = scores.amortised(TINY, "bilbo-baggins", 1)[: TINY.points]
    assert float(found.elbo.mean()) > float(amortised.mean()) - 0.05
    assert float(found.evidence.mean()) > float(found.elbo.mean()) - 0.05
    assert 0 <= found.untrusted <= 1


def test_a_slip_changes_one_training_image_and_no_other() -> None:
    one, slipped = protocol.splits(TINY, 0), protocol.splits(TINY.but(slip=2.0), 0)
    assert np.array_equal(slipped.train[0], 2 * one.train[0])
    assert np.array_equal(slipped.train[1:], one.train[1:])
    assert np.array_equal(slipped.test, one.test)


def test_raw_networks_see_the_pixels_themselves() -> None:
    network = part("raw").raw(TINY, "bilbo-closed")
    assert network.constants.scale == 1
    assert not network.constants.centre.any()
    x = protocol.splits(TINY, 0).test[:3]
    with torch.no_grad():
        means = network.networks.encode(torch.from_numpy(x).float())[0].double()
    assert np.allclose(network.encode(x)[0], means.numpy(), atol=1e-5)


def test_the_ablation_pairs_its_cells() -> None:
    found = part("ablation").effects(TINY)
    cells = {name: scores.means(TINY, name) for name in part("ablation").CELLS.values()}
    with_prior, without = found["floating prior"]
    assert torch.equal(with_prior, (cells["sigma-vae-floating"] + cells["bilbo-closed"]) / 2)
    assert torch.equal(without, (cells["sigma-vae"] + cells["sigma-vae-shared"]) / 2)


def test_mnist_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELBOPROOF_MNIST", raising=False)
    assert protocol.mnist_path() is None
    monkeypatch.setenv("ELBOPROOF_MNIST", "somewhere")
    assert protocol.mnist_path() == "somewhere"
    with pytest.raises(ValueError, match="path: got"):
        protocol.splits(TINY.but(data="mnist"), 0)


def test_what_the_halves_of_bilbo_bring_adds_up() -> None:
    ablation = part("ablation")
    for score in ("amortised", "refined"):
        found = {name: float((a - b).mean()) for name, (a, b) in ablation.effects(TINY, score).items()}
        both = scores.means(TINY, "bilbo-closed", score) - scores.means(TINY, "sigma-vae", score)
        gain = float(both.mean())
        assert sum(found.values()) == pytest.approx(gain, abs=1e-12)
        words = ablation.shares(TINY, score)
        assert words == (
            f"of {gain:+.2f} nats, {score}, that both give together the constant variance brings "
            f"{found['constant variance']:+.2f} and the floating prior brings {found['floating prior']:+.2f}"
        )


def made_up(floating: float, constant: float) -> Callable[..., torch.Tensor]:
    """Return scores whose main effects are these numbers, with an interaction of 4 nats and a spread over seeds."""
    effects = {
        "sigma-vae": 0.0,
        "sigma-vae-floating": floating - 2,
        "sigma-vae-shared": constant - 2,
        "bilbo-closed": floating + constant,
    }

    def means(protocol: Any, variant: str, score: str = "amortised", *_: object) -> torch.Tensor:
        noise = torch.linspace(-0.2, 0.2, len(protocol.seeds), dtype=torch.float64)
        sign = 1.0 if variant in ("sigma-vae-floating", "bilbo-closed") else -1.0
        return torch.full_like(noise, effects[variant] - 100) + sign * noise

    return means


@pytest.mark.parametrize(
    ("floating", "constant", "status"),
    [(20.0, -10.0, "established"), (0.0, -10.0, "refuted"), (20.0, 1.0, "refuted"), (0.6, 0.0, "undecided")],
)
def test_the_halves_of_the_gain_on_mnist_are_decided(
    floating: float, constant: float, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ablation = part("real_mnist"), part("ablation")
    monkeypatch.setattr(ablation, "means", made_up(floating, constant))
    verdict = real.halves_of_the_gain(Run("x"), real.ABLATED, real.FLOATING)
    assert verdict.status == status
    told = (
        f"of {floating + constant:+.2f} nats, amortised, that both give together the constant variance brings"
    )
    assert all(told in one.reason for one in verdict.parts.values())


@pytest.mark.parametrize(
    ("gains", "refuted"),
    [
        ((), {"floating prior"}),
        (("floating prior", "constant variance"), {"constant variance"}),
        (("constant variance",), {"floating prior", "constant variance"}),
    ],
)
def test_controls_of_the_halves_are_refuted_part_by_part(
    gains: tuple[str, ...], refuted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part("ablation"), "means", made_up(20.0, -10.0))
    verdict = part("real_mnist").halves_of_the_gain(Run("x"), part("real_mnist").ABLATED, gains)
    assert {name for name, one in verdict.parts.items() if one.status == "refuted"} == refuted


def test_the_halves_on_stand_in_data_are_trained_and_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of MNIST on digits, tiny: from networks to a sentence."""
    monkeypatch.setattr(scores, "REFINING", 5)
    five = TINY.but(seeds=(0, 1, 2, 3, 4), steps=2, images=100)
    verdict = part("real_mnist").halves_of_the_gain(Run("x"), five, ("floating prior",))
    assert set(verdict.parts) == {"constant variance", "floating prior"}
    assert verdict.data is not None
    assert len(verdict.data["constant and floating, refined"]) == 5
    assert protocol.splits(five, 0).test.shape == (100, 64)
    assert "100 images each for validation and test" in five.words


def test_pixels_have_the_likelihood_that_is_asked() -> None:
    """Constants and the decoder's own variances, recomputed from the record; a decoder of means has one variance."""
    network, data = protocol.trained(TINY, "vae-per-pixel", 0), protocol.splits(TINY, 0)
    one, constants, own = (
        scores.judged(network, data, scores.Yardstick(likelihood=name)) for name in scores.LIKELIHOODS
    )
    means, logs = network.encode(data.validation)
    rng = np.random.default_rng(0)
    z = [means + np.exp(logs / 2) * rng.standard_normal(means.shape) for _ in range(64)]
    squares = np.mean([(data.validation - network.decode(at)) ** 2 for at in z], axis=(0, 1))
    whitened = [
        (data.validation - network.decode(at)) ** 2 / np.exp(network.decode_log_variances(at)) for at in z
    ]
    floor = 0.01 * network.constants.scale**2
    assert one.variance == pytest.approx(squares.mean(), rel=0.01)
    assert constants.variance.numpy() == pytest.approx(np.maximum(squares, floor), rel=0.05)
    assert float(constants.variance.min()) == pytest.approx(floor, rel=1e-12)
    assert own.variance == pytest.approx(float(np.mean(whitened)), rel=0.01)
    half = protocol.trained(TINY, "bilbo-baggins", 0)
    fair = scores.judged(half, data)
    assert (
        scores.judged(half, data, scores.Yardstick(likelihood="the decoder's own")).variance == fair.variance
    )


def test_the_floor_of_the_rival_is_not_that_of_the_half_outputs() -> None:
    found = part("pixel_variances").compared(TINY.but(floor=0.5), "vae-per-pixel")
    plain = part("pixel_variances").compared(TINY, "vae-per-pixel")
    for name, (half, whole) in plain.items():
        assert torch.equal(found[name][0], half)
        assert not torch.equal(found[name][1], whole)

"""temporal-difference-vae: its predicates decide, its exact systems are exact, and what is planted in it is seen."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from elboproof import objectives
from elboproof.checking import Run
from elboproof.checking.run import try_instances
from elboproof.checking.sources import import_claim
from elboproof.objectives.temporal import _Gaussian

CLAIM: Any = import_claim(Path(__file__).parents[1] / "verification", "temporal_difference_vae")
HYPOTHESES = ("positive_noise", "stable", "positive_laws", "positive_weights")


def part(name: str) -> Any:
    """Return a module of the claim."""
    return sys.modules[f"{CLAIM.__name__}.{name}"]


def _run(name: str) -> Run:
    return Run(f"temporal-difference-vae/S0/{name}", false_alarm=1e-7)


@pytest.mark.parametrize("name", HYPOTHESES)
def test_each_hypothesis_accepts_and_rejects(name: str) -> None:
    try_instances(getattr(part("hypotheses"), name))


def test_the_oscillators_filter_is_that_of_the_joint_law() -> None:
    system, kalman = part("oscillator").oscillator(), part("kalman")
    outputs = len(system.c)
    space = kalman.LinearSpace(
        system.a,
        system.process * np.eye(2),
        system.c,
        system.noise * np.eye(outputs),
        system.stationary * np.eye(2),
    )
    x = system.sequences(np.random.default_rng(0), 3, 6)
    means, covariances = system.filtered(x)
    for jump in (1, 3):
        law = system.ahead(means[:, 5 - jump], covariances[5 - jump], jump)
        for n, one in enumerate(x):
            kept = [*range(6 - jump), 5]
            wanted = space.log_some(one, kept) - space.log_some(one, kept[:-1])
            assert float(system.seen(*law, x[:, 5])[n]) == pytest.approx(wanted, abs=1e-10)


def test_sequences_have_the_joint_covariance() -> None:
    system = part("oscillator").oscillator()
    x = system.sequences(np.random.default_rng(1), 40_000, 3)[..., 0]
    near = system.stationary * (system.c @ system.a @ system.c.T)[0, 0]
    own = system.stationary * (system.c @ system.c.T)[0, 0] + system.noise
    assert float((x[:, 2] ** 2).mean()) == pytest.approx(own, rel=0.03)
    assert float((x[:, 2] * x[:, 1]).mean()) == pytest.approx(near, abs=0.03)


def test_a_models_predictions_are_those_of_its_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that are linear have a prediction in closed form; one jump, and the error of the draws is known."""
    model = part("networks").Model(1, 0)
    ones = torch.ones

    def belief(b: Any) -> Any:
        return 0.5 * ones(len(b), 2), torch.zeros(len(b), 2)

    monkeypatch.setattr(model, "belief", belief)
    monkeypatch.setattr(model, "transition", lambda z, jump: (z * jump[..., None], 0 * z - 1))
    monkeypatch.setattr(model, "decoder", lambda z: (z[..., :1], 0 * z[..., :1]))
    x = np.full((2, 8, 1), 0.3)
    logs, error = model.predicted(x, 4, 2, 50_000)
    variance = 4 + np.exp(-1) + 1
    wanted = -0.5 * (0.7**2 / variance + np.log(2 * np.pi * variance))
    assert logs == pytest.approx([wanted] * 2, abs=5 * float(error.max()) ** 0.5)
    assert float(error.max()) < 1e-4


def test_training_is_repeatable_and_leaves_torchs_own_numbers_alone() -> None:
    system = part("oscillator").oscillator()
    state = torch.get_rng_state()
    first, again, other = (part("networks").train(system, seed, 3) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    weights = [model.parameters[0] for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def _without_noise_term(self: _Gaussian, generator: Any) -> tuple[Any, Any]:
    mean = self.mean
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    log_density = -0.5 * (self.log_variance + np.log(2 * np.pi)).sum(1)
    return mean + (0.5 * self.log_variance).exp() * noise, log_density


def _with_deviation(self: _Gaussian, value: Any) -> Any:
    square = (value - self.mean).square() * (-self.log_variance).exp()
    return -0.5 * (square + 0.5 * self.log_variance + np.log(2 * np.pi)).sum(1)


def _turned(self: _Gaussian, other: _Gaussian) -> Any:
    return _KEPT(other, self)


_KEPT = _Gaussian.divergence
PLANTED: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "no noise in the density of a draw": ("draw", _without_noise_term, ("exact", "means")),
    "a deviation for a variance": ("log_prob", _with_deviation, ("exact", "means")),
    "the divergence turned round": ("divergence", _turned, ("means",)),
}
CHECKS = {"exact": "library_has_no_variance_at_exact_beliefs", "means": "library_means"}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_in_the_loss_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attribute, wrong, checks = PLANTED[name]
    monkeypatch.setattr(_Gaussian, attribute, wrong)
    for check in checks:
        assert getattr(part("library"), CHECKS[check])(_run(CHECKS[check])).status == "refuted", check


def test_a_rollout_of_two_jumps_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    module: ModuleType = part("rollouts")
    kept = objectives.td_vae_rollout

    def twice(belief: Any, transition: Any, *given: Any) -> Any:
        def again(z: Any, jump: Any) -> Any:
            return transition(transition(z, jump)[0], jump)

        return kept(belief, again, *given)

    monkeypatch.setattr(objectives, "td_vae_rollout", twice)
    monkeypatch.setattr(module, "SAMPLES", 100_000)
    assert part("rollouts").rollouts_in_one_jump(_run("rollouts")).status == "refuted"


def test_a_wrong_information_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = part("jumps")
    kept = jumps.information
    monkeypatch.setattr(jumps, "information", lambda *given: kept(*given) + kept(*given) / 2**60)
    assert jumps.gap_of_a_jump(_run("gap")).status == "refuted"
    assert jumps.gap_with_a_smoother_that_knows_more(_run("gap")).status == "refuted"


def test_a_filter_that_lost_its_noise_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kalman = part("kalman")
    kept = kalman.Law.given
    monkeypatch.setattr(
        kalman.Law, "given", lambda self, matrix, noise, seen: kept(self, matrix, 1.001 * noise, seen)
    )
    assert part("one_step").one_step_losses_add_up(_run("sum")).status == "refuted"


def test_a_quadratic_loss_that_is_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    linear, learned = part("linear_beliefs"), part("learned")
    kept = linear.quadratic

    def off(*given: Any) -> Any:
        H, g, c = kept(*given)
        return H, 1.001 * g, c

    monkeypatch.setattr(linear, "quadratic", off)
    monkeypatch.setattr(learned, "best", lambda *shares: linear.best.__wrapped__(*shares))
    assert learned.best_linear_beliefs(_run("linear")).status == "refuted"


def test_the_best_belief_is_below_its_neighbours() -> None:
    linear = part("linear_beliefs")
    for shares in (((2, 1.0),), ((1, 0.5), (2, 0.5))):
        found = linear.best(*shares)
        rng = np.random.default_rng(0)
        for _ in range(5):
            moved = found.weights + 1e-3 * rng.standard_normal(len(found.weights))
            assert linear.loss_of(moved, 1.01 * found.variance, dict(shares)) > found.loss
        assert found.loss > linear.entropy_of_next(dict(shares))

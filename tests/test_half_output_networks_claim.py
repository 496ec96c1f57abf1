"""half-output-networks: its predicates decide, intervals have three answers, and each knob of the yardstick counts."""

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from elboproof.checking.run import try_instances
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

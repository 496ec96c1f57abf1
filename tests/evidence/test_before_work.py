"""What is known of a row that nobody began: the supremum of its likelihood, where the prior is a probability."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep
from elboproof.evidence.batch_rows import BeforeWork
from elboproof.model.data import data_of
from elboproof.running.rows import NOT_BEGUN
from tests.seeding import Bug, Seeded, falsification

NORMAL = -math.log(2 * math.pi * 0.25) / 2
"""The largest log density of N(f, 1/4)."""
BENT = ["z + z**2", "sin(z)"]


def _upper(model: ep.LatentModel, x: Any) -> list[float]:
    data = data_of(model, x)
    rows = [BeforeWork(model, data).row(n, "why") for n in range(len(data))]
    assert all(row.lower == -math.inf and row.status == "why" for row in rows)
    return [row.upper for row in rows]


def _is(upper: list[float], truth: list[float]) -> None:
    """The bounds are the suprema, rounded up."""
    assert all(t <= u <= t + 1e-9 for u, t in zip(upper, truth, strict=True))


def _poisson(counts: list[int]) -> float:
    return sum(n * math.log(n) - n - math.lgamma(n + 1) for n in counts)


def gaussians_are_bounded_by_their_norm() -> None:
    for prior in (
        ep.Normal(),
        ep.Normal("1/2", "1/4"),
        ep.Mixture([ep.Normal(), ep.Normal("1", "1/4")], ["1/2", "1/2"]),
    ):
        model = ep.LatentModel("z", BENT, ep.Gaussian("1/4"), prior=prior)
        _is(_upper(model, [["0.5", "1"], ["3", "-2"]]), [2 * NORMAL] * 2)


def base_measures_are_in_the_bound() -> None:
    model = ep.LatentModel("z", BENT, ep.Poisson())
    _is(_upper(model, [[2, 3], [1, 4]]), [_poisson([2, 3]), _poisson([1, 4])])


def bounds_hold() -> None:
    models = [
        (ep.LatentModel("z", BENT, ep.Bernoulli()), [[1, 0], [1, 1]]),
        (ep.LatentModel("z", ["z"], ep.Gaussian("1/4")), [["0.5"], ["0"]]),  # no latent is left
        (ep.LatentModel(["u", "v"], ["sin(u) + v", "u"], ep.Gaussian("1/4")), [["0.5", "0.1"]]),
        (ep.LatentModel.from_torch(torch.nn.Linear(2, 3), ep.Bernoulli()), [[1, 0, 1]]),
    ]
    for model, x in models:
        assert (ep.log_evidence(model, x, 4).lower <= _upper(model, x)).all()
        assert (np.array(_upper(model, x)) < np.inf).all()


def a_density_is_no_probability_to_the_last_digit() -> None:
    prior = ep.PriorDensity("log(3/4) + log(1 - z**2)", [("-1", "1")])
    assert _upper(ep.LatentModel("z", BENT, ep.Gaussian("1/4"), prior=prior), [["0", "0"]]) == [math.inf]


def rows_not_begun_say_it() -> None:
    model = ep.LatentModel("z", BENT, ep.Gaussian("1/4"))
    with pytest.raises(ep.Undecided) as caught:
        ep.log_evidence(model, [["0.5", "1"]] * 3, 6, total_seconds=1e-9)
    assert caught.value.statuses == (NOT_BEGUN,) * 3
    _is(caught.value.enclosure.upper.tolist(), [2 * NORMAL] * 3)


CHECKS = {
    "norm": gaussians_are_bounded_by_their_norm,
    "base": base_measures_are_in_the_bound,
    "holds": bounds_hold,
    "density": a_density_is_no_probability_to_the_last_digit,
    "told": rows_not_begun_say_it,
}
BUGS: dict[str, Bug] = {
    "above the supremum": Seeded(
        BeforeWork, "row", "self._upper[n]", "self._upper[n] + 1", ("norm", "base", "told")
    ),
    "below the supremum": Seeded(
        BeforeWork, "row", "self._upper[n]", "self._upper[n] - 9", ("norm", "base", "holds", "told")
    ),
    "a supremum in any case": Seeded(
        BeforeWork, "row", "float(self._upper[n])", "min(float(self._upper[n]), 9.0)", "density"
    ),
}
test_passes, test_catches, test_is_needed = falsification(CHECKS, BUGS)


def test_latents_that_are_integrated_out_widen_the_likelihood() -> None:
    """Without b, x_1 ~ N(a^2, 1.01): its density is a tenth of that of the likelihood at most."""
    model = ep.LatentModel(["a", "b"], ["b + a**2"], ep.Gaussian("1/100"))
    _is(_upper(model, [["0.3"]]), [-math.log(2 * math.pi * 1.01) / 2])

"""Data of known decoders: what is known of them, by other routes."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

import elboproof as ep
from elboproof import networks

WEIGHT = np.array([[1.0, 2.0], [0.3, -1.0], [0.5, 0.1]])


def test_a_linear_source_is_known_in_closed_form() -> None:
    known = networks.linear_gaussian(WEIGHT, 0.1)
    law = multivariate_normal(np.zeros(3), WEIGHT @ WEIGHT.T + 0.1 * np.eye(3))
    x = known.draw(5)[1]
    assert known.log_evidence(x) == pytest.approx(law.logpdf(x), rel=1e-12)
    assert known.entropy == pytest.approx(float(law.entropy()), rel=1e-12)
    assert known.log_evidence(x) == pytest.approx(
        np.asarray(ep.log_evidence(known.model, x, digits=9).midpoint), abs=1e-9
    )


def test_a_linear_source_draws_what_it_says() -> None:
    known = networks.linear_gaussian(WEIGHT, 0.1)
    z, x = known.draw(20_000, seed=1)
    # -log p(x) of D Gaussian dimensions has variance D/2: six deviations of the mean
    assert -known.log_evidence(x).mean() == pytest.approx(known.entropy, abs=6 * math.sqrt(1.5 / 20_000))
    noise = x - z @ WEIGHT.T
    assert noise.var() == pytest.approx(0.1, rel=6 * math.sqrt(2 / 60_000))


def test_a_curve_is_known_by_its_proved_evidence() -> None:
    known = networks.curve(["sinh(z)"], 0.01)
    z, x = known.draw(3, seed=2)
    for row, found in zip(x, known.log_evidence(x), strict=True):
        centre = float(np.arcsinh(row[0]))
        density = quad(
            lambda t, row=row: norm.pdf(t) * norm.pdf(row[0], np.sinh(t), 0.1), centre - 2, centre + 2, epsabs=1e-13
        )[0]  # fmt: skip
        assert found == pytest.approx(math.log(density), abs=1e-7)
    assert abs(x - np.sinh(z)).max() < 0.6
    with pytest.raises(ValueError, match=r"entropy: got .*; expected a linear one"):
        _ = known.entropy


def test_no_network_is_better_than_what_is_known() -> None:
    known = networks.linear_gaussian(WEIGHT, 0.1)
    data = known.splits(2000, seed=3)
    trained = networks.train(data, latents=2, hidden=(16,), steps=400, learning_rate=1e-2)
    # proved evidence of the trained decoder on test data, against that of the source, which is the best in the mean
    model = trained.latent_model()
    x = data.test[:40]
    lost = known.log_evidence(x) - np.asarray(ep.log_evidence(model, x, digits=4).midpoint)
    error = lost.std() / math.sqrt(len(lost))
    assert -4 * error < lost.mean() < 1
    assert np.array_equal(known.splits(2000, seed=3).train, data.train)


WRONG: list[tuple[Any, Any, str]] = [
    ([1.0, 2.0], 0.1, "weight: got shape"),
    ([[np.nan]], 0.1, "weight: got nan"),
    ([[1.0]], 0.0, "variance: got 0.0; expected a positive number"),
]


@pytest.mark.parametrize(("weight", "variance", "message"), WRONG)
def test_wrong_sources_are_refused(weight: Any, variance: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        networks.linear_gaussian(weight, variance)


def test_wrong_counts_and_rows_are_refused() -> None:
    known = networks.linear_gaussian(WEIGHT, 0.1)
    with pytest.raises(ValueError, match="count: got 0; expected an integer, at least 1"):
        known.draw(0)
    with pytest.raises(ValueError, match=r"x: got shape \(1, 2\)"):
        known.log_evidence([[1.0, 2.0]])

"""Sums that a deadline stops: what is left undone is enclosed, in float64 or by its range."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.expectations import rules as expectations
from elboproof.expectations import sums
from elboproof.expectations.integrands import EnclosedGaussian
from elboproof.expectations.rules import ProvedRules
from tests.posterior.routes import by_hermite

POINTS = {
    1: EnclosedGaussian([arb("0.4")], [[arb("0.3")]]),
    2: EnclosedGaussian([arb("0.4"), arb("0.1")], [[arb("0.3")], [arb("0.1"), arb("0.2")]]),
}
MODELS = {
    1: ep.LatentModel("z", ["tanh(2*z)"], ep.Gaussian("1/10")),
    2: ep.LatentModel(["a", "b"], ["tanh(2*a) + b"], ep.Gaussian("1/10")),
}
ROUNDING = 1e-12
"""Of the Gauss-Hermite sums."""


def quadrature(d: int, cells: bool, monkeypatch: pytest.MonkeyPatch) -> ProvedRules:
    """Return rules that aim at 8 digits: a lattice, or cells."""
    if cells:
        monkeypatch.setattr(expectations, "lattice", lambda *_: None)
    return ProvedRules(MODELS[d], [arb("0.5")], POINTS[d], [(0, 0)], [1e-8], np.inf)


def truth(d: int) -> float:
    factor = np.array(
        [[float(row[j].mid()) if j < len(row) else 0.0 for j in range(d)] for row in POINTS[d].factor]
    )
    mean = [float(m.mid()) for m in POINTS[d].mean]

    def log_likelihood(z: Any) -> Any:
        f = np.tanh(2 * z[:, 0]) + (z[:, 1] if d == 2 else 0.0)
        return -5 * (0.5 - f) ** 2 - np.log(2 * np.pi / 10) / 2

    covariance = factor @ factor.T
    entropy = d / 2 * (1 + np.log(2 * np.pi)) + np.log(np.diag(factor)).sum()
    return by_hermite(log_likelihood, mean, covariance, 60) - float(entropy)


class Clock:
    """A clock whose readings pass the deadline after some calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> float:
        self.left -= 1
        return 0.0 if self.left >= 0 else 100.0


@pytest.mark.parametrize("calls", [0, 1, 2, 5, 8, 10**9])
@pytest.mark.parametrize("floats", [False, True])
@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("d", [1, 2])
def test_what_is_left_undone_is_enclosed(
    d: int, cells: bool, floats: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = quadrature(d, cells, monkeypatch)
    rules._deadline = 50.0
    monkeypatch.setattr(sums, "BLOCK", 16)  # several blocks
    monkeypatch.setattr(sums, "time", SimpleNamespace(monotonic=Clock(calls)))
    (ball,) = rules.sums(floats=floats).values()
    assert abs(float(ball.mid()) - truth(d)) <= float(ball.rad()) + ROUNDING
    assert float(ball.rad()) < 1
    assert rules.status in ({0: ["the time limit"], 10**9: [""]}.get(calls, ["", "the time limit"]))
    assert rules.status or float(ball.rad()) <= 1e-8


def test_float64_takes_over_when_arb_is_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = quadrature(2, False, monkeypatch)
    rules._deadline = time.monotonic()
    (ball,) = rules.sums().values()
    assert float(ball.rad()) <= 1e-8
    assert rules.status == "the time limit"


def test_a_cell_that_is_neither_summed_nor_enclosed_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = quadrature(1, True, monkeypatch)
    monkeypatch.setattr(rules, "_deadline", -np.inf)
    rest = sums._rest
    monkeypatch.setattr(sums, "_rest", lambda work, done: rest(work, done + 1))
    (ball,) = rules.sums(floats=True).values()
    (whole,) = quadrature(1, True, monkeypatch).sums().values()
    assert not ball.contains(whole.mid())

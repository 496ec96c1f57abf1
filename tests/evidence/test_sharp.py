"""Sharp: the width asked for is reached, on easy and on hard problems; and the limits are where they are said to be."""

from types import SimpleNamespace

import numpy as np
import pytest

import elboproof as ep
from elboproof.evidence import log_evidence as engine
from elboproof.evidence import steps, summation
from elboproof.model.problems import PROBLEMS, Problem
from tests.evidence import cases, truth

SIGMAS = {"1": "1", "1e-1": "1/100", "1e-2": "1/10000", "1e-3": "1/1000000", "1e-4": "1/100000000"}
CEILING = {"1": 12.0, "1e-1": 12.0, "1e-2": 12.0, "1e-3": 12.0, "1e-4": 10.0}
"""Digits of float64 sums: rounding leaves about 1e-15/sigma, 1.4e-11 at 1e-4 when measured."""


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("digits", [4, 8, 10, 12])
def test_sinh(sigma: str, digits: float) -> None:
    cases.check_sharp(cases.sinh(SIGMAS[sigma]), min(digits, CEILING[sigma]))


@pytest.mark.parametrize("sigma", ["1", "1e-1", "1e-2", "1e-3"])
@pytest.mark.parametrize("digits", [4, 10])
def test_banana(sigma: str, digits: float) -> None:
    cases.check_sharp(cases.banana(SIGMAS[sigma]), digits)


@pytest.mark.parametrize(
    "case", [cases.PRODUCT, cases.RIDGE, cases.SQUARE, cases.SINE, cases.HELIX, cases.SLAB]
)
def test_hard_shapes(case: cases.Case) -> None:
    cases.check_sharp(case, 9)


def test_a_wide_answer_is_rejected_by_the_check() -> None:
    with pytest.raises(cases.Missed, match="expected 10 digits"):
        cases.check_sharp(cases.SINE, 10, most_cells=60)


def test_more_digits_are_narrower() -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    widths = [float(ep.log_evidence(model, ["0.7"], digits).width) for digits in (3, 6, 9, 12)]
    assert all(np.diff(np.log10(widths)) < -1)


def test_four_latents_at_four_digits() -> None:
    names = ["a", "b", "c", "d"]
    model = ep.LatentModel(names, ["a + b/2 - c + d", "b - c"], ep.Gaussian("1/100"))
    (exact,) = truth.linear([[1, "1/2", -1, 1], [0, 1, -1, 0]], [0, 0], "1/100", [["3/10", "1/5"]])
    found = ep.log_evidence(model, ["3/10", "1/5"], 4)
    assert found.width <= 2.1e-4
    assert found.contains(float(exact))


def test_a_deadline_in_the_sums_leaves_a_true_enclosure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that were not summed are bounded, and the answer says what stopped it."""
    monkeypatch.setattr(summation, "POINTS", 64)
    monkeypatch.setattr(steps, "time", SimpleNamespace(monotonic=lambda: np.inf))
    evidence = engine.prove(
        cases.ROD.model(), list(map(list, cases.ROD.x)), 8, seconds=60.0, most_cells=10**6
    )
    assert all("the time limit" in status for status in evidence.statuses if status)
    assert any(evidence.statuses)
    assert not truth.misses(evidence.enclosure.lower, evidence.enclosure.upper, cases.ROD.truths())


SLOW = "shell-sigma-1e-3"
"""A surface in three dimensions that is thin and curved takes 1/sigma^2 cells: seconds at 1e-2, an hour here."""


def quick(problem: Problem) -> bool:
    return SLOW not in problem.name


@pytest.mark.slow
@pytest.mark.parametrize("problem", [p for p in PROBLEMS if quick(p)], ids=lambda problem: problem.name)
def test_the_width_asked_for_is_reached_on_the_table(problem: Problem) -> None:
    """Ten digits with one or two latents, six with three; on the rotated twins as well."""
    digits = 6 if len(problem.latent) == 3 else 10
    found = ep.log_evidence(problem.model(), list(problem.x), digits, seconds=120.0)
    assert found.width <= 2.1 * 10.0**-digits


@pytest.mark.slow
def test_sixty_thousand_points_with_the_default_limits() -> None:
    x = np.random.default_rng(0).normal(size=(60_000, 1)) * 1.5
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    found = ep.log_evidence(model, x, 10)
    assert (found.width <= 2.1e-10).all()
    some = np.arange(0, 60_000, 10_000)
    alone = [ep.log_evidence(model, x[n], 10) for n in some]  # in scalar balls
    assert all(
        found.lower[n] <= a.upper and a.lower <= found.upper[n] for n, a in zip(some, alone, strict=True)
    )

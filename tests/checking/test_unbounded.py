import math

import numpy as np
import pytest

from elboproof.checking import VarianceAtMost, mean_at_least, mean_at_most, mean_equals
from elboproof.checking.unbounded import catoni

DELTA = 0.05
N = 200
RUNS = 2000


def laws() -> dict[str, tuple[np.ndarray, float, float]]:
    """Return RUNS times N samples, the mean and the variance, of laws with light and heavy tails."""
    rng = np.random.default_rng(7)
    rare = np.where(rng.uniform(size=(RUNS, N)) < 1e-3, math.sqrt(1e3), 0.0)
    return {
        "normal": (rng.normal(2.0, 3.0, size=(RUNS, N)), 2.0, 9.0),
        "exponential": (rng.exponential(size=(RUNS, N)), 1.0, 1.0),
        "t of 3 degrees": (rng.standard_t(3, size=(RUNS, N)), 0.0, 3.0),
        "rare and large": (rare, 1e-3 * math.sqrt(1e3), 1.0),
    }


@pytest.mark.parametrize("name", laws())
def test_the_interval_misses_the_mean_no_more_often_than_stated(name: str) -> None:
    """2 to 10 of 2000 miss, where 100 may: a deviation bound is no quantile."""
    samples, mean, variance = laws()[name]
    missed = sum(abs(t - mean) > half for t, half in (catoni(row, variance, DELTA) for row in samples))
    assert missed <= DELTA * RUNS


@pytest.mark.parametrize("name", laws())
def test_an_error_beyond_the_smallest_detectable_is_refuted(name: str) -> None:
    samples, mean, variance = laws()[name]
    seen = 0
    for row in samples[:200]:
        spread = VarianceAtMost(variance, "its law")
        size = mean_equals(row, mean, spread, DELTA, quantity=1.0).smallest_detectable
        assert size is not None
        seen += mean_equals(row, mean + 1.0001 * size, spread, DELTA, quantity=1.0).status == "refuted"
    assert seen >= (1 - DELTA) * 200


def test_it_is_nearly_as_narrow_as_the_normal_interval() -> None:
    rng = np.random.default_rng(3)
    _, half = catoni(rng.normal(size=1_000_000), 1.0, 1e-8)
    assert half < 1.1 * 5.73 / 1000  # the normal quantile of 1e-8, two-sided


def test_a_wrong_bound_of_the_variance_breaks_the_promise() -> None:
    samples, mean, variance = laws()["normal"]
    missed = sum(abs(t - mean) > half for t, half in (catoni(row, variance / 100, DELTA) for row in samples))
    assert missed > 5 * DELTA * RUNS


def test_shift_and_scale_change_nothing() -> None:
    row = np.random.default_rng(4).normal(size=500)
    t, half = catoni(row, 1.0, 1e-3)
    assert catoni(8 * row - 4, 64.0, 1e-3) == pytest.approx((8 * t - 4, 8 * half), rel=1e-12)


@pytest.mark.parametrize("spread", [(0.0, 1.0), VarianceAtMost(1 / 12, "the uniform law")])
def test_one_sided_relations(spread: tuple[float, float] | VarianceAtMost) -> None:
    samples = np.random.default_rng(5).uniform(size=100_000)
    for bound, most, least in ((0.52, "established", "refuted"), (0.48, "refuted", "established")):
        assert mean_at_most(samples, bound, spread, 1e-6).status == most
        assert mean_at_least(samples, bound, spread, 1e-6).status == least
    for decide in (mean_at_most, mean_at_least):
        verdict = decide(samples, 0.5, spread, 1e-6)
        assert (verdict.status, verdict.method, verdict.quantity) == ("undecided", "statistical", 0.5)
        assert verdict.smallest_detectable is not None


def test_the_assumption_is_named() -> None:
    verdict = mean_equals(np.zeros(1000), 0.01, VarianceAtMost(2.0, "E[X^2] <= 2"), 1e-3)
    assert "variance at most 2 by E[X^2] <= 2" in verdict.reason


def test_a_mean_of_zero_has_no_quantity_of_its_own() -> None:
    zeros = np.zeros(1000)
    assert mean_equals(zeros, 0.0, (-1.0, 1.0), 1e-3).quantity is None
    assert mean_equals(zeros, 0.0, (-1.0, 1.0), 1e-3, quantity=2.0).quantity == 2.0
    with pytest.raises(ValueError, match=r"quantity: got -1\.0; expected a positive number"):
        mean_equals(zeros, 0.0, (-1.0, 1.0), 1e-3, quantity=-1.0)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"value: got 0\.0; expected a positive finite bound"):
        VarianceAtMost(0.0, "nothing")
    with pytest.raises(ValueError, match="known_by: got ' '"):
        VarianceAtMost(1.0, " ")
    with pytest.raises(ValueError, match=r"samples: got 5; expected more than 13.8 samples"):
        mean_equals(np.zeros(5), 1.0, VarianceAtMost(1.0, "x"), 2e-3)
    with pytest.raises(ValueError, match="bound: got nan"):
        mean_at_most(np.zeros(50), math.nan, (0.0, 1.0), 1e-3)

import math
from collections.abc import Callable
from math import comb

import numpy as np
import pytest

from elboproof.checking import mean_equals
from elboproof.checking.budget import FALSE_ALARM_RATE, share
from elboproof.checking.statistics import half_width, smallest_detectable

DELTA = 0.01
N = 400


def bernoulli_refusal(p: float, stated: float, half: Callable[[float], float]) -> float:
    """Return the exact probability that N samples of a Bernoulli(p) law refute the stated mean."""
    total = 0.0
    for k in range(N + 1):
        mean = k / N
        variance = N * mean * (1 - mean) / (N - 1)
        if abs(mean - stated) > half(variance):
            total += comb(N, k) * p**k * (1 - p) ** (N - k)
    return total


@pytest.mark.parametrize("p", [0.002, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_true_means_are_refuted_no_more_often_than_stated(p: float) -> None:
    assert bernoulli_refusal(p, p, lambda v: half_width(N, v, 1.0, DELTA)) <= DELTA


def test_the_normal_interval_would_not_be_honest() -> None:
    """The control: the textbook interval at the same rate breaks its promise for rare events."""
    refusal = bernoulli_refusal(0.002, 0.002, lambda v: 2.576 * math.sqrt(v / N))
    assert refusal > 10 * DELTA


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5])
def test_an_error_beyond_the_smallest_detectable_is_seen(p: float) -> None:
    effect = smallest_detectable(N, math.sqrt(p * (1 - p)), 1.0, DELTA)
    seen = bernoulli_refusal(p, p + effect, lambda v: half_width(N, v, 1.0, DELTA))
    assert seen >= 1 - DELTA
    missed = bernoulli_refusal(p, p + effect / 4, lambda v: half_width(N, v, 1.0, DELTA))
    assert missed < 1 - DELTA  # the promise is not one that any effect would meet


def test_the_reported_power_is_an_upper_bound_of_the_true_one() -> None:
    rng = np.random.default_rng(3)
    verdict = mean_equals(rng.uniform(size=5000), 0.5, (0.0, 1.0), 1e-6)
    assert verdict.smallest_detectable is not None
    assert verdict.smallest_detectable >= smallest_detectable(5000, math.sqrt(1 / 12), 1.0, 1e-6)


def test_scale_and_shift_change_nothing() -> None:
    samples = np.random.default_rng(4).uniform(size=300)
    unit = mean_equals(samples, 0.5, (0.0, 1.0), 1e-3)
    moved = mean_equals(8 * samples - 4, 0.0, (-4.0, 4.0), 1e-3)
    assert moved.error == pytest.approx(8 * float(unit.error), rel=1e-12)
    assert moved.smallest_detectable == pytest.approx(8 * float(unit.smallest_detectable or 0), rel=1e-12)


def test_established_and_refuted() -> None:
    samples = np.random.default_rng(5).uniform(size=100_000)
    assert mean_equals(samples, 0.5, (0.0, 1.0), 1e-9).status == "established"
    assert mean_equals(samples, 0.52, (0.0, 1.0), 1e-9).status == "refuted"


def test_constant_samples_still_have_an_honest_interval() -> None:
    """Zero variance in the sample is no proof of a constant law."""
    assert mean_equals(np.zeros(100), 0.01, (0.0, 1.0), 1e-6).status == "established"
    assert mean_equals(np.zeros(100), 0.9, (0.0, 1.0), 1e-6).status == "refuted"


@pytest.mark.parametrize(
    ("samples", "stated", "bounds", "rate", "message"),
    [
        ([0.5], 0.5, (0, 1), 0.1, "at least two samples"),
        ([0.5, 1.5], 0.5, (0, 1), 0.1, r"samples: got 1.5; expected samples within the bounds \(0, 1\)"),
        ([0.5, math.nan], 0.5, (0, 1), 0.1, "expected finite numbers"),
        ([0.5, 0.5], math.nan, (0, 1), 0.1, "stated: got nan"),
        ([0.5, 0.5], 0.5, (1, 0), 0.1, "the lower one first"),
        ([0.5, 0.5], 0.5, (0, math.inf), 0.1, "two finite numbers"),
        ([0.5, 0.5], 0.5, (0, 1), 0.0, "strictly between 0 and 1"),
        ([0.5, 0.5], 0.5, (0, 1), 1.0, "strictly between 0 and 1"),
    ],
)
def test_wrong_arguments(
    samples: list[float], stated: float, bounds: tuple[float, float], rate: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mean_equals(samples, stated, bounds, rate)


def test_shares_sum_to_the_total_rate() -> None:
    assert sum([share(7)] * 7) == pytest.approx(FALSE_ALARM_RATE, rel=1e-12)
    with pytest.raises(ValueError, match="tests: got 0"):
        share(0)

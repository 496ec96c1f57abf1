import tracemalloc
from typing import Any

import numpy as np
import pytest

import elboproof as ep
from elboproof.decoder import gaussians, streaming

# the neglected weights (eps / 4), float32 sums over 3,000 points and 16 eps in the logits; worst measured 1.2e-6
SINGLE = 5e-6
DOUBLE = 1e-12  # logits known to 1e-13; worst measured 2e-15


def direct(instance: Any, z: Any) -> Any:
    """Return the average from weights of the other route, in float64."""
    return instance.decoder.weights(z) @ instance.data


def queries(d: Any, seed: Any = 0) -> Any:
    rng = np.random.default_rng(seed)
    sizes = np.repeat([1.5, 100, 1e6], [300, 20, 5])
    return sizes[:, None] * rng.normal(size=(325, d))


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("deviation", [1.0, 1e-2, 1e-4])
def test_blocks_give_the_weighted_average(encoder: Any, kind: Any, d: Any, deviation: Any) -> None:
    instance = encoder(kind, points=800, d=d, deviation=deviation)
    z = queries(d)
    expected = direct(instance, z)
    for precision, tolerance in ((np.float32, SINGLE), (np.float64, DOUBLE)):
        found, accurate = streaming.average(instance.decoder._gaussians, instance.data.astype(precision), z)
        assert found.dtype == precision
        assert np.abs(found[accurate] - expected[accurate]).max(initial=0) < tolerance
        assert accurate[:300].mean() > 0.9 or deviation < 1e-2 or precision == np.float64
    single = ep.OptimalDecoder(instance.codes, instance.data.astype("f"), instance.covariances)
    assert np.abs(single(z) - expected).max() < SINGLE


def test_rounding_bound_is_honest_and_needed(encoder: Any, kind: Any) -> None:
    # without it the far queries would be wrong: their products of features are
    instance = encoder(kind, points=400, deviation=1e-3)
    z = queries(2)
    g = instance.decoder._gaussians
    whole = streaming.terms(g, z)
    fast = whole.features @ whole.coefficients.T
    index = gaussians.nearest(g, z)
    fast -= fast[np.arange(len(z)), index][:, None]
    error = np.abs(fast - gaussians.relative(g, z, index)[0])
    near = gaussians.relative(g, z, index)[0] > -50
    excess = np.where(near, error, 0).max(1) / whole.rounding
    assert excess.max() < 2  # both logits of a difference round
    assert error.max() > 1e-3
    assert (whole.rounding[-5:] > 1e-3).all()


def test_upper_bounds_hold(encoder: Any, kind: Any) -> None:
    instance = encoder(kind, points=300, deviation=0.3)
    z = queries(2)[:320]
    whole = streaming.terms(instance.decoder._gaussians, z)
    blocks = np.split(streaming.spatial_order(whole.codes, 50), 6)
    bounds = streaming._upper_bounds(whole, np.arange(len(z)), blocks)
    scores = whole.features @ whole.coefficients.T
    highest = np.stack([scores[:, block].max(1) for block in blocks])
    assert (highest <= bounds + whole.rounding).all()
    assert (highest > bounds - 20).any()


def test_order_is_a_permutation_into_small_boxes() -> None:
    points = np.random.default_rng(0).normal(size=(1000, 2))
    order = streaming.spatial_order(points, 64)
    assert np.array_equal(np.sort(order), np.arange(1000))

    def areas(rows: Any) -> Any:
        return [np.ptp(rows[k : k + 64], axis=0).prod() for k in range(0, 960, 64)]

    assert np.median(areas(points[order])) < 0.2 * np.median(areas(points))


@pytest.mark.parametrize("headroom", [20.0, 0.5])
def test_bad_first_shifts_are_raised(encoder: Any, kind: Any, headroom: Any, monkeypatch: Any) -> None:
    # a seed from the worst block instead of the best: every block then exceeds the shift
    instance = encoder(kind, points=1500, deviation=0.05)
    z = queries(2)[:300]
    monkeypatch.setattr(streaming, "HEADROOM", headroom)
    monkeypatch.setattr(streaming, "CODE_BLOCK", 64)

    def seed(self: Any) -> Any:
        scores = self.features @ self.coefficients[:3].T
        self.features[:, -1] = -scores.min(1)

    monkeypatch.setattr(streaming._Pass, "seed", seed)
    found, accurate = streaming.average(instance.decoder._gaussians, instance.data.astype("f"), z)
    assert accurate.all()
    assert np.abs(found - direct(instance, z)).max() < SINGLE


def test_skipping_neglects_less_than_promised(encoder: Any, monkeypatch: Any) -> None:
    instance = encoder("scalar", points=2000, deviation=0.02)
    z = queries(2)[:200]
    added = []
    original = streaming._Pass._add

    def count(self: Any, number: Any, *rest: Any) -> Any:
        added.append(number)
        original(self, number, *rest)

    monkeypatch.setattr(streaming._Pass, "_add", count)
    monkeypatch.setattr(streaming, "CODE_BLOCK", 50)
    monkeypatch.setattr(streaming, "QUERY_BLOCK", 20)
    found, _ = streaming.average(instance.decoder._gaussians, instance.data.astype("f"), z)
    assert len(added) < 0.5 * 40 * 10
    assert np.abs(found - direct(instance, z)).max() < SINGLE


def test_every_query_can_be_left_to_the_caller(encoder: Any) -> None:
    instance = encoder("scalar", points=1000, deviation=1e-4)
    z = np.full((3, 2), 1e7)
    _, accurate = streaming.average(instance.decoder._gaussians, instance.data, z)
    assert not accurate.any()


def test_memory_is_blocks_not_pairs(encoder: Any) -> None:
    instance = encoder("scalar", points=20_000, outputs=8, deviation=0.5)
    decoder = ep.OptimalDecoder(instance.codes.astype("f"), instance.data.astype("f"), 0.25)
    z = np.random.default_rng(0).normal(size=(2000, 2)).astype("f")
    tracemalloc.start()
    try:
        decoder(z)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12e6  # measured 6e6; all pairs in float32 would be 160e6

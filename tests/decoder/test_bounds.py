from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import acb
from scipy.spatial.distance import pdist

import elboproof as ep
from elboproof.decoder import bounds
from elboproof.decoder.bounds import diameter

# the outward rounding of two diameters and an inverse: about (2 D + 20) eps each; worst measured 3e-14
SLACK = 1e-12


def two_points(rng: Any, d: Any = 3, outputs: Any = 4) -> Any:
    root = rng.normal(size=(d, d)) + np.eye(d)
    return rng.normal(size=(2, d)), rng.normal(size=(2, outputs)), root @ root.T + 0.1 * np.eye(d)


@pytest.mark.parametrize("seed", range(10))
def test_two_points_reach_the_lipschitz_bound_at_the_midpoint(seed: Any) -> None:
    codes, data, S = two_points(np.random.default_rng(seed))
    decoder = ep.OptimalDecoder(codes, data, S)
    slope = np.linalg.norm(decoder.jacobian(codes.mean(0)), 2)
    bound = decoder.lipschitz_bound()
    assert slope * (1 - 1e-13) <= bound <= slope * (1 + SLACK)
    assert slope > bound / 2 * (1 + SLACK)  # 1/8 in place of 1/4 is refuted


def test_scalar_variance_has_the_closed_form() -> None:
    codes, data, _ = two_points(np.random.default_rng(0))
    decoder = ep.OptimalDecoder(codes, data, 0.3)
    product = pdist(codes)[0] * pdist(data)[0]
    assert decoder.lipschitz_bound() == pytest.approx(product / (4 * 0.3), rel=SLACK)
    assert decoder.analytic_radius() == pytest.approx(np.pi * 0.3 / pdist(codes)[0], rel=SLACK)
    same = ep.OptimalDecoder(codes, data, 0.3 * np.eye(3))
    assert same.lipschitz_bound() == pytest.approx(decoder.lipschitz_bound(), rel=SLACK)


@pytest.mark.parametrize("kind", ["scalar", "shared"])
def test_lipschitz_bound_holds_for_random_points(encoder: Any, kind: Any) -> None:
    for seed in range(30):
        instance = encoder(kind, deviation=0.5, seed=seed)
        slopes = instance.decoder.jacobian(np.random.default_rng(seed).normal(size=(50, 2)))
        largest = np.linalg.norm(slopes, 2, axis=(1, 2)).max()
        assert largest <= instance.decoder.lipschitz_bound()


@pytest.mark.parametrize("seed", range(5))
def test_first_pole_of_two_points_lies_on_the_strip(seed: Any) -> None:
    codes, data, S = two_points(np.random.default_rng(seed), d=1)
    decoder = ep.OptimalDecoder(codes, data, S)
    radius = decoder.analytic_radius()
    slope = mpmath.mpf(codes[1, 0] - codes[0, 0]) / mpmath.mpf(S[0, 0])
    exact = mpmath.pi / abs(slope)
    assert exact * (1 - SLACK) < radius <= exact
    centre, size = codes.mean(), np.abs(data).max()
    inside = decoder.ball_values([acb(centre, radius * 0.9)])
    assert all(abs(value) < 100 * size for value in inside)
    assert (
        max(float(abs(v).mid()) for v in decoder.ball_values([acb(centre, radius * (1 - 1e-9))])) > 1e6 * size
    )
    # a strip wider by a tenth contains the pole
    box = acb(centre, float(exact)) + acb(0, radius * 0.1) * acb("0 +/- 1")
    assert not all(value.is_finite() for value in decoder.ball_values([box]))


def test_equal_codes_or_data(encoder: Any) -> None:
    constant = ep.OptimalDecoder(np.full((4, 2), 0.1), np.arange(4.0)[:, None], 1.0)
    assert constant.analytic_radius() == np.inf
    assert constant.lipschitz_bound() == 0
    assert ep.OptimalDecoder(np.arange(4.0)[:, None], np.ones((4, 2)), 1.0).lipschitz_bound() == 0


def test_unequal_variances_exceed_the_bound_of_the_average() -> None:
    # a narrow code inside a wide one is a spike of any slope
    slopes = []
    for narrow in (1e-2, 1e-4, 1e-6):
        decoder = ep.OptimalDecoder([[0.0], [0.0]], [[0.0], [1.0]], [2 - narrow, narrow])
        slopes.append(np.abs(decoder.jacobian(np.linspace(0, 5, 4000)[:, None] * narrow**0.5)).max())
    assert slopes[2] > 5 * slopes[1] > 25 * slopes[0]


def test_equal_variances_per_point_count_as_shared(encoder: Any) -> None:
    instance = encoder("scalar")
    twin = ep.OptimalDecoder(instance.codes, instance.data, np.ones(6))
    assert twin.lipschitz_bound() == instance.decoder.lipschitz_bound()


def test_hopelessly_conditioned_covariance_is_refused() -> None:
    # eigenvalues 1 and 2e-15: float64 sees that the second is positive, but not its size
    S = np.array([[0.5 + 1e-15, 0.5 - 1e-15], [0.5 - 1e-15, 0.5 + 1e-15]])
    decoder = ep.OptimalDecoder([[0.0, 0.0], [1.0, 0.0]], [[0.0], [1.0]], S)
    with pytest.raises(ArithmeticError, match="covariances: got a matrix whose inverse has a relative error"):
        decoder.lipschitz_bound()


@pytest.mark.parametrize(("points", "d", "offset"), [(2, 1, 0), (3000, 2, 0), (2500, 20, 0), (500, 3, 1e6)])
def test_diameter_is_the_largest_distance_rounded_up(points: Any, d: Any, offset: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(points, d)) + offset
    exact = pdist(rows).max()
    assert exact * (1 - 1e-15) <= diameter(rows) <= exact * (1 + SLACK)
    single = rows.astype(np.float32)
    assert diameter(single) >= pdist(single.astype(float)).max() * (1 - 1e-15)


def test_diameter_is_found_between_blocks_that_are_wide_themselves() -> None:
    # two clusters of a block each, one of them six wide: the square of its own largest distance exceeds a distance
    # to the other cluster, but not the square of that
    across = np.where(np.arange(1024) % 2, 3.0, -3.0)
    rows = np.concatenate(
        [np.stack([0 * across + 10, across], 1), np.stack([0 * across - 10, 0 * across], 1)]
    )
    assert diameter(rows) == pytest.approx(np.sqrt(400 + 9), rel=SLACK)


def test_diameter_is_above_the_exact_distance() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=(2, 5)) + 1e6
        exact = sum((Fraction(p) - Fraction(q)) ** 2 for p, q in zip(a.tolist(), b.tolist(), strict=True))
        assert Fraction(diameter(np.array([a, b]))) ** 2 >= exact


def test_diameter_is_not_twice_the_radius() -> None:
    # three corners of a triangle: 2 max |x - centre| would be 15 % too large
    corners = np.array([[np.cos(t), np.sin(t)] for t in (0, 2 * np.pi / 3, 4 * np.pi / 3)])
    assert diameter(corners) == pytest.approx(np.sqrt(3), rel=SLACK)


@pytest.mark.parametrize("power", [-300, -20, 20, 300])
def test_diameter_of_scaled_points_is_scaled(power: int) -> None:
    """By a power of 2, which rounds nothing: the margin is in proportion to the points."""
    rows = np.random.default_rng(1).normal(size=(50, 3))
    assert diameter(np.ldexp(rows, power)) == np.ldexp(diameter(rows), power)


def test_bounds_of_a_mirrored_covariance_are_the_same() -> None:
    """Signs change nothing in sizes: the margin of an ill-conditioned inverse is that of its absolute values."""
    codes, data = np.random.default_rng(2).normal(size=(2, 6, 2))
    for correlation in (0.5, 1 - 1e-9):
        found = [
            ep.OptimalDecoder(
                codes * [1.0, s], data, [[1.0, s * correlation], [s * correlation, 1.0]]
            ).lipschitz_bound()
            for s in (1.0, -1.0)
        ]
        assert found[0] == found[1]


def test_the_product_of_two_diameters_is_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = ep.OptimalDecoder([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0], [1.0], [2.0]], 1.0)
    for one, two in np.random.default_rng(3).uniform(0, 10, (200, 2)).tolist():
        monkeypatch.setattr(bounds, "diameter", lambda _, one=one: one)
        monkeypatch.setattr(bounds, "slope_diameter", lambda _, two=two: two)
        assert Fraction(one) * Fraction(two) / 4 <= Fraction(decoder.lipschitz_bound())
        with mpmath.workdps(40):
            assert (
                mpmath.pi * (1 - SLACK) < mpmath.mpf(decoder.analytic_radius()) * mpmath.mpf(two) <= mpmath.pi
            )

"""Gaussian measures of convex polygons against flint's own integration along the edges in another form."""

import math

import numpy as np
import pytest
from flint import acb, arb, arb_mat

from elboproof.numbers.precision import working_precision
from elboproof.quadrature.gaussian_pieces import whitened
from elboproof.quadrature.gaussian_polygons import measure

Corners = list[tuple[float, float]]
BITS = 100
AIM = math.log(1e-20)


def by_flint(corners: Corners) -> arb:
    """Return the measure by the field (e^(-y^2/2) int_0^x e^(-s^2/2) ds, 0): no angles, no distances."""
    total = acb(0)
    root = (acb.pi() / 2).sqrt()
    for (x, y), (u, v) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y == v:
            continue
        ends = [acb(x), acb(y), acb(u) - acb(x), acb(v) - acb(y)]

        def flux(t: acb, _: bool, ends: list[acb] = ends) -> acb:
            place, height = ends[0] + t * ends[2], ends[1] + t * ends[3]
            return root * (place / acb(2).sqrt()).erf() * (-height * height / 2).exp() * ends[3]

        total += acb.integral(flux, 0, 1)
    return total.real


def around(rng: np.random.Generator, centre: Corners, size: float, count: int) -> Corners:
    """Return a convex polygon inscribed in a circle."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    (x, y), *_ = centre
    return [(float(x + size * np.cos(t)), float(y + size * np.sin(t))) for t in angles]


def measured(corners: Corners, aim: float = AIM) -> arb:
    """Return what the library proves."""
    return measure([(arb(x), arb(y)) for x, y in corners], aim)


def require(corners: Corners) -> None:
    """Raise unless the measure is held, and narrow."""
    found, truth = measured(corners), by_flint(corners)
    assert found.overlaps(truth), (corners, found, truth)
    assert found.rad() < 1e-19, (corners, found)


@pytest.mark.parametrize("seed", range(60))
def test_polygons_of_all_sizes_and_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = [tuple(rng.normal(size=2) * rng.choice([0.1, 1.0, 3.0]))]
    with working_precision(BITS):
        require(around(rng, centre, float(10 ** rng.uniform(-3, 1)), int(rng.integers(3, 7))))


SPECIAL: dict[str, Corners] = {
    "0 at a corner": [(0, 0), (2, 1), (1, 3)],
    "0 on an edge": [(-1, 0), (2, 0), (1, 3)],
    "0 next to an edge inside": [(-1, -1e-30), (2, -1e-30), (1, 3)],
    "0 next to an edge outside": [(-1, 1e-30), (2, 1e-30), (1, 3)],
    "0 on the line of an edge far away": [(3, 0), (5, 0), (4, 1)],
    "a thin one through 0": [(-3, -1e-12), (3, -1e-12), (3, 1e-12), (-3, 1e-12)],
    "a cut at the border of the central part": [(-2, 0.5), (2, 0.5), (2, 3), (-2, 3)],
    "an edge that ends at the border of the central part": [(12, -2), (-8, -0.25), (-8, -9), (12, -9)],
    "a large one": [(-50, -60), (70, -40), (10, 90)],
    "a corner of a quarter plane": [(0, 0), (40, 0), (40, 40), (0, 40)],
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_places(name: str) -> None:
    with working_precision(BITS):
        require(SPECIAL[name])


def test_closed_forms() -> None:
    with working_precision(BITS):
        quarter = measured(SPECIAL["a corner of a quarter plane"])
        assert abs(quarter - arb.pi() / 2) < 1e-19
        square = (arb(1) / arb(2).sqrt()).erf() ** 2 * 2 * arb.pi()
        assert abs(measured([(-1, -1), (1, -1), (1, 1), (-1, 1)]) - square) < 1e-19


@pytest.mark.parametrize("distance", [10.0, 30.0, 100.0])
def test_far_away_digits_are_relative(distance: float) -> None:
    # a square on the axis: a product of two differences of erfc
    aim = -(distance**2) / 2 - 60
    with working_precision(BITS):
        root = arb(2).sqrt()
        across = (arb(distance) / root).erfc() - (arb(distance + 1) / root).erfc()
        truth = arb.pi() / 2 * across * 2 * (1 / root).erf()
        found = measured([(distance, -1), (distance + 1, -1), (distance + 1, 1), (distance, 1)], aim)
        assert found.overlaps(truth)
        assert found.rad() / truth < 1e-20


def test_a_coarse_aim_is_cheap_and_true() -> None:
    corners = SPECIAL["0 at a corner"]
    with working_precision(BITS):
        truth = by_flint(corners)
        for aim in (-1.0, -5.0, -10.0, -30.0):
            found = measured(corners, aim)
            assert found.overlaps(truth)
            assert found.rad() <= 2 * math.exp(aim)


def test_corners_that_the_precision_does_not_tell_apart_give_nothing() -> None:
    with working_precision(BITS):
        corners = [(arb(0, 1e-3), arb(0)), (arb(0), arb(1e-4)), (arb(-1), arb(0))]
        assert not measure(corners, AIM).is_finite()


def test_turned_polygons_measure_the_same() -> None:
    with working_precision(BITS):
        corners = [(arb(1), arb("0.2")), (arb(3), arb(1)), (arb(2), arb(2))]
        cos, sin = arb("0.7").cos(), arb("0.7").sin()
        turned = [(cos * x - sin * y, sin * x + cos * y) for x, y in corners]
        assert abs(measure(corners, AIM) - measure(turned, AIM)) < 1e-19


def test_bounds_hold_and_are_near() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(100):
        a = rng.normal(size=(2, 2))
        hessian = a @ a.T + 0.1 * np.eye(2)
        g, k = rng.normal(size=2) * 3, rng.normal()
        form = [[*hessian[0], g[0]], [*hessian[1], g[1]], [*g, k]]
        corners = around(rng, [tuple(rng.normal(size=2) * 2)], 1.0, 4)
        with working_precision(BITS):
            one = whitened(
                [(arb(x), arb(y)) for x, y in corners], arb_mat([[arb(v) for v in row] for row in form])
            )
            value = one.integral(arb(0), -100.0)
            assert not value > one.log_bound.exp()
            if value > 0:
                ratios.append(float(one.log_bound - value.log()))
    assert len(ratios) > 50
    assert np.median(ratios) < 6.0  # nats

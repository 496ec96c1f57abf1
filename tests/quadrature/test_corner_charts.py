"""Cells with exact corners cover what they are made of; factors and derivatives are those of their maps."""

import numpy as np
import pytest
from flint import arb, fmpq

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import nearest_double
from elboproof.numbers.precision import working_precision
from elboproof.numbers.rational_balls import balls_around
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.corner_charts import Cornered, Maps, parts_of
from elboproof.quadrature.polygons import Corner, Lines, Piece, arranged


class Missed(AssertionError):  # noqa: N818 - what happened, not an error of the test
    """A bound or a cover does not hold."""


def _plane(seed: int) -> list[Piece]:
    """Return polygons that cover a square."""
    rng = np.random.default_rng(seed)
    rows = [
        tuple(fmpq(int(v), int(q)) for v, q in zip(*rng.integers(1, 9, (2, 3)), strict=True))
        for _ in range(6)
    ]
    rows = [(a * (-1) ** k, b, c * (-1) ** (k // 2) / 4) for k, (a, b, c) in enumerate(rows)]
    square = Piece(((fmpq(-3), fmpq(-2)), (fmpq(2), fmpq(-2)), (fmpq(2), fmpq(5, 3)), (fmpq(-3), fmpq(5, 3))))
    return [piece for piece, _ in arranged(square, Lines(rows))]


def _maps(seed: int) -> tuple[Maps, list[tuple[Corner, ...]]]:
    corners = [part for piece in _plane(seed) for part in parts_of(piece)]
    return Maps.onto(corners), corners


def _cells(maps: Maps, seed: int = 0) -> Cells:
    """Return a cell of each map within the square."""
    count, d = len(maps.vectors), len(maps.vectors[0][0])
    rng = np.random.default_rng(seed)
    half = rng.uniform(0.05, 0.5, (count, d))
    centre = rng.uniform(-1, 1, (count, d)) * (1 - half)
    return Cells(np.arange(count), centre, half, Cornered(maps, np.arange(count)))


def require_cover(seed: int) -> None:
    """Raise unless areas add up: the integral of the factor over the square is the part's area."""
    maps, corners = _maps(seed)
    areas = [4 * stretch[0] for stretch in maps.stretches]  # s and t average to 0
    for part, area in zip(corners, areas, strict=True):
        shoelace = sum(
            (a[0] * b[1] - a[1] * b[0] for a, b in zip(part, (*part[1:], part[0]), strict=True)), fmpq(0)
        )
        if area != shoelace / 2:
            raise Missed(f"{part}: {area}")
    if sum(areas, fmpq(0)) != 5 * fmpq(11, 3):
        raise Missed("the square is not covered")


def require_map(seed: int) -> None:
    """Raise unless the square's corners become those of the part, and no factor is negative there."""
    maps, corners = _maps(seed)
    for (m, p, q, r), stretch, part in zip(maps.vectors, maps.stretches, corners, strict=True):
        for corner, (s, t) in zip(part, ((-1, -1), (1, -1), (1, 1), (-1, 1)), strict=True):
            found = tuple(m[k] + p[k] * s + q[k] * t + r[k] * s * t for k in range(2))
            if found != corner or stretch[0] + stretch[1] * s + stretch[2] * t < 0:
                raise Missed(f"{part} at {s}, {t}")


def require_place(seed: int, d: int = 2) -> None:
    """Raise unless balls hold u and |du/dv| as rational numbers give them, in arrays and at any precision."""
    maps = (
        _maps(seed)[0]
        if d == 2
        else Maps.onto([((fmpq(1, 3),), (fmpq(7, 5),)), ((fmpq(-2),), (fmpq(1, 7),))])
    )
    cells = _cells(maps)
    u, factor = cells.chart.place(cells.points())
    for n, (vectors, stretch) in enumerate(zip(maps.vectors, maps.stretches, strict=True)):
        v = [fmpq(*value.as_integer_ratio()) for value in cells.centre[n].tolist()]
        powers = (fmpq(1), *v, v[0] * v[-1])[: len(vectors)]
        exact = [sum((c[k] * e for c, e in zip(vectors, powers, strict=True)), fmpq(0)) for k in range(d)]
        wanted = sum((c * e for c, e in zip(stretch, powers, strict=False)), fmpq(0))
        own, one = cells.chart[n].place([arb(value) for value in v], lambda x: arb(float(x)))
        for value, array, ball in zip([*exact, wanted], [*u, factor], [*own, one], strict=True):
            entry = array[n]
            with working_precision(400):
                held = arb(float(entry.mid), float(entry.rad)).overlaps(arb(value)), ball.overlaps(arb(value))
            if not all(held):
                raise Missed(f"{value}: {entry}, {ball}")
            if entry.rad > 1e-12 * (1 + abs(entry.mid)):
                raise Missed(f"loose: {entry}")


def require_bounds(seed: int) -> None:
    """Raise unless factors and distances over cells are bounded, those of complex coordinates among them."""
    maps, reach = _maps(seed)[0], 3.0
    cells = _cells(maps)
    volume, nearest = cells.volume(reach), cells.nearest()
    plain = cells.volume()
    rng = np.random.default_rng(seed)
    box = np.prod(2 * cells.half, axis=1)
    for axis in (0, 1):
        for _ in range(30):
            v = [cells.centre[:, k] + cells.half[:, k] * rng.choice([-1, 1]) + 0j for k in range(2)]
            real = [BallArray(part.real) for part in v]
            u, factor = cells.chart.place(real)
            if (box * np.abs(factor.mid) > plain * (1 + 1e-12)).any():
                raise Missed("volume")
            for k in range(2):
                if (np.abs(u[k].mid) + u[k].rad < nearest[:, k]).any():
                    raise Missed("nearest")
            v[axis] = cells.centre[:, axis] + cells.half[:, axis] * reach * np.exp(2j * np.pi * rng.uniform())
            coefficients = [entry.mid for entry in maps.stretch_balls]
            value = coefficients[0] + v[0] * coefficients[1] + v[1] * coefficients[2]
            if (box * np.abs(value) > volume * (1 + 1e-12)).any():
                raise Missed("volume within reach")


@pytest.mark.parametrize("seed", range(5))
def test_parts_cover_polygons(seed: int) -> None:
    require_cover(seed)
    require_map(seed)


@pytest.mark.parametrize("d", [1, 2])
def test_places_and_factors(d: int) -> None:
    require_place(3, d)


@pytest.mark.parametrize("seed", range(3))
def test_bounds_over_cells(seed: int) -> None:
    require_bounds(seed)


def test_derivatives_are_those_of_the_composition() -> None:
    """Of g(u) = sin(u_1) u_2 + u_2^2 by differences."""
    cells = _cells(_maps(2)[0])
    chart, v, step = cells.chart, cells.centre, 1e-4

    def g(place: np.ndarray) -> np.ndarray:
        u = chart.moved(place)
        return np.asarray(np.sin(u[:, 0]) * u[:, 1] + u[:, 1] ** 2)

    u = chart.moved(v)
    gradient = np.stack([np.cos(u[:, 0]) * u[:, 1], np.sin(u[:, 0]) + 2 * u[:, 1]], 1)
    hessian = np.empty((len(u), 2, 2))
    hessian[:, 0, 0], hessian[:, 1, 1] = -np.sin(u[:, 0]) * u[:, 1], 2.0
    hessian[:, 0, 1] = hessian[:, 1, 0] = np.cos(u[:, 0])
    value, slopes, curves = chart.pulled(v, (g(v), gradient, hessian))
    np.testing.assert_array_equal(value, g(v))
    e = np.eye(2) * step
    for k in range(2):
        np.testing.assert_allclose(slopes[:, k], (g(v + e[k]) - g(v - e[k])) / (2 * step), atol=1e-6)
        for j in range(2):
            second = g(v + e[k] + e[j]) - g(v + e[k] - e[j]) - g(v - e[k] + e[j]) + g(v - e[k] - e[j])
            np.testing.assert_allclose(curves[:, k, j], second / (4 * step**2), atol=1e-5)


def test_derivatives_along_a_segment() -> None:
    chart = Cornered(Maps.onto([((fmpq(1),), (fmpq(4),))]), np.zeros(1, dtype=int))
    one = np.ones((1, 1))
    value, slope, curve = chart.pulled(one * 0.5, (one[0], one, one[:, :, None]))
    assert [part.item() for part in (value, slope, curve)] == [1.0, 1.5, 2.25]
    assert chart.moved(one * 0.5) == 3.25


def require_rational_balls() -> None:
    """Raise unless balls hold the rational numbers, subnormal ones among them, and zero is exact."""
    rng = np.random.default_rng(0)
    numbers = [fmpq(int(p), int(q)) for p, q in rng.integers(1, 2**62, (200, 2))]
    numbers += [n * fmpq(1, 2**1070) for n in numbers[:50]]
    balls = balls_around([*numbers, fmpq(0)])
    for number, mid, rad in zip(numbers, balls.mid.tolist(), balls.rad.tolist(), strict=False):
        away = abs(fmpq(*mid.as_integer_ratio()) - number)
        if not away <= fmpq(*rad.as_integer_ratio()):
            raise Missed(f"{number}: {mid} +- {rad}")
    assert (balls.mid[-1], balls.rad[-1]) == (0.0, 0.0)


def test_rational_numbers_have_balls() -> None:
    require_rational_balls()
    far = balls_around([fmpq(10) ** 400])
    assert nearest_double(fmpq(10) ** 400) == np.inf
    assert far.rad[0] == np.inf

"""Cells cover what they were made of, and what their charts say of volumes and distances holds in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from elboproof.numbers.outward import rounding
from elboproof.quadrature.cells import ROOT_BITS, SMALLEST, Cells, halved, halves, root_half
from elboproof.quadrature.charts import STRAIGHT, BetweenLines, Chart
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG

RNG = np.random.default_rng(5)
COUNT = 200
WIDE = ALONG + ACROSS
LINES = RNG.normal(size=(COUNT, 4)) * 10.0 ** RNG.integers(-3, 9, (COUNT, 1))


def cells(chart: Chart) -> Cells:
    """Return cells with second coordinates in [0, 1], as between lines."""
    half = RNG.uniform(1e-3, 0.25, (COUNT, 2))
    centre = np.stack([RNG.uniform(-5, 5, COUNT), RNG.uniform(0.25, 0.75, COUNT)], 1)
    return Cells(np.arange(COUNT), centre, half, chart)


def exact_place(lines: list[float], v: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    """Return u_2 and du_2/dv_2."""
    p0, p1, q0, q1 = map(Fraction, lines)
    slope = (q0 - p0) + (q1 - p1) * v[0]
    return (1 - v[1]) * (p0 + p1 * v[0]) + v[1] * (q0 + q1 * v[0]), slope


def corners(boxes: Cells, n: int) -> list[tuple[Fraction, Fraction]]:
    (c0, c1), (h0, h1) = boxes.centre[n].tolist(), boxes.half[n].tolist()
    return [
        (Fraction(c0) + i * Fraction(h0), Fraction(c1) + j * Fraction(h1))
        for i in (-1, 0, 1)
        for j in (-1, 1)
    ]


def test_bounds_between_lines_hold_at_corners() -> None:
    boxes = cells(BetweenLines(LINES))
    nearest, stretch = boxes.nearest(), boxes.chart.stretch(boxes.centre, boxes.half, 1.0)
    assert isinstance(stretch, np.ndarray)
    tight = 0
    for n in range(COUNT):
        places = [exact_place(LINES[n].tolist(), v) for v in corners(boxes, n)]
        assert Fraction(nearest[n, 1]) <= min(abs(u) for u, _ in places) or nearest[n, 1] == 0.0
        assert all(abs(slope) <= Fraction(stretch[n]) for _, slope in places)
        tight += max(abs(float(slope)) for _, slope in places) >= stretch[n] * (1 - 1e-12)
    assert tight > COUNT / 2


def test_nearest_places_of_straight_cells_are_bounds() -> None:
    boxes = cells(STRAIGHT)
    for c, h, found in zip(
        boxes.centre.ravel().tolist(),
        boxes.half.ravel().tolist(),
        boxes.nearest().ravel().tolist(),
        strict=True,
    ):
        exact = max(abs(Fraction(c)) - Fraction(h), Fraction(0))
        assert float(exact) * (1 - 1e-14) <= found <= exact


FIFTHS = [(5, 0), (3, 4), (0, 5), (-4, 3), (-5, 0)]
"""Points of a circle of radius 5."""


@pytest.mark.parametrize("reach", [1.0, 2.5, WIDE])
def test_stretch_between_lines_bounds_the_slope_on_complex_discs(reach: float) -> None:
    boxes = cells(BetweenLines(LINES))
    stretch, volume = boxes.chart.stretch(boxes.centre, boxes.half, reach), boxes.volume(reach)
    assert isinstance(stretch, np.ndarray)
    for n in range(COUNT):
        p0, p1, q0, q1 = map(Fraction, LINES[n].tolist())
        middle, radius = Fraction(boxes.centre[n, 0]), Fraction(boxes.half[n, 0]) * Fraction(reach)
        sizes = [
            ((q0 - p0) + (q1 - p1) * (middle + radius * x / 5)) ** 2 + ((q1 - p1) * radius * y / 5) ** 2
            for x, y in FIFTHS
        ]
        assert max(sizes) <= Fraction(stretch[n]) ** 2 <= max(sizes) * (1 + Fraction(1, 10**9))
        box = 4 * Fraction(boxes.half[n, 0]) * Fraction(boxes.half[n, 1])
        assert box**2 * max(sizes) <= Fraction(volume[n]) ** 2


@pytest.mark.parametrize("chart", [STRAIGHT, BetweenLines(LINES)])
def test_volumes_are_bounds_and_sharp(chart: Chart) -> None:
    boxes = cells(chart)
    volume = boxes.volume()
    for n in range(COUNT):
        exact = 4 * Fraction(boxes.half[n, 0]) * Fraction(boxes.half[n, 1])
        if not chart.straight:
            exact *= max(abs(exact_place(LINES[n].tolist(), v)[1]) for v in corners(boxes, n))
        assert exact <= Fraction(volume[n])
        assert volume[n] <= float(exact) * (1 + 1e-9)


def test_balls_floats_and_derivatives_of_a_chart_agree() -> None:
    chart = BetweenLines(RNG.normal(size=(COUNT, 4)))
    boxes = cells(chart)
    v = boxes.centre
    u, slope = chart.place(boxes.points())
    moved = chart.moved(v)
    assert (np.abs(u[1].mid - moved[:, 1]) <= 1e-12).all()

    def outer(point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return f = u_1^2 u_2 + u_2^2 with its derivatives."""
        a, b = point.T
        gradient = np.stack([2 * a * b, a * a + 2 * b], 1)
        hessian = np.stack([2 * b, 2 * a, 2 * a, np.full(len(a), 2.0)], 1).reshape(-1, 2, 2)
        return a * a * b + b * b, gradient, hessian

    value, gradient, hessian = chart.pulled(v, outer(moved))
    assert (value == outer(moved)[0]).all()
    step = 1e-5
    for k, e in enumerate(np.eye(2) * step):
        above, below = (chart.pulled(v + s * e, outer(chart.moved(v + s * e))) for s in (1, -1))
        assert np.allclose((above[0] - below[0]) / (2 * step), gradient[:, k], rtol=1e-6, atol=1e-6)
        assert np.allclose((above[1] - below[1]) / (2 * step), hessian[:, :, k], rtol=1e-6, atol=1e-6)
    assert (np.abs(slope.mid - (chart.moved(v + np.array([0, 1])) - moved)[:, 1]) <= 1e-12).all()


def test_roots_have_few_bits_and_reach_beyond_their_radius() -> None:
    radii = np.concatenate([RNG.uniform(1, 300, 200), [8.0, 9.6, np.nextafter(16, 0), np.nextafter(16, 32)]])
    for radius, half in zip(radii.tolist(), root_half(radii).tolist(), strict=True):
        assert radius <= half <= radius * (1 + 2.0 ** (1 - ROOT_BITS))
        numerator, denominator = half.as_integer_ratio()
        while numerator % 2 == 0:
            numerator //= 2
        assert numerator.bit_length() <= ROOT_BITS
        assert denominator.bit_count() == 1


def test_halving_is_exact_as_deep_as_it_is_allowed() -> None:
    half = float(root_half(np.array([9.7]))[0])
    assert half >= 9.7
    assert (half * 2.0**-3).as_integer_ratio()[0].bit_length() <= ROOT_BITS
    box = Cells(np.zeros(1, dtype=int), np.zeros((1, 1)), np.array([[half]]))
    exact, depth = Fraction(0), 0
    while box.half[0, 0] >= half * SMALLEST:
        box = box.split(np.zeros(1, dtype=int))[1:]  # always the upper half: edges of the most bits
        depth += 1
        exact += Fraction(half) / 2**depth
        assert Fraction(float(box.centre[0, 0])) == exact
    assert depth == 47
    assert halves(3.0, 1.0) == [(2.5, 0.5), (3.5, 0.5)]


def test_the_rounding_of_signed_expressions_is_bounded() -> None:
    a, b, c = RNG.normal(size=(3, 1000))
    with_signs, sizes = a * b - c * (a + b), np.abs(a * b) + np.abs(c) * (np.abs(a) + np.abs(b))
    bound = rounding(sizes, 4)
    reached = 0
    for n in range(1000):
        x, y, z = (Fraction(float(v[n])) for v in (a, b, c))
        error = abs(x * y - z * (x + y) - Fraction(float(with_signs[n])))
        assert error <= Fraction(float(bound[n]))
        reached += error > Fraction(float(bound[n])) / 20
    assert reached  # it is no more than it has to be, by a factor of 20


def test_halves_of_boxes_cover_them_and_share_one_face() -> None:
    centres = RNG.integers(-(2**20), 2**20, (COUNT, 2)) / 2.0**10
    halfs, axis = RNG.integers(1, 2**20, (COUNT, 2)) / 2.0**15, RNG.integers(0, 2, COUNT)
    centre, half = halved(centres, halfs, axis)  # few bits: all of it is exact
    for n, k in enumerate(axis):
        ends = [(centre[i, k] - half[i, k], centre[i, k] + half[i, k]) for i in (n, n + COUNT)]
        low, high = centres[n, k] - halfs[n, k], centres[n, k] + halfs[n, k]
        assert ends == [(low, centres[n, k]), (centres[n, k], high)]
        for i in (n, n + COUNT):
            assert (centre[i, 1 - k], half[i, 1 - k]) == (centres[n, 1 - k], halfs[n, 1 - k])
    # of intervals, which take a shorter way, those of boxes along one axis
    lines, line_halves = halved(centres[:, :1], halfs[:, :1], np.zeros(COUNT, dtype=np.intp))
    boxes, box_halves = halved(centres, halfs, np.zeros(COUNT, dtype=np.intp))
    assert (lines[:, 0] == boxes[:, 0]).all()
    assert (line_halves[:, 0] == box_halves[:, 0]).all()

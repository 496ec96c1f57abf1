"""Cells along ridges: they cover the root box once, give the same evidence as boxes, and their bugs are caught."""

from fractions import Fraction
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from flint import arb

import elboproof as ep
from elboproof.evidence import log_evidence as engine
from elboproof.evidence import ridges, rounds, search
from elboproof.evidence.energy import Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.pace import Pace
from elboproof.evidence.start import start
from elboproof.evidence.target import Target
from elboproof.model.problems import BASE, Problem
from elboproof.numbers.ball_arrays import BallArray
from elboproof.quadrature.cells import SMALLEST, Cells
from elboproof.quadrature.charts import BetweenLines
from tests.evidence import cases, truth

NAMES = (
    "ridge-ellipse-sigma-1e-2",
    "ridge-product-sigma-1e-1",
    "ridge-banana-sigma-1e-2",
    "two-ring-sigma-1e-1",
)
FAMILIES = (
    "banana-sigma-1e-2",
    "sine-product-sigma-1e-1",
    "square-2-sigma-1e-1",
    "plane-sigma-1e-2",
    "torus-sigma-1e-1",
)
PROBLEMS = {problem.name: problem for problem in BASE}
HALF = 9.5


def found_cells(problem: Problem) -> Cells:
    model, x = problem.model(), BallArray(np.array([[float(value) for value in problem.x]]))
    floats = FloatEnergy(model)
    guess = start(floats, x.mid)
    target = Target(guess.energy, np.exp(guess.log_mass + guess.energy), 1e-10, 1e-3)
    root = Cells(np.zeros(1, dtype=np.intp), np.zeros((1, 2)), np.full((1, 2), HALF))
    return ridges.roots(Energy(model, x, guess.frames), floats, root, target)


def holders(cells: Cells, u: tuple[Fraction, Fraction]) -> int:
    """Return how many cells hold a point, in exact arithmetic."""
    assert isinstance(cells.chart, BetweenLines)
    count = 0
    for centre, half, lines in zip(
        cells.centre.tolist(), cells.half.tolist(), cells.chart.lines.tolist(), strict=True
    ):
        left, right = Fraction(centre[0]) - Fraction(half[0]), Fraction(centre[0]) + Fraction(half[0])
        p0, p1, q0, q1 = map(Fraction, lines)
        count += left < u[0] < right and p0 + p1 * u[0] < u[1] < q0 + q1 * u[0]
    return count


def check_cover(cells: Cells) -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-HALF, HALF, (60, 2))
    assert isinstance(cells.chart, BetweenLines)
    near = rng.integers(0, len(cells), 60)  # points beside lines, where an overlap would be
    u = cells.centre[near, 0] + cells.half[near, 0] * rng.uniform(-0.9, 0.9, 60)
    beside = np.stack(
        [u, cells.chart.lines[near, 0] + cells.chart.lines[near, 1] * u + 1e-6 * rng.choice([-1, 1], 60)], 1
    )
    for point in [*points, *beside[np.abs(beside[:, 1]) < HALF]]:
        assert holders(cells, (Fraction(float(point[0])), Fraction(float(point[1])))) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_point_of_the_root_box_is_in_one_cell(name: str) -> None:
    cells = found_cells(PROBLEMS[name])
    check_cover(cells)
    with pytest.raises(AssertionError):
        check_cover(cells[np.arange(len(cells)) % 2 == 0])


def proved(problem: Problem, many: float, digits: float = 9) -> ep.Enclosure:
    with patch.object(rounds, "MANY", many):
        return engine.prove(
            problem.model(), list(problem.x), digits, seconds=60.0, most_cells=10**6
        ).enclosure


@pytest.mark.parametrize("name", [*NAMES, *FAMILIES])
def test_boxes_and_ridges_overlap(name: str) -> None:
    boxes, along = proved(PROBLEMS[name], np.inf), proved(PROBLEMS[name], 0)
    assert (boxes.width < 2.1e-9).all()
    assert (along.width < 2.1e-9).all()
    assert (np.maximum(boxes.lower, along.lower) <= np.minimum(boxes.upper, along.upper)).all()


def test_many_digits_along_ridges() -> None:
    problem = PROBLEMS["banana-sigma-1e-1"]
    with patch.object(rounds, "MANY", 0):
        ((low, high),) = engine.prove(
            problem.model(), list(problem.x), 18, seconds=60.0, most_cells=10**6
        ).balls
    reference, radius = arb(str(problem.reference)), arb(str(problem.reference_radius))
    assert high - low < 2.1e-18
    assert low <= reference + radius
    assert high >= reference - radius


def check_rod() -> None:
    with patch.object(rounds, "MANY", 0):
        cases.check_honest(cases.ROD, 9)


def test_a_rod_along_ridges_is_honest() -> None:
    check_rod()


def test_linear_models_along_ridges() -> None:
    """Thin slabs in all directions, against the closed form."""
    rng = np.random.default_rng(11)
    for _ in range(20):
        row = [Fraction(int(n), 10) for n in rng.integers(-30, 31, 2)]
        x = Fraction(int(rng.integers(-20, 21)), 10)
        variance = Fraction(1, int(10 ** rng.integers(0, 7)))
        model = ep.LatentModel(["a", "b"], [f"({row[0]})*a + ({row[1]})*b"], ep.Gaussian(variance))
        with patch.object(rounds, "MANY", 0):
            found = engine.prove(model, [str(x)], 8, seconds=60.0, most_cells=10**6)
        assert not truth.misses(
            found.enclosure.lower, found.enclosure.upper, truth.linear([row], [0], variance, [[x]])
        )
        assert not any(found.statuses)


def test_cells_of_a_ridge_are_halved_no_finer_than_the_domain_allows() -> None:
    """A slab is small, but its centre has the domain's size: below, its halves' edges would be no floats."""
    cells = found_cells(PROBLEMS[NAMES[0]])
    assert cells.half[:, 0].min() < HALF / 8
    target = Target(np.zeros(1), np.ones(1), 1e-10, 1e-3)
    model, x = PROBLEMS[NAMES[0]].model(), BallArray(np.array([[0.7, 0.3]]))
    energy = Energy(model, x, np.eye(2)[None])
    work = search._Search(energy, FloatEnergy(model), target, cells, 10, Pace())
    assert work.smallest[0, 0] == HALF * SMALLEST
    deepest = Cells(np.zeros(1, dtype=int), np.array([[HALF * (1 - 2.0**-46), 0.5]]), work.smallest)
    for half, exact in ((work.smallest, True), (work.smallest / 4, False)):
        lower = Cells(deepest.owner, deepest.centre, half).split(np.zeros(1, dtype=int))[:1]
        place = Fraction(float(deepest.centre[0, 0])) - Fraction(float(half[0, 0])) / 2
        assert (Fraction(float(lower.centre[0, 0])) == place) == exact


@pytest.mark.parametrize("slope", [0.0, 1e3, 1e9])
def test_regions_of_steep_lines_reach_beyond_the_box(slope: float) -> None:
    """However steep the line is: rounding is relative to the lines, not to the box."""
    for middle, reach in ((0.0, HALF), (3 * HALF / 4, HALF / 4), (-HALF * 511 / 512, HALF / 512)):
        lines = [(HALF - slope * (middle + reach), slope)]
        cells = Cells.joined(ridges._regions(0, middle, reach, (0.0, HALF), lines))
        rows = [list(map(Fraction, row)) for row in cells.chart.lines.tolist()]  # type: ignore[attr-defined]
        for u in (Fraction(middle - reach), Fraction(middle), Fraction(middle + reach)):
            assert rows[0][0] + rows[0][1] * u <= -Fraction(HALF)
            assert rows[-1][2] + rows[-1][3] * u >= Fraction(HALF)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1e3])
def test_regions_within_a_box_are_the_box(slope: float) -> None:
    """Under a prior that ends at a box, nothing beyond its faces is a part of the integral."""
    lines = [(0.25, slope), (0.75, 0.0)]
    for middle, reach in ((0.0, 1.0), (0.5, 0.125), (-0.75, 0.25)):
        regions = ridges._regions_within(0, middle, reach, (0.5, 2.0), lines)
        cells = Cells.joined(regions)
        rows = cells.chart.lines.tolist()  # type: ignore[attr-defined]
        assert rows[0][:2] == [-1.5, 0.0]
        assert rows[-1][2:] == [2.5, 0.0]
        assert all(low[2:] == high[:2] for low, high in pairwise(rows))
        for u in (middle - reach, middle + reach):
            heights = [row[0] + row[1] * u for row in rows] + [2.5]
            assert heights == sorted(heights)

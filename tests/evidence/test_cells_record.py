"""What ``benchmarks/evidence_cells.py`` records for the figure, on its quickest problem: f(z) = z^2, two modes."""

from typing import Any

import pytest

from benchmarks.evidence_cells import DIGITS, PROBLEMS, record

KIND, CENTRE, MASS, DENSITY = 0, 1, 7, 8
Cells = list[list[Any]]


@pytest.fixture(scope="module")
def cells() -> Cells:
    found: Cells = record(PROBLEMS[0])["cells"]
    return found


def share(cells: Cells) -> float:
    return float(sum(10.0 ** row[MASS] for row in cells))


def test_recorded_bounds_cover_the_evidence(cells: Cells) -> None:
    """Upper bounds of all shares of p(x) add up to at least 1; without the peaks they would not."""
    assert share(cells) >= 1
    assert share([row for row in cells if row[DENSITY] < -1]) < 1
    assert share([row for row in cells if row[KIND] == "discarded"]) <= 10.0**-DIGITS


def test_mirror_images_have_the_same_bounds(cells: Cells) -> None:
    """Only cells of equal |z| have: different ones do not."""
    ordered = sorted(cells, key=lambda row: abs(row[CENTRE]))
    left = [row[MASS] for row in ordered if row[CENTRE] < 0]
    right = [row[MASS] for row in ordered if row[CENTRE] > 0]
    assert left == right
    assert len(set(left)) > len(left) / 2

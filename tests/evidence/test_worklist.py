"""Cells that wait: none is lost, the heaviest come first, and what is known of one stays with it and its parts."""

from dataclasses import replace

import numpy as np

from elboproof.evidence.target import Target
from elboproof.evidence.worklist import PART, Worklist
from elboproof.quadrature.cells import Cells

TARGET = Target(np.zeros(1), np.ones(1), 1e-6, 1e-3)
COUNT = 64


def boxes(count: int = COUNT, least: np.ndarray | None = None) -> Cells:
    """Return intervals, each of a place of its own."""
    centre = np.arange(float(count))[:, None]
    return Cells(np.zeros(count, dtype=int), centre, np.full((count, 1), 0.5), least=least)


def test_few_cells_are_taken_all_at_once() -> None:
    work = Worklist(boxes(3), TARGET)
    work.put(boxes(2), np.zeros(2))
    work.put(boxes(0), np.zeros(0))
    assert len(work) == 5
    assert len(work.take(8)) == 5
    assert len(work) == 0


def test_the_heaviest_come_first_by_turns_by_what_is_proved_and_expected() -> None:
    rng = np.random.default_rng(0)
    least, energy = rng.permutation(COUNT).astype(float), rng.permutation(COUNT).astype(float)
    energy[energy == 5] = np.nan  # nothing is expected there
    work = Worklist(boxes(0), TARGET)
    work.put(boxes(least=least), energy)
    size = COUNT // PART
    proved = work.take(size)
    assert sorted(proved.known()) == list(range(size))
    left = np.setdiff1d(np.arange(COUNT), proved.centre[:, 0].astype(int))
    expected = energy[work.take(size).centre[:, 0].astype(int)]
    assert sorted(expected) == sorted(energy[left])[:size]


def test_cells_of_large_volume_are_heavy() -> None:
    cells = boxes(10)
    cells.half[7] = 4.0
    work = Worklist(boxes(0), TARGET)
    work.put(replace(cells, least=np.zeros(10)), np.zeros(10))
    assert work.take(1).centre[0, 0] == 7.0


def test_no_cell_is_lost_whatever_is_taken() -> None:
    rng, taken, count = np.random.default_rng(1), [], 16 * COUNT  # more than one block is set apart
    work = Worklist(boxes(count), TARGET)
    work.put(replace(boxes(count), centre=boxes(count).centre + count), rng.normal(size=count))
    while len(work):
        taken.append(work.take(int(rng.integers(1, 40))))
        assert sum(map(len, taken)) + sum(map(len, work.left())) == 2 * count
    assert sorted(Cells.joined(taken).centre[:, 0]) == list(range(2 * count))


def test_what_is_known_of_cells_stays_with_them() -> None:
    """The least value of a function that falls from box to box: of parts no less, of others unknown."""
    known = boxes(least=-np.arange(float(COUNT)))
    halves = known.split(np.zeros(COUNT, dtype=int))
    unknown = replace(boxes(5), centre=boxes(5).centre + COUNT)
    both = Cells.joined([halves[7:90], unknown, known[::3]])
    place = np.round(both.centre[:, 0]).astype(
        int
    )  # x.25 and x.75 lie beside x, and x + 1/4 is below x + 1/2
    assert (both.known()[place >= COUNT] == -np.inf).all()
    assert (both.known()[place < COUNT] == -np.minimum(place, COUNT - 1)[place < COUNT]).all()
    assert boxes().known().tolist() == [-np.inf] * COUNT
    assert Cells.joined([boxes(), boxes()]).least is None

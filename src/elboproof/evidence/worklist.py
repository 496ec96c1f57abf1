"""Cells that wait: where more wait than one block takes, the heaviest first.

By turns by what is proved of their mass and by what floats expect of it. By what is proved, the upper bound of the
integral falls fastest; but of a cell on which little can be proved, such as one in a tail where the arithmetic cancels,
much is left open however often it is halved. By what is expected, the mass is found, and the lower bound grows. By
turns neither starves the other.
"""

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.target import Target
from elboproof.quadrature.cells import Cells, Index
from elboproof.shapes import Float64

PART = 8
"""Of all that wait, one in so many is taken before they are ordered again."""

Part = tuple[Cells, FloatArray]
"""Cells, and energies that floats expect on them, NaN where nothing is known."""


class Worklist:
    """Cells that wait, taken in blocks that are as full as possible."""

    def __init__(self, roots: Cells, target: Target) -> None:
        self._target = target
        self._waiting: list[Part] = [(roots, np.full(len(roots), np.nan))]
        self._heaviest: list[Part] = []
        self._proved = False

    def __len__(self) -> int:
        return sum(len(cells) for cells, _ in self._all())

    def put(self, cells: Cells, energy: Float64[FloatArray, "B"]) -> None:
        """Add cells with the energies that are expected on them, or were at the cells that they are parts of."""
        if len(cells):
            self._waiting.append((cells, energy))

    def take(self, size: int) -> Cells:
        """Return ``size`` cells, all if they are no more, and have them wait no longer."""
        if len(self) <= size:
            cells = Cells.joined(self.left())
            self._waiting, self._heaviest = [], []
            return cells
        if not self._heaviest:
            self._order(size)
        cells, energy = self._heaviest.pop()
        if len(cells) > size:
            self._heaviest.append((cells[size:], energy[size:]))
        return cells[:size]

    def left(self) -> list[Cells]:
        """Return all that wait."""
        return [cells for cells, _ in self._all()]

    def _all(self) -> list[Part]:
        return [*self._waiting, *self._heaviest]

    def _order(self, size: int) -> None:
        """Set the heaviest apart."""
        cells = Cells.joined([part for part, _ in self._waiting])
        energy = np.concatenate([part for _, part in self._waiting])
        self._proved = not self._proved
        known = cells.known()
        # what is not bounded yet is taken for what is expected, and first where nothing is
        usual = np.where(np.isfinite(known), known, np.where(np.isnan(energy), -np.inf, energy))
        first = max(size, len(cells) // PART)
        order = heaviest(self._target, cells, usual if self._proved else energy, first)
        heavy, others = order[:first], order[first:]
        self._heaviest = [(cells[heavy], energy[heavy])]
        self._waiting = [(cells[others], energy[others])]


def heaviest(target: Target, cells: Cells, energy: Float64[FloatArray, "B"], count: int) -> Index:
    """Return an order (B,) of cells in which the ``count`` heaviest come first, if U is ``energy`` on them."""
    masses = target.log_mass(cells, energy)
    masses[np.isnan(masses)] = -np.inf
    return np.argpartition(-masses, count - 1) if 0 < count < len(cells) else np.arange(len(cells))

"""How fast a search and its sums go, measured on the way: so that a limit in seconds holds for all of it."""

import time
from dataclasses import dataclass

import numpy as np

from elboproof.arguments import FloatArray
from elboproof.evidence.energy import BLOCK, Cells, Energy
from elboproof.evidence.summation import POINTS, Sizes, sum_rules

FEW = 1024
"""Cells at once below which a block costs nearly as much as one of so many."""
SLICE = 0.05
"""Of the time limit: what one block of cells may take."""


def block(limit: float, elapsed: float, visited: int) -> int:
    """Return how many cells to bound at once, so that a block takes little of the limit in seconds."""
    return int(np.clip(SLICE * limit * visited / elapsed, FEW, BLOCK))


@dataclass
class Pace:
    """The seconds that sums take.

    Attributes
    ----------
    per_point : float
        Seconds of a point.
    timed : int
        Points of the sum that was timed: few take longer each.
    """

    per_point: float = 0.0
    timed: int = 0

    def summing(
        self, energy: Energy, cells: list[Cells], sizes: list[Sizes], points: int, shift: FloatArray
    ) -> float:
        """Return about how many seconds the sum over cells takes, whose rules have so many points."""
        if self.timed < min(points, POINTS) // 2:
            self._time(energy, Cells.joined(cells), np.concatenate(sizes), shift)
        return self.per_point * points

    def _time(self, energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray) -> None:
        """Time the sum of one block."""
        count = max(1, int(np.searchsorted(np.cumsum(sizes.prod(1)), POINTS)))
        cells, sizes = cells[:count], sizes[:count]
        sum_rules(energy, cells, sizes, shift)  # makes the rules' tables
        began = time.monotonic()
        sum_rules(energy, cells, sizes, shift)
        self.timed = int(sizes.prod(1).sum())
        self.per_point = (time.monotonic() - began) / self.timed

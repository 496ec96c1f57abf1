"""How fast a search and its sums go, measured on the way: so that a limit in seconds holds for all of it.

No step begins that is expected to end after the deadline. Only the first block is not measured before it runs: it is
small, unless the limit is `LONG`.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.summation import POINTS, Sizes, sum_rules
from elboproof.quadrature.cells import Cells

FEW = 1024
"""Cells at once below which a block costs nearly as much as one of so many."""
LONG, FIRST = 10.0, 512
"""Seconds of a limit that any first block keeps; and its cells under a shorter limit."""
FEWEST = 32
"""Cells at once below which a block is not cut to fit into what is left of the limit."""
SLICE = 0.05
"""Of the time limit: what one block of cells may take."""
GRACE = 0.05
"""Of the time limit: what bounds of what is left, and sums, may take beyond it, where the search has left them less."""
RULES = 3.0
"""What bounds on an ellipse cost, in bounds of a cell, for each axis; more than was measured."""


def block(limit: float, elapsed: float, visited: int) -> int:
    """Return how many cells to bound at once, so that a block takes little of the limit in seconds."""
    return int(np.clip(SLICE * limit * visited / elapsed, FEW, BLOCK))


@dataclass
class _Measured:
    """The smallest and the largest block that was timed: cells and seconds."""

    low: tuple[int, float]
    high: tuple[int, float]

    def seconds(self, count: int) -> float:
        """Return what a block takes: a line between the two, in proportion beyond them, no less before."""
        # Arrays have a cost of their own and one for each cell. Too high an estimate ends a search early, too
        # low a one ends it late; so nothing is expected to be cheaper than what was seen.
        (few, short), (many, long) = self.low, self.high
        if count >= many:  # fewer than FEW say nothing of what each cell costs
            return long * max(1.0, count / max(many, FEW))
        return max(short, short + (long - short) * (count - few) / max(many - few, 1))


@dataclass
class Pace:
    """What steps take, and what is left of the time.

    Attributes
    ----------
    deadline
        On the clock ``time.monotonic()``.
    per_point : float
        Seconds of a point of the sums.
    timed : int
        Points of the sum that was timed: few take longer each.
    """

    deadline: float = math.inf
    began: float = field(default_factory=time.monotonic)
    per_point: float = 0.0
    timed: int = 0
    blocks: dict[str, _Measured] = field(default_factory=dict)

    @property
    def limit(self) -> float:
        """The seconds that there were at the beginning."""
        return max(self.deadline - self.began, 0.0)

    @property
    def elapsed(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def late(self) -> float:
        """When bounds of what is left and sums end, too."""
        return self.deadline + GRACE * self.limit if math.isfinite(self.deadline) else math.inf

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.deadline

    @contextmanager
    def timing(self, step: str, count: int) -> Iterator[None]:
        """Time a step on so many cells: ``"bounds"`` or ``"rules"``."""
        before = time.monotonic()
        yield
        took = count, time.monotonic() - before
        known = self.blocks.setdefault(step, _Measured(took, took))
        # Pairs compare by cells first: the smallest block counts with its shortest time, the largest with its
        # last.
        known.low = min(known.low, took)
        known.high = took if count >= known.high[0] else known.high

    def seconds(self, step: str, count: int, axes: int = 1) -> float:
        """Return what a step on so many cells is expected to take; 0 where nothing is known."""
        if step in self.blocks:
            return self.blocks[step].seconds(count)
        return RULES * axes * self.seconds("bounds", count) if step == "rules" else 0.0

    def allows(self, step: str, count: int) -> bool:
        """Return whether a step on so many cells is expected to end in good time, late as it is."""
        return time.monotonic() + self.seconds(step, count) < self.late

    def affordable(self, step: str, count: int, reserve: float, axes: int) -> int:
        """Return how many of so many cells there is time for, if ``reserve`` seconds have to be left after them."""
        left = self.deadline - reserve - time.monotonic()
        # Halved until it fits; the block that is taken then is the last one, or nearly.
        while count and self.seconds(step, count, axes) > left:
            count = count // 2 if count > FEWEST else 0
        return count if left > 0 else 0

    def block(self) -> int:
        """Return how many cells to look at once."""
        if not self.blocks:
            return BLOCK if self.limit >= LONG else FIRST
        # One size for all kinds of steps: that of the slowest.
        slowest = max(self.blocks.values(), key=lambda known: known.seconds(BLOCK))
        count, seconds = slowest.high
        return block(self.limit, max(seconds, 1e-9), count) if math.isfinite(self.limit) else BLOCK

    def summing(
        self, energy: Energy, cells: list[Cells], sizes: list[Sizes], points: int, shift: FloatArray
    ) -> float:
        """Return about how many seconds the sum over cells takes, whose rules have so many points."""
        # Timed again when a block can have twice the points of the one that was timed.
        if self.timed < min(points, POINTS) // 2:
            self._time(energy, Cells.joined(cells), np.concatenate(sizes), shift)
        return self.per_point * points

    def _time(self, energy: Energy, cells: Cells, sizes: Sizes, shift: FloatArray) -> None:
        """Time the sum of one block."""
        count = max(1, int(np.searchsorted(np.cumsum(sizes.prod(1)), POINTS)))
        cells, sizes = cells[:count], sizes[:count]
        # Timed twice, because the first sum of a rule computes its nodes.
        sum_rules(energy, cells, sizes, shift)  # makes the rules' tables
        began = time.monotonic()
        sum_rules(energy, cells, sizes, shift)
        self.timed = int(sizes.prod(1).sum())
        self.per_point = (time.monotonic() - began) / self.timed

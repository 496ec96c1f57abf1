"""A search for many digits in stages of fewer: what it knows when it is stopped hardly depends on the digits asked.

At each stage a cell is left out as if only the stage's digits were wanted. What the last stage would not leave out is
put aside with the bound of its mass, and taken up again at the next stage: no bound is computed twice. Where a limit
ends the search, what is aside counts with its bound. So a limit is not spent on cells that matter to the last digits
alone, while heavier ones, such as those across kinks, wait.
"""

from dataclasses import dataclass, field, replace

from elboproof.arrays import FloatArray
from elboproof.evidence.forecast import Forecast
from elboproof.evidence.found import Found
from elboproof.evidence.target import Target

FIRST = 1e-2
"""Relative tolerance of the first stage; that of each next one is the square."""
ALIKE = 4.0
"""A stage of so many times the last tolerance, or less, is none."""


def stages_of(target: Target) -> list[Target]:
    """Return the stages' targets, the given one last."""
    tolerances, tolerance = [], FIRST
    while tolerance > ALIKE * target.tolerance:
        tolerances.append(tolerance)
        tolerance *= tolerance
    return [*(replace(target, tolerance=t) for t in tolerances), target]


@dataclass
class Aside:
    """Cells that a stage leaves out and the last one does not, with upper bounds (B,) of their mass."""

    _cells: list[tuple[Forecast, FloatArray]] = field(default_factory=list)

    def put(self, expected: Forecast, mass: FloatArray) -> None:
        """Put cells aside."""
        if len(mass):
            self._cells.append((expected, mass))

    def take(self) -> list[tuple[Forecast, FloatArray]]:
        """Return all, and be empty."""
        taken, self._cells = self._cells, []
        return taken

    def settle(self, found: Found) -> None:
        """Leave all out, with the bounds that they have."""
        for expected, mass in self.take():
            found.discard(expected.cells, mass)

"""A search for many digits in stages of fewer: what it knows when it is stopped hardly depends on the digits asked.

At each stage a cell is left out as if only the stage's digits were wanted. What the last stage would not leave out is
put aside with the bound of its mass, and taken up again at the next stage: no bound is computed twice. Where a limit
ends the search, what is aside counts with its bound. So does a cell with a rule that is good enough for the stage only:
it is halved at the first stage that wants more, and has its rule where a limit ends the search before. So a limit is
not spent on cells that matter to the last digits alone, while heavier ones, such as those across kinks, wait.
"""

from dataclasses import dataclass, field, replace

from elboproof.arrays import FloatArray
from elboproof.evidence.forecast import Forecast
from elboproof.evidence.found import Found
from elboproof.evidence.rules import Tried
from elboproof.evidence.summation import Sizes
from elboproof.evidence.target import Target
from elboproof.quadrature.cells import Cells

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
    """Cells that a stage is done with and the last one is not."""

    _cells: list[tuple[Forecast, FloatArray]] = field(default_factory=list)
    _tried: list[Tried] = field(default_factory=list)
    _sizes: list[Sizes] = field(default_factory=list)
    _errors: list[FloatArray] = field(default_factory=list)

    def put(self, expected: Forecast, mass: FloatArray) -> None:
        """Put cells aside that are left out, with upper bounds (B,) of their mass."""
        if len(mass):
            self._cells.append((expected, mass))

    def put_rules(self, tried: Tried, target: Target) -> None:
        """Put cells aside that have a rule."""
        if len(tried):
            sizes, errors = tried.rules(target)
            self._tried.append(tried)
            self._sizes.append(sizes)
            self._errors.append(errors)

    def take(self) -> list[tuple[Forecast, FloatArray]]:
        """Return all that are left out, and none is aside."""
        taken, self._cells = self._cells, []
        return taken

    def take_rules(self) -> list[Tried]:
        """Return all that have a rule, and none is aside."""
        taken, self._tried, self._sizes, self._errors = self._tried, [], [], []
        return taken

    def rules(self) -> tuple[list[Cells], list[Sizes], int]:
        """Return the cells with a rule, the rules' sizes, and the number of points."""
        points = sum(int(sizes.prod(1).sum()) for sizes in self._sizes)
        return [tried.expected.cells for tried in self._tried], self._sizes, points

    def settle(self, found: Found) -> None:
        """Leave out or accept all, with the bounds that they have."""
        sizes, errors = self._sizes, self._errors
        for tried, size, error in zip(self.take_rules(), sizes, errors, strict=True):
            found.accept(tried.expected.cells, size, error)
        for expected, mass in self.take():
            found.discard(expected.cells, mass)

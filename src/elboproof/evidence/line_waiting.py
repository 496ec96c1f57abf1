"""The cells of one latent that wait: the heaviest first, by turns by what is proved of them and by what is expected.

By what is proved, the upper bound of the integral falls fastest; but of a cell on which little can be proved, such as
one in a tail where the arithmetic cancels, much is left open however often it is halved. By what floats expect, the
mass is found, and the lower bound grows. By turns neither starves the other.
"""

import math
from heapq import heappop, heappush
from typing import NamedTuple

from flint import arb

from elboproof.evidence.line_point import Derivatives

SHORT = 500
"""Cells of a search that is over before an order pays."""


class Waiting(NamedTuple):
    """An interval centre +- half, U, U' and U'' at its centre in floats, and a proved lower bound of U on it."""

    centre: float
    half: float
    floats: Derivatives
    least: arb


class Heap:
    """Cells that wait: the youngest is taken first until `SHORT` were taken, from then on the heaviest."""

    def __init__(self) -> None:
        # A cell's number stands in both heaps, and is passed over in one when it was taken from the other.
        self._expected: list[tuple[float, int]] = []
        self._proved: list[tuple[float, int]] = []
        self._cells: dict[int, Waiting] = {}
        self._put = self._taken = 0

    def __len__(self) -> int:
        return len(self._cells)

    def put(self, cell: Waiting) -> None:
        """Have a cell wait."""
        self._cells[self._put] = cell
        if self._taken >= SHORT:
            self._enter(self._put, cell)
        self._put += 1

    def take(self) -> Waiting:
        """Return a cell, and have it wait no longer."""
        self._taken += 1
        if self._taken < SHORT:
            return self._cells.popitem()[1]
        if self._taken == SHORT:
            for number, cell in self._cells.items():
                self._enter(number, cell)
        heap, cells = self._expected if self._taken % 2 else self._proved, self._cells
        number = heappop(heap)[1]
        while number not in cells:
            number = heappop(heap)[1]
        return cells.pop(number)

    def left(self) -> list[Waiting]:
        """Return all that wait."""
        return list(self._cells.values())

    def _enter(self, number: int, cell: Waiting) -> None:
        """Put a cell into both heaps, by its masses' logarithms; floats that are NaN expect nothing."""
        length, expected = math.log(cell.half), cell.floats[0]
        heappush(self._expected, (expected - length if expected == expected else math.inf, number))
        heappush(self._proved, (float(cell.least) - length, number))

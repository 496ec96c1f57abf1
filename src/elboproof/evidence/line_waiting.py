"""The cells of one latent that wait: the heaviest first, by turns by what is proved of them and by what is expected.

By what is proved, the upper bound of the integral falls fastest; but of a cell on which little can be proved, such as
one in a tail where the arithmetic cancels, much is left open however often it is halved. By what floats expect, the
mass is found, and the lower bound grows. By turns neither starves the other.
"""

import math
from dataclasses import dataclass
from heapq import heappop, heappush

from flint import arb

from elboproof.evidence.line_point import Derivatives


@dataclass(frozen=True)
class Waiting:
    """An interval centre +- half, U, U' and U'' at its centre in floats, and a proved lower bound of U on it."""

    centre: float
    half: float
    floats: Derivatives
    least: arb

    def expected(self) -> float:
        """Return the log of the mass that floats expect, -inf where they know nothing."""
        value = math.log(2 * self.half) - self.floats[0]
        return value if value == value else -math.inf

    def proved(self) -> float:
        """Return an estimate of the log of the mass that is known to be the most."""
        value = math.log(2 * self.half) - float(self.least)
        return value if value == value else math.inf


class Heap:
    """Cells that wait."""

    def __init__(self) -> None:
        # Each cell stands in both heaps, under a number that breaks ties, and leaves both when it is taken.
        self._heaps: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])
        self._cells: dict[int, Waiting] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._cells)

    def put(self, cell: Waiting) -> None:
        """Have a cell wait."""
        self._cells[self._count] = cell
        for heap, mass in zip(self._heaps, (cell.expected(), cell.proved()), strict=True):
            heappush(heap, (-mass, self._count))
        self._count += 1

    def take(self) -> Waiting:
        """Return a cell, and have it wait no longer."""
        heap = self._heaps[self._count % 2]
        while True:
            _, number = heappop(heap)
            if number in self._cells:
                self._count += 1
                return self._cells.pop(number)

    def left(self) -> list[Waiting]:
        """Return all that wait, the oldest first."""
        return list(self._cells.values())

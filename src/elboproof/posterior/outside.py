"""A box around a Gaussian, and cells that cover the rest of the domain exactly.

All edges are floats of few bits, so that halving cells is exact; a search that wants finer ones is given up.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Bounds, Energy
from elboproof.evidence.floats import Derivatives, FloatEnergy
from elboproof.quadrature.cells import Cells

REACH = 1.5
"""Of the domain's half width: how far out the box may be. The last cell ends below (2 + REACH) of it."""
EDGE_BITS = 17
"""Of the half widths of the first cells: 6 of a scale times 11 of the lattice's cube."""


class TooFineError(ArithmeticError):
    """Halving further would not be exact."""


class ExactEnergy(Energy):
    """An energy that looks at no cell whose edges may be rounded: none with a half width below ``finest``."""

    finest = 0.0

    def over(self, cells: Cells) -> Bounds:
        """Return bounds of U over cells."""
        self._check(cells)
        return super().over(cells)

    def jet(self, floats: FloatEnergy, cells: Cells, u: FloatArray) -> Derivatives:
        """Return U, gradient and Hessian at u in floats."""
        self._check(cells)
        return super().jet(floats, cells, u)

    def _check(self, cells: Cells) -> None:
        if len(cells) and cells.half.min() < self.finest:
            raise TooFineError(
                f"cells: got a half width of {cells.half.min()}; expected {self.finest} or more"
            )


def finest_half(half: float) -> float:
    """Return below which half width cells within 4 times [-half, half] may have edges that are no floats.

    All edges are multiples of the last of the first cells' bits, as long as that is worth an ulp of the largest edge.
    """
    ulp = float(np.exp2(np.ceil(np.log2(4 * half)) - 52))
    return ulp * 2.0**EDGE_BITS


@dataclass(frozen=True)
class CoreBox:
    """u0 +- s eps for eps in the lattice's cube, u0 and s floats of few bits.

    Attributes
    ----------
    centre, scale : (d,)
    """

    centre: FloatArray
    scale: FloatArray

    def fits(self, radius: float, half: float) -> bool:
        """Return whether the edges of all cells outside are floats: none is farther out than 4 times ``half``."""
        far = np.abs(self.centre) + self.scale * radius
        return bool((far <= REACH * half).all() and (self.scale > finest_half(half)).all())

    def outside(self, radius: float, half: float) -> Cells:
        """Return cells that cover [-half, half]^d but for the box of the given radius in eps, and not that box."""
        d, core = len(self.centre), self.scale * radius
        centres, halves = [], []
        for k, side in product(range(d), (-1.0, 1.0)):
            edge, width = side * self.centre[k] + core[k], core[k]  # as seen from that side
            while edge < half:
                centre, size = np.zeros(d), np.full(d, half)
                centre[:k], size[:k] = self.centre[:k], core[:k]
                centre[k], size[k] = side * (edge + width), width
                centres.append(centre)
                halves.append(size)
                edge, width = edge + 2 * width, 2 * width
        if not centres:
            return Cells(np.zeros(0, dtype=np.intp), np.zeros((0, d)), np.zeros((0, d)))
        return Cells(np.zeros(len(centres), dtype=np.intp), np.array(centres), np.array(halves))

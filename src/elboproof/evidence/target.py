"""What a search aims at, and how it judges a cell by numbers that others computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.quadrature.cells import Cells, Index
from elboproof.shapes import Float64

ROUNDS = 4
"""Searches, each with a smaller share."""
SHARES = {1: 1e-3, 2: 1e-3, 3: 1e-4, 4: 1e-5}
"""Of the tolerance, by dimension: what one discarded cell may take in the first round."""
PART = 0.3
"""Of the tolerance: what the rules' errors may take together."""
CORE = 9.0
"""A cell is tried when no axis' slope varies by more than CORE / (its half width): about three standard deviations."""


@dataclass(frozen=True)
class Target:
    """What the search aims at, per data point.

    Attributes
    ----------
    shift : (N,)
        Energies are taken relative to these floats.
    mass : (N,)
        Estimates of the integral of exp(shift - U).
    tolerance : float
        Relative error of the integral that is aimed at.
    share : float
        Of the tolerance: what one discarded cell may take.
    """

    shift: Float64[FloatArray, "N"]
    mass: Float64[FloatArray, "N"]
    tolerance: float
    share: float

    def small(self, cells: Cells) -> Float64[FloatArray, "B"]:
        """Return how much of the integral each cell may leave out."""
        return np.asarray(self.tolerance * self.share * self.mass[cells.owner])

    def negligible(self, cells: Cells, least: Float64[FloatArray, "B"]) -> NDArray[np.bool_]:
        """Return which cells may be left out if ``least`` bounds U from below there; a forecast, no proof."""
        with np.errstate(over="ignore", invalid="ignore"):
            # (B,): a float that overflows is infinite, and not negligible.
            mass = cells.volume() * np.exp(np.minimum(self.shift[cells.owner] - least, 700.0))
        return np.asarray(mass <= self.small(cells))

    def log_mass(self, cells: Cells, energy: Float64[FloatArray, "B"]) -> Float64[FloatArray, "B"]:
        """Return logarithms of shares of the integral, if U is ``energy`` on the cells; they steer."""
        owner = cells.owner
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(cells.volume()) + self.shift[owner] - energy - np.log(self.mass[owner]))

    @staticmethod
    def smooth(spread: Float64[FloatArray, "B d"]) -> NDArray[np.bool_]:
        """Return on which cells a rule is worth a trial."""
        # (B, d): half widths squared times curvatures, about how many nats U bends by. A trial that fails costs
        # time only.
        return np.asarray((spread <= CORE).all(1))


def widest(spread: Float64[FloatArray, "B d"], half: Float64[FloatArray, "B d"]) -> Index:
    """Return the axis along which the slope varies or a rule errs most; the longest one where that is unknown.

    Any choice is sound. Taking always the same axis where nothing is known would make slivers without end.
    """
    # (B, d) -> (B,).
    if half.shape[1] == 1:
        return np.zeros(len(half), dtype=np.intp)
    known = np.where(np.isfinite(spread), spread, np.inf)
    unknown = ~np.isfinite(known).all(1)
    return np.asarray(np.where(unknown, half.argmax(1), known.argmax(1)))

"""What a search has found: accepted cells with their rules, and running bounds of everything else."""

from dataclasses import dataclass, field

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.pace import Pace
from elboproof.evidence.target import Target
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import exp_upward, upward
from elboproof.quadrature.cells import Cells, Index


@dataclass
class Found:
    """Accepted cells with their rules, and bounds of the rest.

    Attributes
    ----------
    discarded, rule_error, unfinished : (N,)
        Running sums of upper bounds, see `safe`: of the integral over discarded cells, of the rules' errors, and of the
        integral over cells that a limit left undone.
    lowest : (N,)
        Smallest energy at a centre, a float that is not trusted.
    pace : Pace
        What steps take.
    cells, sizes : list
        Accepted cells and their numbers of points per axis, (B, d).
    visited, terms : int
        Cells looked at, and bounds added up.
    points : int
        Points of the accepted cells' rules.
    stopped : str
        Which limit ended the search, empty if none did.
    errors : list
        Upper bounds (B,) of the errors of the accepted cells' rules.
    others : list or None
        Where somebody wants to see them: cells without rules, with upper bounds (B,) of their mass.
    """

    discarded: FloatArray
    rule_error: FloatArray
    unfinished: FloatArray
    lowest: FloatArray
    pace: Pace = field(default_factory=Pace)
    cells: list[Cells] = field(default_factory=list)
    sizes: list[Index] = field(default_factory=list)
    visited: int = 0
    terms: int = 0
    points: int = 0
    stopped: str = ""
    errors: list[FloatArray] = field(default_factory=list)
    others: list[tuple[Cells, FloatArray]] | None = None

    @staticmethod
    def nothing(points: int, pace: Pace) -> "Found":
        """Return what is known before the search."""
        return Found(np.zeros(points), np.zeros(points), np.zeros(points), np.full(points, np.inf), pace)

    def add(self, sums: FloatArray, owner: Index, bounds: FloatArray) -> None:
        """Add bounds (B,) of their owners' cells to one of the running sums (N,)."""
        # Nonnegative floats only, so that n additions lose less than n roundings; `safe` pays for them by
        # ``terms``.
        np.add.at(sums, owner, bounds)
        self.terms += len(owner)

    def accept(self, cells: Cells, sizes: Index, error: FloatArray) -> None:
        """Keep cells with the sizes of their rules (B, d) and bounds of their errors (B,)."""
        self.cells.append(cells)
        self.sizes.append(sizes)
        self.errors.append(error)
        self.points += int(sizes.prod(1).sum())
        self.add(self.rule_error, cells.owner, error)

    def discard(self, cells: Cells, mass: FloatArray) -> None:
        """Leave cells out, with upper bounds (B,) of their mass."""
        self.add(self.discarded, cells.owner, mass)
        self.watch(cells, mass)

    def give_up(self, cells: Cells, mass: FloatArray) -> None:
        """Leave cells unfinished, with upper bounds (B,) of their mass."""
        self.add(self.unfinished, cells.owner, mass)
        self.watch(cells, mass)

    def watch(self, cells: Cells, mass: FloatArray) -> None:
        """Remember cells without rules where somebody wants to see them."""
        if self.others is not None:
            self.others.append((cells, mass))

    def safe(self, sums: FloatArray) -> FloatArray:
        """Return upper bounds of what running sums of bounds stand for, or of what at most three of them add up to."""
        # n bounds are added up with n - 1 roundings, as the first one is added to zero. No sum has more bounds than
        # `terms`, and adding up three rounds twice more.
        return upward(sums, self.terms + 1)


def bounds(energy: Energy, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return the best lower bounds of U (B,) and the slopes' variation times half width (B, d)."""
    # slopes: d balls (B,). The radius is half the variation over the cell; it steers.
    known = energy.over(cells)
    spread = np.stack([slope.rad * cells.half[:, k] for k, slope in enumerate(known.slopes)], 1)
    return np.fmax(known.least, cells.known()), spread


def mass_bound(cells: Cells, target: Target, least: FloatArray) -> FloatArray:
    """Return upper bounds (B,) of the integral of exp(shift - U) over each cell, U at least ``least`` there.

    Volume times supremum, one product; infinite where nothing is known.
    """
    # Arrays (B,). The integral is at most volume times supremum, exp is rounded up by its own ball, the product
    # once here. An unknown bound, -inf, becomes a huge exponent, and that an infinite mass.
    exponent = BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))
    with np.errstate(over="ignore"):  # an infinite bound is true
        return upward(cells.volume() * exp_upward(exponent.upper()), 1, underflows=1)


def abandon(energy: Energy, waiting: list[Cells], target: Target, found: Found) -> None:
    """Add bounds of the cells that are not finished; where no time is left, what is known or the prior alone gives."""
    for cells in waiting:
        for start in range(0, len(cells), BLOCK):
            part = cells[start : start + BLOCK]
            # Both bounds are true; the second one costs nothing, and keeps the limit where the first one would
            # not.
            if found.pace.allows("bounds", len(part)):
                with found.pace.timing("bounds", len(part)):
                    least = bounds(energy, part)[0]
            else:
                least = np.fmax(energy.least_by_prior(part), part.known())
            found.give_up(part, mass_bound(part, target, least))

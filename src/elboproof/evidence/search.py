"""Branch and bound: which cells carry mass, how each is integrated, and a bound of everything left out.

A cell is *discarded* when volume * sup exp(-U) is negligible, and that bound is added to the remainder; *accepted* when
a Gauss-Legendre rule has a proved error that is small enough; otherwise halved along the axis that varies most. Every
bound comes from ball arithmetic; the floats that steer (scales, thresholds) can only cost time.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.evidence.energy import BLOCK, Cells, Energy, Index
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import Forecast, forecast, joined
from elboproof.evidence.pace import FEW, Pace, block
from elboproof.evidence.target import Target, widest
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, SIZES, factors

SMALLEST = 2.0**-46
"""Of the root's half width: below, halving would no longer be exact."""

PART = 0.3
"""Of the tolerance: what the rules' errors may take together."""
LARGEST_SIZE = {1: 40, 2: 24, 3: 18, 4: 12}
"""Points an axis, by dimension, for few digits: beyond, halving the cell costs fewer points."""
EARLY = 0.25
"""Of the time limit: what passes before anybody asks whether the rest suffices for the sums."""
CHEAP = 0.25
"""Of the time that a cell takes on average: what a mere bound of it takes, or less."""
TOO_DEEP = 100.0
"""Nats below the shift at which the scale is renewed: exp would overflow soon."""
DEEPER = "a deeper mode"
"""The reason of a stop that asks for a new scale; not a limit."""


@dataclass
class Found:
    """Accepted cells with their rules, and bounds of the rest.

    Attributes
    ----------
    cells, sizes : list
        Accepted cells and their numbers of points per axis, (B, d).
    discarded, rule_error, unfinished : (N,)
        Upper bounds of the integral over discarded cells, of the rules' errors, and of the integral over cells that a
        limit left undone.
    lowest : (N,)
        Smallest energy at a centre, a float that is not trusted.
    visited : int
        Cells looked at.
    points : int
        Points of the accepted cells' rules.
    stopped : str
        Which limit ended the search, empty if none did.
    """

    discarded: FloatArray
    rule_error: FloatArray
    unfinished: FloatArray
    lowest: FloatArray
    cells: list[Cells] = field(default_factory=list)
    sizes: list[Index] = field(default_factory=list)
    visited: int = 0
    points: int = 0
    stopped: str = ""

    def safe(self, sums: FloatArray) -> FloatArray:
        """Return upper bounds of what running sums of bounds stand for.

        n additions lose less than n 2^-53 relatively, and n underflows less than n 2^-1070.
        """
        return (sums + (self.visited + 1) * 2.0**-1060) * (1 + 1e-9 + self.visited * 2.0**-52)


def search(
    energy: Energy, floats: FloatEnergy, roots: Cells, target: Target, deadline: float, most: int
) -> Found:
    """Return cells whose rules and discarded rest together bound the integral of every data point.

    Parameters
    ----------
    floats
        The same energy in plain floats, for forecasts.
    deadline
        On the clock ``time.monotonic()``.
    most
        Number of cells to look at, at most.
    """
    return _Search(energy, floats, target, roots, most).run(deadline)


class _Search:
    """The cells that wait for a forecast, and those that are ready for a rule.

    Both are worked off in blocks that are as full as possible: a block of few cells costs nearly as much.
    """

    def __init__(self, energy: Energy, floats: FloatEnergy, target: Target, roots: Cells, most: int) -> None:
        self.energy, self.floats, self.target, self.most = energy, floats, target, most
        self.pace, self.block = Pace(), BLOCK
        zeros = np.zeros(len(target.shift))
        self.found = Found(zeros.copy(), zeros.copy(), zeros.copy(), np.full(len(zeros), np.inf))
        self.smallest = np.full(len(zeros), np.inf)
        np.minimum.at(self.smallest, roots.owner, roots.half.min(1) * SMALLEST)
        self.waiting, self.ready = [roots], list[Forecast]()

    def run(self, deadline: float) -> Found:
        """Work until no cell is left or a limit is reached; what is left then is bounded."""
        found, began = self.found, time.monotonic()
        while (self.waiting or self.ready) and not found.stopped:
            now = time.monotonic()
            if now > began + EARLY * (deadline - began):
                self.block = block(deadline - began, now - began, found.visited)
                now += self._reserve(now - began)
            if now > deadline:
                found.stopped = "the time limit"
            elif (found.lowest < self.target.shift - TOO_DEEP).any():
                found.stopped = DEEPER
            elif sum(len(part.cells) for part in self.ready) >= self.block or not self.waiting:
                self._rules(_blocks(joined(self.ready), self.block))
            else:
                self._forecast(_next(self.waiting, self.block))
        left = [*self.waiting, *(part.cells for part in self.ready)]
        abandon(self.energy, left, self.target, found)
        return found

    def _reserve(self, elapsed: float) -> float:
        """Return about how many seconds it will take to bound what is left and to sum what was accepted."""
        left = sum(map(len, self.waiting)) + sum(len(part.cells) for part in self.ready)
        bounding = CHEAP * left * elapsed / max(self.found.visited, 1)
        found = self.found
        return bounding + self.pace.summing(
            self.energy, found.cells, found.sizes, found.points, self.target.shift
        )

    def _forecast(self, cells: Cells) -> None:
        """Send smooth cells to the rules, bound the others."""
        exhausted = cells.half.min(1) < self.smallest[cells.owner]
        if exhausted.any():
            abandon(self.energy, [cells[exhausted]], self.target, self.found)
        expected = forecast(self.floats, self.energy, cells[~exhausted], self.target)
        np.minimum.at(self.found.lowest, expected.cells.owner, np.nan_to_num(expected.energy, nan=np.inf))
        self._keep(expected[expected.smooth])
        first, *more = _blocks(expected[~expected.smooth], self.block)
        self.waiting[:0] = [part.cells for part in more]
        if len(first.cells):
            self._bound(first)

    def _counted(self, cells: Cells) -> bool:
        """Count cells that are about to be looked at; if they are too many, stop with them among those left."""
        if self.found.visited + len(cells) > self.most:
            self.found.stopped = "the limit on cells"
            self.waiting.append(cells)
            return False
        self.found.visited += len(cells)
        return True

    def _bound(self, expected: Forecast) -> None:
        """Discard what is negligible, keep what is smooth after all for the rules, halve the rest."""
        cells = expected.cells
        if not self._counted(cells):
            return
        least, spread = _bounds(self.energy, cells)
        mass = _mass_bound(cells, self.target, least)
        small = mass <= self.target.small(cells)
        np.add.at(self.found.discarded, cells.owner[small], mass[small] * (1 + 1e-12))
        smooth = self.target.smooth(spread) & ~small
        self._keep(expected[smooth])
        rest = ~small & ~smooth
        self._quarter(cells[rest], spread[rest])

    def _rules(self, blocks: list[Forecast]) -> None:
        """Accept the cells for which a rule is good enough, halve the others."""
        expected, *self.ready = blocks
        cells = expected.cells
        if not self._counted(cells):
            return
        accepted, worst, unknown = _try_rules(self.energy, cells, self.target, expected.energy, self.found)
        self._split(cells[~accepted], worst[~accepted], unknown[~accepted])

    def _split(self, cells: Cells, axis: Index, unknown: NDArray[np.bool_]) -> None:
        """Halve cells, and once more along another axis where no rule was bounded, if that saves a round."""
        halves = cells.split(axis)
        if 0 < len(halves) < FEW and not self.energy.kinks_across:
            others = np.where(np.arange(cells.half.shape[1]) == axis[:, None], -1.0, cells.half)
            second, again = np.tile(others.argmax(1), 2), np.tile(unknown, 2)
            halves = Cells.joined([halves[~again], halves[again].split(second[again])])
        if len(halves):
            self.waiting.insert(0, halves)

    def _quarter(self, cells: Cells, spread: FloatArray) -> None:
        """Halve cells, twice if they are few: another round would cost more than a few cells too many."""
        axis = widest(spread, cells.half)
        halves = cells.split(axis)
        if len(halves) < FEW:
            spread = spread * np.where(np.arange(spread.shape[1]) == axis[:, None], 0.25, 1.0)
            halves = halves.split(np.tile(widest(spread, halves.half[: len(cells)]), 2))
        if len(halves):
            self.waiting.insert(0, halves)

    def _keep(self, expected: Forecast) -> None:
        if len(expected.cells):
            self.ready.append(expected)


def _blocks(expected: Forecast, size: int) -> list[Forecast]:
    """Return at least one block, each of at most ``size`` cells."""
    return [expected[start : start + size] for start in range(0, max(1, len(expected.cells)), size)]


def _next(waiting: list[Cells], size: int) -> Cells:
    """Take the oldest cells, ``size`` at most."""
    cells = waiting.pop()
    while waiting and len(cells) + len(waiting[-1]) <= size:
        cells = Cells.joined([cells, waiting.pop()])
    if len(cells) > size:
        waiting.append(cells[size:])
    return cells[:size]


def _bounds(energy: Energy, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return lower bounds of U (B,) and the slopes' variation times half width (B, d)."""
    bounds = energy.over(cells)
    spread = np.stack([slope.rad * cells.half[:, k] for k, slope in enumerate(bounds.slopes)], 1)
    return bounds.least, spread


def _mass_bound(cells: Cells, target: Target, least: FloatArray) -> FloatArray:
    """Return upper bounds of the integral of exp(shift - U) over each cell; infinite where nothing is known."""
    exponent = BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))
    exponent = BallArray(np.minimum(exponent.upper(), 700.0))
    with np.errstate(over="ignore"):  # an infinite bound is true
        mass = cells.volume() * exponent.exp().upper() * (1 + 1e-15)
    return np.where(np.isfinite(least) & (exponent.mid < 700.0), mass, np.inf)


def _try_rules(
    energy: Energy, cells: Cells, target: Target, central: FloatArray, found: Found
) -> tuple[NDArray[np.bool_], Index, NDArray[np.bool_]]:
    """Accept the cells for which a rule is good enough; return which, the worst axis, and where none is bounded."""
    d = cells.half.shape[1]
    estimate = cells.volume() * np.exp(np.minimum(target.shift[cells.owner] - central, 700.0))
    allowed = PART / d * target.tolerance * (estimate + target.share * target.mass[cells.owner])
    largest = _largest(d, target.tolerance)
    errors = _axis_errors(energy, cells, target)[:, :largest]
    accepted = (errors[:, -1] <= allowed[:, None]).all(1)
    _accept(cells, accepted, errors, allowed, found)
    unknown = ~np.isfinite(errors[:, -1]).any(1) & (d > 1)
    return accepted, _worst(errors[:, -1], cells.half, energy.kinks_across), unknown


def _largest(d: int, tolerance: float) -> int:
    """Return how many of the sizes may be used: more for more digits, of which a point an axis gives nearly one."""
    wanted = max(LARGEST_SIZE[d], 4 - 1.1 * np.log10(tolerance))
    return max(1, int(np.searchsorted(SIZES, wanted)) + 1) if wanted < SIZES[-1] else len(SIZES)


def _worst(errors: FloatArray, half: FloatArray, kinks_across: bool) -> Index:
    """Return the axis with the largest error, the longest of those where no rule is bounded.

    Any choice is sound. Taking always the same axis where nothing is known would make slivers without end; but slivers
    along a kink are what is wanted.
    """
    unknown = ~np.isfinite(errors)
    lengths = np.where(unknown, half, -1.0)
    if kinks_across:
        lengths[unknown.all(1), 0] = np.inf
    return np.asarray(np.where(unknown.any(1), lengths.argmax(1), errors.argmax(1)))


def _axis_errors(energy: Energy, cells: Cells, target: Target) -> FloatArray:
    """Return upper bounds of each rule's error on each cell, axis by axis: (B, sizes, d)."""
    suprema = np.stack([_supremum(energy, cells, target, j) for j in range(cells.half.shape[1])], -1)
    scaled = suprema * cells.volume(reach=ALONG + ACROSS)[:, None] * (1 + 1e-12)
    return factors()[None, :, None] * scaled[:, None, :] * (1 + 1e-12)


def _accept(
    cells: Cells, accepted: NDArray[np.bool_], errors: FloatArray, allowed: FloatArray, found: Found
) -> None:
    rows = np.flatnonzero(accepted)
    if len(rows):
        choice = (errors[rows] <= allowed[rows, None, None]).argmax(
            1
        )  # the smallest size that is good enough
        error = np.take_along_axis(errors[rows], choice[:, None, :], 1)[:, 0].sum(1)
        found.cells.append(cells[rows])
        found.sizes.append(np.array(SIZES)[choice])
        found.points += int(found.sizes[-1].prod(1).sum())
        np.add.at(found.rule_error, cells.owner[rows], error * (1 + 1e-12))


def _supremum(energy: Energy, cells: Cells, target: Target, j: int) -> FloatArray:
    """Return upper bounds of |exp(shift - U)| with coordinate j on the rectangle around its ellipse, (B,)."""
    u: list[BallArray | ComplexBallArray] = list(cells.box())
    half = cells.half[:, j]
    u[j] = ComplexBallArray(
        BallArray(cells.centre[:, j], half * ALONG), BallArray(np.zeros(len(cells)), half * ACROSS)
    )
    least = energy.least_real_part(cells, u)
    exponent = (BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))).upper()
    value = BallArray(np.minimum(exponent, 700.0)).exp().upper()
    return np.where(np.isfinite(least) & (exponent < 700.0), value, np.inf)


def abandon(energy: Energy, waiting: list[Cells], target: Target, found: Found) -> None:
    """Add bounds of the cells that were not finished."""
    for cells in waiting:
        for start in range(0, len(cells), BLOCK):
            part = cells[start : start + BLOCK]
            mass = _mass_bound(part, target, _bounds(energy, part)[0])
            np.add.at(found.unfinished, part.owner, mass * (1 + 1e-12))

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
from elboproof.evidence.rule import ELLIPSES, SIZES, factors, semi_axes
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray

CORE = 2.0
"""A cell is tried when no axis' slope varies by more than CORE / (its half width): about one standard deviation."""
SMALLEST = 2.0**-46
"""Of the root's half width: below, halving would no longer be exact."""

TOO_DEEP = 100.0
"""Nats below the shift at which the scale is renewed: exp would overflow soon."""
DEEPER = "a deeper mode"
"""The reason of a stop that asks for a new scale; not a limit."""


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

    shift: FloatArray
    mass: FloatArray
    tolerance: float
    share: float


@dataclass
class Found:
    """Accepted cells with their rules, and bounds of the rest.

    Attributes
    ----------
    cells, sizes : list
        Accepted cells and their numbers of points per axis.
    discarded, rule_error, unfinished : (N,)
        Upper bounds of the integral over discarded cells, of the rules' errors, and of the integral over cells that a
        limit left undone.
    lowest : (N,)
        Smallest energy at a centre, a float that is not trusted.
    visited : int
        Cells looked at.
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
    stopped: str = ""

    def safe(self, sums: FloatArray) -> FloatArray:
        """Return upper bounds of what running sums of bounds stand for.

        n additions lose less than n 2^-53 relatively, and n underflows less than n 2^-1070.
        """
        return (sums + (self.visited + 1) * 2.0**-1060) * (1 + 1e-9 + self.visited * 2.0**-52)


def search(energy: Energy, roots: Cells, target: Target, deadline: float, most: int) -> Found:
    """Return cells whose rules and discarded rest together bound the integral of every data point.

    Parameters
    ----------
    deadline
        On the clock ``time.monotonic()``.
    most
        Number of cells to look at, at most.
    """
    zeros = np.zeros(len(target.shift))
    found = Found(zeros.copy(), zeros.copy(), zeros.copy(), np.full(len(zeros), np.inf))
    smallest = roots.half.min(1) * SMALLEST
    waiting = [roots]
    while waiting and not found.stopped:
        cells = _next(waiting)
        found.stopped = _limit(found, len(cells), target, deadline, most)
        if found.stopped:
            _abandon(energy, [cells, *waiting], target, found)
            break
        found.visited += len(cells)
        exhausted = cells.half.min(1) < smallest[cells.owner]
        if exhausted.any():
            _abandon(energy, [cells[exhausted]], target, found)
        rest = _step(energy, cells[~exhausted], target, found)
        if len(rest):
            waiting.append(rest)
    return found


def _limit(found: Found, more: int, target: Target, deadline: float, most: int) -> str:
    """Return which limit is reached, or an empty text."""
    if time.monotonic() > deadline:
        return "the time limit"
    if found.visited + more > most:
        return "the limit on cells"
    return DEEPER if (found.lowest < target.shift - TOO_DEEP).any() else ""


def _next(waiting: list[Cells]) -> Cells:
    """Take the newest cells, a block at most: depth first keeps the list short."""
    cells = waiting.pop()
    while waiting and len(cells) + len(waiting[-1]) <= BLOCK:
        cells = Cells.joined([cells, waiting.pop()])
    if len(cells) > BLOCK:
        waiting.append(cells[BLOCK:])
    return cells[:BLOCK]


def _step(energy: Energy, cells: Cells, target: Target, found: Found) -> Cells:
    """Discard, accept or halve each cell of a block; return the halves."""
    least, spread, central = _bounds(energy, cells)
    np.minimum.at(found.lowest, cells.owner, central)
    mass = _mass_bound(cells, target, least)
    small = mass <= target.tolerance * target.share * target.mass[cells.owner]
    np.add.at(found.discarded, cells.owner[small], mass[small] * (1 + 1e-12))
    cells, spread, central = cells[~small], spread[~small], central[~small]
    tried = (spread <= CORE).all(1)
    axis = _widest(spread, cells.half)
    if tried.any():
        accepted, worst = _try_rules(energy, cells[tried], target, central[tried], found)
        axis[tried] = worst
        keep = np.ones(len(cells), dtype=bool)
        keep[np.flatnonzero(tried)[accepted]] = False
        cells, axis = cells[keep], axis[keep]
    return cells.split(axis)


def _bounds(energy: Energy, cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return lower bounds of U (B,), the slopes' variation times half width (B, d), and U at the centre (B,)."""
    bounds = energy.over(cells)
    spread = np.stack([slope.rad * cells.half[:, k] for k, slope in enumerate(bounds.slopes)], 1)
    central = np.where(np.isfinite(bounds.central.rad), bounds.central.mid, np.inf)
    return bounds.least, spread, central


def _mass_bound(cells: Cells, target: Target, least: FloatArray) -> FloatArray:
    """Return upper bounds of the integral of exp(shift - U) over each cell; infinite where nothing is known."""
    exponent = BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))
    exponent = BallArray(np.minimum(exponent.upper(), 700.0))
    with np.errstate(over="ignore"):  # an infinite bound is true
        mass = cells.volume() * exponent.exp().upper() * (1 + 1e-15)
    return np.where(np.isfinite(least) & (exponent.mid < 700.0), mass, np.inf)


def _widest(spread: FloatArray, half: FloatArray) -> Index:
    """Return the axis along which the slope varies most; the longest one where that is unknown."""
    known = np.where(np.isfinite(spread), spread, np.inf)
    unknown = ~np.isfinite(known).all(1)
    return np.asarray(np.where(unknown, half.argmax(1), known.argmax(1)))


def _try_rules(
    energy: Energy, cells: Cells, target: Target, central: FloatArray, found: Found
) -> tuple[NDArray[np.bool_], Index]:
    """Accept the cells for which a rule is good enough; return which, and the axis with the largest error."""
    estimate = cells.volume() * np.exp(np.minimum(target.shift[cells.owner] - central, 700.0))
    allowed = 0.1 * target.tolerance * (estimate + target.share * target.mass[cells.owner])
    errors = np.full((len(cells), len(SIZES), cells.half.shape[1]), np.inf)  # the smallest so far, per axis
    accepted = np.zeros(len(cells), dtype=bool)
    for e in range(len(ELLIPSES)):
        rows = np.flatnonzero(~accepted)
        if len(rows):
            part = cells[rows]
            new = _axis_errors(energy, part, target, e)
            errors[rows] = np.minimum(errors[rows], new)
            accepted[rows] = errors[rows, -1].sum(-1) <= allowed[rows]
    _accept(cells, accepted, errors.sum(-1), allowed, found)
    return accepted, errors[:, -1].argmax(1)


def _axis_errors(energy: Energy, cells: Cells, target: Target, e: int) -> FloatArray:
    """Return upper bounds of each rule's error on each cell, axis by axis, from one ellipse: (B, sizes, d)."""
    suprema = np.stack([_supremum(energy, cells, target, j, e) for j in range(cells.half.shape[1])], -1)
    scaled = suprema * cells.volume()[:, None] * (1 + 1e-12)
    return factors()[None, :, e, None] * scaled[:, None, :] * (1 + 1e-12)


def _accept(
    cells: Cells, accepted: NDArray[np.bool_], errors: FloatArray, allowed: FloatArray, found: Found
) -> None:
    rows = np.flatnonzero(accepted)
    if len(rows):
        choice = (errors[rows] <= allowed[rows, None]).argmax(1)  # the smallest rule that is good enough
        found.cells.append(cells[rows])
        found.sizes.append(np.array(SIZES)[choice])
        np.add.at(found.rule_error, cells.owner[rows], errors[rows, choice] * (1 + 1e-12))


def _supremum(energy: Energy, cells: Cells, target: Target, j: int, e: int) -> FloatArray:
    """Return upper bounds of |exp(shift - U)| with coordinate j on the rectangle around its ellipse, (B,)."""
    along, across = semi_axes()
    u = [ComplexBallArray(box) for box in cells.box()]
    half = cells.half[:, j]
    u[j] = ComplexBallArray(
        BallArray(cells.centre[:, j], half * along[e]), BallArray(np.zeros(len(cells)), half * across[e])
    )
    least = energy.least_real_part(cells, u)
    exponent = (BallArray(target.shift[cells.owner]) - BallArray(np.maximum(least, -1e300))).upper()
    value = BallArray(np.minimum(exponent, 700.0)).exp().upper()
    return np.where(np.isfinite(least) & (exponent < 700.0), value, np.inf)


def _abandon(energy: Energy, waiting: list[Cells], target: Target, found: Found) -> None:
    """Add bounds of the cells that were not finished."""
    for cells in waiting:
        for start in range(0, len(cells), BLOCK):
            part = cells[start : start + BLOCK]
            mass = _mass_bound(part, target, _bounds(energy, part)[0])
            np.add.at(found.unfinished, part.owner, mass * (1 + 1e-12))

"""The exact log evidence of a latent-variable model, as a proved enclosure."""

import time
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from elboproof.arguments import FloatArray, bad, require_positive, wrong_type
from elboproof.evidence import kinks, line, precise, ridges
from elboproof.evidence import search as branch
from elboproof.evidence.domain import Domain, domain
from elboproof.evidence.energy import Cells, Energy, Index
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import forecast
from elboproof.evidence.start import start
from elboproof.evidence.summation import sum_rules
from elboproof.evidence.target import Target
from elboproof.model.data import Data, ball_data, exact_rows, rectangular
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.precision import DOUBLE_BITS, working_precision
from elboproof.numbers.undecided import Undecided

MOST_LATENTS = 4
SHARES = {1: 1e-3, 2: 1e-3, 3: 1e-4, 4: 1e-5}
CELLS, CELLS_EACH = 2_000_000, 200
"""The default limit on cells: in all, and more for each data point."""
MOST_RIDGES = 16
"""Data points up to which ridges are sought."""
MANY = 1000
"""Cells that a data point's boxes are expected to become; ridges are sought beyond."""
ROUNDS = 4
RESCALINGS = 40
MOST_ON_LINE = 6
"""Data points of one latent up to which balls of python-flint, one point after the other, beat arrays."""
FLOAT_DIGITS = 12
"""Up to here float64 sums are tried; beyond, the sums are taken in arb."""


@dataclass(frozen=True)
class Evidence:
    """Proved log evidences of N data points, with what it took.

    Attributes
    ----------
    enclosure : Enclosure
        log p(x) in nats, arrays of shape (N,).
    statuses : tuple of str
        Why a point is not proved to the digits asked; empty where it is.
    cells : int
        Cells looked at.
    seconds : float
    balls : tuple of (arb, arb)
        Lower and upper bounds with all their digits, where all sums were taken in arb; else empty.
    """

    enclosure: Enclosure
    statuses: tuple[str, ...]
    cells: int
    seconds: float
    balls: tuple[tuple[Any, Any], ...] = ()


def log_evidence(
    model: LatentModel,
    x: Data,
    digits: float = 10,
    *,
    seconds: float = 60.0,
    most_cells: int | None = None,
) -> Enclosure:
    """Return log p(x) in nats, proved.

    Parameters
    ----------
    model
        With 1 to 4 latents; 4 are practical at about 4 digits.
    x
        Shape (D,) or (N, D). Floats are the exact binary doubles that they are; strings and Fractions are exact.
    digits
        The enclosure's half width is at most 10^-digits, or what float64 bounds of log p can show.
    seconds, most_cells
        Limits. The second one is 2 million and 200 for each x if it is not given; a cell takes some 200 bytes at
        most, so it limits the memory, too.

    Returns
    -------
    Enclosure
        Bounds of shape () or (N,).

    Raises
    ------
    TypeError, ValueError
        If x or a limit is not of the kind described.
    Undecided
        If the digits could not be proved within the limits; it carries the best enclosure and a status per x.
    """
    given = rectangular(x)
    if most_cells is None:
        most_cells = CELLS + CELLS_EACH * (len(given) if given.ndim else 1)
    evidence = prove(model, x, digits, seconds=seconds, most_cells=most_cells)
    if any(evidence.statuses):
        raise Undecided(evidence.enclosure, evidence.statuses)
    if given.ndim == 1:
        return Enclosure(evidence.enclosure.lower[0], evidence.enclosure.upper[0])
    return evidence.enclosure


def prove(model: LatentModel, x: Data, digits: float, *, seconds: float, most_cells: int) -> Evidence:
    """Return the evidences with statuses instead of an error; arguments as in `log_evidence`."""
    with np.errstate(all="ignore"):  # plain floats that overflow are infinite or NaN, and only steer
        return _proved(model, x, digits, seconds, most_cells)


def _proved(model: LatentModel, x: Data, digits: float, seconds: float, most_cells: int) -> Evidence:
    began = time.monotonic()
    if not isinstance(model, LatentModel):
        raise wrong_type("model", model, "an ep.LatentModel")
    if model.latent_dim > MOST_LATENTS:
        raise bad("model", model, f"at most {MOST_LATENTS} latents")
    require_positive(digits=digits, seconds=seconds, most_cells=most_cells)
    data = ball_data(model, x)
    if model.latent_dim == 1 and (len(data) <= MOST_ON_LINE or digits > FLOAT_DIGITS):
        point = line.reader(model)
        if point is not None:
            return _one_by_one(point, exact_rows(model, x)[0], float(digits), began, seconds, int(most_cells))
    floats = FloatEnergy(model)
    guess = start(floats, data.mid)
    normal = None if floats.smooth else kinks.direction(model)
    frames = guess.frames if normal is None else kinks.aligned(normal, guess.frames)
    scales = (frames, normal is not None, guess.energy.copy(), guess.log_mass.copy())
    work = _Work(model, floats, data, x, *scales, float(digits), digits > FLOAT_DIGITS)
    enclosure, statuses, cells = work.run(began + seconds, int(most_cells))
    balls = tuple(work.balls[n] for n in range(len(data))) if len(work.balls) == len(data) else ()
    return Evidence(enclosure, statuses, cells, time.monotonic() - began, balls)


def _one_by_one(
    point: line.Reader, data: list[list[Fraction]], digits: float, began: float, seconds: float, most: int
) -> Evidence:
    """Return the evidences of one latent, one data point after the other, in balls of python-flint."""
    lines: list[line.Line] = []
    for row in data:
        spent = sum(found.cells for found in lines)
        lines.append(line.on_line(point, row, digits, began + seconds, most - spent))
    pairs = tuple((found.lower, found.upper) for found in lines)
    ends = [Enclosure.from_balls([low if low.is_finite() else arb.nan(), high]) for low, high in pairs]
    enclosure = Enclosure([end.lower[0] for end in ends], [end.upper[1] for end in ends])
    statuses = [
        ""
        if found.width() <= 2 * 10.0**-digits
        else _reason(found.width(), digits, found.stopped or "the number of rounds")
        for found in lines
    ]
    cells = sum(found.cells for found in lines)
    return Evidence(enclosure, tuple(statuses), cells, time.monotonic() - began, pairs)


@dataclass(frozen=True)
class _Bounds:
    """Bounds of log p(x), shape (N,)."""

    lower: FloatArray
    upper: FloatArray


@dataclass
class _Work:
    """Rounds of search and summation, each with better estimates than the last."""

    model: LatentModel
    floats: FloatEnergy
    data: BallArray
    x: Data
    frames: FloatArray
    kinks_across: bool
    shift: FloatArray
    log_mass: FloatArray
    digits: float
    precise: bool
    balls: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def run(self, deadline: float, most: int) -> tuple[Enclosure, tuple[str, ...], int]:
        """Return the enclosures, the reasons of what is open, and the number of cells looked at."""
        points = len(self.data)
        lower, upper = np.full(points, -np.inf), np.full(points, np.inf)
        open_points, cells, share = np.arange(points), 0, SHARES[self.model.latent_dim]
        reasons = [""] * points
        rounds = 0
        for _ in range(RESCALINGS):
            bounds, found = self._round(open_points, share, deadline, most - cells)
            cells += found.visited
            lower[open_points] = np.maximum(lower[open_points], bounds.lower)
            upper[open_points] = np.minimum(upper[open_points], bounds.upper)
            widths = self._widths(lower, upper)
            wide = ~(widths <= 2 * 10.0**-self.digits)
            for n in open_points:
                reasons[n] = _reason(widths[n], self.digits, found.stopped) if wide[n] else ""
            deeper = found.stopped == branch.DEEPER
            self._rescale(open_points, found, lower, deeper)
            open_points = np.flatnonzero(wide)
            rounds += not deeper
            if not len(open_points) or rounds == ROUNDS or (found.stopped and not deeper):
                break
            if not deeper:
                share /= 10
                self.precise |= rounds >= 2  # a smaller share did not help: it is the rounding of the sums
        return Enclosure(lower, upper), tuple(reasons), cells

    def _rescale(self, which: Index, found: branch.Found, lower: FloatArray, deeper: bool) -> None:
        """Take the scales from what the search saw; they steer and are not trusted."""
        below = found.lowest < self.shift[which]
        self.shift[which[below]] = found.lowest[below]
        if deeper:
            moved = which[below]
            self.log_mass[moved] = np.maximum(self.log_mass[moved], -self.shift[moved] - 10.0)
        proved = np.isfinite(lower)
        self.log_mass[proved] = lower[proved]

    def _round(
        self, which: Index, share: float, deadline: float, most: int
    ) -> "tuple[_Bounds, branch.Found]":
        energy = Energy(self.model, self.data[which], self.frames[which], self.kinks_across)
        where = domain(self.model, self.frames[which], self.log_mass[which], self.digits)
        shift = self.shift[which]
        mass = np.exp(np.minimum(self.log_mass[which] + shift, 700.0))
        target = Target(shift, mass, 0.5 * 10.0**-self.digits, share)
        found = branch.search(energy, self.floats, self._roots(energy, where, target), target, deadline, most)
        bounds = _log_bounds(energy, where, target, found, deadline)
        if not self.precise:
            return bounds, found
        sharp = self._precise_bounds(which, energy, where, target, found, deadline)
        # a limit may have stopped the sums in arb, so that those in float64 know more
        return _Bounds(np.maximum(bounds.lower, sharp.lower), np.minimum(bounds.upper, sharp.upper)), found

    def _roots(self, energy: Energy, where: Domain, target: Target) -> Cells:
        """Return root boxes, or cells along ridges where those are expected to be far fewer."""
        boxes = _roots(where, self.model.latent_dim)
        if self.model.latent_dim != 2 or len(boxes) > MOST_RIDGES or not self.floats.smooth:
            return boxes
        expected = [len(forecast(self.floats, energy, boxes[[n]], target).cells) for n in range(len(boxes))]
        if max(expected) < MANY:
            return boxes
        return Cells.joined(
            [ridges.roots(energy, self.floats, n, float(where.half[n]), target) for n in range(len(boxes))]
        )

    def _precise_bounds(
        self,
        which: Index,
        energy: Energy,
        where: Domain,
        target: Target,
        found: branch.Found,
        deadline: float,
    ) -> "_Bounds":
        data = [self._exact_data[n] for n in which]
        pairs = precise.log_bounds(energy, data, where, target, found, self.digits, deadline)
        self.balls.update(zip(which.tolist(), pairs, strict=True))
        lower = [Enclosure.from_balls(low).lower if low.is_finite() else -np.inf for low, _ in pairs]
        return _Bounds(np.array(lower), np.array([Enclosure.from_balls(high).upper for _, high in pairs]))

    @cached_property
    def _exact_data(self) -> list[list[Fraction]]:
        """The rows of x, exactly; of thousands of x that takes as long as some of the steps."""
        return exact_rows(self.model, self.x)[0]

    def _widths(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """Return the widths, from the balls where the floats are too coarse to show them."""
        widths = upper - lower
        for n, (low, high) in self.balls.items():
            if low.is_finite():
                with working_precision(DOUBLE_BITS):
                    widths[n] = min(widths[n], float((high - low).upper()))
        return np.asarray(widths)


def _roots(where: Domain, d: int) -> Cells:
    points = len(where.half)
    return Cells(np.arange(points), np.zeros((points, d)), np.repeat(where.half[:, None], d, 1))


def _log_bounds(
    energy: Energy, where: Domain, target: Target, found: branch.Found, deadline: float
) -> _Bounds:
    """Return bounds of log p: log(sum + errors + rest) - shift + log|det A|, and never above the supremum."""
    shift = target.shift
    total = BallArray(np.zeros(len(shift)))
    if found.cells:
        cells, sizes = Cells.joined(found.cells), np.concatenate(found.sizes)
        total, done = sum_rules(energy, cells, sizes, shift, deadline)
        if done < len(cells):
            found.stopped = "the time limit"
            branch.abandon(energy, [cells[done:]], target, found)
    # the tail is the mass outside in z; the other parts are in u, where |det A| applies to them alike
    tail = (BallArray(where.log_tail) + BallArray(where.log_volume) + BallArray(shift)).exp().upper()
    rest = found.safe(found.discarded + found.unfinished + tail)
    error = found.safe(found.rule_error)
    low = np.maximum((total - BallArray(error)).lower(), 0.0)
    high = (total + BallArray(error) + BallArray(rest)).upper()
    volume = BallArray(np.zeros(len(shift)), where.log_volume)
    lower = np.where(
        low > 0, (BallArray(np.where(low > 0, low, 1.0)).log() - BallArray(shift) + volume).lower(), -np.inf
    )
    usable = np.isfinite(high) & (high > 0)
    upper = np.where(
        usable, (BallArray(np.where(usable, high, 1.0)).log() - BallArray(shift) + volume).upper(), np.inf
    )
    return _Bounds(lower, np.minimum(upper, where.log_supremum))


def _reason(width: float, digits: float, stopped: str) -> str:
    reached = "no digits" if not width < 2 else f"{-np.log10(width / 2):.1f} of {digits:g} digits"
    return f"{reached} proved; stopped by {stopped or 'rounding in float64'}"

"""Rounds of search and summation, each with better estimates than the last, and the bounds they give."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence import precise, ridges
from elboproof.evidence import search as branch
from elboproof.evidence.domain import Domain, domain
from elboproof.evidence.energy import Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import forecast
from elboproof.evidence.found import Found, abandon
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.summation import sum_rules
from elboproof.evidence.target import ROUNDS, SHARES, Target
from elboproof.model.data import Data
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.precision import DOUBLE_BITS, working_precision
from elboproof.quadrature.cells import Cells, Index

RESCALINGS = 40
"""Searches, those included that a deeper mode ends."""
MOST_RIDGES = 16
"""Data points up to which ridges are sought."""
MANY = 1000
"""Cells that a data point's boxes are expected to become; ridges are sought beyond."""


@dataclass(frozen=True)
class _Bounds:
    """Bounds of log p(x), shape (N,)."""

    lower: FloatArray
    upper: FloatArray


@dataclass
class Rounds:
    """Rounds of search and summation for N data points; ``shift`` and ``log_mass`` (N,) steer, and get better."""

    integrand: Integrand
    floats: FloatEnergy
    data: Data
    frames: FloatArray
    kinks_across: bool
    shift: FloatArray
    log_mass: FloatArray
    digits: float
    precise: bool
    balls: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    boxes: bool = False
    """Whether all cells are to be boxes, none along ridges."""
    watched: bool = False
    """Whether cells without rules are remembered, too."""
    last: tuple[Domain, Found] | None = None
    """The domain and the findings of the last search."""
    scale: tuple[Energy, FloatArray] | None = None
    """The energy of the last search, and the shift (N,) of its masses."""

    def run(self, deadline: float, most: int) -> tuple[Enclosure, tuple[str, ...], int]:
        """Return the enclosures, the reasons of what is open, and the number of cells looked at."""
        points = len(self.data)
        lower, upper = np.full(points, -np.inf), np.full(points, np.inf)
        open_points, cells, share = np.arange(points), 0, SHARES[self.integrand.latent_dim]
        reasons = [""] * points
        rounds = 0
        for _ in range(RESCALINGS):
            # Bounds of every round are true, so the best of all counts; only points that are still too wide go
            # on.
            bounds, found = self._round(open_points, share, deadline, most - cells)
            cells += found.visited
            lower[open_points] = np.maximum(lower[open_points], bounds.lower)
            upper[open_points] = np.minimum(upper[open_points], bounds.upper)
            widths = self._widths(lower, upper)
            wide = ~(widths <= 2 * 10.0**-self.digits)
            for n in open_points:
                reasons[n] = reason(widths[n], self.digits, found.stopped) if wide[n] else ""
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

    def _rescale(self, which: Index, found: Found, lower: FloatArray, deeper: bool) -> None:
        """Take the scales from what the search saw; they steer and are not trusted."""
        # (N,) of those in ``which``. exp(shift - U) overflows where a search meets far lower energies; then the
        # scale is renewed, and only then.
        below = found.lowest < self.shift[which]
        self.shift[which[below]] = found.lowest[below]
        if deeper:
            moved = which[below]
            self.log_mass[moved] = np.maximum(self.log_mass[moved], -self.shift[moved] - 10.0)
        proved = np.isfinite(lower)
        self.log_mass[proved] = lower[proved]

    def _round(self, which: Index, share: float, deadline: float, most: int) -> "tuple[_Bounds, Found]":
        energy = Energy(self.integrand, self.data.balls[which], self.frames[which], self.kinks_across)
        where = domain(self.integrand, energy.ceiling, self.frames[which], self.log_mass[which], self.digits)
        shift = self.shift[which]
        # All of this is relative to exp(shift): masses and errors of the target are of order 1.
        mass = np.exp(np.minimum(self.log_mass[which] + shift, 700.0))
        target = Target(shift, mass, 0.5 * 10.0**-self.digits, share)
        roots = self._roots(energy, where, target, deadline)
        found = branch.search(energy, self.floats, roots, target, deadline, most, watched=self.watched)
        self.last, self.scale = (where, found), (energy, shift)
        bounds = _log_bounds(energy, where, target, found)
        if not self.precise:
            return bounds, found
        sharp = self._precise_bounds(which, energy, where, target, found)
        # a limit may have stopped the sums in arb, so that those in float64 know more
        return _Bounds(np.maximum(bounds.lower, sharp.lower), np.minimum(bounds.upper, sharp.upper)), found

    def _roots(self, energy: Energy, where: Domain, target: Target, deadline: float) -> Cells:
        """Return root boxes, or cells along ridges where those are expected to be far fewer."""
        boxes = Cells(np.arange(len(where.half)), where.centre, where.half)
        if self.boxes or self.integrand.latent_dim != 2 or len(boxes) > MOST_RIDGES or not self.floats.smooth:
            return boxes
        expected = [
            len(forecast(self.floats, energy, boxes[[n]], target, deadline).cells) for n in range(len(boxes))
        ]
        if max(expected) < MANY:
            return boxes
        beyond = self.integrand.placement is None or self.integrand.placement.ends is None
        return Cells.joined(
            [ridges.roots(energy, self.floats, boxes[[n]], target, beyond=beyond) for n in range(len(boxes))]
        )

    def _precise_bounds(
        self,
        which: Index,
        energy: Energy,
        where: Domain,
        target: Target,
        found: Found,
    ) -> "_Bounds":
        data = [self.data.rows[n] for n in which]
        pairs = precise.log_bounds(energy, data, where, target, found, self.digits)
        self.balls.update(zip(which.tolist(), pairs, strict=True))
        lower = [Enclosure.from_balls(low).lower if low.is_finite() else -np.inf for low, _ in pairs]
        return _Bounds(np.array(lower), np.array([Enclosure.from_balls(high).upper for _, high in pairs]))

    def _widths(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """Return the widths, from the balls where the floats are too coarse to show them."""
        # (N,). Floats of size 100 are 1e-14 apart; where the balls are narrower, they decide.
        widths = upper - lower
        for n, (low, high) in self.balls.items():
            if low.is_finite():
                with working_precision(DOUBLE_BITS):
                    widths[n] = min(widths[n], float((high - low).upper()))
        return np.asarray(widths)


def _log_bounds(energy: Energy, where: Domain, target: Target, found: Found) -> _Bounds:
    """Return bounds of log p, (N,): log(sum + errors + rest) - shift + log|det A|, and never above the supremum.

    All of it on balls; where a sum is not positive or not finite, nothing is known on that side.
    """
    shift = target.shift
    # Balls (N,). log p = log(I) - shift + log|det A|, I the integral over u of exp(shift - U): at least the
    # rules' sum minus their errors, at most that plus the errors and everything left out.
    total = BallArray(np.zeros(len(shift)))
    if found.cells:
        cells, sizes = Cells.joined(found.cells), np.concatenate(found.sizes)
        total, done = sum_rules(energy, cells, sizes, shift, found.pace.late)
        if done < len(cells):
            found.stopped = branch.TIME
            abandon(energy, [cells[done:]], target, found)
    # the tail is the mass outside in z; the other parts are in u, where |det A| applies to them alike
    tail = (BallArray(where.log_tail) + BallArray(where.log_volume) + BallArray(shift)).exp().upper()
    rest = found.safe(found.discarded + found.unfinished + tail)
    return _Bounds(*log_ends(where, shift, total, found.safe(found.rule_error), rest))


def log_ends(
    where: Domain, shift: FloatArray, total: BallArray, error: FloatArray, rest: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of log p, (N,), from sums of rules, bounds of their errors, and bounds of everything left out."""
    scale = BallArray(np.zeros(len(shift)), where.log_volume) - BallArray(shift)
    low, high = (total - BallArray(error)).lower(), (total + BallArray(error) + BallArray(rest)).upper()
    lower = np.where(low > 0, (_log(low) + scale).lower(), -np.inf)
    upper = np.where(np.isfinite(high) & (high > 0), (_log(high) + scale).upper(), np.inf)
    return lower, np.minimum(upper, where.log_supremum)


def _log(values: FloatArray) -> BallArray:
    """Return the logarithms of positive finite floats, and 0 for others."""
    return BallArray(np.where(np.isfinite(values) & (values > 0), values, 1.0)).log()


def reason(width: float, digits: float, stopped: str) -> str:
    """Return why a data point is not proved to the digits asked."""
    reached = "no digits" if not width < 2 else f"{-np.log10(width / 2):.1f} of {digits:g} digits"
    return f"{reached} proved; stopped by {stopped or 'rounding in float64'}"

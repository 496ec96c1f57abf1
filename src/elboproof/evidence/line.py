"""Log evidence of one data point with one latent, in balls of python-flint: no array, so no array's overhead.

The steps are those of `search` and `summation`: discard what a bound proves negligible, integrate the rest by
Gauss-Legendre rules with a proved remainder, bound the prior's tail. Python floats only steer. Every sum
is taken at the precision that the digits need; the errors that are aimed at are floats, so that some 320 digits are the
most.
"""

import math
import time
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from flint import acb, arb

from elboproof.evidence.line_point import LineFunctions, LinePoint
from elboproof.evidence.pace import GRACE
from elboproof.evidence.search import CELLS, DEEPER, EARLY, TIME, TOO_DEEP
from elboproof.evidence.target import CORE, PART, ROUNDS, SHARES
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.numbers.precision import DOUBLE_BITS
from elboproof.quadrature.cells import SMALLEST, halves
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, RHO, error_factor, node, nodes

SHARE = SHARES[1]
BOUND_BITS = 64
"""Bounds need few digits; only the sums need all."""
FEW_NODES = 64
"""Points of rules whose nodes are computed all at once, in no time."""
_LOG_RHO = math.log(RHO)


@dataclass(frozen=True)
class Line:
    """What was proved.

    Attributes
    ----------
    lower, upper : arb
        Bounds of log p(x) in nats; -inf and the likelihood's supremum where nothing better is known.
    cells : int
        Cells looked at.
    stopped : str
        Which limit ended the search, empty if none did.
    """

    lower: arb
    upper: arb
    cells: int
    stopped: str

    def width(self) -> float:
        """Return upper - lower, rounded up; infinite where nothing is known."""
        return width_of(self.lower, self.upper)


def width_of(lower: arb, upper: arb) -> float:
    """Return upper - lower, rounded up; infinite where nothing is known."""
    if not lower.is_finite():
        return math.inf
    # The upper end has 53 bits, so that float() rounds nothing.
    with working_precision(DOUBLE_BITS):
        return float((upper - lower).upper())


@working_precision(BOUND_BITS)
def on_line(functions: LineFunctions, x: list[Fraction], digits: float, deadline: float, most: int) -> Line:
    """Return bounds of log p(x).

    Parameters
    ----------
    functions
        A model's functions.
    x
        D exact numbers.
    digits
        Half width aimed at: 10^-digits.
    deadline, most
        Limits: on the clock ``time.monotonic()``, and of cells.
    """
    began, cells, share, rounds = time.monotonic(), 0, SHARE, 0
    ceiling = functions.ceiling(x)
    lower, upper = arb.neg_inf(), arb(functions.log_supremum(ceiling))
    if began > deadline:
        return Line(lower, upper, cells, TIME)
    point = LinePoint(functions, x, ceiling, digits)
    while rounds < ROUNDS:
        found = _search(point, share, began, deadline, most - cells)
        cells += found.cells
        if found.stopped == DEEPER:
            point.rescale(found.lowest, lower)
            continue
        rounds += 1
        low, high = _bounds(point, found)
        lower, upper = max(lower, low), min(upper, high)
        if found.stopped or upper - lower <= 2 * arb(10) ** arb(-digits):
            break
        point.rescale(found.lowest, lower)
        share /= 10  # the rules and the discarded cells took more than they should
    return Line(lower, upper, cells, found.stopped)


@dataclass
class _Found:
    """Accepted cells with their numbers of points, and bounds of the rest; all integrals are of exp(shift - U).

    ``tail`` is an upper bound of the log of the prior's mass outside the root (centre, half width).
    """

    root: tuple[float, float]
    tail: float
    began: float
    deadline: float
    accepted: list[tuple[float, float, int]] = field(default_factory=list)
    points: int = 0
    lost: arb = field(default_factory=lambda: arb(0))
    rule_error: arb = field(default_factory=lambda: arb(0))
    lowest: float = math.inf
    cells: int = 0
    stopped: str = ""

    def accept(self, c: float, h: float, n: int, error: arb) -> None:
        """Keep a cell with its number of points and a bound of their rule's error."""
        self.accepted.append((c, h, n))
        self.points += n
        self.rule_error += error


def _search(point: LinePoint, share: float, began: float, deadline: float, most: int) -> _Found:
    """Discard, accept or halve cells until none is left or a limit is reached; what is left then is bounded."""
    # The cells on the stack and those settled always cover the root: each is taken off whole, and put back as
    # two halves or not at all.
    root, tail = point.root()
    smallest = (abs(root[0]) + root[1]) * SMALLEST
    found, stack = _Found(root, tail, began, deadline), [root]
    tolerance = 0.5 * 10.0**-point.digits
    mass = math.exp(min(point.log_mass + point.shift, 700.0))
    with working_precision(BOUND_BITS):
        judge = _Judge(point, [arb(v) for v in point.x], tolerance * share * mass, PART * tolerance, found)
        while stack:
            found.stopped = _limit(point, found, most)
            if not found.stopped and found.lowest < point.shift - TOO_DEEP:
                found.stopped = DEEPER
                break
            # The stack covers what is neither accepted nor discarded.
            if found.stopped:
                found.lost += sum((point.prior_mass(*cell) for cell in stack), arb(0))
                break
            centre, width = stack.pop()
            found.cells += 1
            if not judge.settles(centre, width):
                if width < smallest:
                    found.lost += judge.mass(centre, width)
                else:
                    stack += halves(centre, width)
    return found


def _limit(point: LinePoint, found: _Found, most: int) -> str:
    """Return which limit is reached; of the time, the sums will take some."""
    # A point of the sums is timed once, on the cell that was accepted last, and not before a quarter of the
    # time has passed: short searches end before it pays.
    now = time.monotonic()
    if found.accepted and not point.per_point and now > found.began + EARLY * (found.deadline - found.began):
        with working_precision(point.bits):
            _cell_sum(point, [arb(value) for value in point.x], *found.accepted[-1], math.inf)
        point.per_point = (time.monotonic() - now) / found.accepted[-1][-1]
    if now + point.per_point * found.points > found.deadline:
        return TIME
    return CELLS if found.cells >= most else ""


@dataclass
class _Judge:
    """What decides a cell."""

    point: LinePoint
    x: list[arb]
    small: float
    tolerance: float
    found: _Found

    def settles(self, c: float, h: float) -> bool:
        """Discard or accept a cell, if what floats forecast can be proved; return whether it was."""
        # Floats say what is worth a proof; without one, the cell is halved.
        energy, slope, curve = self.point.floats(c)
        self.found.lowest = min(self.found.lowest, energy)
        spread = abs(curve) * h * h
        least = self._forecast(c, h, energy, slope, spread)
        # where the floats overflow there is no forecast, and the proof is tried
        if not math.isfinite(least) or not 2 * h * _exp(self.point.shift - least) > self.small:
            mass = self.mass(c, h)
            if mass <= self.small:
                self.found.lost += mass
                return True
        return spread <= CORE and self._accept(c, h, energy)

    def _forecast(self, c: float, h: float, energy: float, slope: float, spread: float) -> float:
        """Return the least energy expected on a cell."""
        # Of the parabola at the centre: if its slope keeps its sign over the cell, and U's own at that end
        # agrees, the least value is expected there.
        if abs(slope) * h > spread:
            corner, beyond, _ = self.point.floats(c - math.copysign(h, slope))
            if beyond * slope > 0:
                return corner
        return energy - abs(slope) * h - spread

    def mass(self, c: float, h: float) -> arb:
        """Return an upper bound of the integral of exp(shift - U) over a cell.

        By the slope's sign, else by the mean-value form or plain ball arithmetic, and never more than the prior's
        mass times the likelihood's supremum.
        """
        # Of several lower bounds of U on the cell the largest counts. On a face: U is monotone, by the sign of
        # U' over the whole cell. Else the mean-value theorem from the centre, or plain ball arithmetic. Only
        # finite ones are bounds.
        least, box = self.point.least_by_prior(c, h), arb(c, h)
        (slope,) = self.point.slope(box, *self.x)
        if slope > 0 or slope < 0:
            (end,) = self.point.energy(arb(c) - h if slope > 0 else arb(c) + h, *self.x)
            bounds = [end]
        else:
            ((centre,), (plain,)) = self.point.energy(arb(c), *self.x), self.point.energy(box, *self.x)
            bounds = [centre + slope * arb(0, h), plain]
        for bound in bounds:
            if bound.is_finite() and bound.lower() > least:
                least = bound.lower()
        return self.point.mass(h, least)

    def _accept(self, c: float, h: float, energy: float) -> bool:
        """Accept a cell with a rule that is good enough, if there is one.

        The supremum on the ellipse is by the mean-value form with U', whose formula is analytic on the rectangle:
        there U is continued by its integral.
        """
        # h * ALONG is rounded to nearest, and ALONG exceeds its axis by more than that.
        box = acb(arb(c, h * ALONG), arb(0, h * ACROSS))
        (slope,) = self.point.complex_slope(box, *map(acb, self.x), True)
        (centre,) = self.point.energy(arb(c), *self.x)
        least = (centre + (slope * (box - c)).real).lower()
        if not (slope.is_finite() and least.is_finite()):
            return False
        scaled = self.point.mass(h, least)  # volume times supremum
        allowed = self.tolerance * 2 * h * _exp(self.point.shift - energy) + PART * self.small
        needed = (float(scaled.log()) + 0.81 - _log(allowed)) / (2 * _LOG_RHO)
        if not needed <= 30 + self.point.digits:  # infinite where exp(shift - energy) underflows
            return False
        n = math.ceil(max(3.0, needed))
        error = scaled * _factor(n)
        if not error <= 2 * allowed:
            return False
        self.found.accept(c, h, n, error)
        return True


def _exp(exponent: float) -> float:
    return math.exp(min(exponent, 700.0)) if exponent == exponent else math.nan


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


@lru_cache
def _factor(n: int) -> arb:
    """Return the rule's error on a cell per volume and supremum."""
    with working_precision(BOUND_BITS):
        return ball_of(error_factor(RHO, n)).upper()


def _cell_sum(point: LinePoint, x: list[arb], c: float, h: float, n: int, deadline: float) -> arb | None:
    """Return the n-point rule on one cell at the current precision; None if the deadline passes."""
    shift, centre, half, total = arb(point.shift), arb(c), arb(h), arb(0)
    # Balls of nodes and weights hold the exact ones, and U is enclosed at each: the sum encloses the rule's
    # value.
    known = nodes(n, point.bits) if n <= FEW_NODES else None
    for k in range(n):
        if time.monotonic() > deadline:
            return None
        place, weight = known[k] if known else node(n, k, point.bits)
        (energy,) = point.energy(centre + half * place, *x)
        total += weight * (shift - energy).exp()
    return half * total


def _bounds(point: LinePoint, found: _Found) -> tuple[arb, arb]:
    """Return bounds of log p(x) from the rules' sums, their errors and what was left out.

    Cells whose sums there is no time for are left out, too.
    """
    late = found.deadline + GRACE * (found.deadline - found.began)
    with working_precision(point.bits):
        x, shift, total = [arb(value) for value in point.x], arb(point.shift), arb(0)
        for c, h, n in found.accepted:
            part = _cell_sum(point, x, c, h, n, late)
            if part is None:
                found.stopped = TIME
                found.lost += point.prior_mass(c, h)
            else:
                total += part
        # Sums, errors and what was left out are arbs at the precision of the digits; the logarithm of a lower
        # end that is not positive is unknown, -inf.
        tail = (arb(found.tail) + point.constant + shift).exp()
        low = (total - found.rule_error).lower()
        high = (total + found.rule_error + found.lost + tail).upper()
        lower = (low.log() - shift).lower() if low > 0 else arb.neg_inf()
        return lower, (high.log() - shift).upper() if high.is_finite() else arb(point.log_supremum)

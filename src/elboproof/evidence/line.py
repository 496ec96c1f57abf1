"""Log evidence of one data point with one latent, in balls of python-flint: no array, so no array's overhead.

The steps are those of `search` and `summation`: discard what a bound proves negligible, integrate the rest by
Gauss-Legendre rules with a proved remainder, bound the prior's tail. Python floats only steer. Every sum
is taken at the precision that the digits need; the errors that are aimed at are floats, so that some 320 digits are the
most.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb

from elboproof.evidence.line_judge import BOUND_BITS, Judge
from elboproof.evidence.line_point import LineFunctions, LinePoint
from elboproof.evidence.line_waiting import Heap, Waiting
from elboproof.evidence.pace import GRACE
from elboproof.evidence.search import CELLS, DEEPER, EARLY, TIME, TOO_DEEP
from elboproof.evidence.target import PART, ROUNDS, SHARES
from elboproof.numbers.balls import working_precision
from elboproof.numbers.precision import DOUBLE_BITS
from elboproof.quadrature.cells import SMALLEST, halves
from elboproof.quadrature.gauss_legendre import node, nodes

SHARE = SHARES[1]
TRIALS = 200, 2000
"""Cells of a search after which somebody asks how many there will be."""
ARRAYS = "the trial"
"""The reason of a stop that asks for arrays; not a limit."""

Many = Callable[[LinePoint, float, int], bool]
"""Whether many cells are expected, of a point with its scales, the share of a discarded cell, and the cells so far."""
FEW_NODES = 64
"""Points of rules whose nodes are computed all at once, in no time."""


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
def on_line(
    functions: LineFunctions,
    x: list[Fraction],
    digits: float,
    deadline: float,
    most: int,
    many: Many | None = None,
) -> Line:
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
    many
        Asked after `TRIALS` cells of a search whether arrays are the better way; the search is then given up.
    """
    began, cells, share, rounds, deeper = time.monotonic(), 0, SHARE, 0, 0
    ceiling = functions.ceiling(x)
    lower, upper = arb.neg_inf(), arb(functions.log_supremum(ceiling))
    if began > deadline:
        return Line(lower, upper, cells, TIME)
    point = LinePoint(functions, x, ceiling, digits)
    while rounds < ROUNDS:
        # Where the scale was wrong again and again, it is asked ever more rarely.
        asked = many if deeper & (deeper - 1) == 0 else None
        found = _search(point, share, began, deadline, most - cells, asked)
        cells += found.cells
        if found.stopped == DEEPER:
            point.rescale(found.lowest, lower)
            deeper += 1
            continue
        if found.stopped == ARRAYS:
            break
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

    @property
    def late(self) -> float:
        """When bounds of what is left and sums end, too."""
        return self.deadline + GRACE * (self.deadline - self.began)

    def accept(self, c: float, h: float, n: int, error: arb) -> None:
        """Keep a cell with its number of points and a bound of their rule's error."""
        self.accepted.append((c, h, n))
        self.points += n
        self.rule_error += error


def _search(
    point: LinePoint, share: float, began: float, deadline: float, most: int, many: Many | None
) -> _Found:
    """Discard, accept or halve cells until none is left or a limit is reached; what is left then is bounded."""
    # The cells that wait and those settled always cover the root: each is taken whole, and put back as two
    # halves or not at all.
    root, tail = point.root()
    smallest = (abs(root[0]) + root[1]) * SMALLEST
    found, waiting = _Found(root, tail, began, deadline), Heap()
    tolerance = 0.5 * 10.0**-point.digits
    mass = math.exp(min(point.log_mass + point.shift, 700.0))
    with working_precision(BOUND_BITS):
        judge = Judge(point, tolerance * share * mass, PART * tolerance, found)
        waiting.put(Waiting(*root, point.floats(root[0]), point.least_by_prior(*root)))
        while len(waiting):
            found.stopped = _limit(point, found, len(waiting), most)
            if not found.stopped and found.lowest < point.shift - TOO_DEEP:
                found.stopped = DEEPER
            if (
                not found.stopped
                and many is not None
                and found.cells in TRIALS
                and many(point, share, found.cells)
            ):
                found.stopped = ARRAYS
            if found.stopped:
                break
            cell = waiting.take()
            found.cells += 1
            least = judge.open_least(cell)
            if least is None:
                continue
            if cell.half < smallest:
                found.lost += point.mass(cell.half, max(least, judge.least(cell.centre, cell.half)))
                continue
            for c, h in halves(cell.centre, cell.half):
                waiting.put(Waiting(c, h, point.floats(c), least))
        _abandon(judge, waiting.left(), found)
    return found


def _abandon(judge: Judge, cells: list[Waiting], found: _Found) -> None:
    """Bound what is neither accepted nor discarded; where no time is left, by what is known already."""
    if found.stopped in {DEEPER, ARRAYS}:  # the bounds of such a search are not used
        return
    for cell in cells:
        least = max(cell.least, judge.point.least_by_prior(cell.centre, cell.half))
        if time.monotonic() < found.late:
            least = max(least, judge.least(cell.centre, cell.half))
        found.lost += judge.point.mass(cell.half, least)


def _limit(point: LinePoint, found: _Found, waiting: int, most: int) -> str:
    """Return which limit is reached; of the time, bounds of what waits and the sums will take some."""
    if found.cells >= most:
        return CELLS
    now = time.monotonic()
    passed = now - found.began
    if not passed > EARLY * (found.deadline - found.began):
        return ""
    # A point of the sums is timed once, on the cell that was accepted last, and not before a quarter of the
    # time has passed: short searches end before it pays.
    if found.accepted and not point.per_point:
        with working_precision(point.bits):
            _cell_sum(point, [arb(value) for value in point.x], *found.accepted[-1], math.inf)
        point.per_point = (time.monotonic() - now) / found.accepted[-1][-1]
    reserve = point.per_point * found.points + waiting * passed / max(found.cells, 1)
    return TIME if now + reserve > found.deadline else ""


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
    with working_precision(point.bits):
        x, shift, total = [arb(value) for value in point.x], arb(point.shift), arb(0)
        for c, h, n in found.accepted:
            part = _cell_sum(point, x, c, h, n, found.late)
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

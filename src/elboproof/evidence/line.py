"""Log evidence of one data point with one latent, in balls of python-flint: no array, so no array's overhead.

The steps are those of `search` and `summation`: discard what a bound proves negligible, integrate the rest by
Gauss-Legendre rules with a proved remainder, bound the prior's tail. Python floats only steer. Any number of digits is
possible, because every sum is taken at the precision that the digits need.
"""

import math
import time
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

import numpy as np
from flint import acb, arb

from elboproof.evidence.domain import log_tail, rounded_up
from elboproof.evidence.search import DEEPER, TOO_DEEP
from elboproof.evidence.target import CORE
from elboproof.model.latent_model import LatentModel
from elboproof.model.quantities import Quantities
from elboproof.model.supremum import log_supremum
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS, working_precision
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.exact import ball_of, bits_for, flint_rational
from elboproof.numbers.floating import SCALARS
from elboproof.numbers.precision import DOUBLE_BITS
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, RHO, error_factor, nodes

SCAN = [k / 8 + 1e-3 for k in range(-32, 33)]
STEPS = 40
ROUNDS = 4
SHARE = 1e-3
"""Of the tolerance: what one discarded cell may take."""
PART = 0.3
"""Of the tolerance: what the rules' errors may take together."""
SMALLEST = 2.0**-46
"""Of the root's half width: below, halving would no longer be exact."""
BOUND_BITS = 64
"""Bounds need few digits; only the sums need all."""
_HALF_LOG_TWO_PI = 0.91893853320467
_LOG_RHO = math.log(RHO)

Jet = tuple[float, float, float]


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
        if not self.lower.is_finite():
            return math.inf
        with working_precision(DOUBLE_BITS):
            return float((self.upper - self.lower).upper())


@dataclass(frozen=True)
class Reader:
    """A model with its functions in scalars: U, its slope, and U, U', U'' in floats."""

    model: LatentModel
    energy: Compiled
    slope: Compiled
    complex_slope: Compiled
    jet: Compiled


def reader(model: LatentModel) -> Reader | None:
    """Return the functions of a model with one latent; None for networks, and where U has a kink or a jump."""
    quantities = model.quantities
    if not isinstance(quantities, Quantities):
        return None
    try:
        jet = quantities.compiled_jet("energy", 2, SCALARS)
    except ValueError:
        return None
    value, slope = (quantities.compiled("energy", order, REAL_BALLS) for order in (0, 1))
    return Reader(model, value, slope, quantities.compiled("energy", 1, COMPLEX_BALLS), jet)


@working_precision(BOUND_BITS)
def on_line(reader: Reader, x: list[Fraction], digits: float, deadline: float, most: int) -> Line:
    """Return bounds of log p(x).

    Parameters
    ----------
    reader
        A model's functions.
    x
        D exact numbers.
    digits
        Half width aimed at: 10^-digits.
    deadline, most
        Limits: on the clock ``time.monotonic()``, and of cells.
    """
    point = _Point(reader, x, digits)
    lower, upper, cells, share, rounds = arb.neg_inf(), arb(point.supremum), 0, SHARE, 0
    while rounds < ROUNDS:
        found = _search(point, share, deadline, most - cells)
        cells += found.cells
        if found.stopped == DEEPER:
            point.rescale(found, lower)
            continue
        rounds += 1
        low, high = _bounds(point, found)
        lower, upper = max(lower, low), min(upper, high)
        if found.stopped or upper - lower <= 2 * arb(10) ** arb(-digits):
            break
        point.rescale(found, lower)
        share /= 10
    return Line(lower, upper, cells, found.stopped)


class _Point:
    """A data point's energy in floats and balls, and the scales of its posterior.

    Attributes
    ----------
    bits : int
        The precision of sums, with room for cancellation in the energies.
    shift, log_mass : float
        The least energy found and an estimate of log p(x); they steer.
    """

    def __init__(self, reader: Reader, x: list[Fraction], digits: float) -> None:
        self.digits, self.bits = digits, bits_for(digits, 60)
        self.x = [flint_rational(value) for value in x]
        self.energy, self.slope, self.complex_slope = reader.energy, reader.slope, reader.complex_slope
        self._floats, self._data = reader.jet, [float(v) for v in x]
        self.supremum = log_supremum(reader.model)
        self.shift, self.log_mass = self._start()

    def floats(self, z: float) -> Jet:
        """Return U, U' and U'' at z, not trusted; infinity and NaN where it overflows."""
        try:
            return self._floats(z, *self._data)
        except (ArithmeticError, ValueError):
            return math.inf, math.nan, math.nan

    def _start(self) -> tuple[float, float]:
        """Return the least energy that a scan and Newton's method find, and Laplace's estimate of log p(x)."""
        z = min(SCAN, key=lambda place: self.floats(place)[0])
        energy, slope, curve = self.floats(z)
        damping = 1.0
        for _ in range(STEPS):
            step = slope / max(abs(curve), 1.0)
            if not step * slope > 1e-3:
                break
            new = self.floats(z - damping * step)
            if new[0] <= energy:
                z, (energy, slope, curve) = z - damping * step, new
                damping = min(1.0, 4 * damping)
            else:
                damping /= 4
        energy = energy if math.isfinite(energy) else 0.0
        return energy, -energy + 0.5 * math.log(2 * math.pi / (curve if 1 < curve < math.inf else 1.0))

    def rescale(self, found: "_Found", lower: arb) -> None:
        """Take the scales from what a search saw."""
        self.shift = min(self.shift, found.lowest)
        self.log_mass = float(lower) if lower.is_finite() else max(self.log_mass, -self.shift - 10.0)

    def half_width(self) -> float:
        """Return the root's half width: 10^-(digits + 3) of the estimated mass can lie outside."""
        deficit = min(max(self.supremum - self.log_mass, 0.0), 1e100)
        radius = math.sqrt(2 * (deficit + (self.digits + 3) * math.log(10.0))) + 2.0
        return float(rounded_up(np.array([radius]))[0])


@dataclass
class _Found:
    """Accepted cells with their numbers of points, and bounds of the rest; all integrals are of exp(shift - U)."""

    half: float
    accepted: list[tuple[float, float, int]] = field(default_factory=list)
    lost: arb = field(default_factory=lambda: arb(0))
    rule_error: arb = field(default_factory=lambda: arb(0))
    lowest: float = math.inf
    cells: int = 0
    stopped: str = ""


def _search(point: _Point, share: float, deadline: float, most: int) -> _Found:
    """Discard, accept or halve cells until none is left or a limit is reached."""
    half = point.half_width()
    found, stack = _Found(half), [(0.0, half)]
    tolerance = 0.5 * 10.0**-point.digits
    mass = math.exp(min(point.log_mass + point.shift, 700.0))
    small = tolerance * share * mass
    with working_precision(BOUND_BITS):
        judge = _Judge(point, [arb(value) for value in point.x], small, PART * tolerance, found)
        while stack:
            found.stopped = _limit(found, deadline, most)
            if not found.stopped and found.lowest < point.shift - TOO_DEEP:
                found.stopped = DEEPER
                break
            if found.stopped:
                found.lost += sum((judge.mass(*cell) for cell in stack), arb(0))
                break
            centre, width = stack.pop()
            found.cells += 1
            if not judge.settles(centre, width):
                if width < half * SMALLEST:
                    found.lost += judge.mass(centre, width)
                else:
                    stack += [(centre - width / 2, width / 2), (centre + width / 2, width / 2)]
    return found


def _limit(found: _Found, deadline: float, most: int) -> str:
    if time.monotonic() > deadline:
        return "the time limit"
    return "the limit on cells" if found.cells >= most else ""


@dataclass
class _Judge:
    """What decides a cell."""

    point: _Point
    x: list[arb]
    small: float
    tolerance: float
    found: _Found

    def settles(self, c: float, h: float) -> bool:
        """Discard or accept a cell, if what floats forecast can be proved; return whether it was."""
        energy, slope, curve = self.point.floats(c)
        self.found.lowest = min(self.found.lowest, energy)
        spread = abs(curve) * h * h
        least = self._forecast(c, h, energy, slope, spread)
        if not 2 * h * _exp(self.point.shift - least) > self.small:
            mass = self.mass(c, h)
            if mass <= self.small:
                self.found.lost += mass
                return True
        return spread <= CORE and self._accept(c, h, energy)

    def _forecast(self, c: float, h: float, energy: float, slope: float, spread: float) -> float:
        """Return the least energy expected on a cell."""
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
        nearest = max(abs(c) - h, 0.0)
        least = arb(nearest) * nearest / 2 + _HALF_LOG_TWO_PI - self.point.supremum
        box = arb(c, h)
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
        value: arb = (2 * arb(h) * (arb(self.point.shift) - least).exp()).upper()
        return value

    def _accept(self, c: float, h: float, energy: float) -> bool:
        """Accept a cell with a rule that is good enough, if there is one.

        The supremum on the ellipse is by the mean-value form with U', whose formula is analytic on the rectangle:
        there U is continued by its integral.
        """
        box = acb(arb(c, h * ALONG), arb(0, h * ACROSS))
        (slope,) = self.point.complex_slope(box, *map(acb, self.x), True)
        (centre,) = self.point.energy(arb(c), *self.x)
        least = (centre + (slope * (box - c)).real).lower()
        if not (slope.is_finite() and least.is_finite()):
            return False
        scaled = (2 * arb(h) * (arb(self.point.shift) - least).exp()).upper()  # volume times supremum
        allowed = self.tolerance * 2 * h * _exp(self.point.shift - energy) + PART * self.small
        needed = (float(scaled.log()) + 0.81 - _log(allowed)) / (2 * _LOG_RHO)
        if not needed <= 30 + self.point.digits:  # infinite where exp(shift - energy) underflows
            return False
        n = math.ceil(max(3.0, needed))
        error = scaled * _factor(n)
        if not error <= 2 * allowed:
            return False
        self.found.accepted.append((c, h, n))
        self.found.rule_error += error
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


def _bounds(point: _Point, found: _Found) -> tuple[arb, arb]:
    """Return bounds of log p(x) from the rules' sums, their errors and what was left out."""
    with working_precision(point.bits):
        x, shift, total = [arb(value) for value in point.x], arb(point.shift), arb(0)
        for c, h, n in found.accepted:
            centre, half = arb(c), arb(h)
            cell = arb(0)
            for node, weight in nodes(n, point.bits):
                (energy,) = point.energy(centre + half * node, *x)
                cell += weight * (shift - energy).exp()
            total += half * cell
        tail = (arb(log_tail(1, found.half)) + point.supremum + shift).exp()
        low = (total - found.rule_error).lower()
        high = (total + found.rule_error + found.lost + tail).upper()
        lower = (low.log() - shift).lower() if low > 0 else arb.neg_inf()
        return lower, (high.log() - shift).upper() if high.is_finite() else arb(point.supremum)

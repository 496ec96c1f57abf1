"""What decides a cell of one latent: floats say what is worth a proof, balls of python-flint prove it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from flint import acb, arb

from elboproof.evidence.line_point import LinePoint
from elboproof.evidence.line_waiting import Waiting
from elboproof.evidence.target import CORE, PART
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import ball_of
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, RHO, error_factor

BOUND_BITS, FINE_BITS = 64, 320
"""Bounds need few digits; where U cancels so much that nothing is known of it, they are tried with more."""
_LOG_RHO = math.log(RHO)


class Settled(Protocol):
    """What takes the cells that are settled."""

    lowest: float
    lost: arb

    def accept(self, c: float, h: float, n: int, error: arb) -> None:
        """Keep a cell with its number of points and a bound of their rule's error."""


@dataclass
class Judge:
    """What decides a cell: discarded where its mass is at most ``small``, in balls of `BOUND_BITS`."""

    point: LinePoint
    small: float
    tolerance: float
    found: Settled

    def __post_init__(self) -> None:
        self.x = [arb(value) for value in self.point.x]

    def open_least(self, cell: Waiting) -> arb | None:
        """Discard or accept a cell, if what floats forecast can be proved; else return a proved lower bound of U."""
        # Floats say what is worth a proof; without one, the cell is halved.
        c, h, (energy, slope, curve), least = cell.centre, cell.half, cell.floats, cell.least
        self.found.lowest = min(self.found.lowest, energy)
        spread = abs(curve) * h * h
        expected = self._forecast(c, h, energy, slope, spread)
        # Where the floats overflow there is no forecast.
        if not math.isfinite(expected) or not 2 * h * _exp(self.point.shift - expected) > self.small:
            least = max(least, self.least(c, h))
            mass = self.point.mass(h, least)
            if mass <= self.small:
                self.found.lost += mass
                return None
        return None if spread <= CORE and self._accept(c, h, energy) else least

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
        """Return an upper bound of the integral of exp(shift - U) over a cell."""
        return self.point.mass(h, self.least(c, h))

    def least(self, c: float, h: float) -> arb:
        """Return a lower bound of U over a cell.

        By the slope's sign, else by the mean-value form or plain ball arithmetic, and never less than the prior's
        energy less the log of the likelihood's supremum.
        """
        # Of several lower bounds of U on the cell the largest counts; only finite ones are bounds.
        least = self.point.least_by_prior(c, h)
        bounds = self._bounds(c, h, self.x)
        if not any(bound.is_finite() for bound in bounds):
            with working_precision(FINE_BITS):
                bounds = self._bounds(c, h, [arb(value) for value in self.point.x])
        for bound in bounds:
            if bound.is_finite() and bound.lower() > least:
                least = bound.lower()
        return least

    def _bounds(self, c: float, h: float, x: list[arb]) -> list[arb]:
        """Return balls each of which is above a lower bound of U on the cell, if it is finite."""
        # On a face: U is monotone, by the sign of U' over the whole cell. Else the mean-value theorem from the
        # centre, or plain ball arithmetic.
        box = arb(c, h)
        (slope,) = self.point.slope(box, *x)
        if slope > 0 or slope < 0:
            (end,) = self.point.energy(arb(c) - h if slope > 0 else arb(c) + h, *x)
            return [end]
        ((centre,), (plain,)) = self.point.energy(arb(c), *x), self.point.energy(box, *x)
        return [centre + slope * arb(0, h), plain]

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

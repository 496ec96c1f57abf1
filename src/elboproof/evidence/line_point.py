"""A model with one latent and a data point, in scalars: what `line` integrates, and where its mass seems to be."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.evidence.domain import log_tails, tails_of
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.prior_tails import PriorTails
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.quantities import Quantities
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.exact import bits_for, flint_rational
from elboproof.numbers.floating import SCALARS
from elboproof.quadrature.cells import root_half

SCAN = [k / 8 + 1e-3 for k in range(-32, 33)]
STEPS = 40
_HALF_LOG_TWO_PI = 0.91893853320467
"""Below log(2 pi) / 2 by less than 3e-15."""

Derivatives = tuple[float, float, float]
"""U, U' and U''."""


@dataclass(frozen=True)
class LineFunctions:
    """An integrand with its functions in scalars: U, its slope, and U, U', U'' in floats."""

    integrand: Integrand
    energy: Compiled
    slope: Compiled
    complex_slope: Compiled
    jet: Compiled

    @property
    def tails(self) -> PriorTails | None:
        """What bounds the prior in its own coordinates; None where it is N(0, 1) there."""
        return tails_of(self.integrand.placement)

    def ceiling(self, x: list[Fraction]) -> Ceiling:
        """Return the upper bounds of one data point's likelihood."""
        return self.integrand.ceiling(Data(np.array([x], dtype=object)).balls)

    def log_supremum(self, ceiling: Ceiling) -> float:
        """Return an upper bound of log p(x) before any work; of a density's own mass nothing is known then."""
        return float(ceiling.suprema[0]) if self.tails is None else math.inf


def line_functions(integrand: Integrand) -> LineFunctions | None:
    """Return the functions of one latent; None for networks, and where U has a kink or a jump."""
    quantities = integrand.quantities
    if not isinstance(quantities, Quantities):
        return None
    # A kink has no second derivative, which the forecasts need.
    try:
        jet = quantities.compiled_jet("energy", 2, SCALARS)
    except ValueError:
        return None
    value, slope = (quantities.compiled("energy", order, REAL_BALLS) for order in (0, 1))
    return LineFunctions(integrand, value, slope, quantities.compiled("energy", 1, COMPLEX_BALLS), jet)


class LinePoint:
    """A data point's energy in floats and balls, and the scales of its posterior.

    Attributes
    ----------
    bits : int
        The precision of sums, with room for cancellation in the energies.
    shift, log_mass : float
        The least energy found and an estimate of log p(x); they steer.
    per_point : float
        Seconds of a point of the sums; 0 until it is measured.
    """

    def __init__(self, functions: LineFunctions, x: list[Fraction], ceiling: Ceiling, digits: float) -> None:
        self.digits, self.bits = digits, bits_for(digits, 60)
        self.x = [flint_rational(value) for value in x]
        self.energy, self.slope, self.complex_slope = (
            functions.energy,
            functions.slope,
            functions.complex_slope,
        )
        self._floats, self._data = functions.jet, [float(v) for v in x]
        self.ceiling, self.constant, self.per_point = ceiling, float(ceiling.constant[0]), 0.0
        self.linear, self.square = float(ceiling.linear[0]), float(ceiling.square[0])
        self.tails, self.log_supremum = functions.tails, functions.log_supremum(ceiling)
        self._low, self._high = -math.inf, math.inf
        if self.tails is not None:
            self._low, self._high = map(float, self.tails.ends[0])
        self.shift, self.log_mass = self._start()

    def floats(self, z: float) -> Derivatives:
        """Return U, U' and U'' at z, not trusted; infinity and NaN where it overflows."""
        try:
            return self._floats(z, *self._data)
        except (ArithmeticError, ValueError):
            return math.inf, math.nan, math.nan

    def _start(self) -> tuple[float, float]:
        """Return the least energy that a scan and Newton's method find, and Laplace's estimate of log p(x)."""
        # The best point of a scan, then Newton steps with |U''|, at least 1, and damping: a start that is off
        # makes the scales worse, not the bounds.
        z = min(self._scan(), key=lambda place: self.floats(place)[0])
        energy, slope, curve = self.floats(z)
        damping = 1.0
        for _ in range(STEPS):
            step = slope / max(abs(curve), 1.0)
            if not step * slope > 1e-3:
                break
            trial = min(max(z - damping * step, self._low), self._high)
            new = self.floats(trial)
            if new[0] <= energy:
                z, (energy, slope, curve) = trial, new
                damping = min(1.0, 4 * damping)
            else:
                damping /= 4
        energy = energy if math.isfinite(energy) else 0.0
        return energy, -energy + 0.5 * math.log(2 * math.pi / (curve if 1 < curve < math.inf else 1.0))

    def _scan(self) -> list[float]:
        """Return places in the prior's bulk."""
        low, high = max(self._low, -4.0), min(self._high, 4.0)
        return [low + (place + 4) / 8 * (high - low) for place in SCAN if place < 4] if low > -4 else SCAN

    def rescale(self, lowest: float, lower: arb) -> None:
        """Take the scales from the least energy that a search saw, and from a bound of log p(x)."""
        self.shift = min(self.shift, lowest)
        self.log_mass = float(lower) if lower.is_finite() else max(self.log_mass, -self.shift - 10.0)

    def root(self) -> tuple[tuple[float, float], float]:
        """Return the root's centre and half width, and an upper bound of the log of the mass outside.

        That is the prior's mass, times the likelihood's ceiling less its constant. About 10^-(digits + 3) of the
        estimated mass can lie there.
        """
        if self.tails is None:
            radius = self.ceiling.steering_radius(np.array([self.log_mass]), self.digits)
            half = root_half(radius)
            return (0.0, float(half[0])), float(log_tails(1, half, self.ceiling)[0])
        deficit = min(max(self.constant - self.log_mass, 0.0), 1e4)
        ((low, high),), tail = self.tails.box(math.ceil(self.digits + 3 + deficit / math.log(10.0)))
        return ((low + high) / 2, (high - low) / 2), tail

    def least_by_prior(self, c: float, h: float) -> arb:
        """Return a lower bound of U over a cell that the prior alone gives.

        For N(0, 1) a ball around z^2/2 + log(2 pi)/2 - ceiling at its nearest z.
        """
        if self.tails is not None:
            return self.tails.least_at(arb(c, h)) - self.constant
        # c and h are floats, exact as arbs; the difference is a ball, whose square and what follows keep enclosing.
        # Where the ceiling grows, `Ceiling.least_energy` says where z^2/2 - ceiling is least.
        nearest = max(abs(arb(c)) - arb(h), arb(0))
        base = _HALF_LOG_TWO_PI - arb(self.constant)
        if not (self.linear or self.square):
            return nearest * nearest / 2 + base
        curve, a = arb(0.5) - arb(self.square), arb(self.linear)
        if 2 * curve * nearest >= a:
            return curve * nearest * nearest - a * nearest + base
        return base - a * a / (4 * curve)

    def mass(self, h: float, least: arb) -> arb:
        """Return an upper bound of the integral of exp(shift - U) over a cell on which U is at least ``least``."""
        # Volume times supremum. The floats are exact as arbs, so that the product's upper end is a bound.
        value: arb = (2 * arb(h) * (arb(self.shift) - least).exp()).upper()
        return value

    def prior_mass(self, c: float, h: float) -> arb:
        """Return the bound that the prior alone gives: for cells for which there is no time."""
        return self.mass(h, self.least_by_prior(c, h))

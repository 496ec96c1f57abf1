"""Evidences of piecewise linear decoders with one or two latents and a Gaussian likelihood, piece by piece.

On each piece of the decoder the energy is a quadratic form, and the integral of exp(-U) a Gaussian measure: of a
segment (erf) or of a convex polygon (`quadrature.gaussian_polygons`). The pieces are cut once, exactly; each x costs
forms, bounds and the integrals that matter. What is proved:

    sum of integrals <= p(x) <= sum of integrals + bounds of the pieces left out + tail,

the tail being what the prior has outside of the box, times the likelihood's supremum.
"""

import math
import time
from functools import lru_cache

import numpy as np
from flint import arb, fmpq

from elboproof.evidence.evidences import Evidence, evidence_of_pairs
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.piece_sums import Pieces, Sum, summed
from elboproof.evidence.pieces import Box, TooLateError, pieces_of
from elboproof.evidence.search import TIME
from elboproof.evidence.selection import has_constant_covariance
from elboproof.evidence.start import start
from elboproof.model.data import Data
from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel
from elboproof.model.piecewise import piecewise
from elboproof.model.priors import Normal
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import bits_for, flint_rational

MOST_LATENTS = 2
SPARE_BITS = 60
"""Of the first try: for the cancellation in the forms."""
MOST_BITS = 2**14
PATIENCE = 0.5
"""Of the time: what the pieces may take."""
PRECISION = "the limit on bits or on the box"
"""The reason of a stop that no precision and no box helped."""
RADII = tuple(2.0 ** (k / 2) for k in range(4, 21))
"""Half widths of boxes, in standard deviations of the prior: few, as the pieces in each are kept."""
CLOSE = 2.0
"""Nats by which the tail must be below the tolerance."""
Ends = tuple[arb, arb]


def applies(model: LatentModel) -> bool:
    """Whether a model's evidence is proved by its pieces: one or two latents, a Gaussian, a decoder with kinks."""
    normal = isinstance(model.prior, Normal) and model.latent_dim <= MOST_LATENTS
    return normal and has_constant_covariance(model) and piecewise(model) is not None


def evidence(model: LatentModel, data: Data, digits: float, deadline: float, most: int) -> Evidence | None:
    """Return the evidences of N data points; None where the pieces would take too long, or be more than allowed."""
    began = time.monotonic()
    try:
        rows = _Rows(model, data, digits, began + PATIENCE * (deadline - began))
    except TooLateError:
        return None
    if len(rows.pieces) > most:
        return None
    found = [rows.bounds(n, deadline) for n in range(len(data))]
    pairs, reasons = tuple(ends for ends, _ in found), [stopped for _, stopped in found]
    return evidence_of_pairs(pairs, digits, reasons, len(rows.pieces) * len(data))


class _Rows:
    """The pieces of a model, and what rows of x share."""

    def __init__(self, model: LatentModel, data: Data, digits: float, deadline: float) -> None:
        self.model, self.data, self.digits = model, data, digits
        self.ceiling = model.ceiling(data.balls)
        self.place = self._place(deadline)
        self._cut(deadline)

    def _place(self, deadline: float) -> int:
        """Return the box beyond which less than 10^-digits of the mass is expected; the tail is bounded later."""
        floats = FloatEnergy(self.model.integrand)
        with np.errstate(all="ignore"):
            guess = start(floats, self.data.balls.mid, deadline)
        self.log_mass = guess.log_mass
        radius = float(self.ceiling.steering_radius(guess.log_mass, self.digits).max())
        return next((k for k, r in enumerate(RADII) if r >= radius), len(RADII) - 1)

    def _cut(self, deadline: float) -> None:
        box = box_of(self.model, self.radius)
        pieces_of(self.model, box, deadline)
        self.pieces = _kept(self.model, box)

    @property
    def radius(self) -> float:
        """The half width of the box in standard deviations."""
        return float(RADII[self.place])

    def bounds(self, n: int, deadline: float) -> tuple[Ends, str]:
        """Return the bounds of row n and what stopped it: masses, boxes and precisions are tried until they suffice."""
        best = arb.nan(), arb(float(self.ceiling.suprema[n]))
        bits, log_mass = bits_for(self.digits, SPARE_BITS), self._guess(n)
        while bits <= MOST_BITS:
            with working_precision(bits):
                found = summed(self.pieces, self.data.row(n), (self.digits, log_mass), deadline)
                if found is None:
                    return best, TIME
                tail = self._log_tail(n)
                low, high = _ends(found, tail)
                best = _better(best, (low, high))
                if best[1] - best[0] < 2 * arb(10) ** -arb(self.digits):
                    return best, ""
                if found.late:
                    return best, TIME
                new = float(low) if low.is_finite() else None
            if new is not None and float(tail) > new - self.digits * math.log(10) - CLOSE:
                if stopped := self._wider(deadline):
                    return best, stopped
            elif new is not None and (log_mass is None or log_mass > new + 0.5):
                log_mass = new
            else:
                bits *= 2
        return best, PRECISION

    def _wider(self, deadline: float) -> str:
        """Take the next box; return what stopped that, empty if nothing did."""
        if self.place + 1 == len(RADII):
            return PRECISION
        self.place += 1
        try:
            self._cut(deadline)
        except TooLateError:
            return TIME
        return ""

    def _guess(self, n: int) -> float | None:
        return float(self.log_mass[n]) if np.isfinite(self.log_mass[n]) else None

    def _log_tail(self, n: int) -> arb:
        """Return the log of a bound of the integral outside of the box."""
        return log_beyond(self.model.latent_dim, self.radius) + arb(float(self.ceiling.suprema[n]))


@lru_cache(maxsize=2)
def _kept(model: LatentModel, box: Box) -> Pieces:
    """Return the pieces of a model in a box, with what was made of them for other data."""
    function: Piecewise = piecewise(model)  # type: ignore[assignment]  # `applies` has looked
    return Pieces(model, function, pieces_of(model, box, math.inf))


def _ends(found: Sum, log_tail: arb) -> Ends:
    """Return the bounds of log p(x)."""
    low = found.total.lower()
    high = (found.total + found.rest + (log_tail + found.shift).exp()).upper()
    lower = (low.log() - found.shift).lower() if low > 0 else arb.nan()
    return lower, (high.log() - found.shift).upper() if high.is_finite() and high > 0 else arb.pos_inf()


def _better(a: Ends, b: Ends) -> Ends:
    """Return what both bounds prove together."""
    lows = [one for one, _ in (a, b) if one.is_finite()]
    lower = max(lows) if lows else arb.nan()
    return lower, min(a[1], b[1])


def log_beyond(d: int, radius: float) -> arb:
    """Return the log of a bound of the prior's mass outside of a box: of P(|w_k| > R) for each k, w_k ~ N(0, 1)."""
    return (d * (arb(radius) / arb(2).sqrt()).erfc()).log()


def box_of(model: LatentModel, radius: float) -> Box:
    """Return the box of the latents within so many standard deviations of their prior's mean, or a little more."""
    prior: Normal = model.prior  # type: ignore[assignment]
    size = fmpq(*radius.as_integer_ratio())
    if prior.mean is None or prior.covariance is None:
        return ((-size, size),) * model.latent_dim
    ends = []
    for k, mean in enumerate(prior.mean):
        reach, middle = size * _root_above(flint_rational(prior.covariance[k][k])), flint_rational(mean)
        ends.append((middle - reach, middle + reach))
    return tuple(ends)


def _root_above(square: fmpq) -> fmpq:
    """Return a rational at least the root."""
    with working_precision(64):
        mantissa, exponent = arb(square).sqrt().upper().man_exp()
    power = fmpq(2) ** abs(int(exponent))
    return fmpq(mantissa) * power if exponent >= 0 else fmpq(mantissa) / power

"""Evidences of decoders with straight kinks, one or two latents and any likelihood: cells on each piece.

Between kinks the integrand is analytic. So the pieces of the decoder (`evidence.pieces`) are cut into segments or
quadrilaterals with exact corners, which are the roots of the search that smooth decoders have. All cells of a piece see
its affine function, continued beyond it where a rule's ellipse reaches out; a smooth activation may follow, such as a
sigmoid after layers of ReLU. What is proved:

    rules - errors <= p(x) <= rules + errors + bounds of the cells left out + tail,

the tail being what the prior has outside of the box, times the likelihood's ceiling; under a uniform prior the pieces
fill its own box.
"""

import math
import time
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.evidence.domain import log_tails
from elboproof.evidence.evidences import Evidence, evidence_of_pairs
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.piece_roots import Roots, roots_of
from elboproof.evidence.piece_rounds import LOWEST, Block
from elboproof.evidence.pieces import Box, TooLateError, pieces_of
from elboproof.evidence.polygons import CLOSE, MOST_LATENTS, PATIENCE, RADII, box_of, log_beyond
from elboproof.evidence.search import CELLS, TIME
from elboproof.evidence.selection import has_constant_covariance
from elboproof.evidence.start import start
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel
from elboproof.model.piecewise import kinked, piecewise
from elboproof.model.priors import Normal, Uniform
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import flint_rational
from elboproof.numbers.outward import above
from elboproof.quadrature.cells import Index

GROUP = 2**14
"""Pieces of all rows that are searched together."""
MOST_NUMBERS = 2**24
"""Coefficients and x of all of these: 256 MB."""
TAIL_BITS = 64


def applies(model: LatentModel) -> bool:
    """Whether a model's evidence is proved by cells on its pieces: where polygons have no closed form."""
    plain = isinstance(model.prior, Normal | Uniform) and model.latent_dim <= MOST_LATENTS
    if not plain or kinked(model) is None:
        return False
    gaussian = isinstance(model.prior, Normal) and has_constant_covariance(model)
    return not gaussian or piecewise(model) is None


def evidence(
    model: LatentModel, data: Data, aim: tuple[float, bool], deadline: float, most: int
) -> Evidence | None:
    """Return the evidences of N data points without their base measures, ``aim`` being digits and whether in arb.

    None where the pieces would take too long, be more than the cells allowed or fill the memory, or the likelihood
    grows without bound under a prior that is not N(0, I).
    """
    began = time.monotonic()
    ceiling = model.ceiling(data.balls)
    if ceiling.grows.any() and not model.prior.standard:
        return None
    try:
        rows = _Rows(model, data, aim, began + PATIENCE * (deadline - began))
    except TooLateError:
        return None
    if len(rows.roots) > most or not rows.together:
        return None
    return rows.evidence(deadline, most)


class _Rows:
    """The pieces of a model, and what is known of rows of x."""

    def __init__(self, model: LatentModel, data: Data, aim: tuple[float, bool], deadline: float) -> None:
        self.model, self.data, self.aim = model, data, aim
        self.ceiling = model.ceiling(data.balls)
        with np.errstate(all="ignore"):
            log_mass = start(FloatEnergy(model.integrand), data.balls.mid, deadline).log_mass
        self.log_mass = np.where(np.isfinite(log_mass), log_mass, 0.0)
        radius = float(self.ceiling.steering_radius(self.log_mass, aim[0]).max())
        self.place = next((k for k, r in enumerate(RADII) if r >= radius), len(RADII) - 1)
        self.roots = self._cut(deadline)

    def _cut(self, deadline: float) -> Roots:
        box = _box(self.model, RADII[self.place])
        pieces_of(self.model, box, deadline)
        return roots_of(self.model, box)

    @property
    def together(self) -> int:
        """How many rows are searched together; 0 where even one has too many numbers."""
        each = self.model.output_dim * (self.model.latent_dim + 1) + self.model.data_dim
        pieces = len(self.roots)
        return min(max(1, GROUP // pieces), MOST_NUMBERS // (pieces * each))

    def evidence(self, deadline: float, most: int) -> Evidence:
        """Return what is proved, some rows together."""
        pairs: list[tuple[arb, arb]] = []
        reasons: list[str] = []
        cells, size = 0, self.together
        for first in range(0, len(self.data), size):
            block = self._block(np.arange(first, min(first + size, len(self.data))))
            block.run(deadline, most - cells)
            while self._tail_matters(block) and self._widened(block, deadline):
                block.run(deadline, most - cells)
            pairs += block.ends
            reasons += block.reasons
            cells += block.cells
        return evidence_of_pairs(tuple(pairs), self.aim[0], reasons, cells)

    def _block(self, rows: Index) -> Block:
        data, ceiling = Data(self.data.array.reshape(len(self.data), -1)[rows]), self.ceiling.of(rows)
        digits, precise = self.aim
        tail = self._log_tail(ceiling)
        return Block(self.model, data, digits, self.roots, tail, ceiling, self.log_mass[rows], precise)

    def _log_tail(self, ceiling: Ceiling) -> FloatArray:
        """Return upper bounds of the log of the integral outside of the box, one for each row."""
        prior, d, radius = self.model.prior, self.model.latent_dim, RADII[self.place]
        if isinstance(prior, Uniform):
            return np.full(len(ceiling.constant), LOWEST)
        if prior.standard:  # the box holds the ball of its half width
            tails = log_tails(d, np.full(len(ceiling.constant), radius), ceiling)
        else:
            with working_precision(TAIL_BITS):
                tails = np.full(len(ceiling.constant), above(log_beyond(d, radius)))
        return (BallArray(tails) + BallArray(ceiling.constant)).upper()

    def _tail_matters(self, block: Block) -> bool:
        """Return whether a larger box may help rows that no limit has stopped."""
        rows = block.open()
        if not len(rows) or isinstance(self.model.prior, Uniform):
            return False
        reach = block.log_mass[rows] - self.aim[0] * math.log(10) - CLOSE
        return block.reasons[rows[0]] not in {TIME, CELLS} and bool((block.log_tail[rows] > reach).any())

    def _widened(self, block: Block, deadline: float) -> bool:
        """Give a block the next box, and return whether there is one."""
        if self.place + 1 == len(RADII):
            return False
        self.place += 1
        try:
            self.roots = block.roots = self._cut(deadline)
        except TooLateError:
            block.reasons = [TIME] * len(block.reasons)
            return False
        block.log_tail = self._log_tail(block.ceiling)
        return True


def _box(model: LatentModel, radius: float) -> Box:
    """Return the box of a uniform prior, or that of so many standard deviations of a normal one."""
    if isinstance(model.prior, Uniform):
        ends = model.prior.domain(model.latent_dim)
        return tuple((flint_rational(Fraction(low)), flint_rational(Fraction(high))) for low, high in ends)
    return box_of(model, radius)

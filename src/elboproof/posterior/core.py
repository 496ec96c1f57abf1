r"""The evidence of one x by a lattice on a box around q, for digits that float64 does not hold.

In coordinates u, z = A u with A from q's eigenvectors, the box B is u0 +- R s. Inside, with u = u0 + s eps,

    int_B exp(shift - U) du = prod s_k (2 pi)^(d/2) int phi(eps) F(eps) deps,   F = exp(shift - U + |eps|^2 / 2),

is the sum of a `lattice` with proved error, taken in arb: some 10^5 points, where the cells of the search, whose
float64 sums are cheap, have 10^6. Outside, `evidence.search` starts from cells that cover the complement of B exactly,
and bounds what is left (`outside`).

What it is for: without it, three gaps of 6 digits with three latents, sigma of 1e-3 and 1e-4, were undecided after
40 s; with two latents and up to 13 digits of log p(x) cells alone are faster.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_mat

from elboproof.arrays import FloatArray
from elboproof.evidence.bases import log_bases, with_bases
from elboproof.evidence.domain import Domain, domain
from elboproof.evidence.energy import Energy
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.found import Found
from elboproof.evidence.precise import SPARE_BITS
from elboproof.evidence.search import search
from elboproof.evidence.summation import sum_rules_in_arb
from elboproof.evidence.target import Target
from elboproof.expectations.integrands import BLOCK, LateError
from elboproof.expectations.lattice import Lattice, lattice
from elboproof.model.data import Data
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.model.latent_model import LatentModel
from elboproof.model.priors import Normal
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.exact import ball_of, bits_for
from elboproof.posterior.outside import CoreBox, ExactEnergy, TooFineError, finest_half
from elboproof.quadrature.cells import Cells

RADIUS = 8.0
"""R, to begin with."""
SPARE_DIGITS = 7
"""Of the density at the faces of the box: nearer ones would need more points."""
SHARE = 0.3
"""Of the tolerance: what the lattice may take; the rest is for what lies outside."""
SEARCH_SHARE = {1: 1e-3, 2: 1e-4, 3: 1e-5}
"""Of the tolerance: what one discarded cell may take."""
MOST_CELLS = 1_000_000


class Tilted:
    """F(eps) = exp(shift - U + |eps|^2 / 2) as the one integrand of a lattice."""

    def __init__(self, energy: Energy, box: CoreBox, shift: float, deadline: float = np.inf) -> None:
        self.deadline, self.block = deadline, BLOCK
        self.energy, self.box, self.shift, self.d = energy, box, shift, energy.d
        self._function = energy.integrand.quantities.compiled("energy", 0, BALL_ARRAYS)
        self._data = [energy.x[0, j] for j in range(energy.integrand.data_dim)]
        balls = [[BallArray(a) for a in row] for row in energy.frames[0].tolist()]
        # z = A u0 + A diag(s) eps: A, u0 and s are exact floats, and products and sums are balls. d rows of d slopes,
        # shape ()
        self._slopes = [[a * s for a, s in zip(row, box.scale.tolist(), strict=True)] for row in balls]
        self._place = [
            sum((a * c for a, c in zip(row, box.centre.tolist(), strict=True)), BallArray(0.0))
            for row in balls
        ]

    def suprema(self, point: object, eps: Sequence[ComplexBallArray]) -> FloatArray:  # noqa: ARG002
        """Return upper bounds of |F| over complex boxes (P,), shape (1, P)."""
        parts = [slice(start, start + BLOCK) for start in range(0, len(eps[0].real.mid), BLOCK)]
        # |exp(w)| = exp(Re w): an upper bound of |F| follows from a lower one of Re(U - |eps|^2 / 2). Blocks of
        # rectangles are independent. What may overflow, or has no bound, is infinite; the clips before only keep the
        # arithmetic in range
        least = np.concatenate([self._least([e[part] for e in eps]) for part in parts])
        exponent = (BallArray(np.maximum(least, -1e300)) * -1.0 + self.shift).upper()
        value = BallArray(np.minimum(exponent, 700.0)).exp().upper()
        return np.asarray(np.where(np.isfinite(least) & (exponent < 700.0), value, np.inf))[None]

    def on_lines(self, middle: FloatArray, wide: FloatArray, lifted: FloatArray) -> FloatArray:
        """Return upper bounds of |F| over middle +- wide + i lifted, (d, P) -> (1, P)."""
        return self.suprema(
            None,
            [
                ComplexBallArray(BallArray(m, w), BallArray(i))
                for m, w, i in zip(middle, wide, lifted, strict=True)
            ],
        )

    def _least(self, eps: Sequence[ComplexBallArray]) -> FloatArray:
        """Return lower bounds of Re(U - |eps|^2 / 2), -inf unless analytic; one centred form, in which both cancel."""
        # mean value form on rectangles (P,): value(centre) + slopes . (eps - centre). U and |eps|^2 / 2 are one
        # function, whose slopes nearly vanish next to q; subtracted after each was enclosed, they would leave their
        # widths
        centres = [ComplexBallArray(BallArray(e.real.mid), BallArray(e.imag.mid)) for e in eps]
        offsets = [e - c for e, c in zip(eps, centres, strict=True)]
        axes = range(self.d)
        own = [
            Centred(c, Dual(e, [int(j == k) for k in axes]), offsets, tight=True)
            for j, (c, e) in enumerate(zip(centres, eps, strict=True))
        ]
        latents = [
            Centred(
                self._latent(j, centres), Dual(self._latent(j, eps), self._slopes[j]), offsets, tight=True
            )
            for j in axes
        ]
        (value,) = self._function(*latents, *self._data)
        for axis in own:
            value = value - axis.square() * 0.5
        bound = value.range()
        low, finite = bound.real.lower(), np.isfinite(bound.imag.upper())
        return np.where(np.isfinite(low) & finite, low, -np.inf)

    def _latent(self, j: int, eps: Sequence[Any]) -> Any:
        """Return z_j."""
        total = self._place[j]
        for slope, e in zip(self._slopes[j], eps, strict=True):
            total = e * slope + total
        return total

    def monomials(self, size: FloatArray) -> FloatArray:
        """Return bounds of the monomial 1."""
        return np.ones((1, size.shape[1]))


def core_evidence(
    model: LatentModel,
    x: Sequence[Fraction],
    q: GaussianPosterior,
    log_mass: float,
    digits: float,
    deadline: float,
) -> Evidence | None:
    """Return log p(x) with its digits, None where this way does not reach them.

    Parameters
    ----------
    q
        Next to the posterior; with ``log_mass``, about log p(x), it steers and is not trusted.
    deadline
        On the clock ``time.monotonic()``.
    """
    # everything taken from q (frame, box, mass) steers; the result is bounded whatever they are
    began = time.monotonic()
    if not isinstance(model.prior, Normal):  # the engine's boxes of other priors have no frames
        return None
    mean, covariance = _whitened(model, q)
    frame = np.linalg.eigh(covariance)[1]
    balls = [BallArray.from_fraction(v.numerator, v.denominator).reshape(1) for v in x]
    energy = ExactEnergy(model.integrand, BallArray.concatenate(balls).reshape(1, -1), frame[None])
    work = _Work(energy, list(x), _box(frame, mean, covariance, digits), digits, deadline)
    found = work.bounds(mean, log_mass)
    if found is None or not found[1] - found[0] <= 2 * arb(10) ** -arb(digits):
        return None
    low, high = (Enclosure.from_balls(end) for end in found)
    enclosure = Enclosure(np.array([low.lower]), np.array([high.upper]))
    evidence = Evidence(enclosure, ("",), work.visited, time.monotonic() - began, (found,))
    return with_bases(evidence, log_bases(model, Data(np.array([x], dtype=object)), digits), digits)


def _whitened(model: LatentModel, q: GaussianPosterior) -> tuple[FloatArray, FloatArray]:
    """Return q's mean and covariance in the coordinates in which the prior is N(0, I)."""
    mean, covariance = np.array(q.mean, dtype=float), np.array(q.covariance, dtype=float)
    if model.prior.standard:
        return mean, covariance
    centre, factor = model.prior.scales(model.latent_dim)
    inverse = np.linalg.inv(factor)
    turned = inverse @ covariance @ inverse.T
    return inverse @ (mean - centre), (turned + turned.T) / 2


@dataclass
class _Work:
    """One evidence: the sum inside the box, the search outside."""

    energy: ExactEnergy
    x: list[Fraction]
    box: CoreBox
    digits: float
    deadline: float
    visited: int = 0

    def bounds(self, mean: FloatArray, log_mass: float) -> tuple[arb, arb] | None:
        """Return lower and upper bounds of log p(x)."""
        # p(x) e^shift = lattice inside the box + cells outside it + what is beyond the domain; each has its own error
        energy, floats = self.energy, FloatEnergy(self.energy.integrand)
        shift = float(floats.values(mean[None], energy.x.mid)[0])
        where = domain(energy.integrand, energy.ceiling, energy.frames, np.array([log_mass]), self.digits)
        half, mass = float(where.half[0, 0]), np.exp([min(log_mass + shift, 700.0)])
        target = Target(np.array([shift]), mass, 0.5 * 10.0**-self.digits, SEARCH_SHARE[energy.d])
        energy.finest = finest_half(half)
        try:
            inside = self._lattice(target, half)
            if inside is None:
                return None
            cells = self.box.outside(inside.half, half)
            found = search(energy, floats, cells, target, self.deadline, MOST_CELLS)
        except (TooFineError, LateError):
            return None
        self.visited = found.visited
        with working_precision(bits_for(self.digits, SPARE_BITS)):
            total = None if found.stopped else _sum(energy, self.x, self.box, inside, shift, self.deadline)
            return None if total is None else self._ends(where, found, total, shift)

    def _lattice(self, target: Target, half: float) -> Lattice | None:
        """Return a lattice on the box; None if there is none, or no room for cells outside."""
        if not np.isfinite(target.shift).all() or not self.box.fits(RADIUS, half):
            return None
        tilted = Tilted(self.energy, self.box, float(target.shift[0]), self.deadline)
        aim = _aim(self.box, target)
        found = lattice(tilted, None, aim, RADIUS, tilted.on_lines)  # type: ignore[arg-type]
        return found if found is not None and self.box.fits(found.half, half) else None

    def _ends(self, where: Domain, found: Found, inside: arb, shift: float) -> tuple[arb, arb] | None:
        """Return lower and upper bounds of log p(x) from all parts."""
        # z = A u: |det A| turns the integral over u into that over z; what was discarded is only bounded, so it enters
        # the upper end alone, as does the prior's tail
        outside = arb(0)
        if found.cells:
            cells, sizes = Cells.joined(found.cells), np.concatenate(found.sizes)
            (outside,), done = sum_rules_in_arb(
                self.energy,
                cells,
                sizes,
                [self.x],
                np.array([shift]),
                bits_for(self.digits, SPARE_BITS),
                self.deadline,
            )
            if done < len(cells):
                return None
        error = arb(float(found.safe(found.rule_error)[0]))
        rest = arb(float(found.safe(found.discarded + found.unfinished)[0]))
        volume = abs(arb_mat([[arb(a) for a in row] for row in self.energy.frames[0].tolist()]).det())
        low = ((inside + outside - error) * volume).lower()
        tail = (arb(float(where.log_tail[0])) + arb(shift)).exp()
        high = ((inside + outside + error + rest) * volume + tail).upper()
        if not (low > 0 and high.is_finite()):
            return None
        return (low.log() - arb(shift)).lower(), (high.log() - arb(shift)).upper()


def _box(frame: FloatArray, mean: FloatArray, covariance: FloatArray, digits: float) -> CoreBox:
    """Return a box around q that leaves out little, its numbers of few bits."""
    # all of it steers: any centre and scale make a valid box. `wanted` is the distance at which a Gaussian's density is
    # down by the digits and the spare ones; rounded to multiples of a power of 2 near 1/32 of it, all numbers have some
    # 6 bits, for which `finest_half` counts on
    deviations = np.sqrt(np.maximum(np.diag(frame.T @ covariance @ frame), 0.0))
    wanted = deviations * np.sqrt(2 * np.log(10.0) * (digits + SPARE_DIGITS)) / RADIUS
    unit = np.exp2(np.floor(np.log2(np.maximum(wanted, 1e-300))) - 5)
    return CoreBox(np.round(frame.T @ mean / unit) * unit, np.ceil(wanted / unit) * unit)


def _aim(box: CoreBox, target: Target) -> FloatArray:
    # a tolerance of p(x) e^shift, in units of the integral over eps with phi; it steers
    volume = float(np.prod(box.scale)) * (2 * np.pi) ** (len(box.scale) / 2)
    return np.asarray(SHARE * target.tolerance * target.mass / volume)


def _sum(
    energy: Energy, x: list[Fraction], box: CoreBox, inside: Lattice, shift: float, deadline: float
) -> arb | None:
    """Return the integral of exp(shift - U) over the box, its error included; None after the deadline."""
    # the lattice of midpoints in eps has the weight 2 s R / N per axis in u; z = A u is summed axis by axis, the last
    # one innermost. The lattice's error is of the integral in eps with phi, hence the factor (2 pi)^(d/2) prod s
    function = energy.integrand.quantities.compiled("energy", 0, REAL_BALLS)
    data, level = [ball_of(v) for v in x], arb(shift)
    axes, weight = [], arb(1)
    for k, count in enumerate(inside.counts):
        step = arb(float(box.scale[k])) * arb(inside.half) / count
        nodes = [arb(float(box.centre[k])) + step * (2 * i + 1 - count) for i in range(count)]
        axes.append([[arb(float(a)) * u for a in energy.frames[0][:, k]] for u in nodes])
        weight *= 2 * step
    total = arb(0)
    for outer in product(*axes[:-1]):
        if time.monotonic() > deadline:
            return None
        start = [sum(parts, arb(0)) for parts in zip(*outer, strict=True)] if outer else [arb(0)] * energy.d
        for last in axes[-1]:
            (value,) = function(*(a + b for a, b in zip(start, last, strict=True)), *data)
            total += (level - value).exp()
    scale = (2 * arb.pi()) ** (arb(energy.d) / 2)
    for s in box.scale.tolist():
        scale *= arb(s)
    return total * weight + scale * arb(0, float(inside.error[0]))

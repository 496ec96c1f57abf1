"""The energy of many data points on many cells at once, in the coordinates of each data point's frame.

A cell belongs to one data point. Its coordinates u give z = A u with a float matrix A, taken as exactly what it is, so
that no orthogonality is assumed: the integral over z is |det A| times the integral over u.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.domain import frame_excess, tails_of
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.integrand import Integrand
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.centred import Centred
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.duals import Dual
from elboproof.numbers.log_add_exp import log_add_exp
from elboproof.numbers.outward import downward
from elboproof.quadrature.cells import Cells, Index
from elboproof.quadrature.charts import STRAIGHT, Chart, Derivatives

BLOCK = 8192
"""Cells or points evaluated at once: the temporaries of an operation then stay in cache."""
LOG_TWO_PI = 1.8378770664093453
"""Below log(2 pi) by less than 2e-16."""


@dataclass(frozen=True)
class Bounds:
    """What is known of U over cells.

    Attributes
    ----------
    central : BallArray (B,)
        U at the centres.
    least : (B,)
        Lower bounds of U over the cells.
    slopes : list of BallArray (B,)
        The d derivatives of U in u over the cells.
    """

    central: BallArray
    least: FloatArray
    slopes: list[BallArray]


class Energy:
    """U_n(u) = U(A_n u; x_n) on ball arrays.

    Parameters
    ----------
    integrand
        What is integrated.
    x : BallArray (N, D)
        Data.
    frames : (N, d, d)
        The matrices A_n.
    kinks_across
        Whether all kinks are crossed along the first axis only; this steers.
    """

    def __init__(
        self, integrand: Integrand, x: BallArray, frames: FloatArray, kinks_across: bool = False
    ) -> None:
        self.integrand, self.x, self.frames, self.kinks_across = integrand, x, frames, kinks_across
        self.d = integrand.latent_dim
        self._function = integrand.quantities.compiled("energy", 0, BALL_ARRAYS)
        mixed = isinstance(integrand.quantities, Quantities)  # a network's energy is taken whole
        self._parts = integrand.quantities.compiled("parts", 0, BALL_ARRAYS) if mixed else self._function
        self._plain = bool((frames == np.eye(self.d)).all())
        self.ceiling = integrand.ceiling(x)
        # (N,): the prior's constant less that of the ceiling; where no likelihood grows, all that r^2 / 2 needs
        self._floor = (
            BallArray(np.full(len(x), LOG_TWO_PI)) * (0.5 * self.d) - self.ceiling.constant
        ).lower()
        self._growing = bool(self.ceiling.grows.any())
        self._shrinking = 1 - frame_excess(frames)
        self._tails = tails_of(integrand.placement)
        if self._tails is not None:  # compiled here, not within a step whose time is taken
            self._tails.least([BallArray(np.zeros(1))] * self.d)

    def at(self, owner: Index, u: list[BallArray], chart: Chart = STRAIGHT) -> BallArray:
        """Return U at points given in the coordinates of a chart, shape (B,)."""
        # u: d ball arrays (B,). Every operation of the tape encloses its exact value, and so does the whole,
        # for all numbers in the balls of u and of the data.
        (value,) = self._function(*self._turned(owner, chart.place(u)[0]), *self._data(owner))
        ball: BallArray = value
        return ball.broadcast_to(owner.shape)

    def over(self, cells: Cells) -> Bounds:
        """Return bounds of U over cells: the largest of three lower bounds, each true by itself."""
        # Balls (B,). The mean-value form bounds U by its value at the centre and its slopes over the whole
        # cell; where a slope keeps its sign, the face is exact; far out the prior alone is better than both.
        # NaN says that a bound is unknown, which fmax passes over.
        offsets = [BallArray(np.zeros(len(cells)), cells.half[:, k]) for k in range(self.d)]
        (value,) = self._centred(cells, cells.box(), offsets, self._function)
        slopes = [BallArray.broadcast_to(p, (len(cells),)) for p in value.dual.partials]
        least = np.fmax(value.range().lower(), self._least_by_slopes(cells, slopes))
        if self._tails is None:
            least = np.fmax(least, self.least_by_prior(cells))
        elif (unknown := ~np.isfinite(least)).any():  # a prior of its own takes long to bound
            least[unknown] = np.fmax(least[unknown], self.least_by_prior(cells[unknown]))
        return Bounds(value.centre.broadcast_to(least.shape), least, slopes)

    def least_by_prior(self, cells: Cells) -> FloatArray:
        """Return lower bounds of U over cells that hold whatever the decoder does there, (B,).

        g is at most its ceiling, and |A u|^2 is at least (1 - ||A'A - I||) |u|^2. Rounded are the squares, their sums,
        the shrinking factor and the product with it; then one sum, to the nearest float, so that the next one below is
        no larger than the exact sum.
        """
        if self._tails is not None:  # the frame is plain: u are the placement's coordinates
            prior = BallArray(np.maximum(self._tails.least(cells.chart.place(cells.box())[0]), -1e300))
            return np.asarray((prior - BallArray(self.ceiling.suprema[cells.owner])).lower())
        # nearest (B, d), all terms nonnegative until the last sum.
        nearest = cells.nearest()
        squares = downward((nearest * nearest).sum(1) * self._shrinking[cells.owner], self.d + 2)
        if self._growing:
            least = BallArray(self.ceiling.of(cells.owner).least_energy(squares))
            return (least + BallArray(LOG_TWO_PI) * (0.5 * self.d)).lower()
        return np.asarray(np.nextafter(0.5 * squares + self._floor[cells.owner], -np.inf))

    def _least_by_slopes(self, cells: Cells, slopes: list[BallArray]) -> FloatArray:
        """Return lower bounds of U over cells from the signs of its slopes, (B,).

        Where U increases or decreases along an axis over the whole cell, its least value lies on that face; along the
        other axes the mean-value theorem counts from the centre. NaN where a slope is not bounded.
        """
        places, loss = [], BallArray(np.zeros(len(cells)))
        for k, slope in enumerate(slopes):
            half = cells.half[:, k]
            # -1, 0 or 1 towards the face where U is least; 0 where the slope may have either sign.
            side = (slope.upper() < 0.0).astype(np.float64) - (slope.lower() > 0.0)
            places.append(BallArray(cells.centre[:, k]) + BallArray(side * half))
            loss = loss + BallArray(np.where(side == 0.0, slope.mag(), 0.0)) * BallArray(half)
        return (self.at(cells.owner, places, cells.chart) - loss).lower()

    def least_real_part(self, cells: Cells, u: list[BallArray | ComplexBallArray]) -> FloatArray:
        """Return lower bounds of Re U over boxes u around the centres, -inf unless U is analytic there.

        At least one coordinate is complex.
        """
        # Boxes u around centres (B,), complex in at least one coordinate: the form U(c) + U'(box)(u - c) holds
        # for analytic U on convex boxes. The imaginary part is finite only where no branch cut or pole was met.
        offsets = [box - BallArray(cells.centre[:, k]) for k, box in enumerate(u)]
        # e^-U is the sum of e^-U_i over a mixture's components: -log of the sum of their bounds bounds Re U.
        forms = self._centred(cells, u, offsets, self._parts)
        bounds = [_least_real(form.range(), len(cells)) for form in forms]
        if len(bounds) == 1:
            return bounds[0]
        known = np.isfinite(bounds).all(0)
        balls = [BallArray(np.where(known, -bound, 0.0)) for bound in bounds]
        return np.where(known, (-reduce(log_add_exp, balls)).lower(), -np.inf)

    def jet(self, floats: FloatEnergy, cells: Cells, v: FloatArray) -> Derivatives:
        """Return U, gradient and Hessian in the cells' coordinates at v (B, d), in plain floats: not trusted."""
        # Floats only: v, u (B, d). z = A u turns gradients by A' and Hessians by A' H A; the chart does its own
        # part.
        x, u = self.x.mid[cells.owner], cells.chart.moved(v)
        if self._plain:
            return cells.chart.pulled(v, floats.jet(u, x))
        frames = self.frames[cells.owner]
        value, gradient, hessian = floats.jet((frames @ u[:, :, None])[:, :, 0], x)
        back = np.swapaxes(frames, -1, -2)
        turned = value, (back @ gradient[:, :, None])[:, :, 0], back @ hessian @ frames
        return cells.chart.pulled(v, turned)

    def _centred(self, cells: Cells, u: list[Any], offsets: list[Any], function: Compiled) -> list[Centred]:
        """Return a function such as U over boxes u as centred forms, their elements of shape (B,).

        The mean-value theorem counts from the centres along the cells' own axes. On straight cells the slopes of z are
        the frame's entries, exactly; along lines they come from the arithmetic of centred forms.
        """
        # Elements of shape (B,). The latents are centred forms in the cell's own coordinates, so that what
        # cancels between value and slope cancels here; their enclosures over the box stand beside.
        if not cells.chart.straight:
            own = [
                Centred(point, Dual(box, [int(j == k) for k in range(self.d)]), offsets, tight=True)
                for j, (point, box) in enumerate(zip(cells.points(), u, strict=True))
            ]
            latents = self._turned(cells.owner, cells.chart.place(own)[0])
        else:
            points, boxes = self._turned(cells.owner, cells.points()), self._turned(cells.owner, u)
            latents = [
                Centred(points[j], Dual(boxes[j], self._partials(cells.owner, j)), offsets, tight=True)
                for j in range(self.d)
            ]
        forms = function(*latents, *self._data(cells.owner))
        return [form if isinstance(form, Centred) else self._constant(form, offsets) for form in forms]

    def _constant(self, value: BallArray, offsets: list[Any]) -> Centred:
        """Return what depends on no latent as a form: under a uniform prior a decoder that is constant."""
        return Centred(value, Dual(value, [BallArray(np.zeros(offsets[0].shape))] * self.d), offsets)

    def _partials(self, owner: Index, j: int) -> list[Any]:
        if self._plain:
            return [int(j == k) for k in range(self.d)]
        return [self._frame(owner, j, k) for k in range(self.d)]

    def _frame(self, owner: Index, j: int, k: int) -> BallArray:
        """Return one entry of the frames, a scalar if there is one data point: those are multiplied faster."""
        # The frame's entries are the floats that they are: points, without a radius.
        return BallArray(self.frames[0 if len(self.x) == 1 else owner, j, k])

    def _data(self, owner: Index) -> list[BallArray]:
        rows = 0 if len(self.x) == 1 else owner
        return [self.x[rows, j] for j in range(self.integrand.data_dim)]

    def _turned(self, owner: Index, u: list[Any]) -> list[Any]:
        """Return z = A u."""
        if self._plain:
            return u
        return [_added([u[k] * self._frame(owner, j, k) for k in range(self.d)]) for j in range(self.d)]


def _least_real(value: BallArray | ComplexBallArray, count: int) -> FloatArray:
    """Return lower bounds of the real part, (count,), -inf unless both parts are finite."""
    if isinstance(value, BallArray):
        value = value.broadcast_to((count,))
        return np.where(np.isfinite(value.rad), value.lower(), -np.inf)
    low, finite = value.real.lower(), np.isfinite(value.imag.upper())
    return np.broadcast_to(np.where(np.isfinite(low) & finite, low, -np.inf), (count,))


def _added(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total

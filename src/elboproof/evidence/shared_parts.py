r"""What rows of x share: an energy that is linear in what it knows of x.

For a Bernoulli likelihood of logits f, and for a Gaussian of constant variances v_j with w_j = 1/(2 v_j),

    U(z; x) = R(z) - x . T(z) + c(x),      R(z) = |z|^2/2 + (d/2) log 2 pi + A(z),

    Bernoulli:  T_j = f_j,        A = sum_j softplus(f_j),   c = 0,
    Gaussian:   T_j = 2 w_j f_j,  A = sum_j w_j f_j^2,       c = sum_j w_j x_j^2 + log det(2 pi C)/2.

T and R, their slopes and curvatures, at points and over boxes, do not depend on x: they are computed once for all rows,
and each row costs a product with them.

*Discs.* Over a complex rectangle that is symmetric to the real line a function is enclosed by a disc around a real
number, kept as a ball: |T - mid| <= rad in the plane. A real combination of discs is one around the same combination
of the midpoints, with the radii's sizes added up, which is what balls do.
"""

from functools import cached_property
from typing import Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.likelihood import Gaussian
from elboproof.model.network_algebra import Arrays, Balls
from elboproof.model.network_jets import output_jet, start_jet
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import Ring
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.jets import Jet, added, composed, derivatives, mapped, squared
from elboproof.numbers.outward import upward

Derivatives = list[list[Any]]
"""By order, then as ``combinations_with_replacement`` has them."""


class SharedParts:
    """T and R of a network with a Bernoulli or a Gaussian likelihood, under z ~ N(0, I_d)."""

    def __init__(self, quantities: NetworkQuantities) -> None:
        self._quantities = quantities
        self.d, self.outputs = len(quantities.latents), quantities.network.outputs
        self._gaussian = isinstance(quantities.likelihood, Gaussian)

    def constant(self, x: FloatArray) -> BallArray:
        """Return c(x) for exact data (N, D), shape (N,)."""
        density = self._quantities.constants("constant", BALL_ARRAYS)()[1]
        if not self._gaussian:
            return BallArray(np.zeros(len(x))) + density
        squares = BallArray(x.T).square() * self._weights(BALL_ARRAYS, Balls(), x)
        return BallArray(np.zeros(len(x))) + squares.sum(0) + density

    def floats(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return T (D, P) and R (P,) at points (d, P) in plain floats: not trusted."""
        with np.errstate(all="ignore"):
            statistic, rest = self._parts(z, 0, FLOATING, Arrays())
        return statistic[0][0], rest[0][0]

    def points(self, z: BallArray) -> tuple[BallArray, BallArray]:
        """Return T (D, P) and R (P,) at points (d, P)."""
        statistic, rest = self._parts(z, 0, BALL_ARRAYS, Balls())
        return statistic[0][0], rest[0][0]

    def centres(self, z: BallArray) -> tuple[Derivatives, Derivatives]:
        """Return values and slopes of T and R at points (d, P)."""
        return self._parts(z, 1, BALL_ARRAYS, Balls())

    def curvatures(self, z: ComplexBallArray) -> tuple[list[BallArray], list[BallArray]]:
        """Return discs around the second derivatives of T, each (D, P), and of R, (P,), over rectangles (d, P).

        Their radii are finite only where both are analytic on the whole rectangle.
        """
        statistic, rest = self._parts(z, 2, BALL_ARRAYS, Balls())
        # a function that has a pole or a cut there says so in its value, and its derivatives count for nothing
        known = np.isfinite(disc(statistic[0][0]).rad).all(0) & np.isfinite(disc(rest[0][0]).rad)
        points = known.shape
        return (
            [_only(known, disc(t).broadcast_to((self.outputs, *points))) for t in statistic[2]],
            [_only(known, disc(r).broadcast_to(points)) for r in rest[2]],
        )

    def _parts(self, z: Any, order: int, ring: Ring, algebra: Arrays) -> tuple[Derivatives, Derivatives]:
        latents = start_jet(z, order, algebra)
        f = output_jet(self._quantities, latents, order, ring, algebra)
        statistic = mapped(lambda value: value * self._slopes(ring, algebra, z), f) if self._gaussian else f
        squares = mapped(lambda value: algebra.total(value) * 0.5, squared(latents, order, algebra.square))
        prior = self._quantities.constants("constant", ring)()[0]
        rest = added(added(self._cumulant(f, order, ring, algebra), squares), {(): prior})
        zero, none = z[:1] * 0.0, z[0] * 0.0
        return self._derivatives(statistic, order, zero), self._derivatives(rest, order, none)

    def _derivatives(self, jet: Jet, order: int, zero: Any) -> Derivatives:
        """Return all derivatives; ``zero`` stands for those that vanish, and broadcasts."""
        found = [derivatives(jet, self.d, n) for n in range(order + 1)]
        return [[zero if value is None else value for value in values] for values in found]

    def _cumulant(self, f: Jet, order: int, ring: Ring, algebra: Arrays) -> Jet:
        """Return the jet of A."""
        if self._gaussian:
            weights = self._weights(ring, algebra, f[()])
            return mapped(
                lambda value: algebra.total(value * weights), squared(f, order, algebra.square)
            )
        taylor = self._quantities.activation("softplus", order, ring)(f[()])
        return mapped(algebra.total, composed(taylor, f))

    def _weights(self, ring: Ring, algebra: Arrays, like: Any) -> Any:
        """Return w as a column, of one row if all are equal."""
        return algebra.stacked(self._quantities.constants("weights", ring)(), like)

    def _slopes(self, ring: Ring, algebra: Arrays, like: Any) -> Any:
        return self._weights(ring, algebra, like) * 2.0

    @cached_property
    def ready(self) -> bool:
        """True; asked for once, before the clock counts: functions are compiled when they are first called."""
        z = BallArray(np.zeros((self.d, 1)))
        self.points(z), self.centres(z), self.curvatures(ComplexBallArray(z)), self.floats(z.mid)
        return True


def disc(value: BallArray | ComplexBallArray) -> BallArray:
    """Return discs around rectangles: real centres, and radii that reach as far as real and imaginary part together."""
    if isinstance(value, BallArray):
        return value
    return BallArray(value.real.mid, upward(value.real.rad + value.imag.mag(), 1))


def _only(known: Any, value: BallArray) -> BallArray:
    """Return the discs of the points that are known; nothing of the others."""
    if known.all():
        return value
    return BallArray.where(np.broadcast_to(known, value.shape), value, BallArray(np.zeros(value.shape), np.inf))

r"""What rows of x share: an energy that is linear in what it knows of x.

For Bernoulli and binomial likelihoods of logits f and n_j trials, a Poisson one of log rates f, and a Gaussian one of
constant variances v_j with w_j = 1/(2 v_j),

    U(z; x) = R(z) - x . T(z) + c(x),      R(z) = |z|^2/2 + (d/2) log 2 pi + A(z),

    Bernoulli:  T_j = f_j,        A = sum_j softplus(f_j),      c = 0,
    Binomial:   T_j = f_j,        A = sum_j n_j softplus(f_j),  c = 0,
    Poisson:    T_j = f_j,        A = sum_j exp(f_j),           c = 0,
    Gaussian:   T_j = 2 w_j f_j,  A = sum_j w_j f_j^2,          c = sum_j w_j x_j^2 + log det(2 pi C)/2,

less the logarithm of the base measure, which no cell sees (`bases`). A is convex.

T and R at points, and their Taylor coefficients at points and over boxes, do not depend on x: they are computed once
for all rows, and each row costs a product with them. Over boxes the product is taken with the last hidden layer h,
where f = W h + b and x . f has the coefficients (W'x) . h: the terms of the outputs cancel before any size is taken.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.discrete import Binomial, Poisson
from elboproof.model.likelihood import Gaussian
from elboproof.model.network_algebra import Arrays, Balls
from elboproof.model.network_jets import output_jet, start_jet
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.networks import Affine, Network
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_matrices import ExactMatrix
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.centred import narrower
from elboproof.numbers.compiler import Ring
from elboproof.numbers.floating import FLOATING
from elboproof.numbers.jets import Jet, Key, added, composed, mapped, squared


@dataclass(frozen=True)
class Tangents:
    """What the rows' tangents share on C cells.

    Attributes
    ----------
    statistic, rest : BallArray (D, C), (C,)
        T and R at the centres.
    mixed : BallArray (units, C)
        W'a'(f) there.
    first : list of BallArray (units, C)
        The slopes of the last hidden layer there.
    second : dict of BallArray (units, C)
        Its Taylor coefficients of order 2 all over the cells.
    bend : (d, C)
        The diagonal of R's Hessian without the outputs' own curvatures; floats that steer.
    """

    statistic: BallArray
    rest: BallArray
    mixed: BallArray
    first: list[BallArray]
    second: dict[Key, BallArray]
    bend: FloatArray


class SharedParts:
    """T and R of a network with a likelihood of those above, under z ~ N(0, I_d)."""

    def __init__(self, quantities: NetworkQuantities) -> None:
        self._quantities = quantities
        self.d, self.outputs = len(quantities.latents), quantities.network.outputs
        self.units = sum(quantities.network.widths)
        likelihood = quantities.likelihood
        self._gaussian = isinstance(likelihood, Gaussian)
        self._partition = "exp" if isinstance(likelihood, Poisson) else "softplus"
        self._trials = [float(n) for n in likelihood.trials] if isinstance(likelihood, Binomial) else None
        self._body, self._head = split(quantities.network)

    def constant(self, x: FloatArray) -> BallArray:
        """Return c(x) for exact data (N, D), shape (N,)."""
        density = self._quantities.constants("constant", BALL_ARRAYS)()[1]
        total: BallArray = BallArray(np.zeros(len(x))) + density
        if self._gaussian:
            total = total + (BallArray(x.T).square() * self._weights(BALL_ARRAYS, Balls(), x)).sum(0)
        return total

    def turned(self, x: FloatArray) -> BallArray:
        """Return what the last hidden layer's coefficients are multiplied by, (N, units), for exact data (N, D)."""
        # x . T = (x scaled) . (W h + b): coefficients beyond the value have no b
        scaled = BallArray(x.T)
        if self._gaussian:
            scaled = scaled * (self._weights(BALL_ARRAYS, Balls(), x) * 2.0)
        if self._head is not None:
            scaled = ExactMatrix(self._head.weight.entries.T) @ scaled
        return BallArray(scaled.mid.T, scaled.rad.T)

    def floats(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return T (D, P) and R (P,) at points (d, P) in plain floats: not trusted."""
        with np.errstate(all="ignore"):
            statistic, rest = self._at(z, 0, FLOATING, Arrays())
        return statistic[()], rest[()]

    def points(self, z: BallArray, order: int = 0) -> tuple[Jet, Jet]:
        """Return the Taylor coefficients of T, (D, P), and of R, (P,), at points (d, P)."""
        return self._at(z, order, BALL_ARRAYS, Balls())

    def regions(self, z: ComplexBallArray, centre: BallArray, order: int) -> tuple[Jet, Jet]:
        """Return those of the last hidden layer, (units, P), and of R, (P,), over rectangles (d, P) around centres.

        They are of any use only where the values at () are finite: there the network and A are analytic on the whole
        rectangle.
        """
        algebra = Balls()
        latents = start_jet(z, order, algebra)
        h = output_jet(self._quantities, self._body, latents, order, BALL_ARRAYS, algebra)
        f = h if self._head is None else self._after(self._head, h, algebra)
        points = start_jet(centre, order - 1, algebra)
        middle = output_jet(
            self._quantities, self._quantities.network, points, order - 1, BALL_ARRAYS, algebra
        )
        f = narrowed(f, middle, [z[k] - centre[k] for k in range(self.d)], order)
        return h, added(self._prior(latents, order, BALL_ARRAYS, algebra), self._regional(h, f, order))

    def tangents(self, centre: BallArray, box: BallArray) -> Tangents:
        """Return what tangents at centres (d, C) are made of; the hidden layer's curvature over boxes around them."""
        algebra, count = Balls(), centre.shape[1]
        h = self._hidden(centre, 2)
        f = h[()] if self._head is None else algebra.affine(self._head, h[()], True)
        value, slope, curve = self._taylor(f, 2)
        statistic = f * (self._weights(BALL_ARRAYS, algebra, f) * 2.0) if self._gaussian else f
        mixed = slope if self._head is None else ExactMatrix(self._head.weight.entries.T) @ slope
        units = (mixed.shape[0], count)
        first = [h[k,].broadcast_to(units) for k in range(self.d)]
        over = narrowed(self._hidden(box, 3), h, [box[k] - centre[k] for k in range(self.d)], 3)
        second: dict[Key, BallArray] = {
            key: value.broadcast_to(units) for key, value in over.items() if len(key) == 2
        }
        rest = algebra.total(value) + self._prior({(): centre}, 0, BALL_ARRAYS, algebra)[()]
        slopes = [part.mid if self._head is None else self._head.weight.entries @ part.mid for part in first]
        bend = np.array([1.0 + 2 * (curve.mid * part**2).sum(0) for part in slopes])
        return Tangents(statistic, rest, mixed.broadcast_to(units), first, second, bend)

    def _hidden(self, z: BallArray, order: int) -> Jet:
        """Return the jet of the last hidden layer, (units, P), at real points or over boxes (d, P)."""
        return output_jet(
            self._quantities, self._body, start_jet(z, order, Balls()), order, BALL_ARRAYS, Balls()
        )

    def _regional(self, h: Jet, f: Jet, order: int) -> Jet:
        """Return the jet of A over rectangles, h being the last hidden layer's.

        The chain rule's first term, sum_j a'(f_j) f_ja, is the largest. With floats m_j within the a'(f_j) it is
        (W'm) . h_a + sum_j (a'(f_j) - m_j) f_ja: the terms of the outputs cancel in W'm, and what is left is small.
        """
        value, slope, *others = self._taylor(f[()], order)
        if self._head is None:
            return mapped(Balls().total, composed([value, slope, *others], f))
        middle = slope.real.mid
        mixed = ExactMatrix(self._head.weight.entries.T) @ BallArray(middle)
        total = mapped(Balls().total, composed([value, slope - BallArray(middle), *others], f))
        return added(total, {key: (part * mixed).sum(0) for key, part in h.items() if key})

    def _taylor(self, f: Any, order: int) -> list[Any]:
        """Return the Taylor coefficients of a at the outputs, (D, P)."""
        if not self._gaussian:
            return self._counted(f, order, BALL_ARRAYS, Balls())
        weights = self._weights(BALL_ARRAYS, Balls(), f)
        found = [f.square() * weights, f * weights * 2.0, f * 0.0 + weights]
        return (found + [f * 0.0] * order)[: order + 1]

    @staticmethod
    def _after(head: Affine, h: Jet, algebra: Arrays) -> Jet:
        return {key: algebra.affine(head, value, not key) for key, value in h.items()}

    def _at(self, z: Any, order: int, ring: Ring, algebra: Arrays) -> tuple[Jet, Jet]:
        latents = start_jet(z, order, algebra)
        f = output_jet(self._quantities, self._quantities.network, latents, order, ring, algebra)
        statistic = f
        if self._gaussian:
            weights = self._weights(ring, algebra, z) * 2.0
            statistic = mapped(lambda value: value * weights, f)
        return statistic, self._rest(latents, f, order, ring, algebra)

    def _rest(self, latents: Jet, f: Jet, order: int, ring: Ring, algebra: Arrays) -> Jet:
        """Return the jet of R."""
        return added(self._cumulant(f, order, ring, algebra), self._prior(latents, order, ring, algebra))

    def _prior(self, latents: Jet, order: int, ring: Ring, algebra: Arrays) -> Jet:
        """Return the jet of |z|^2/2 + (d/2) log 2 pi."""
        squares = mapped(lambda value: algebra.total(value) * 0.5, squared(latents, order, algebra.square))
        return added(squares, {(): self._quantities.constants("constant", ring)()[0]})

    def _cumulant(self, f: Jet, order: int, ring: Ring, algebra: Arrays) -> Jet:
        """Return the jet of A."""
        if self._gaussian:
            weights = self._weights(ring, algebra, f[()])
            return mapped(lambda value: algebra.total(value * weights), squared(f, order, algebra.square))
        return mapped(algebra.total, composed(self._counted(f[()], order, ring, algebra), f))

    def _counted(self, f: Any, order: int, ring: Ring, algebra: Arrays) -> list[Any]:
        """Return the Taylor coefficients of a at outputs (D, P) of a likelihood of counts."""
        found = self._quantities.activation(self._partition, order, ring)(f)
        if self._trials is None:
            return list(found)
        trials = algebra.column(self._trials, f)  # exact floats, one or D
        return [value * trials for value in found]

    def _weights(self, ring: Ring, algebra: Arrays, like: Any) -> Any:
        """Return w as a column, of one row if all are equal."""
        return algebra.stacked(self._quantities.constants("weights", ring)(), like)


def narrowed(region: Jet, centre: Jet, offsets: list[Any], order: int) -> Jet:
    """Return Taylor coefficients over a convex region, each the narrower of what is given and its mean-value form.

    d u_a / d z_k is (a_k + 1) times the coefficient of t^a t_k, so that u_a(c + t) = u_a(c) + sum_k (a_k + 1) m_k t_k
    with averages m_k of that coefficient, which are in every convex enclosure of it. From the highest order down: each
    uses what the next one has won.

    Parameters
    ----------
    region, centre
        Coefficients over the region up to ``order``, and at its centre below that.
    offsets
        Enclosures of t_k, (P,).
    """
    found = dict(region)
    for key in sorted(region, key=len, reverse=True):
        if len(key) == order or key not in centre:
            continue
        form = centre[key]
        for k, offset in enumerate(offsets):
            above = tuple(sorted((*key, k)))
            if above in found:
                form = form + found[above] * offset.reshape(1, -1) * (key.count(k) + 1)
        found[key] = narrower(found[key], form)
    return found


def split(network: Network) -> tuple[Network, Affine | None]:
    """Return a chain of layers without the last one, and that, if it is affine; else the whole network and None."""
    last = network.layers[-1]
    if len(network.layers) < 2 or not network.chain or not isinstance(last, Affine):
        return network, None
    return Network(network.layers[:-1]), last

"""What is integrated against N(0, I): eps^p times derivatives of log p(x | m + L eps), in the systems needed.

Where the prior is not N(0, I), the log likelihood stands for the tilted one, log p(x, z) - log N(z; 0, I).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.expectations.integrand import Integrand
from elboproof.model.latent_model import NetworkModel
from elboproof.model.network_growth import network_majorants
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import Compiled, Ring
from elboproof.numbers.duals import Dual
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.outward import above, upward

Exponents = tuple[int, ...]
BLOCK = 4096
MOST_PRODUCTS = 2**20
"""Of a network's weights and arguments at a time."""


class LateError(ArithmeticError):
    """The deadline has passed before a supremum was known."""


@dataclass(frozen=True)
class EnclosedGaussian:
    """The Gaussian N(m, L L'), m and L known as balls.

    Attributes
    ----------
    mean : list of arb (d,)
    factor : list of list of arb
        Lower triangular, row i with i + 1 entries at least.
    """

    mean: Sequence[arb]
    factor: Sequence[Sequence[arb]]

    @property
    def d(self) -> int:
        """The number of latents."""
        return len(self.mean)

    @cached_property
    def floats(self) -> tuple[list[BallArray], list[list[BallArray]]]:
        """Return m and L as float64 balls that contain the given ones."""
        factor = [[float_ball(row[j]) for j in range(i + 1)] for i, row in enumerate(self.factor)]
        return [float_ball(m) for m in self.mean], factor

    @cached_property
    def lengths(self) -> FloatArray:
        """Return the norms of L's columns, floats that steer."""
        d = self.d
        entries = [
            [float(abs(self.factor[i][j]).mid()) if j <= i else 0.0 for j in range(d)] for i in range(d)
        ]
        return np.asarray(np.linalg.norm(np.array(entries), axis=0))

    def latents(self, eps: Sequence[Any]) -> list[Any]:
        """Return z = m + L eps for arrays of balls."""
        mean, factor = self.floats
        result = []
        for m, row in zip(mean, factor, strict=True):
            z = m
            for entry, e in zip(row, eps, strict=False):
                # row i of L has i + 1 entries, where zip stops. Balls throughout: the result holds m + L eps for every
                # member
                z = e * entry + z
            result.append(z)
        return result

    def sizes(self) -> list[tuple[float, float]]:
        """Return (offset, slope) with |z_i| <= offset + slope |eps|."""
        mean, factor = self.floats
        # |z_i| <= |m_i| + |L_i| |eps| by Cauchy's inequality, sizes of balls above those of their members. A row's norm
        # is made of at most d squares, their sum and the root: d + 1 roundings on a path
        norms = [np.sqrt(sum(float(e.mag() * e.mag()) for e in row)) for row in factor]
        slopes = [upward(float(norm), self.d + 1, 1) for norm in norms]
        return [(float(m.mag()), slope) for m, slope in zip(mean, slopes, strict=True)]


def float_ball(ball: arb) -> BallArray:
    """Return a float64 ball of shape () around a ball of any precision."""
    # the centre is any float; the radius bounds the distance of every member from it, taken in balls and rounded up
    mid = float(ball.mid())
    return BallArray(mid, above(abs(ball - arb(mid))))


class Integrands:
    """The functions eps^p d^o g(z; x), o among given orders of derivative, p of bounded degree.

    Parameters
    ----------
    model
        The function g, log p(x|z) of a latent-variable model.
    x
        D balls.
    degrees
        Pairs (order, highest degree of the polynomials in eps); the orders follow each other.
    deadline
        On the clock ``time.monotonic()``, of suprema.

    Attributes
    ----------
    block : int
        Arguments at a time, between which the clock is read; a network takes longer for each.
    entries : list of (order, component, exponents)
        The Q integrands; components in the order of ``combinations_with_replacement``.
    """

    def __init__(
        self,
        model: Integrand,
        x: Sequence[arb],
        degrees: Sequence[tuple[int, int]],
        deadline: float = np.inf,
    ) -> None:
        self.deadline = deadline
        self.block = _block(model)
        self.model, self.x, self.degrees = model, list(x), tuple(degrees)
        self.d = model.latent_dim
        self.entries = [
            (order, component, exponents)
            for order, degree in self.degrees
            for component in range(_components(self.d, order))
            for exponents in exponents_up_to(self.d, degree)
        ]
        self.orders = [order for order, _, _ in self.entries]
        self._data = [float_ball(value) for value in self.x]
        # Q integrands share C derivatives: `_source` (Q,) names each one's row of (C, P) values, `_exponents` its
        # monomial. The order of ``entries`` is that of all arrays of shape (Q, ...) of this room
        self._column: dict[tuple[int, int], int] = {}
        for order, _ in self.degrees:
            for component in range(_components(self.d, order)):
                self._column[order, component] = len(self._column)
        self._source = [self._column[order, component] for order, component, _ in self.entries]
        self._exponents = [exponents for _, _, exponents in self.entries]

    def values(self, gaussian: EnclosedGaussian, eps: Sequence[Any]) -> list[Any]:
        """Return the derivatives at arrays of balls (real or complex), one per (order, component)."""
        values = self.derivatives(BALL_ARRAYS)(*gaussian.latents(eps), *self._data)
        return [value.reshape(-1) if value.shape == () else value for value in values]

    def derivatives(self, ring: Ring) -> Compiled:
        """Return (z, x) -> the derivatives of all orders, one order after the other; they share what they can."""
        quantities, orders = self.model.quantities, [order for order, _ in self.degrees]
        if len(orders) == 1:
            return quantities.compiled("tilted", orders[0], ring)
        function = quantities.compiled_jet("tilted", orders[-1], ring)
        # a jet returns the orders from 0 upwards; those before the first wanted are the first of its values
        skipped = sum(_components(self.d, order) for order in range(orders[0]))
        return lambda *arguments: function(*arguments)[skipped:]

    def suprema(self, gaussian: EnclosedGaussian, eps: Sequence[ComplexBallArray]) -> FloatArray:
        """Return upper bounds of |g| over complex boxes (P,), shape (Q, P); infinite unless g is analytic there."""
        bounds = []
        for value in self.values(gaussian, eps):
            # a ball over a complex box encloses the function's range, and balls are finite only where every function of
            # the tape is analytic on it (`numbers.ball_complex`): a finite bound shows both. A derivative that is
            # constant has shape (1,), which stands for all P
            size = value.abs_upper() if isinstance(value, ComplexBallArray) else value.mag()
            bounds.append(np.broadcast_to(np.where(np.isfinite(size), size, np.inf), eps[0].shape))
        return np.stack(bounds)[self._source]

    def monomials(self, size: FloatArray) -> FloatArray:
        """Return upper bounds of |eps^p| for |eps_k| <= size[k], (d, P) -> (Q, P)."""
        powers = {p: np.ones(size.shape[1]) for p in self._exponents}
        for (
            p,
            power,
        ) in powers.items():  # one rounding for each factor; NumPy's own powers are the C library's
            for k, n in enumerate(p):
                for _ in range(n):
                    power *= size[k]
            power[:] = upward(power, sum(p), sum(p))
        return np.stack([powers[p] for p in self._exponents])

    def products(self, values: Sequence[Any], eps: Sequence[Any], weight: Any) -> list[Any]:
        """Return weight * eps^p * g for every integrand."""
        # weight and monomial first, (P,), then each with its derivative: balls, so that the order of the products
        # matters for width only
        powers = dict.fromkeys(self._exponents, weight)
        for p in powers:
            for k, n in enumerate(p):
                for _ in range(n):
                    powers[p] = powers[p] * eps[k]
        return [powers[p] * values[s] for s, p in zip(self._source, self._exponents, strict=True)]

    def means(self, gaussian: EnclosedGaussian, centre: FloatArray, half: FloatArray) -> list[BallArray]:
        """Return enclosures of the means of G over real cells (B, d), kinks allowed.

        G(u) = G(c) + sum_k D_k(u) (u - c)_k with D_k(u) in a ball e_k +- r_k of (generalised) slopes. The parts with
        e_k have mean 0, so that the mean of G is G(c) +- sum_k r_k h_k / 2.
        """
        axes = range(self.d)
        # (B,) cells at once; the mean of (u - c)_k over a cell is 0 and that of |u - c|_k is h_k / 2
        boxes = Dual.variables([BallArray(centre[:, k], half[:, k]) for k in axes])
        around = self._weighted(gaussian, boxes)
        at_centre = self._weighted(gaussian, [BallArray(centre[:, k]) for k in axes])
        means = []
        for box, middle in zip(around, at_centre, strict=True):
            reach = sum((p.rad * half[:, k] / 2 for k, p in enumerate(box.partials)), np.zeros(len(half)))
            mean = BallArray(middle.mid, upward(middle.rad + reach, self.d + 1, 1))
            plain = box.value.broadcast_to(mean.shape)
            means.append(BallArray.where(mean.rad <= plain.rad, mean, plain))
        return means

    def _weighted(self, gaussian: EnclosedGaussian, eps: Sequence[Any]) -> list[Any]:
        """Return G at balls or duals."""
        # phi in the same arithmetic as g: for duals the slopes of the product come out by the rules of derivatives
        exponent = eps[0].square()
        for e in eps[1:]:
            exponent = exponent + e.square()
        weight = (exponent * -0.5).exp() * _normalising(self.d)
        values = self.derivatives(BALL_ARRAYS)(*gaussian.latents(eps), *self._data)
        return self.products(values, eps, weight)

    def majorants(self, gaussian: EnclosedGaussian) -> dict[int, tuple[int, Majorant]]:
        """Return for each order the highest degree and one majorant of all components."""
        return {order: (degree, self._majorant(gaussian, order)) for order, degree in self.degrees}

    def _majorant(self, gaussian: EnclosedGaussian, order: int) -> Majorant:
        # |z_i| <= offset + slope |eps| is where the majorants start; the greater of two coefficients bounds both
        # components, term by term
        sizes = gaussian.sizes()
        starts = [Majorant.affine(a, b) for a, b in sizes]
        if isinstance(self.model, NetworkModel):
            ends = [(float(value.lower()), float(value.upper())) for value in self._data]
            found = network_majorants(self.model.network, self.model.likelihood, ends, sizes, order)
            if (
                not self.model.prior.standard
            ):  # |s + t| <= |s| + |t|: the prior's tilt has majorants of its own
                tilts = self.model.prior_quantities.compiled("tilted", order, MAJORANTS)
                found = [a + b for a, b in zip(found, tilts(*starts), strict=True)]
        else:
            # the compiled operations are those of the number system of majorants: the inequality goes through each,
            # from |z_i| and the bounds of x up to the derivatives
            function = self.model.quantities.compiled("tilted", order, MAJORANTS)
            data = [Majorant.constant(float(v.lower()), float(v.upper())) for v in self._data]
            found = list(function(*starts, *data))
        total = found[0]
        for other in found[1:]:
            total = Majorant(
                {
                    k: max(total.terms.get(k, 0.0), other.terms.get(k, 0.0))
                    for k in {*total.terms, *other.terms}
                }
            )
        return total


def _block(model: Integrand) -> int:
    """Return how many arguments at a time take well below a second."""
    if not isinstance(model, NetworkModel):
        return BLOCK
    return max(BLOCK // 16, min(BLOCK, MOST_PRODUCTS // model.network.products))


def _components(d: int, order: int) -> int:
    return len(list(combinations_with_replacement(range(d), order)))


def exponents_up_to(d: int, degree: int) -> list[Exponents]:
    """Return the exponents of all monomials in d variables up to a degree."""
    return [
        tuple(chosen.count(k) for k in range(d))
        for total in range(degree + 1)
        for chosen in combinations_with_replacement(range(d), total)
    ]


def _normalising(d: int) -> BallArray:
    """Return (2 pi)^(-d/2)."""
    return (1 / (BallArray.pi() * 2).sqrt()) ** d

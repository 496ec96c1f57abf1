"""The stationary Gaussian of an isolated mode, and its gap, as power series in the likelihood's variance.

The energy is U = V + W / v (up to a constant) with V = -log p(z) from the prior, |z|^2 / 2 for N(0, I), and
W = |x - f|^2 / 2 (in the metric of the likelihood), v -> 0; W has a nondegenerate minimum at the origin of the
coordinates used. Then m = O(v), S = O(v), and c_k = E_q[D^k U] = O(1/v) are power series in v that follow order by
order from E_q[grad U] = 0 and S^-1 = E_q[Hess U]; ``wick.py`` turns them into the gap. Numbers may be SymPy expressions
or balls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import factorial
from typing import Any

import numpy as np

from elboproof.expansion.wick import Series, Tensor, diagrams, value, vertex_sets

HIGHEST_ORDER = 6
"""Powers of v carried at most: the number of diagrams grows faster than exponentially."""


@dataclass(frozen=True)
class Mode:
    """The derivatives of U = V + W / v at a minimum of W.

    Attributes
    ----------
    derivative : callable
        k to D^k W at the minimum, shape (d,) * k; D^1 W is zero.
    point : (d,)
        The minimum z0.
    zero : callable
        Whether a number of the ring is zero: True, False, or None where that cannot be decided.
    invert : callable
        Inverse of a symmetric matrix.
    one
        The ring's 1.
    tidy : callable
        Simplifies a number.
    checked : callable
        Returns a number as it is, or raises where the ring will not go on with it.
    exact : bool
        Whether the numbers are SymPy's.
    prior : callable or None
        k to D^k V at the minimum, None where it is zero; V = |z|^2 / 2 if there is no callable.
    """

    derivative: Callable[[int], Tensor]
    point: Tensor
    zero: Callable[[Any], bool | None]
    invert: Callable[[Tensor], Tensor]
    one: Any
    tidy: Callable[[Any], Any] = lambda number: number
    checked: Callable[[Any], Any] = lambda number: number
    exact: bool = False
    prior: Callable[[int], Tensor | None] | None = None

    def prior_derivative(self, order: int) -> Tensor | None:
        """Return D^k V, k >= 1; None where it is zero."""
        if self.prior is not None:
            return self.prior(order)
        if order == 1:  # of V = |z|^2 / 2: z0, the identity, and zero beyond
            return self.point
        return np.eye(len(self.point), dtype=int) * self.one if order == 2 else None


@dataclass(frozen=True)
class Expansion:
    """Power series of a mode, carried to ``v^orders``.

    Parameters
    ----------
    mode
        The derivatives at the minimum.
    orders
        Highest power of v of the gap; derivatives of W to order 2 * orders + 1 are used.
    """

    mode: Mode
    orders: int

    @cached_property
    def stationary(self) -> tuple[Tensor, Tensor]:
        """The series of m - z0, shape (d,), and of S / v, shape (d, d), to v^(orders - 1).

        Notes
        -----
        m <- m - B^-1 E_q[grad U] v and S <- v (E_q[Hess U] v)^-1 with B = Hess W(z0): each round settles one order.
        """
        # both unknowns are series whose first coefficient is right from the start: m - z0 = 0 and S / v = B^-1. A round
        # puts coefficients right to v^n into equations in which m and S stand with a factor v or higher beyond B, so
        # that it returns them right to v^(n+1): orders - 1 rounds settle all that is carried, and no convergence is
        # assumed
        base = self.mode.invert(self.mode.derivative(2))
        d = len(base)
        mean, spread = self._constant(np.zeros(d, dtype=object)), self._constant(base)
        for _ in range(self.orders - 1):
            slope = self._vertex(1, mean, spread)
            mean = mean - np.einsum("ab,b->a", self._constant(base), slope)
            spread = self._inverse(self._vertex(2, mean, spread), base)
            for entry in (*mean.flat, *spread.flat):  # before products of products of them are formed
                for coefficient in entry.coefficients:
                    self.mode.checked(coefficient)
        return mean, spread

    def vertex(self, degree: int) -> Tensor:
        """Return the series of v E_q[D^k U], shape (d,) * k, to v^(orders - 1) or as far as it is used."""
        return self._vertex(degree, *self.stationary)

    def _vertex(self, degree: int, mean: Tensor, spread: Tensor) -> Tensor:
        """Taylor in m, heat equation in S: the sum of D^(k+a+2l) (V v + W) . m^a S^l v^l / (a! l! 2^l)."""
        # S and m - z0 are O(v), so a term with a factors of m and l of S has v^(a + l) at least: later ones are cut off
        last = min(self.orders - 1, max(2 * self.orders + 1 - degree, 0) // 2)
        total = self._constant(np.zeros((len(mean),) * degree, dtype=object))
        for a, pairs in product(range(last + 1), repeat=2):
            rank = degree + a + 2 * pairs
            if a + pairs > last:
                continue
            term = self._potential(rank)
            # the contraction of a pair of indices with S brings one v, as S = v * spread; a contraction with m - z0
            # brings none beyond its series, which starts at v. D^k W is symmetric, so which indices are contracted does
            # not matter
            for _ in range(pairs):
                term = _times_v(np.einsum("...ab,ab->...", term, spread))
            for _ in range(a):
                term = np.einsum("...a,a->...", term, mean)
            total = total + np.asarray(term, dtype=object) / (factorial(a) * factorial(pairs) * 2**pairs)
        return total

    def _potential(self, rank: int) -> Tensor:
        """Return D^k W + v D^k V as series."""
        # the whole is v U, a power series in v
        prior = self.mode.prior_derivative(rank)
        main = self._constant(self.mode.derivative(rank))
        return main if prior is None else main + _times_v(self._constant(prior))

    def _constant(self, tensor: Tensor) -> Tensor:
        result = np.empty(np.shape(tensor), dtype=object)
        for index in np.ndindex(result.shape):
            result[index] = Series((tensor[index], *[0] * (self.orders - 1)))
        return result

    def _inverse(self, matrix: Tensor, base: Tensor) -> Tensor:
        """Newton's iteration X <- X (2 - M X) doubles the number of right coefficients."""
        # (d, d) matrices of series. If M X = 1 + O(v^k), the step gives M X' = 1 - (1 - M X)^2 = 1 + O(v^2k). Base is
        # the inverse of the constant coefficient, k = 1, so that bit_length(orders) doublings reach v^orders
        result, two = self._constant(base), self._constant(2 * np.eye(len(base), dtype=int).astype(object))
        for _ in range(self.orders.bit_length()):
            result = result.dot(two - matrix.dot(result))
        return result

    @cached_property
    def gap(self) -> tuple[Any, ...]:
        """The gap's coefficients of v^1, ..., v^orders."""
        # each diagram's lines are propagators S: they are joined to the vertices' first indices once, here. A vertex of
        # degree k starts at v^((k-2)/2) or later, so that vertex sets beyond v^orders are never formed
        spread = self.stationary[1]
        vertices = {k: self.vertex(k) for k in range(3, self.orders + 3)}
        valuations = [self._valuation(vertices[k]) for k in vertices]
        raised: dict[tuple[int, int], Tensor] = {}
        for k, tensor in vertices.items():
            for r in range(1, k + 1):
                tensor = np.moveaxis(np.tensordot(tensor, spread, axes=([r - 1], [0])), -1, r - 1)
                raised[k, r] = tensor
        total = Series((0,) * self.orders)
        for degrees in vertex_sets(2 * self.orders, valuations):
            shift = sum(k - 2 for k in degrees) // 2 - 1
            for diagram in diagrams(degrees):
                found = value(diagram, vertices, raised)
                for coefficient in found.coefficients:
                    self.mode.checked(coefficient)
                part = found * diagram.weight.numerator / diagram.weight.denominator
                total = total + Series(((0,) * shift + part.coefficients)[: self.orders])
        return tuple(self.mode.tidy(c) for c in total.coefficients)

    def _valuation(self, tensor: Tensor) -> int | None:
        """Return the first power of v with a coefficient that is not known to be zero."""
        # only an answer True lets a power be left out: where a zero cannot be decided, the vertex is taken to start
        # there, and vertex sets are kept that might have been dropped. What is too many adds zeros, nothing wrong
        for n in range(self.orders):
            entries: list[Any] = list(tensor.flat)
            if any(self.mode.zero(entry.coefficients[n]) is not True for entry in entries):
                return n
        return None

    @cached_property
    def correction(self) -> Any:
        """The coefficient of v in the log of the mode's share of p(x); needs ``orders`` >= 2.

        Notes
        -----
        The ELBO's, -(V'.m1 + m1'B m1 / 2 + tr(V'' S0) / 2 + D^3W[m1, S0] / 2 + D^4W[S0, S0] / 8), plus the gap's.
        """
        # the terms of v^1 in -E_q[U] + H(q) at m = z0 + v m1, S = v S0 + O(v^2): those of the entropy and of tr(B S) in
        # the second coefficient of S cancel, because the first order condition S0 = B^-1 makes the ELBO flat in S
        W2, W3, W4 = (self.mode.derivative(k) for k in (2, 3, 4))
        mean, spread = self.stationary
        m1 = np.array([_second(entry) for entry in mean], dtype=object)
        S0 = np.vectorize(_first, otypes=[object])(spread)
        V1, V2 = self.mode.prior_derivative(1), self.mode.prior_derivative(2)
        twice = m1.dot(W2).dot(m1)
        if V1 is not None:
            twice = twice + 2 * V1.dot(m1)
        if V2 is not None:
            twice = twice + np.trace(V2.dot(S0))
        cubic = np.einsum("abc,a,bc->", W3, m1, S0)
        quartic = np.einsum("abcd,ab,cd->", W4, S0, S0)
        return self.mode.tidy(self.gap[0] - (4 * (twice + _number(cubic)) + _number(quartic)) / 8)


def _first(entry: Series) -> Any:
    return entry.coefficients[0]


def _second(entry: Series) -> Any:
    return entry.coefficients[1]


def _number(array: Any) -> Any:
    return np.asarray(array, dtype=object)[()]


def _times_v(tensor: Any) -> Tensor:
    array = np.asarray(tensor, dtype=object)
    result = np.empty(array.shape, dtype=object)
    # a product with v shifts the coefficients; the last one is beyond what is carried
    for index in np.ndindex(array.shape):
        entry: Any = array[index]
        result[index] = Series((0, *entry.coefficients[:-1]))
    return result


def misfit_derivatives(decoder: Mapping[int, Tensor], residual: Tensor, metric: Tensor, order: int) -> Tensor:
    """Return D^k of W = r' P r / 2 with r = x - f, by Leibniz' rule.

    Parameters
    ----------
    decoder
        j to the derivatives D^j f, shape (D,) + (d,) * j, for j = 1, ..., k.
    residual
        r at the point, shape (D,).
    metric
        P, shape (D, D).
    order
        k >= 1.
    """
    d = decoder[1].shape[1]
    # r has the derivatives -D^j f. Leibniz' rule sums over all subsets of the k indices, the one half of r' P r taking
    # the subset and the other the rest; tensordot appends the indices as left + right, and the transpose brings each
    # back to its place. Shapes (D,) + (d,) * j; the result (d,) * k
    parts = {0: residual, **{j: -decoder[j] for j in range(1, order + 1)}}
    dual = {j: np.tensordot(metric, part, axes=([1], [0])) for j, part in parts.items()}
    result = np.zeros((d,) * order, dtype=object)
    for subset in product((False, True), repeat=order):
        if subset[-1]:
            continue  # the other half of the splits gives the same: P is symmetric
        left = [place for place in range(order) if subset[place]]
        right = [place for place in range(order) if not subset[place]]
        term = np.tensordot(parts[len(left)], dual[len(right)], axes=([0], [0]))
        result = result + np.transpose(term, np.argsort(left + right)) if order else term
    return result

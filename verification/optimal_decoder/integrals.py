"""Certified integrals over the latent line, d = 1: a small instance whose every expectation is a ball.

E_{q_i}[g] = int N(z; m_i, s_i) g(z) dz is computed by acb.integral on [-T, T]; outside, |g| <= bound and the Gaussian
tail Phi(-(T - |m_i|) / sqrt(s_i)) <= exp(-(T - |m_i|)^2 / (2 s_i)) / 2 per side bounds the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import acb, arb

import elboproof as ep

BITS = 120
GOAL = 1e-30
"""Of each integral, absolute or relative: where the integrator stops, at any precision. Its balls hold in any case."""
CUTOFF = 16
"""T. With |m| <= 2 and s <= 1 the tail is below exp(-98) = 3e-43."""


@dataclass(frozen=True)
class Instance:
    """Three points with unequal variances: data in R^2, codes on the line; all numbers are dyadic, so exact."""

    codes: tuple[float, ...] = (-1.25, 0.5, 1.75)
    data: tuple[tuple[float, float], ...] = ((-1.0, 0.5), (0.25, -0.75), (1.5, 1.0))
    variances: tuple[float, ...] = (0.25, 0.75, 0.5)
    likelihood: tuple[tuple[float, float], tuple[float, float]] = ((0.5, 0.125), (0.125, 0.25))

    @property
    def largest(self) -> float:
        """Max |x_ij|, hence of |f*_j|: an average of the data."""
        return max(abs(entry) for x in self.data for entry in x)

    def loss_bound(self, largest: float) -> float:
        """Return a bound of (x - f)' R^-1 (x - f) for every x in the hull of the data and |f_j| <= largest.

        The largest eigenvalue is below the trace; the numbers are dyadic, and the product is rounded up by far.
        """
        (a, b), (_, c) = self.likelihood
        columns = zip(*self.data, strict=True)
        squares = sum((max(map(abs, column)) + largest) ** 2.0 for column in columns)
        return float(1.001 * (a + c) / (a * c - b * b) * squares)

    @cached_property
    def decoder(self) -> ep.OptimalDecoder:
        """The closed form under test."""
        return ep.OptimalDecoder(np.array(self.codes)[:, None], np.array(self.data), np.array(self.variances))

    def precision(self) -> list[list[arb]]:
        """R^-1 as balls."""
        (a, b), (_, c) = [[arb(entry) for entry in row] for row in self.likelihood]
        determinant = a * c - b * b
        return [[c / determinant, -b / determinant], [-b / determinant, a / determinant]]

    def quadratic(self, v: Sequence[acb]) -> acb:
        """Return v' R^-1 v."""
        P = self.precision()
        return P[0][0] * v[0] * v[0] + 2 * P[0][1] * v[0] * v[1] + P[1][1] * v[1] * v[1]

    def density(self, i: int, z: acb) -> acb:
        """Return N(z; m_i, s_i)."""
        s = arb(self.variances[i])
        shift = z - arb(self.codes[i])
        return (-shift * shift / (2 * s)).exp() / (2 * arb.pi() * s).sqrt()

    def expectation(self, i: int, g: Callable[[acb], acb], bound: float) -> arb:
        """Return E_{q_i}[g(z)] as a ball; ``bound`` bounds |g| on the real line outside [-T, T]."""
        goal = arb(GOAL)
        inner = acb.integral(
            lambda z, _: self.density(i, z) * g(z), -CUTOFF, CUTOFF, rel_tol=goal, abs_tol=goal
        ).real
        distance = CUTOFF - abs(arb(self.codes[i]))
        tail = (-distance * distance / (2 * arb(self.variances[i]))).exp() * arb(bound)
        return inner + tail * arb(0, 1)

    def mean(self, g: Callable[[int], Callable[[acb], acb]], bound: float) -> arb:
        """Return the average over the points i of E_{q_i}[g_i(z)]."""
        size = len(self.codes)
        return sum((self.expectation(i, g(i), bound) for i in range(size)), arb(0)) / size

    def residual(self, i: int, f: Sequence[acb]) -> list[acb]:
        """Return x_i - f."""
        return [arb(x) - value for x, value in zip(self.data[i], f, strict=True)]

"""Expectations of polynomials in x under any law with second moments, for symbols."""

from dataclasses import dataclass
from functools import cached_property

import sympy
from sympy import Expr, ImmutableMatrix, Matrix, Symbol

from .._shared.symbols import free_vector, triangular


@dataclass(frozen=True)
class SymbolicLaw:
    """A law of x in R^D known by its first two moments only, and a metric P = L L' with positive diagonal of L.

    Whatever follows for it holds for every law with these moments: discrete, continuous, of one point or of millions.
    """

    dimension: int

    @cached_property
    def x(self) -> ImmutableMatrix:
        """The random vector, symbols (D,)."""
        return free_vector("x", self.dimension)

    @cached_property
    def mean(self) -> ImmutableMatrix:
        """E[x]."""
        return free_vector("mu", self.dimension)

    @cached_property
    def factor(self) -> ImmutableMatrix:
        """L, lower triangular with positive diagonal."""
        return triangular("l", self.dimension)

    @property
    def metric(self) -> ImmutableMatrix:
        """P = L L', any positive definite matrix."""
        return self.factor * self.factor.T

    def second_moment(self, j: int, k: int) -> Symbol:
        """E[x_j x_k]."""
        return Symbol(f"m{min(j, k)}{max(j, k)}", real=True)

    def covariance(self) -> ImmutableMatrix:
        """Cov(x) = E[x x'] - E[x] E[x]'."""
        size = self.dimension
        return ImmutableMatrix(
            size, size, lambda j, k: self.second_moment(j, k) - self.mean[j] * self.mean[k]
        )

    def expectation(self, expression: Expr) -> Expr:
        """Return E of a polynomial of degree at most 2 in x, by linearity."""
        polynomial = sympy.Poly(sympy.expand(expression), *self.x)
        return sympy.Add(*(coefficient * self._moment(powers) for powers, coefficient in polynomial.terms()))

    def _moment(self, powers: tuple[int, ...]) -> Expr:
        factors = [j for j, power in enumerate(powers) for _ in range(power)]
        if len(factors) > 2:
            raise ValueError(
                f"expression: got degree {len(factors)} in x; expected at most 2, the known moments"
            )
        if len(factors) == 2:
            return self.second_moment(*factors)
        return self.mean[factors[0]] if factors else sympy.Integer(1)

    def loss(self, f: Matrix) -> Expr:
        """Return E[(x - f)' P (x - f)]."""
        residual = self.x - f
        return self.expectation((residual.T * self.metric * residual)[0])

    def log_density(self, x: Matrix, f: Matrix) -> Expr:
        """Return log N(x; f, P^-1)."""
        constant = sympy.log(self.metric.det()) / 2 - self.dimension * sympy.log(2 * sympy.pi) / 2
        residual = x - f
        return constant - (residual.T * self.metric * residual)[0] / 2

    def log_likelihood(self, f: Matrix) -> Expr:
        """Return E[log N(x; f, P^-1)]."""
        return self.expectation(self.log_density(self.x, f))

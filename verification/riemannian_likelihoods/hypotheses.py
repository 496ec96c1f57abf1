"""The side conditions of the claim, as predicates."""

from typing import Any

import sympy
from sympy import Expr, ImmutableMatrix, Symbol, cos, exp

from elboproof.checking import Hypothesis
from elboproof.numbers.functions import Softplus

from .._shared.predicates import positive

X, T = Symbol("x", real=True), Symbol("t", real=True)
KINKS = (sympy.Abs, sympy.sign, sympy.Max, sympy.Min, sympy.Heaviside, sympy.DiracDelta)


def _affine_in_data(density: Expr, *data: Symbol) -> bool:
    """Whether log p(x|t) = T(x) linear in x plus what is free of x: an exponential family of statistic x."""
    return bool(data) and all(sympy.expand(density.diff(a)).free_symbols.isdisjoint(data) for a in data)


def _smooth(density: Expr, t: Symbol) -> bool:
    """Whether no function with a kink takes the parameter."""
    return not any(part.has(t) for part in density.atoms(*KINKS))


def _definite(matrix: Any) -> bool:
    """Whether a metric is surely nonsingular: positive numbers on a diagonal, or a determinant that is not zero."""
    if isinstance(matrix, sympy.MatrixBase):
        return bool(sympy.simplify(matrix.det()).is_nonzero)
    return positive(matrix)


def _on_the_image(density: Expr, parameter: Symbol, at: Expr) -> bool:
    """Whether the score vanishes exactly at a parameter: x is the mean statistic there."""
    score = density.diff(parameter).rewrite(exp).subs(parameter, at)
    return bool(sympy.simplify(score) == 0)


def _increasing(rate: Expr, z: Symbol) -> bool:
    """Whether a rate is positive on the whole line and rises: one preimage for each positive value in its range."""
    relative = sympy.simplify(rate.diff(z) / rate)
    if relative.is_polynomial(z):  # whose real roots are counted exactly
        steep = sympy.Poly(relative, z).count_roots() == 0 and relative.subs(z, 0) > 0
    else:
        steep = relative.is_positive
    return bool(rate.is_positive) and bool(steep)


positive_parameters = Hypothesis(
    "positive parameters",
    "scales, shapes, degrees of freedom, concentrations, rates and variances are positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 3), (Symbol("s", positive=True),)],
    rejects=[(0.0,), (1.0, -1.0), (Symbol("s", real=True),), ()],
)
exponential_family = Hypothesis(
    "an exponential family",
    "log p(x|t) is affine in the data x, or in the statistic that stands for it, up to the base measure",
    _affine_in_data,
    accepts=[(X * T - Softplus(T), X), (T - X * exp(T), X)],
    rejects=[(2 * cos(X - T), X), (-((X - T) ** 4), X), (T,)],
)
smooth_density = Hypothesis(
    "a smooth density",
    "log p(x|t) is smooth in t",
    _smooth,
    accepts=[(X * T - exp(T), T), (-sympy.log(1 + (X - T) ** 2), T), (abs(X) * T, T)],
    rejects=[(-abs(X - T), T), (sympy.Max(T, 0) * X, T)],
)
regular_metric = Hypothesis(
    "a regular metric",
    "the Fisher metric, pulled back to the coordinates in use, is not singular: the likelihood induces a Riemannian "
    "metric there",
    _definite,
    accepts=[(ImmutableMatrix([[2, 1], [1, 2]]),), (Symbol("g", positive=True),), (0.5,)],
    rejects=[(ImmutableMatrix([[1, -1], [-1, 1]]),), (Symbol("g", real=True),), (0.0,)],
)
data_at_the_mean = Hypothesis(
    "data at the mean",
    "the mean statistic of the data is that of the parameter at z0: the likelihood's mode is z0",
    _on_the_image,
    accepts=[(2 * T - exp(T), T, sympy.log(2)), (T / 3 - Softplus(T), T, -sympy.log(2))],
    rejects=[(2 * T - exp(T), T, sympy.Integer(1)), (T / 3 - Softplus(T), T, sympy.log(2))],
)
one_preimage = Hypothesis(
    "one preimage",
    "the rate is positive on the whole line and rises: no second latent has the rate of the data",
    _increasing,
    accepts=[(exp(T), T), (exp(T + T**3), T), (Softplus(20 * (1 + T / 2)) ** 2 / 400, T)],
    rejects=[((1 + T / 2) ** 2, T), (1 + T, T), (exp(T**3 - T), T), (2 + sympy.sin(T), T)],
)
sums_to_one = Hypothesis(
    "all data counted",
    "the listed x are all that the likelihood gives a positive probability",
    lambda total: bool(abs(total - 1) < 1e-12),
    accepts=[(1.0,)],
    rejects=[(0.999,)],
)

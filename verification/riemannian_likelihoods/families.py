"""S1: the table of families: what is derived from the library's records, and what it should be.

Each row has the information and the metric as written in textbooks, in symbols for the parameters, and close false
neighbours of both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Rational, Symbol, besseli, cos, exp, sinh, sqrt

import elboproof as ep

from .hypotheses import T, X

COUNT, DISPERSION, SHAPE, DEGREES, SCALE, CONCENTRATION, SIZE, VARIANCE = sympy.symbols(
    "n r k nu s kappa b R", positive=True
)
RATE = exp(T)
CHANCE = 1 / (1 + exp(-T))
OFF = X - T
FIVE_HALVES = Rational(5, 2)


@dataclass(frozen=True)
class Row:
    """One family in the parameter that the decoder gives.

    Attributes
    ----------
    likelihood
        The library's family with numbers for its parameters.
    numbers
        Those parameters: the symbols of the table and their values.
    observed, metric
        -d^2 log p/dt^2 and its mean, in the table's symbols.
    false_observed, false_metric
        Close mistakes.
    canonical
        Whether the information is free of x.
    unit_speed
        u(t) with u'^2 = G, None where no elementary one is stated.
    """

    likelihood: Any
    numbers: Mapping[Symbol, Expr]
    observed: Expr
    metric: Expr
    false_observed: Expr
    false_metric: Expr
    canonical: bool
    unit_speed: Expr | None = None

    @property
    def kernel(self) -> Callable[..., Expr] | None:
        """Return the library's record, a function of t, x and the parameters, where the family has one."""
        return getattr(type(self.likelihood), "kernel", None)

    @property
    def symbolic(self) -> Expr:
        """Return log p(x|t) with the table's symbols for the parameters, up to what is free of t."""
        if self.kernel is None:
            return self.given
        return self.kernel(T, X, *self.numbers)

    @property
    def given(self) -> Expr:
        """Return log p(x|t) with the numbers, up to what is free of t."""
        return self.likelihood.log_density([T], [X])

    def at_numbers(self, expression: Expr) -> Expr:
        """Return an expression of the table at the numbers."""
        return sympy.sympify(expression).subs(self.numbers)


def _logistic() -> ep.Density:
    return ep.Density("(f1 - x1)/2 - 2*softplus((f1 - x1)/2) - log(2)")


CURVED = 1 / T**2 - 1 / (4 * sinh(T / 2) ** 2)
AT_MODE = (DEGREES + 1) / (DEGREES * SCALE**2)
HEAVY = DEGREES * SCALE**2 + OFF**2
COUNTS = DISPERSION / (RATE + DISPERSION)

ROWS: dict[str, Row] = {
    "Gaussian mean": Row(
        ep.Gaussian(variance="1/3"), {VARIANCE: Rational(1, 3)},
        1 / VARIANCE, 1 / VARIANCE, 1 / VARIANCE**2, VARIANCE, True, T / sqrt(VARIANCE),
    ),
    "Bernoulli logit": Row(
        ep.Bernoulli(), {},
        CHANCE * (1 - CHANCE), CHANCE * (1 - CHANCE), CHANCE, CHANCE**2, True, 2 * sympy.asin(sqrt(CHANCE)),
    ),
    "binomial logit": Row(
        ep.Binomial(7), {COUNT: sympy.Integer(7)},
        COUNT * CHANCE * (1 - CHANCE), COUNT * CHANCE * (1 - CHANCE),
        COUNT**2 * CHANCE * (1 - CHANCE), CHANCE * (1 - CHANCE) / COUNT,
        True, 2 * sqrt(COUNT) * sympy.asin(sqrt(CHANCE)),
    ),
    "Poisson log rate": Row(
        ep.Poisson(), {}, RATE, RATE, X, 1 / RATE, True, 2 * sqrt(RATE),
    ),
    "exponential log rate": Row(
        ep.Exponential(), {}, X * RATE, sympy.Integer(1), X / RATE, RATE, False, T,
    ),
    "gamma log rate": Row(
        ep.Gamma("5/2"), {SHAPE: FIVE_HALVES}, X * RATE, SHAPE, X / RATE, SHAPE - 1, False, sqrt(SHAPE) * T,
    ),
    "negative binomial log mean": Row(
        ep.NegativeBinomial(3), {DISPERSION: sympy.Integer(3)},
        (X + DISPERSION) * RATE * COUNTS / (RATE + DISPERSION), RATE * COUNTS,
        RATE * COUNTS, RATE, False, 2 * sqrt(DISPERSION) * sympy.asinh(sqrt(RATE / DISPERSION)),
    ),
    "continuous Bernoulli logit": Row(
        ep.ContinuousBernoulli(), {}, CURVED, CURVED, 1 / T**2 - 1 / sinh(T) ** 2, CHANCE * (1 - CHANCE), True,
    ),
    "von Mises direction": Row(
        ep.VonMises(5), {CONCENTRATION: sympy.Integer(5)},
        CONCENTRATION * cos(OFF), CONCENTRATION * besseli(1, CONCENTRATION) / besseli(0, CONCENTRATION),
        CONCENTRATION, CONCENTRATION, False,
    ),
    "Student location": Row(
        ep.StudentT(3, 2), {DEGREES: sympy.Integer(3), SCALE: sympy.Integer(2)},
        (DEGREES + 1) * (DEGREES * SCALE**2 - OFF**2) / HEAVY**2, (DEGREES + 1) / ((DEGREES + 3) * SCALE**2),
        (DEGREES + 1) / HEAVY, AT_MODE, False, sqrt((DEGREES + 1) / (DEGREES + 3)) * T / SCALE,
    ),
    "logistic location": Row(
        _logistic(), {SCALE: sympy.Integer(2)},
        sympy.sech(OFF / (2 * SCALE)) ** 2 / (2 * SCALE**2), 1 / (3 * SCALE**2),
        1 / (3 * SCALE**2), 1 / (2 * SCALE**2), False, T / (sqrt(3) * SCALE),
    ),
}  # fmt: skip
"""All with one smooth parameter. The false metrics of the location families are the information at the mode, and that
of the exponential family is the information at x = 1."""

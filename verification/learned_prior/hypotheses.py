"""The side conditions of the claim, as predicates."""

from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Symbol

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite, positive


def _all_positive(*given: Any) -> bool:
    return bool(given) and all(positive(one) for one in given)


def _law(*weights: Any) -> bool:
    """Whether positive numbers add up to 1, exactly; symbols by algebra."""
    return _all_positive(*weights) and bool(sympy.simplify(sum(map(sympy.sympify, weights)) - 1) == 0)


positive_variance = Hypothesis(
    "positive likelihood variance",
    "sigma^2 > 0",
    _all_positive,
    accepts=[(0.5, 1e-6), (Fraction(13, 50),), (Symbol("t", positive=True),), (arb(1) / 3,)],
    rejects=[(0.0,), (-1.0,), (Symbol("t", real=True),), (arb(0, 1),), ()],
)
positive_density = Hypothesis(
    "a prior that is positive where the codes are",
    "p(z) > 0, so that KL(q(z) || p) is finite",
    _all_positive,
    accepts=[(0.5, 1e-6), (Symbol("p", positive=True),), (np.float64(1e-300),)],
    rejects=[(0.0,), (0.5, -0.5), (Symbol("p", real=True),), ()],
)
invertible = Hypothesis(
    "an invertible flow",
    "h' > 0 (or |det dh/dz| > 0) everywhere",
    _all_positive,
    accepts=[(0.5,), (Symbol("h", positive=True),), (sympy.exp(Symbol("a", real=True)),)],
    rejects=[(0.0,), (Symbol("h", real=True),), (-1.0,), ()],
)
a_law = Hypothesis(
    "a law",
    "positive weights that add up to 1",
    _law,
    accepts=[(Fraction(1, 3), Fraction(2, 3)), (Fraction(1),)],
    rejects=[(Fraction(1, 3), Fraction(1, 3)), (Fraction(4, 3), Fraction(-1, 3)), ()],
)
definite_covariance = Hypothesis(
    "a definite covariance",
    "C and V are positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)

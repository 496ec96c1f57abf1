"""The side conditions of the claim, as predicates."""

from fractions import Fraction

import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import positive

positive_variances = Hypothesis(
    "positive data variances",
    "every data variance that counts is positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 1.0), (sympy.Symbol("v", positive=True),), (arb(1) / 3,)],
    rejects=[(0.0,), (0.5, -1.0), (sympy.Symbol("v", real=True),), (arb(0, 1),), ()],
)
positive_bits = Hypothesis(
    "a positive number of bits",
    "b > 0, so that lambda = 1/(4^b - 1) is positive and finite",
    positive,
    accepts=[(0.5,), (Fraction(1, 100),), (4,), (sympy.Symbol("b", positive=True),)],
    rejects=[(0,), (-1.0,), (sympy.Symbol("b", real=True),)],
)

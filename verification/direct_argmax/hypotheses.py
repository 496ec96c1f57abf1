"""The side conditions of the claim, as predicates."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import positive


def _rises(values: Sequence[Any]) -> bool:
    return len(values) >= 2 and all(positive(b - a) for a, b in pairwise(values))


positive_step = Hypothesis(
    "a positive step",
    "eps > 0",
    positive,
    accepts=[(0.1,), (Fraction(1, 3),), (sympy.Symbol("eps", positive=True),)],
    rejects=[(0,), (-0.5,), (sympy.Symbol("eps", real=True),)],
)
positive_weights = Hypothesis(
    "positive weights",
    "every exp(a_k) is positive, and there are at least two",
    lambda weights: len(weights) >= 2 and all(positive(w) for w in weights),
    accepts=[([0.5, 1.0],), (sympy.symbols("w:3", positive=True),), ([arb(1) / 3, arb(2)],)],
    rejects=[([1.0],), ([0.5, 0.0],), (sympy.symbols("w:2", real=True),), ([arb(0, 1), arb(1)],)],
)
rising_values = Hypothesis(
    "values that differ",
    "the categories are numbered by their values, which rise strictly; equal ones are one category",
    _rises,
    accepts=[([-1, 0, Fraction(1, 2)],), ([arb(1), arb(2)],)],
    rejects=[([1],), ([0, 0, 1],), ([1, 0],), ([arb(0, 1), arb(0, 1)],)],
)

"""The side conditions of the claim, as predicates."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy
from flint import arb

from elboproof.checking import Hypothesis

from .._shared.predicates import positive


def _laws(*rows: Sequence[Any]) -> bool:
    """Whether each row holds positive numbers whose sum is 1, exactly, or within rounding for doubles."""
    return bool(rows) and all(len(row) > 0 and all(map(positive, row)) and _is_one(sum(row)) for row in rows)


def _is_one(total: Any) -> bool:
    if isinstance(total, sympy.Expr):
        return bool(sympy.cancel(sympy.together(total - 1)) == 0)
    return abs(float(total) - 1) <= ROUNDING


_W = sympy.Symbol("w", positive=True)
ROUNDING = 1e-12
"""Of a sum of a few doubles that are probabilities."""

positive_noise = Hypothesis(
    "positive noise variances",
    "the variances of the state's and of the observation's noise are positive",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 0.4), (Fraction(1, 2),), (sympy.Symbol("Q", positive=True),), (arb(1) / 3,)],
    rejects=[(0.0, 0.4), (-1.0,), (sympy.Symbol("Q", real=True),), (arb(0, 1),), ()],
)
stable = Hypothesis(
    "stable dynamics",
    "0 < A^2 < 1, so that the state has a stationary law and remembers",
    lambda a: bool(a * a > 0) and bool(a * a < 1),
    accepts=[(Fraction(9, 10),), (-0.5,), (arb(1) / 2,)],
    rejects=[(Fraction(1),), (0.0,), (-1.5,), (arb(1, "0.1"),)],
)
positive_laws = Hypothesis(
    "positive laws",
    "every law over finitely many states gives each a positive probability, and they sum to 1",
    _laws,
    accepts=[
        ([0.25, 0.75],),
        ([Fraction(1, 3)] * 3, [Fraction(1)]),
        ([_W / (1 + _W), 1 / (1 + _W)],),
    ],
    rejects=[([0.0, 1.0],), ([0.5, 0.6],), ([-1, 2],), (), ([],)],
)
positive_weights = Hypothesis(
    "positive weights",
    "every weight is positive, whether they sum to 1 or not; laws are among them",
    lambda *given: bool(given) and all(positive(one) for row in given for one in row),
    accepts=[([0.5, 3.0],), (sympy.symbols("p0:2", positive=True),), ([0.25, 0.75],)],
    rejects=[([0.0, 1.0],), (sympy.symbols("p0:2", real=True),), ()],
)

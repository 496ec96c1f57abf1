"""The side conditions of the claim, as predicates."""

from typing import Any

import sympy
from flint import arb
from sympy import Expr, Symbol, limit, oo

from elboproof.checking import Hypothesis

from .._shared.predicates import positive

Z = Symbol("z", real=True)


def _nonzero(*slopes: Any) -> bool:
    """Whether a speed |f'|^2, given by its square or by the slopes themselves, is surely not zero."""
    if len(slopes) == 1 and isinstance(slopes[0], Expr):
        return slopes[0].is_nonzero is True
    return any(not (one.contains(0) if isinstance(one, arb) else one == 0) for one in slopes)


def _bounded_growth(entry: Expr) -> bool:
    """Whether log(1 + f^2) / z^2 stays bounded on both sides: E_q f^2 is finite for narrow Gaussian q."""
    size = sympy.log(1 + entry**2) / Z**2
    return all(abs(limit(size, Z, side)) < oo for side in (oo, -oo))


regular_point = Hypothesis(
    "a regular point",
    "f' is not 0 at the preimage",
    _nonzero,
    accepts=[(Symbol("a", positive=True),), (arb(1), arb(0)), (1.0,), (0.0, 2.0)],
    rejects=[(Symbol("a", real=True),), (arb(0, 1),), (0.0, 0.0)],
)
bounded_growth = Hypothesis(
    "growth below exp(c z^2)",
    "|f(z)| <= C exp(c z^2), so that E_q |f|^2 is finite for narrow Gaussian q",
    _bounded_growth,
    accepts=[(Z**3,), (sympy.exp(Z),), (sympy.exp(Z**2),)],
    rejects=[(Z * sympy.exp(Z**4),), (sympy.exp(sympy.exp(Z)),)],
)
positive_variance = Hypothesis(
    "positive likelihood variance",
    "sigma^2 > 0",
    lambda *given: bool(given) and all(positive(one) for one in given),
    accepts=[(0.5, 1e-6), (Symbol("t", positive=True),)],
    rejects=[(0.0,), (-1.0,), (Symbol("t", real=True),), ()],
)

"""The paper's Gaussian experiment: z ~ N(0, I), x_i | z ~ N(z + Delta, diag(s)), N data: exact evidence, exact ELBOs.

Per coordinate the posterior has L = 1 + N/s and, at Delta = mean of the data, m = 0; S is the data's sum of squares
about their mean, and q0 = N(0, I).
"""

from collections.abc import Callable
from typing import Any

from flint import arb, arb_series, ctx

from .gaussian import untempered_trace

Number = Any
KINDS = ("evidence", "tempered", "not cooled", "VAE")


def log_evidence(s: Number, count: int, squares: Number, log: Callable[[Number], Number]) -> Number:
    """Return log p(data) of one coordinate at Delta = mean, without -N/2 log 2 pi."""
    return -((count - 1) * log(s) + log(s + count) + squares / s) / 2


def root(value: Number) -> Number:
    """Return the square root of a ball's series, or of a number."""
    return value.sqrt() if hasattr(value, "sqrt") else value**0.5


def gap(kind: str, s: Number, count: int, log: Callable[[Number], Number]) -> Number:
    """Return the least gap of a coordinate: with a temperature of its own, without cooling, and of q0 itself."""
    if kind == "evidence":
        return 0 * s
    precision = 1 + count / s
    trace = {
        "tempered": lambda: 2 * root(precision),
        "not cooled": lambda: untempered_trace(precision),
        "VAE": lambda: precision + 1,
    }[kind]()
    return (trace - 2 - log(precision)) / 2


def slope(kind: str, s: arb, count: int, squares: arb) -> arb:
    """Return the derivative in s of a coordinate's objective, as a ball."""
    cap, ctx.cap = ctx.cap, 3
    try:
        variable = arb_series([s, 1], 3)
        one = log_evidence(variable, count, squares, _log) - gap(kind, variable, count, _log)
        derivative: arb = one[1]
    finally:
        ctx.cap = cap
    return derivative


def _log(value: Any) -> Any:
    return value.log()


def best_variance(kind: str, count: int, squares: arb, radius: arb) -> arb:
    """Return a ball of this radius around a local maximum of the objective in s, or one of infinite radius.

    The derivative is shown to be positive at its lower end and negative at the upper one.
    """
    low, high = squares / count, 3 * squares / count
    low /= 2
    while (high - low).mid() > radius.mid():
        middle = arb(((low + high) / 2).mid())
        if slope(kind, middle, count, squares) > 0:
            low = middle
        else:
            high = middle
    low, high = arb(low.mid()) - radius, arb(high.mid()) + radius
    sure = slope(kind, low, count, squares) > 0 and slope(kind, high, count, squares) < 0
    return low.union(high) if sure else arb(0, "inf")

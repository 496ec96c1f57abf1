"""Certified means over the data: sums and integrals over x of the library's own densities."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flint import acb, arb
from sympy import Expr, Symbol

from elboproof.model.base_measures import BALLS
from elboproof.numbers.balls import COMPLEX_BALLS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.tape import Tape

from .._shared.balls import ball

COUNT_LIMIT = 300
"""Counts are summed one by one up to here."""
FAR = 160
"""Of the integrals over half-lines: e^-160 is 1e-70."""
GROWTH = 1000
"""C with |g(x)| <= C (1 + |x|)^4 for the functions that are averaged over unbounded x."""

Mean = Callable[[Callable[[acb], acb]], arb]
"""From a function of x to its mean."""


@lru_cache
def in_balls(expression: Expr, *symbols: Symbol) -> Callable[..., acb]:
    """Return an expression as a function of complex balls, and of the flag that asks it to be analytic."""
    tape = Tape(symbols)
    compiled = compile_tape(tape, [tape.lower(expression)], COMPLEX_BALLS)

    def function(*values: acb | arb, analytic: bool = False) -> acb:
        (value,) = compiled(*map(acb, values), analytic)
        return acb(value)

    return function


def weight(likelihood: Any, parameter: Symbol, data: Symbol, at: arb) -> Callable[[acb, bool], acb]:
    """Return the density of x at a parameter, base measure included.

    To be integrated only where that measure is free of x, as it is not asked to be analytic; sums take any.
    """
    density = in_balls(likelihood.log_density([parameter], [data]), parameter, data)

    def function(x: acb, analytic: bool) -> acb:
        base = likelihood.log_base([x], BALLS)
        return (density(at, x, analytic=analytic) + (acb(0) if base is None else base)).exp()

    return function


def sum_over_counts(density: Callable[[acb, bool], acb], most: int | None = None) -> Mean:
    """Return means over 0, 1, ..., most, or over all counts with a bound of what is left out.

    Beyond `COUNT_LIMIT` the terms p(x) (1 + x)^4 fall by half or more at each step, as those of a Poisson or negative
    binomial law do once they do: the first one left out, twice, bounds the rest.
    """
    last = COUNT_LIMIT if most is None else most
    weights = [density(acb(x), False).real for x in range(last + 1)]

    def mean(g: Callable[[acb], acb]) -> arb:
        total = sum((w * g(acb(x)).real for x, w in enumerate(weights)), arb(0))
        return total if most is not None else total + _rest(density, last) * arb(0, 1)

    return mean


def _rest(density: Callable[[acb, bool], acb], last: int) -> arb:
    first, second = (density(acb(x), False).real * arb(1 + x) ** 4 for x in (last + 1, last + 2))
    if not 2 * second < first:
        raise ArithmeticError(f"the terms do not fall by half after x = {last}")
    return 2 * GROWTH * first


def integral(density: Callable[[acb, bool], acb], low: arb, high: arb, tail: arb | int = 0) -> Mean:
    """Return means over an interval that holds all x, but for what ``tail`` bounds for 1 in place of (1 + |x|)^4."""

    def mean(g: Callable[[acb], acb]) -> arb:
        found = acb.integral(lambda x, analytic: density(x, analytic) * g(x), low, high)
        return found.real + GROWTH * tail * arb(0, 1)

    return mean


def exponential_tail(rate: str, last: int = FAR) -> arb:
    """Bound the integral of (1 + x)^4 rate e^(-rate x) beyond ``last``, for last >= 8/rate.

    There (1 + x)^4 e^(-rate x/2) falls, so that it may be taken at ``last``; the rest has the integral
    2 e^(-rate last/2).
    """
    r, end = ball(rate), arb(last)
    return 2 * (1 + end) ** 4 * (-r * end).exp()

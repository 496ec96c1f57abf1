"""Rounding and ranges of majorants: floats that bound, and the ends of sums and products."""

import math
from collections.abc import Callable, Mapping

from elboproof.numbers.functions import PRIMITIVES
from elboproof.numbers.outward import upward

ROUNDINGS = 6
"""In one step: those of two operations, and the 2 units that math.exp, sqrt and powers may err by."""
Range = tuple[float, float]
Term = tuple[float, float]
"""(n, a) of r^n exp(a r)."""
Terms = Mapping[Term, float]
"""c of every (n, a)."""


BOUNDED = {
    name: (0.0 if name == "sigmoid" else -known.size, known.size)
    for name, known in PRIMITIVES.items()
    if known.size is not None
}
"""Functions and their ranges."""
AT_MOST_LINEAR = {"relu": 0.0, "gelu": 0.0, "silu": 0.0, "softplus": 0.7}
"""c of |g(t)| <= c + |t|; log 2 < 0.7."""


class NoMajorantError(ArithmeticError):
    """The growth of a value could not be bounded; the text says why."""


def up(value: float) -> float:
    """Return a bound above a computed one; NaN (infinity times 0, say) bounds nothing."""
    return upward(value, ROUNDINGS, 1) if not math.isnan(value) else math.inf


def above_float(value: float) -> float:
    """Return the next float."""
    return math.nextafter(value, math.inf) if value > -math.inf else math.inf


def below_float(value: float) -> float:
    """Return the last float before."""
    return math.nextafter(value, -math.inf) if value < math.inf else -math.inf


def least_sum(a: float, b: float) -> float:
    """Return a bound below a sum."""
    # a sum with 0 is exact, so that squares stay nonnegative; so is one that is 0, as floats underflow gradually
    return a + b if 0.0 in (a, b, a + b) else below_float(a + b)


def rate_sum(a: float, b: float) -> float:
    """Return a bound above a sum of rates."""
    return a + b if 0.0 in (a, b) else up(a + b)


def product_range(s: Range, t: Range) -> Range:
    """Return the range of the product of two numbers of given ranges."""
    pairs = [(a, b) for a in s for b in t]
    return min(_times(a, b, below_float) for a, b in pairs), max(_times(a, b, above_float) for a, b in pairs)


def _times(a: float, b: float, outward: Callable[[float], float]) -> float:
    # an end that is zero is that number; infinity stands for no bound at all
    if 0.0 in (a, b):
        return 0.0  # exact; an infinite end is no number of the range
    return a * b if math.inf in (abs(a), abs(b)) else outward(a * b)


def greater(first: Terms, second: Terms) -> Terms:
    """Return terms above two sums, term by term."""
    return {key: max(first.get(key, 0.0), second.get(key, 0.0)) for key in {*first, *second}}


def sum_of(first: Terms, second: Terms) -> Terms:
    """Return the sum of two sums, rounded up."""
    terms = dict(first)
    for key, c in second.items():
        terms[key] = up(terms.get(key, 0.0) + c)
    return terms


def both(first: Terms | None, second: Terms | None) -> Terms | None:
    """Return the sum where both are known."""
    return None if first is None or second is None else sum_of(first, second)

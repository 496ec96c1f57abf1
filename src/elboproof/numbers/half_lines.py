"""Ranges of SymPy expressions over intervals that may be unbounded: what balls, which have a midpoint, cannot say.

Each function returns ends that enclose the expression's values at all finite points of the given intervals, closed at
infinity. Ends are upper or lower ends of balls at the current precision, so that every rounding goes outwards.
"""

from collections.abc import Callable, Mapping

import sympy
from flint import arb
from sympy import Expr, Symbol

from elboproof.numbers.exact import ball_of, exact
from elboproof.numbers.functions import Sigmoid, Softplus

Range = tuple[arb, arb]
"""Lower and upper end, exact or infinite."""
LINE: Range = (arb("-inf"), arb("inf"))


def value_range(expression: Expr, where: Mapping[Symbol, Range]) -> Range:
    """Return the range of an expression; the whole line where nothing better is known."""
    e = expression
    if e in where:
        return where[e]
    if e.is_Rational:
        return _point(ball_of(exact(e, "number")))
    if e is sympy.pi:
        return _point(arb.pi())
    parts = [value_range(part, where) for part in e.args]
    if not parts:
        return LINE
    if e.is_Add:
        return _folded(_sum, parts)
    if e.is_Mul:
        return _folded(_product, parts)
    if e.is_Pow and e.exp.is_Rational:
        return _power(parts[0], e.exp)
    return _function(e, parts)


def _folded(operation: Callable[[Range, Range], Range], parts: list[Range]) -> Range:
    total = parts[0]
    for part in parts[1:]:
        total = operation(total, part)
    return total


def _point(ball: arb) -> Range:
    return _ends(ball, ball)


def _ends(low: arb, high: arb) -> Range:
    """Return the outer ends of two balls; what is no number says nothing on its side."""
    lower, upper = low.lower(), high.upper()
    return (LINE[0] if lower.is_nan() else lower), (LINE[1] if upper.is_nan() else upper)


def _sum(a: Range, b: Range) -> Range:
    # inf - inf is no number, which `_ends` takes for unknown.
    return _ends(a[0] + b[0], a[1] + b[1])


def _product(a: Range, b: Range) -> Range:
    # Over closed intervals of the extended line with 0 inf = 0: members are finite, and a factor 0 makes 0.
    products = [arb(0) if p == 0 or q == 0 else p * q for p in a for q in b]
    return _least(products), _greatest(products)


def _least(values: list[arb]) -> arb:
    lowest = values[0].lower()
    for value in values[1:]:
        lowest = min(lowest, value.lower())
    return lowest


def _greatest(values: list[arb]) -> arb:
    highest = values[0].upper()
    for value in values[1:]:
        highest = max(highest, value.upper())
    return highest


def _inverse(a: Range) -> Range:
    """Return 1/a for a nonnegative or nonpositive a; of an end that is 0 it is infinite."""
    low, high = a
    if low >= 0:
        return (_quotient(high), LINE[1] if low == 0 else (1 / low).upper())
    if high <= 0:
        positive = _inverse((-high, -low))
        return -positive[1], -positive[0]
    return LINE


def _quotient(high: arb) -> arb:
    if high == 0:  # the interval [0, 0]: no member has an inverse
        return LINE[0]
    return arb(0) if high == LINE[1] else (1 / high).lower()


def _power(base: Range, exponent: sympy.Rational) -> Range:
    if exponent < 0:
        return _inverse(_power(base, -exponent))
    low, high = base
    if exponent.is_Integer and int(exponent) % 2 == 0 and low < 0:
        mirrored = (-high, -low) if high <= 0 else (arb(0), max(-low, high))
        return _power(mirrored, exponent)
    if low < 0 and not exponent.is_Integer:
        return LINE
    return _raised(low, exponent).lower(), _raised(high, exponent).upper()


def _raised(value: arb, exponent: sympy.Rational) -> arb:
    """Return a power that increases in its base; of an infinite one it is infinite."""
    if not value.is_finite() or value == 0:
        return value
    if exponent.is_Integer:
        return value ** int(exponent)
    return value ** ball_of(exact(exponent, "exponent"))


_INCREASING: dict[type, tuple[Callable[[arb], arb], arb, arb]] = {
    sympy.exp: (lambda v: v.exp(), arb(0), LINE[1]),
    sympy.sinh: (lambda v: v.sinh(), *LINE),
    sympy.tanh: (lambda v: v.tanh(), arb(-1), arb(1)),
    sympy.asinh: (lambda v: v.asinh(), *LINE),
    sympy.erf: (lambda v: v.erf(), arb(-1), arb(1)),
    Sigmoid: (lambda v: 1 / (1 + (-v).exp()), arb(0), arb(1)),
    Softplus: (lambda v: (1 + v.exp()).log(), arb(0), LINE[1]),
}
"""Increasing functions with their values at -inf and inf."""


_COSH: tuple[Callable[[arb], arb], arb, arb] = (lambda v: v.cosh(), LINE[1], LINE[1])
"""On nonnegative numbers."""


def _function(e: Expr, parts: list[Range]) -> Range:
    low, high = parts[0]
    if e.func is sympy.log and low >= 0:
        lower = LINE[0] if low == 0 else low.log().lower()
        return lower, LINE[1] if not high.is_finite() else _log_above(high)
    if e.func is sympy.sign:
        return _sign(low), _sign(high)
    if e.func is sympy.Abs:
        return _size(low, high)
    if e.func is sympy.cosh:
        return _monotone(_COSH, *_size(low, high))
    return _monotone(_INCREASING[e.func], low, high) if e.func in _INCREASING else LINE


def _log_above(high: arb) -> arb:
    return LINE[0] if high == 0 else high.log().upper()


def _sign(end: arb) -> arb:
    return arb(1) if end > 0 else arb(-1) if end < 0 else arb(0)


def _size(low: arb, high: arb) -> Range:
    if low >= 0:
        return low, high
    return (-high, -low) if high <= 0 else (arb(0), max(-low, high))


def _monotone(known: tuple[Callable[[arb], arb], arb, arb], low: arb, high: arb) -> Range:
    function, first, last = known
    lower = function(low) if low.is_finite() else (first if low < 0 else last)
    upper = function(high) if high.is_finite() else (last if high > 0 else first)
    return _ends(lower, upper)

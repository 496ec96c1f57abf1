"""Rational points that respect SymPy's assumptions, and certified nonzero values there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

_Seen = TypeVar("_Seen")

PRECISIONS = (64, 256, 1024)
"""Bits tried in turn: cancellation at a point costs bits, an identity stays around 0 at all of them."""

ENTIRE = (
    "exp",
    "log",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "sinh",
    "cosh",
    "tanh",
    "coth",
    "erf",
    "erfc",
    "gamma",
)
"""Functions whose principal values are the same in SymPy and in flint on the whole plane."""

REAL_LINE = ("atan", "asinh")
"""Functions used for real arguments only: off the real line the conventions on a cut could differ."""


def rational_points(symbols: Sequence[Any]) -> Iterator[dict[Any, Any]]:
    """Yield endless assignments of rational numbers that meet the symbols' assumptions.

    Nothing is yielded if an assumption excludes all rational numbers that are tried (an imaginary
    symbol, say).
    """
    import sympy as sp

    # Small numerators and denominators keep exact arithmetic cheap; whole numbers are tried too, for symbols
    # that must be.
    rng = np.random.default_rng(1)  # any fixed seed: a witness is certified wherever it was found
    while True:
        point = {}
        for symbol in symbols:
            tries = (sp.Rational(*map(int, _ratio(rng))) for _ in range(64))
            tries = (value for value in tries for value in (value, sp.Integer(value.p)))
            value = next((v for v in tries if _allowed(symbol, v)), None)
            if value is None:
                return
            point[symbol] = value
        yield point


def _ratio(rng: np.random.Generator) -> tuple[int, int]:
    numerator = int(rng.integers(-19, 20))
    return numerator, int(rng.integers(1, 12))


def _allowed(symbol: Any, value: Any) -> bool:
    """Return whether no assumption of the symbol is contradicted by the value."""
    return all(
        getattr(value, f"is_{name}", None) in (None, wanted) for name, wanted in symbol.assumptions0.items()
    )


def nonzero_at(expression: Any, points: Iterable[dict[Any, Any]]) -> str | None:
    """Return the description of a point where the expression is certified to be nonzero, or None.

    Points where the expression is undefined, or contains what cannot be enclosed, are passed over.
    """
    for point in points:
        text = _at(expression, point, _certified_nonzero)
        if text is not None:
            where = ", ".join(f"{symbol} = {number}" for symbol, number in point.items())
            return f"equals {text} at {where}" if where else f"equals {text}"
    return None


def finite_at(expression: Any, point: dict[Any, Any]) -> bool:
    """Return whether the expression has a finite enclosure at a point."""
    return bool(_at(expression, point, lambda value: enclosure(value).is_finite()))


def _at(expression: Any, point: dict[Any, Any], look: Callable[[Any], _Seen]) -> _Seen | None:
    """Return what is seen of the expression at a point, None where it is undefined or cannot be enclosed."""
    import sympy as sp

    try:
        return look(sp.sympify(expression).subs(point, simultaneous=True).doit())
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError):
        return None


def _certified_nonzero(value: Any) -> str | None:
    import sympy as sp

    from elboproof.numbers.precision import working_precision

    # More bits each time: only a ball without 0 certifies, and one that keeps 0 at all precisions says nothing.
    if isinstance(value, sp.Rational):
        return None if value == 0 else str(value)
    for bits in PRECISIONS:
        with working_precision(bits):
            ball = enclosure(value)
            if not ball.is_finite():
                return None
            if not ball.contains(0):
                return str(ball).strip()
    return None


def enclosure(value: Any) -> Any:
    """Return a complex ball (flint ``acb``) that contains the value of a constant SymPy expression.

    Raises
    ------
    ValueError
        If the expression contains a free symbol or a function without an enclosure here.
    """
    import sympy as sp
    from flint import acb, arb, fmpq

    if isinstance(value, sp.Rational):
        return acb(arb(fmpq(int(value.p), int(value.q))))
    if isinstance(value, sp.Float):
        ratio = Fraction(*map(int, sp.Rational(value).as_numer_denom()))
        return acb(arb(fmpq(ratio.numerator, ratio.denominator)))
    # A SymPy Float is the binary number that it is, so that its ball has no radius; a claim that means a
    # decimal writes a Rational.
    constants = {
        sp.pi: arb.pi,
        sp.E: arb.const_e,
        sp.EulerGamma: arb.const_euler,
        sp.Catalan: arb.const_catalan,
    }
    if value in constants:
        return acb(constants[value]())
    if value is sp.I:
        return acb(0, 1)
    return _compound(value)


def _compound(value: Any) -> Any:
    import sympy as sp
    from flint import acb

    # By induction over the tree: ball operations contain the exact result for all points of their arguments. Only
    # functions whose principal values agree in both libraries are taken; others raise, and the point is passed over.
    if isinstance(value, sp.Add):
        return sum((enclosure(arg) for arg in value.args), acb(0))
    if isinstance(value, sp.Mul):
        product = acb(1)
        for arg in value.args:
            product = product * enclosure(arg)
        return product
    if isinstance(value, sp.Pow):
        return _power(*value.args)
    if len(value.args) != 1 or type(value).__name__ not in (*ENTIRE, *REAL_LINE, "Abs"):
        raise ValueError(
            f"value: got {value}; expected functions of {', '.join((*ENTIRE, *REAL_LINE, 'Abs'))}"
        )
    return _function(type(value).__name__, enclosure(value.args[0]))


def _function(name: str, argument: Any) -> Any:
    from flint import acb

    # |z| lies between the least and the greatest modulus in the ball.
    if name == "Abs":
        return acb(argument.abs_lower().union(argument.abs_upper()))
    if name in REAL_LINE and not argument.imag.is_zero():
        raise ValueError(f"{name}: got {argument}; expected a real argument")
    return getattr(argument, name)()


def _power(base: Any, exponent: Any) -> Any:
    import sympy as sp

    # An integer power has no branch; the general one is the principal value in both libraries.
    if isinstance(exponent, sp.Integer):
        return enclosure(base) ** int(exponent)
    if base is sp.E:
        return enclosure(exponent).exp()
    return enclosure(base) ** enclosure(exponent)

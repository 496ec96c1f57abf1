"""Activations of networks: functions of one variable by their names, some of which carry a number.

``"tanh"`` is a function of the table that decoder strings use; ``"leaky_relu(0.01)"`` is one of a family, its number
the exact double that Python reads. Each has an expression, from which every number system takes values and derivatives,
and bounds on the real line.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import sympy
from sympy import Expr, Rational, Symbol

from elboproof.numbers.compiler import Compiled, Ring, compile_tape
from elboproof.numbers.functions import PRIMITIVES, WRITABLE, Expm1, Known
from elboproof.numbers.jet_tape import INVERSE
from elboproof.numbers.majorant_ranges import AT_MOST_LINEAR
from elboproof.numbers.tape import Tape

INVERSE_ROOT = "inverse root"
"""The name of t^(-1/2) among functions."""
_NAMED = re.compile(r"(\w+)\((.+)\)")
_ALWAYS: dict[str, Callable[[Expr], Expr]] = {
    INVERSE: lambda t: 1 / t,
    INVERSE_ROOT: lambda t: 1 / sympy.sqrt(t),
}


class Growth(NamedTuple):
    """|g(t)| <= offset + rate |t|, upper bounds."""

    offset: float
    rate: float


def _leaky(t: Expr, slope: Expr) -> Expr:
    """Return t for t > 0, slope t elsewhere."""
    return sympy.Max(0, t) - slope * sympy.Max(0, -t)


def _elu(t: Expr, alpha: Expr) -> Expr:
    """Return t for t > 0, alpha (e^t - 1) elsewhere."""
    return sympy.Max(0, t) + alpha * Expm1(sympy.Min(0, t))


def _gelu_tanh(t: Expr) -> Expr:
    """Return torch's gelu(approximate='tanh'), whose constants are sqrt(2/pi) and 0.044715."""
    inner = sympy.sqrt(2 / sympy.pi) * (t + Rational(44715, 10**6) * t**3)
    return t * (1 + sympy.tanh(inner)) / 2


_FAMILIES = {"leaky_relu": _leaky, "elu": _elu}
# |g'| of a leaky relu is 1 or |slope|, of an elu 1 or |alpha| e^t; both vanish at 0, so that |g(t)| <= max |g'| |t|
_GELU_TANH = Known("gelu_tanh", _gelu_tanh, slope=1.13, curve=0.8)  # 1.1290, and sqrt(2/pi) = 0.79789 at 0


@lru_cache(maxsize=1024)
def known(name: str) -> Known:
    """Return an activation's expression, and its bounds: `Known.slope` of |g'|, `Known.curve` of |g''|."""
    if name == "gelu_tanh":
        return _GELU_TANH
    if (found := _NAMED.fullmatch(name)) is None:
        return (PRIMITIVES | WRITABLE)[name]
    family, number = _FAMILIES[found[1]], float(found[2])
    exactly = Rational(*number.as_integer_ratio())
    return Known(name, lambda t: family(t, exactly), cut=True, slope=max(1.0, abs(number)))


def growth_of(name: str) -> Growth:
    """Return the growth of an activation that is not bounded."""
    if name == "gelu_tanh":  # t times a number between 0 and 1
        return Growth(0.0, 1.0)
    if name in AT_MOST_LINEAR:
        return Growth(AT_MOST_LINEAR[name], 1.0)
    return Growth(0.0, known(name).slope or 0.0)


def compiled_activation(name: str, order: int, ring: Ring) -> Compiled:
    """Return the function t -> Taylor coefficients g^(n)(t)/n!, n = 0, ..., order, of an activation g."""
    # Each derivative is the one before differentiated once more, on one tape; 1/n! is an exact constant of it.
    t = Symbol("t", real=True)
    tape = Tape([t])
    given = _ALWAYS[name](t) if name in _ALWAYS else known(name).symbolic(t)
    roots, entry, scale = [], tape.lower(given), Fraction(1)
    for n in range(order + 1):
        roots.append(tape.multiply(entry, tape.constant(scale)))
        if n < order:
            entry, scale = tape.derivative(entry, 0), scale / (n + 1)
    return compile_tape(tape, roots, ring)

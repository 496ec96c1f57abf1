"""The exact number system: SymPy numbers, nothing rounded."""

from collections.abc import Mapping
from typing import Any

from elboproof.numbers.compiler import INFIX, Ring
from elboproof.numbers.functions import PRIMITIVES

LARGEST = 1 << 23
"""Bits of a number that may still be squared, some 0.1 s; 2**(z**1000) at z = 2 would never end."""


def _bits(number: Any) -> int:
    return max(int(number.p).bit_length(), int(number.q).bit_length())


def _square(factor: Any) -> Any:
    # the bits of a square are twice those of its base: known before it is computed
    if factor.is_Rational and _bits(factor) > LARGEST:
        raise OverflowError(f"a number of at most {2 * LARGEST} bits")
    return factor**2


def _exp(exponent: Any) -> Any:
    """Return exp; SymPy makes exp(n log(a)) the power a**n, however large."""
    import sympy

    # exp(c log r + ...) = r^c exp(...): c times the bits of r is the size of the number that would
    # be written out
    for term in sympy.Add.make_args(exponent):
        coefficient, rest = term.as_coeff_Mul()
        power_of_rational = rest.func is sympy.log and rest.args[0].is_Rational
        if power_of_rational and abs(coefficient) * _bits(rest.args[0]) > LARGEST:
            raise OverflowError(f"a number of at most {2 * LARGEST} bits")
    return sympy.exp(exponent)


def _names() -> Mapping[str, Any]:
    import sympy

    return {name: known.symbolic for name, known in PRIMITIVES.items()} | {
        "Rational": sympy.Rational,
        "pi": sympy.pi,
        "exp": _exp,
        "squared": _square,
    }


EXACT = Ring(
    name="exact",
    templates=INFIX
    | {"square": "squared({0})", "pi": "pi"}
    | {name: f"{name}({{0}})" for name, known in PRIMITIVES.items() if known.arity == 1}
    | {name: f"{name}({{0}}, {{1}})" for name, known in PRIMITIVES.items() if known.arity == 2},
    namespace=_names,
    fixed="inline",
    constant="Rational({p}, {q})",
)
"""SymPy: arguments and values are SymPy expressions."""

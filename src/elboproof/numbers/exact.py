"""Exact numbers from what users write: nothing is rounded on the way in.

A string is the decimal or ratio it spells, a float is the binary double that it is.
"""

import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import is_tensor, unwrapped

if TYPE_CHECKING:
    import sympy
    from flint import arb, fmpq

Exact = int | float | str | Fraction | Decimal
"""What may stand for one exact real number; SymPy rationals and NumPy scalars are taken too."""

_SPELLED = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?\s*(/\s*\d+\s*)?", re.ASCII)
_LONGEST = 2000  # characters of one spelled number; int() alone refuses more than 4300 digits
_LARGEST_DECIMAL = 9999  # powers of ten of a Decimal, as in strings: Decimal("1E+999999999") is a gigabyte
_REQUIREMENT = (
    "an exact real number: an int, a finite float, a Fraction, or a string like '0.01', '1e-4' or '1/3'"
)


def exact(value: object, name: str) -> Fraction:
    """Return the rational number that ``value`` is.

    Raises
    ------
    TypeError
        If ``value`` is no number (booleans are not), or an array with axes.
    ValueError
        If it is infinite, NaN, masked, or a string that spells no number.
    """
    # float64 is a float, float32 a float of the same value; bool is refused before ints are taken
    if isinstance(value, np.ndarray) or is_tensor(value):
        value = unwrapped(value, name)  # one without axes becomes a number
    if isinstance(value, np.generic) and value.dtype.kind in "fiubU":  # the item of a time span is an integer
        value = value.item()
    if isinstance(value, str):
        return _spelled(value, name)
    if isinstance(value, bool):
        raise wrong_type(name, value, _REQUIREMENT)
    if isinstance(value, np.floating):  # a long double, which is the item of itself
        return _finite(value, name)
    if isinstance(value, int | Fraction):
        return Fraction(value)
    if isinstance(value, float | Decimal):
        return _finite(value, name)
    if getattr(value, "is_Rational", False):  # SymPy, without importing it
        return Fraction(int(value.p), int(value.q))  # type: ignore[attr-defined]
    raise wrong_type(name, value, _REQUIREMENT)


def rational(value: object, name: str) -> "sympy.Rational":
    """Return ``exact(value, name)`` as a SymPy rational."""
    import sympy

    number = exact(value, name)
    return sympy.Rational(number.numerator, number.denominator)


def flint_rational(number: Fraction) -> "fmpq":
    """Return the number as FLINT's rational."""
    from flint import fmpq

    return fmpq(number.numerator, number.denominator)


def ball_of(number: Fraction) -> "arb":
    """Return the number as a ball at the current precision."""
    from flint import arb, fmpq

    return arb(fmpq(number.numerator, number.denominator))


def bits_for(digits: float, spare: int) -> int:
    """Return a working precision in bits for that many decimal digits, with bits to spare for cancellation."""
    return int(3.33 * digits) + spare


def _spelled(text: str, name: str) -> Fraction:
    if len(text) > _LONGEST or not _SPELLED.fullmatch(text):
        raise bad(name, text, _REQUIREMENT)
    # Fraction reads decimals and exponents exactly; the pattern has bounded both lengths before
    over, _, under = text.partition("/")
    divisor = Fraction(under) if under else Fraction(1)
    if divisor == 0:
        raise bad(name, text, "a ratio whose denominator is not zero")
    return Fraction(over) / divisor


def _finite(value: "float | Decimal | np.floating[Any]", name: str) -> Fraction:
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > _LARGEST_DECIMAL:
        raise bad(name, value, f"a Decimal with an exponent of at most {_LARGEST_DECIMAL}")
    try:
        return Fraction(*value.as_integer_ratio())
    except (OverflowError, ValueError) as error:
        raise bad(name, value, "a finite number") from error


def nearest_double(number: "fmpq") -> float:
    """Return the double nearest to a rational of FLINT, infinite beyond all doubles."""
    try:
        return int(number.p) / int(number.q)  # Python rounds the quotient of integers correctly
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")

"""Outward rounding: every margin by which a float becomes a bound, by name and with its argument.

Let u = 2^-53. A nonnegative float made of nonnegative ones by + * / and sqrt, with at most k roundings on any path, is
the exact value times a factor in [(1 - u)^k, (1 + u)^k] (Higham, Accuracy and Stability, section 3.1). The factor
1 + (k + 2) 2^-52 covers these and the rounding of its own product, for k <= 2^40. An underflow errs by 2^-1075 at most.

Functions of the C library and of NumPy are trusted to a relative `LIBRARY` (row 7 of ``docs/trusted_base.md``).
"""

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from elboproof.arrays import FloatArray

if TYPE_CHECKING:
    from flint import arb

Bound = TypeVar("Bound", float, FloatArray)

LIBRARY = 1e-9
"""Relative error of exp, log and erfc of the C library that is allowed for; they are good to some 1e-16."""
OVERFLOW = 700.0
"""exp of more may overflow."""


def upward(bound: Bound, roundings: int, underflows: int = 0) -> Bound:
    """Return a float at least the exact value of a nonnegative expression that ``bound`` is the float of.

    Parameters
    ----------
    roundings
        Of the expression, at most, on any path from an operand to the result; a sum of n terms has n - 1.
    underflows
        Of the expression, at most. Where there may be none, zero stays zero.
    """
    # (1 - u)^k (1 + (k + 2) 2 u)(1 - u) > 1: the k roundings, and the one of this product
    return (bound + underflows * 2.0**-1074) * (1.0 + (roundings + 2) * 2.0**-52)


def downward(bound: Bound, roundings: int) -> Bound:
    """Return a float at most the exact value of such an expression; see `upward`."""
    return bound * (1.0 - (roundings + 2) * 2.0**-52)


def rounding(sizes: Bound, roundings: int) -> Bound:
    """Return a bound of the error of a float expression of + - *, ``sizes`` being that of the operands' sizes.

    Such an expression errs by at most ((1 + u)^k - 1) times the exact value for the operands' sizes.
    """
    return sizes * ((roundings + 2) * 2.0**-52)


def library_upward(bound: Bound) -> Bound:
    """Return an upper bound of a nonnegative number that needed functions of the C library."""
    return bound * (1.0 + LIBRARY)


def library_downward(bound: Bound) -> Bound:
    """Return a lower bound of a nonnegative number that needed functions of the C library."""
    return bound * (1.0 - LIBRARY)


def above(value: "arb") -> float:
    """Return a double at least every number in a ball; infinite where there is none."""
    upper = value.upper()
    return _moved(upper, math.inf) if upper.is_finite() else math.inf


def below(value: "arb") -> float:
    """Return a double at most every number in a ball."""
    return -above(-value)


def _moved(exact: "arb", towards: float) -> float:
    from flint import arb

    # float() rounds an exact ball to nearest, at most one float away from a bound; the comparison
    # of balls is exact
    number = float(exact)
    return number if arb(number) >= exact else float(np.nextafter(number, towards))


def exp_upward(exponent: FloatArray) -> FloatArray:
    """Return upper bounds of exp(t) for floats t: infinite where t is NaN, or so large that exp may overflow.

    By the balls' own exp, which trusts no library.
    """
    from elboproof.numbers.ball_arrays import BallArray

    # any shape; a comparison with NaN is false, so NaN counts as too large
    usable = exponent < OVERFLOW
    value = BallArray(np.where(usable, exponent, 0.0)).exp().upper()
    return np.where(usable, value, np.inf)

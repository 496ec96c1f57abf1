"""Arithmetic of interval ends, rounded outward: in doubles, or in fractions where doubles are too coarse.

Ends are a pair of arrays (lower, upper) of one shape, of float64 or of ``Fraction``. A sum, product or quotient of two
doubles is rounded to nearest, so that one float further out is a bound; fractions are exact, and rounded outward only
where they would grow beyond `LONGEST` bits. An infinite end says that nothing is known on that side: the numbers
themselves are finite, so that 0 times such an end is 0.
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import shown, wrong_type
from elboproof.arrays import plain_array

if TYPE_CHECKING:
    from flint import arb

Array = NDArray[Any]
Ends = tuple[Array, Array]
LONGEST = 4096
"""Bits of a numerator or denominator, at most: some 1,200 decimals."""
BITS = 2048
"""Significant bits of a fraction that was rounded."""
FINEST = 8 * LONGEST
"""Bits after the point of an end of a ball, at most."""
COARSE = 1.5
"""Doubles wider than the exact ends by this factor or more lose digits that were proved."""


def floats(value: object, name: str) -> NDArray[np.float64]:
    """Return doubles; what a conversion would round is refused, because it could break a proof."""
    given = plain_array(value, name)
    exact = given.dtype in (np.float64, np.float32) or (
        given.dtype.kind in "iu" and bool((given <= 2**53).all()) and bool((given >= -(2**53)).all())
    )
    if not exact:
        raise wrong_type(name, value, "floats, or integers of at most 2**53")
    return given.astype(np.float64)


def _around(value: Fraction) -> tuple[float, float]:
    """Return the two doubles next to an exact number, twice the same if it is a double."""
    # Python compares a float with a fraction exactly, also an infinite one
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    below = math.nextafter(near, -math.inf) if near > value else near
    return below, math.nextafter(near, math.inf) if near < value else near


def in_doubles(ends: Ends) -> Ends:
    """Return the narrowest doubles around ends of any kind."""
    if ends[0].dtype != object:
        return ends
    low, high = (np.array([_around(e)[k] for e in end.flat]).reshape(end.shape) for k, end in enumerate(ends))
    return low, high


def in_fractions(ends: Ends) -> Ends | None:
    """Return the ends as fractions, None if one of them is infinite."""
    if ends[0].dtype == object:
        return ends
    if not all(np.isfinite(end).all() for end in ends):
        return None
    return _fractions(ends[0]), _fractions(ends[1])


def _fractions(end: Array) -> Array:
    result = np.empty(end.shape, dtype=object)
    for place in np.ndindex(end.shape):
        result[place] = Fraction(float(end[place]))
    return result


def of_exact(value: object) -> Ends | None:
    """Return one finite number that is no double as a fraction, None if it is nothing of that kind."""
    if not isinstance(value, int | Fraction | Decimal) or isinstance(value, bool):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    exact = np.empty((), dtype=object)
    exact[()] = Fraction(value)
    return exact, exact


def of_number(value: object) -> Ends | None:
    """Return the ends of one number or of an array of doubles, None if it is nothing of that kind.

    Raises
    ------
    ValueError
        If it is infinite or NaN.
    """
    exact = of_exact(value)
    number = isinstance(value, np.number | float | Decimal)
    if exact is not None or not (number or isinstance(value, np.ndarray | list | tuple)):
        return exact
    numbers = floats(float(value) if isinstance(value, Decimal) else value, "other")
    if not np.isfinite(numbers).all():
        raise ValueError(f"other: got {shown(value)}; expected finite numbers")
    return numbers, numbers


def ball_ends(lower: "arb", upper: "arb") -> tuple[Fraction, Fraction] | None:
    """Return the exact ends of two finite balls, rounded outward to `FINEST`; None if nothing of use is known."""
    if not (lower.is_finite() and upper.is_finite()):
        return None
    parts = [part.man_exp() for ball in (lower, upper) for part in (ball.mid(), ball.rad())]
    if any(int(exponent) > LONGEST for _, exponent in parts):
        return None  # beyond the range of doubles
    below, less, above, more = ((int(mantissa), int(exponent)) for mantissa, exponent in parts)
    return _floor(*below) + _floor(-less[0], less[1]), -_floor(-above[0], above[1]) - _floor(
        -more[0], more[1]
    )


def _floor(mantissa: int, exponent: int) -> Fraction:
    """Return mantissa * 2^exponent, where it is finer than 2^-FINEST the multiple of that below it."""
    if exponent >= 0:
        return Fraction(mantissa << exponent)
    finer = max(-exponent - FINEST, 0)  # e^(-10^9) would have a denominator of a billion bits
    return Fraction(mantissa >> finer, 1 << -exponent - finer)


def worth_keeping(exact: tuple[Fraction, Fraction], double: tuple[float, float]) -> bool:
    """Return whether doubles lose digits of exact ends; not worth it for numbers beyond their range."""
    if not all(map(math.isfinite, double)):
        return False
    width = Fraction(double[1]) - Fraction(double[0])
    return width > 0 and width >= COARSE * (exact[1] - exact[0])


def outward(low: Array, high: Array) -> Ends:
    """Return what was computed to nearest in doubles, or exactly in fractions, rounded outward."""
    if low.dtype == object or high.dtype == object:
        return _shortened(low, math.floor), _shortened(high, math.ceil)
    # One operation of doubles errs by half a unit at most, or below 2^-1022 by half of 2^-1074: the next double is
    # beyond the exact result. An overflow is infinite, and its other end is the largest double.
    with np.errstate(over="ignore"):
        return np.nextafter(low, -np.inf), np.nextafter(high, np.inf)


def _shortened(end: Array, rounded: Callable[[Fraction], int]) -> Array:
    result = np.empty(end.shape, dtype=object)
    for n, value in enumerate(end.flat):
        result.flat[n] = _of_bits(value, rounded)
    return result


def _of_bits(value: Fraction, rounded: Callable[[Fraction], int]) -> Fraction:
    size = max(value.numerator.bit_length(), value.denominator.bit_length())
    if size <= LONGEST:
        return value
    # value * 2^shift has about BITS bits before the point; floor and ceil go outward
    shift = BITS - (value.numerator.bit_length() - value.denominator.bit_length())
    unit = Fraction(2**shift) if shift >= 0 else Fraction(1, 2**-shift)
    return Fraction(rounded(value * unit)) / unit


def alike(first: Ends, second: Ends) -> tuple[Ends, Ends]:
    """Return both in one kind: fractions where one of them has them and the other is finite, else doubles."""
    if object in (first[0].dtype, second[0].dtype):
        one, two = in_fractions(first), in_fractions(second)
        if one is not None and two is not None:
            return one, two
    return in_doubles(first), in_doubles(second)


def added(first: Ends, second: Ends) -> Ends:
    """Return [a, b] + [c, d] = [a + c, b + d]."""
    return outward(np.asarray(first[0] + second[0]), np.asarray(first[1] + second[1]))


def negated(ends: Ends) -> Ends:
    """Return -[a, b] = [-b, -a], exactly."""
    return np.asarray(-ends[1]), np.asarray(-ends[0])


def multiplied(first: Ends, second: Ends) -> Ends:
    """Return the least and the greatest product of ends: a product is monotone in each factor."""
    return _extremes([_finite_zero(a * b) for a in first for b in second])


def divided(first: Ends, second: Ends) -> Ends:
    """Return the least and the greatest quotient of ends, for a divisor without 0."""
    return _extremes([_finite_zero(a / b) for a in first for b in second])


def _finite_zero(products: Array) -> Array:
    # NaN is 0 times an infinite end, or a quotient of two. The ends stand for finite numbers as large as you like: the
    # products of 0 are 0, and quotients of two large numbers reach down to 0
    given = np.asarray(products)
    return given if given.dtype == object else np.where(np.isnan(given), 0.0, given)


def _extremes(candidates: list[Array]) -> Ends:
    low, high = candidates[0], candidates[0]
    for one in candidates[1:]:
        low, high = np.minimum(low, one), np.maximum(high, one)
    return outward(np.asarray(low), np.asarray(high))


def absolute(ends: Ends) -> Ends:
    """Return [max(0, a, -b), max(-a, b)], exactly."""
    low, high = ends
    inner = np.asarray(np.maximum(low, -high))
    zero = np.full(inner.shape, Fraction(0) if inner.dtype == object else 0.0, dtype=inner.dtype)
    return np.asarray(np.where(inner > 0, inner, zero)), np.asarray(np.maximum(-low, high))


def summed(ends: Ends, axis: int | None) -> Ends:
    """Return the sum over an axis, or over all entries."""
    if ends[0].dtype == object:
        low, high = (np.asarray(np.sum(end, axis=axis), dtype=object) for end in ends)
        return outward(low, high)
    low, high = (_nearest_sum(end, axis) for end in ends)
    return outward(low, high)


def _nearest_sum(end: Array, axis: int | None) -> Array:
    # `math.fsum` rounds once, however many terms there are
    if axis is None:
        return np.asarray(_fsum(end.ravel()))
    return np.asarray(np.apply_along_axis(_fsum, axis, end))


def _fsum(values: NDArray[np.float64]) -> float:
    try:
        return math.fsum(values)
    except (
        OverflowError
    ):  # on the way, or of the sum itself: the double below it, from which a step up is above
        return _around(sum(map(Fraction, values.tolist()), Fraction(0)))[0]


def ball_doubles(balls: "Sequence[arb]") -> list[tuple[float, float]]:
    """Return the narrowest doubles around balls of python-flint."""
    from elboproof.numbers.precision import DOUBLE_BITS, working_precision

    with working_precision(DOUBLE_BITS):  # whatever the caller's: the ends are rounded outwards to doubles
        return [_double_bounds(ball) for ball in balls]


def _double_bounds(ball: "arb") -> tuple[float, float]:
    if ball.is_nan():
        return -math.inf, math.inf
    # arb.lower and upper are exact balls at or outside of the ends, rounded at the precision in force
    # float() of an exact arb rounds to nearest, so the float is stepped outwards unless it is already outside
    exact_low, exact_high = ball.lower(), ball.upper()
    low, high = float(exact_low), float(exact_high)
    return _step(low, exact_low < low, -math.inf), _step(high, exact_high > high, math.inf)


def _step(value: float, needed: bool, towards: float) -> float:
    return math.nextafter(value, towards) if needed else value

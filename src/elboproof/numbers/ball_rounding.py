"""Rounding: the few facts about binary64 on which every ball of this package rests.

Trusted: ``+ - * / sqrt`` of NumPy float64 arrays are correctly rounded (IEEE-754, to nearest, gradual
underflow). Nothing else of NumPy or of the C library is trusted. With u = 2^-53:

* fl(a op b) = (a op b)(1 + d) + e with |d| <= u, |e| <= 2^-1075; e = 0 for + and -, and e != 0 only if the
  result is subnormal.
* RADIUS LEMMA. Let s be made of nonnegative numbers by + * / with at most 13 roundings on any path, in which
  an underflow is only multiplied by later factors at most 1.1, and at most 16 underflows occur. Then
  fl(fl(s * INFLATE) + TINY) is an upper bound of the exact value: (1 - u)^15 (1 + 2^-49) > 1 covers the
  relative errors, the two last roundings included (2^-49 = 16 u), and TINY = 32 * 2^-1075 the absolute ones.
* Rounding a midpoint: |fl(t) - t| <= u |fl(t)| + 2^-1075, of which ROUND |fl(t)| + TINY is an upper bound
  also after its own rounding.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray

UNIT = 2.0**-53
ROUND = 2.0**-52
INFLATE = 1.0 + 2.0**-49
"""1 + 16 u, of the radius lemma."""
RAISED = 1.0 + 2.0**-51
"""1 + 4 u: a nonnegative number with one rounding, times this, is above its exact value: (1 - u)^2 (1 + 4 u) > 1."""
LOWERED = 1.0 - 2.0**-51
"""1 - 4 u: the same from above, (1 + u)^2 (1 - 4 u) < 1."""
TINY = 2.0**-1070
NORMAL = 2.0**-1000
"""Above it halves, and products with factors near 1, are normal numbers."""
EVALUATED = 1.0 + 1e-9
"""For bounds that are computed in floats by at most a million operations: (1 - u)^1e6 (1 + 1e-9) > 1."""
Pair = tuple[FloatArray, FloatArray]
"""Midpoints and radii, of one shape."""

quiet = np.errstate(all="ignore")  # overflow and NaN are values here: they become infinite radii


def require_ieee() -> None:
    """Raise unless this process computes in IEEE-754 binary64, to nearest, with gradual underflow.

    Raises
    ------
    RuntimeError
        If subnormals are flushed to zero (a library compiled with fast-math did so), the rounding mode was
        changed, or arithmetic is done in extended precision: every radius would then be unproved.
    """
    one, small = np.ones(9), np.full(9, 2.0**-1022)
    half_ulp = np.full(9, UNIT)
    facts = {
        "gradual underflow (results)": bool(np.all(small * 0.5 == math.ldexp(1.0, -1023))),
        "gradual underflow (operands)": bool(np.all((small * 0.5) * 2.0 == small)),
        "ties to even, not upward": bool(np.all(one + half_ulp == one)),
        "to nearest, not downward": bool(np.all(one + 1.5 * half_ulp == 1.0 + ROUND)),
        "no excess precision": bool(np.all((one + 2.0**-52) * (one - 2.0**-52) == 1.0)),
        "symmetric rounding": bool(np.all(-one - half_ulp == -one)),
    }
    # Nine equal entries, so that the vector loop of NumPy and its scalar rest are both asked; each
    # fact fails in one of the modes that would break the lemmas above, and no fact can be folded by
    # a compiler: the arrays are run time data.
    broken = [name for name, holds in facts.items() if not holds]
    if broken:
        raise RuntimeError(f"arithmetic: lacks {', '.join(broken)}; ball arrays need IEEE-754 binary64")


def two_sum(a: FloatArray, b: FloatArray) -> Pair:
    """Return (s, e) with s = fl(a + b) and s + e = a + b exactly, unless s overflows (Knuth)."""
    # Elementwise on shapes that broadcast. Knuth's six operations need no |a| >= |b|: shadow is the
    # part of s that came from b, and both differences below are exact in binary64 to nearest
    # (Handbook of Floating-Point Arithmetic, 4.3).
    s = a + b
    shadow = s - a
    e = b - shadow
    shadow = s - shadow
    e += a - shadow
    return s, e


def canonical(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return the ball with every undefined or overflowed entry replaced by the whole line (0, inf), in place.

    Every operation adds ``ROUND * |mid|`` to its radius, so an infinite or NaN midpoint shows in the radius
    and one look at the radius is enough.
    """
    mid, rad = np.asarray(mid), np.asarray(rad)
    # any shape, mid and rad alike; max of an array with a NaN is NaN, which is not below infinity either
    if not rad.max(initial=0.0) < np.inf:
        lost = ~(rad < np.inf)
        mid[lost], rad[lost] = 0.0, np.inf
    return mid, rad


def lower_bound(mid: FloatArray, rad: FloatArray) -> FloatArray:
    """Return floats at most mid - rad.

    d = fl(mid - rad) errs by at most half a unit in its last place, and is exact if subnormal;
    fl(d - ROUND |d|) is at most the float before d (and d itself only if d is subnormal). With rad = 0 it
    is mid.
    """
    # Elementwise. |d| ROUND is exact unless subnormal, and at least the distance from d to the
    # float before it, so the difference rounds to that float or below. A radius of 0 leaves the
    # midpoint, which is then exact.
    d = mid - rad
    step = np.abs(d)
    step *= ROUND
    step *= rad > 0.0
    d -= step
    return d


def upper_bound(mid: FloatArray, rad: FloatArray) -> FloatArray:
    """Return floats at least mid + rad; the mirror image of `lower_bound`."""
    # as in `lower_bound`, with the successor of d
    d = mid + rad
    step = np.abs(d)
    step *= ROUND
    step *= rad > 0.0
    d += step
    return d


@quiet
def from_bounds(low: FloatArray, high: FloatArray) -> Pair:
    """Return the ball around [low, high]; bounds that are not numbers, or infinite, give the whole line.

    The radius is the larger exact distance, rounded: a difference of floats has relative error u and no
    underflow, so a factor 1 + 4 u suffices. If low >= 0 then mid = fl(low/2 + high/2) >= high/2, so a
    radius of mid also reaches high: a nonnegative interval stays nonnegative. (high/2 is inexact only if
    subnormal; there nothing is clamped.)
    """
    # Elementwise. Halves first, so that the sum of two large bounds does not overflow. Any midpoint
    # is sound: the radius is measured from the rounded one, by differences with one rounding each.
    mid = np.asarray(0.5 * low + 0.5 * high)
    rad = np.maximum(mid - low, high - mid)
    rad *= RAISED
    clamp = (rad > mid) & (low >= 0.0)
    if clamp.any():
        rad = np.where(clamp & (mid > NORMAL), mid, rad)
    return canonical(mid, rad)


def split_range(x: FloatArray, limit: float) -> NDArray[np.bool_] | None:
    """Return where |x| > limit or x is NaN, or None if nowhere; the common answer costs two reductions."""
    if x.max() <= limit and x.min() >= -limit:
        return None
    return ~(np.abs(x) <= limit)


def horner(x: FloatArray, coefficients: Sequence[float]) -> FloatArray:
    """Return the polynomial with these coefficients, highest degree first, at the points of a 1-D array."""
    # (n,) points, one pass for each coefficient and no temporary: the order of roundings that
    # `horner_error` bounds
    value = x * coefficients[0]
    value += coefficients[1]
    for c in coefficients[2:]:
        value *= x
        value += c
    return value


def horner_error(coefficients: Sequence[Fraction], reach: float) -> float:
    """Return a bound of |horner(x, float(c)) - exact polynomial(x)| over |x| <= reach.

    Running error analysis (Higham, Accuracy and Stability, section 5.1) with absolute coefficients: v
    bounds the value, e the error of a partial result; a product or sum adds half a unit in the last place
    of its bound, and a coefficient its exact rounding error. Evaluated in floats, so the result is enlarged.
    """
    # value bounds |partial result|, error its distance from the exact one; each step multiplies
    # both by |x| <= reach
    value = error = 0.0
    for c in coefficients:
        product = value * reach + error * reach
        error = error * reach + half_ulp(product)
        value = product + abs(float(c))
        error += half_ulp(value) + float(abs(Fraction(float(c)) - c))
    return error * EVALUATED


def half_ulp(bound: float) -> float:
    """Return the largest rounding error of a result of absolute value at most ``bound`` (slightly enlarged)."""
    # the bound itself is a rounded float, and ulp jumps at powers of two: enlarged, it cannot lie
    # on the wrong side
    return 0.5 * math.ulp(bound * EVALUATED) if bound > 0.0 else 0.0


require_ieee()

"""atan at float64 points with a proved error.

Kernel as in `ball_exp`; u = 2^-53. t = |x|, or fl(1/|x|) for |x| > 1; c = j/8 the nearest of 9 values, s =
(t - c)/(1 + t c); atan t = atan c + atan s with |s| <= 1/16, or pi/2 minus that. Tables hold the constants
as sums of two floats.

ERROR. t - c is exact (Sterbenz; c = 0 trivially), s has 3 u, s + s z P(z) (P errs 0.42 u, times z <= 1/256)
1.1 u more: 4.1 u |s| <= 0.26 u; fl(1/|x|) adds at most u/2 absolutely (t/(1+t^2) <= 1/2). Two sums: u/16
and u |y|. Least |y|: if j = 0, s = t: relative 1.1 u + u; if j >= 1 and |x| <= 1, |y| >= atan(1/16) =
0.0624: 0.33 u / 0.0624 + u = 6.2 u; if |x| > 1, |y| >= 0.78: 2.1 u. Truncation: z^7/15 < 0.01 u.
"""

from fractions import Fraction

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_rounding import TINY, UNIT, Pair, horner
from elboproof.numbers.ball_taylor import ATAN_SERIES

ATAN_REL = 7.0 * UNIT  # 6.2 u above
PI = Fraction(19720096697726538562396133364228268891463450865190089732560, 2**192)
"""pi rounded down to a multiple of 2^-192."""

_P = [float(c) for c in ATAN_SERIES]


def _atan_exact(c: Fraction) -> Fraction:
    """Return atan(c) within 1e-40 for 0 <= c <= 1.

    Euler's series: the sum of 4^n (n!)^2/(2n+1)! c^(2n+1)/(1+c^2)^(n+1), each term at most half the one
    before.
    """
    # each term is at most half of the one before, and cut to 2^-180: 140 terms leave less than
    # 2^-139 + 280 2^-180
    term = c / (1 + c * c)
    ratio = c * c / (1 + c * c)
    total = Fraction(0)
    for n in range(140):
        total += term
        term = Fraction(int(term * ratio * Fraction(2 * n + 2, 2 * n + 3) * 2**180), 2**180)
    return total


def _two_floats(value: Fraction) -> tuple[float, float]:
    high = float(value)
    return high, float(value - Fraction(high))


_BASES = [_atan_exact(Fraction(j, 8)) for j in range(9)]
_TABLE = np.array([_two_floats(b) for b in _BASES] + [_two_floats(PI / 2 - b) for b in _BASES]).T.copy()


def atan(x: FloatArray) -> Pair:
    """Return atan(x) and its error; +-pi/2 at +-inf."""
    # (n,). atan x = pi/2 - atan(1/x) for x > 1; the rows of _TABLE are the high and low floats of
    # atan(j/8), j = 0, ..., 8, then of pi/2 - atan(j/8), so that `index` picks the constant of
    # either case and only the sign of atan s differs. atan t = atan c + atan s with s = (t - c) /
    # (1 + t c): the addition theorem, |s| <= |t - c| <= 1/16. The low float is added before the
    # high one, so that one rounding is at the size of y. At +-inf, 1/x = 0 and the answer is pi/2.
    t = np.abs(x)
    inverted = t > 1.0
    np.divide(1.0, t, out=t, where=inverted)
    c = np.rint(t * 8.0)
    index = c.astype(np.intp)
    index += 9 * inverted
    c *= 0.125
    s = t - c
    t *= c
    t += 1.0
    s /= t
    z = s * s
    y = horner(z, _P)
    y *= z
    y *= s
    y += s
    np.negative(y, out=y, where=inverted)
    y += _TABLE[1].take(index)
    y += _TABLE[0].take(index)
    e = y * ATAN_REL
    e += TINY
    return np.copysign(y, x), e

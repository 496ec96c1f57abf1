"""sin, cos and tan at float64 points, each with a proved error.

Kernels as in `ball_exp`. u = 2^-53. One polynomial serves both: sin(q pi + r) = (-1)^q sin r,
cos((q + 1/2) pi + r) = -(-1)^q sin r, so x = n pi/2 + r with n even for the sine and odd for the cosine.

REDUCTION. pi/2 = P1 + P2 + P3 + d, P1 a multiple of 2^-32, P2 of 2^-65 with 32 bits, P3 rounded, |P3| <
2^-68, |d| < 2^-121. For |x| <= FAR, |n| <= 2^20, so n P1 and n P2 are exact, and `two_sum` keeps x - n P1 -
n P2 = s + e1 + e2 exactly. e1 + e2 - n P3 errs by at most 2^-105 (|e1|, |e2| <= u each) + 2^-105 + |n|
2^-120; with the d term below 2^-103 |n|, and exactly 0 for n = 0. r = hi + lo without error (`two_sum`),
|hi| <= pi/2 + 1e-9, |lo| <= u |hi| (half a unit in the last place).
POLYNOMIAL. sin r = hi + (hi z S(z) + lo (1 - z/2)), z = hi^2. At |hi| = pi/2, where the relative error is
largest: hi z = 3.88, |S| <= 0.167, |hi z S| <= 0.571; S errs by 0.25 u, z, hi z and the product by 3 u:
3.88 * 0.25 + 3 * 0.571 = 2.7 u; 1 - z/2 replaces cos hi: z^2/24 |lo| <= 0.26 u (lo <= u at hi < 2); inner
sum u/2; truncation |r|^23/23! <= 0.02 u; outer sum u |y|. Together 4.5 u; for smaller |hi| every term but
the last shrinks faster than sin(hi).
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_exp import MAGIC
from elboproof.numbers.ball_rounding import INFLATE, TINY, UNIT, Pair, horner, split_range, two_sum
from elboproof.numbers.ball_taylor import SIN_SERIES

INVERSE_PI = float.fromhex("0x1.45f306dc9c883p-2")
P1 = float.fromhex("0x1.921fb54400000p+0")
P2 = float.fromhex("0x1.0b4611a600000p-34")
P3 = float.fromhex("0x1.3198a2e037073p-69")
FAR = 1.6e6
QUOTIENT = 1e-9
"""Bound of the error of (x - peak) / period for |x| <= FAR: 4 u times 1e6."""
SIN_REL = 5.0 * UNIT  # 4.5 u above
REDUCTION = 2.0**-103  # absolute, per unit of |n|

_S = [float(c) for c in SIN_SERIES]


def _sin_after_reduction(x: FloatArray, n: FloatArray) -> FloatArray:
    """Return sin(x - n pi/2), within SIN_REL relatively plus REDUCTION |n|."""
    # (n,), the steps of REDUCTION and POLYNOMIAL above in their order. x and n P1 nearly cancel,
    # exactly; what the second and third part of pi/2 correct is kept in e, and hi + lo is the whole
    # of s + e.
    s, e = two_sum(x, n * -P1)
    s, e2 = two_sum(s, n * -P2)
    e += e2
    e -= n * P3
    hi, lo = two_sum(s, e)
    z = hi * hi
    y = horner(z, _S)
    y *= z
    y *= hi
    z *= -0.5
    z += 1.0
    lo *= z
    y += lo
    y += hi
    return y


def _kernel(x: FloatArray, phase: int) -> Pair:
    """Return sin x (phase 0) or cos x (phase 1) and its error."""
    # (n,). The integer q has the parity that decides the sign, in the lowest bit after MAGIC;
    # shifted by 63 it is the sign bit of a float, and the exclusive or flips it exactly. n = 2 q
    # (sine) or 2 q + 1 (cosine), at most 2^20. Its error: SIN_REL of the value, REDUCTION for each
    # unit of |n|. Beyond FAR the reduction is unproved: 0 +- 1 holds anyway.
    far = split_range(x, FAR)
    if far is not None:
        x = np.where(far, 0.0, x)
    q = x * INVERSE_PI
    if phase:
        q -= 0.5  # not MAGIC - 0.5: that is no float
    q += MAGIC
    parity = q.view(np.int64) << np.int64(63)
    q -= MAGIC
    q *= 2.0
    q += phase
    y = _sin_after_reduction(x, q)
    signed = y.view(np.int64)
    signed ^= parity
    if phase:
        np.negative(y, out=y)
    e = np.abs(y)
    e *= SIN_REL
    np.abs(q, out=q)
    q *= REDUCTION
    e += q
    e += TINY
    if far is not None:
        y[far], e[far] = 0.0, 1.0
    return y, e


def sin(x: FloatArray) -> Pair:
    """Return sin(x) and its error; 0 and 1 beyond FAR."""
    return _kernel(x, 0)


def cos(x: FloatArray) -> Pair:
    """Return cos(x) and its error; 0 and 1 beyond FAR."""
    return _kernel(x, 1)


def tan(x: FloatArray) -> Pair:
    """Return tan(x) and its error, infinite where the cosine is not known to be nonzero.

    |s'/c' - s/c| <= (e_s + |s/c| e_c) / (|c| - e_c), and the quotient rounds.
    """
    # elementwise; 6 roundings of nonnegative numbers on a path, c_error / (|c| - c_error) is
    # infinite at a possible pole. The exact |s/c| is |y| (1 + u) at most, which INFLATE covers with
    # the rest
    s, s_error = sin(x)
    c, c_error = cos(x)
    y = s / c
    e = np.abs(y)
    rounding = e * UNIT
    e *= c_error
    e += s_error
    e /= np.maximum(np.abs(c) - c_error, 0.0)
    e += rounding
    e *= INFLATE
    e += TINY
    return y, e


def contains_peak(low: FloatArray, high: FloatArray, peak: float, period: float) -> NDArray[np.bool_]:
    """Return where [low, high] may contain peak + j period for an integer j.

    For |low|, |high| <= FAR the two quotients err by less than QUOTIENT, the slack on either side.
    """
    # elementwise: the integer parts differ if and only if an integer lies in (below, above]; the
    # slack keeps one at an end
    below = (low - peak) / period
    above = (high - peak) / period
    below -= QUOTIENT
    above += QUOTIENT
    return np.asarray(np.floor(above) > np.floor(below))

"""exp and its relatives at float64 points, each with a proved error.

A kernel takes a 1-D array x (finite or +-inf, never NaN) and returns (y, e) with |y - f(x)| <= e
elementwise; where f overflows, e is inf or NaN. Errors are of the form REL * |y| + TINY; u = 2^-53.

REDUCTION. k = nearest integer to x / ln 2, ln 2 = H + L + d: H a multiple of 2^-42 with 42 bits, L rounded,
|d| <= 2^-98. For |x| <= 760, |k| < 2^11, so k H is exact; if k != 0 then |x| > 1/4, so x and k H are
multiples of 2^-54 and |x - k H| < 1/2: the difference is exact. k L adds at most 2^11 (2^-98 + 2^-53-44) <
2^-85, the last subtraction 2^-55 (|r| < 1/2). So |r - (x - k ln 2)| <= u/4 + 2^-85, and 0 if k = 0; |r| <=
REACH.
POLYNOMIAL. t = r + r (r Q(r)), Q of degree 11: the Taylor polynomial of e^r - 1 of degree 13. Truncation
<= |r|^14/14! e^max(r,0) <= 0.06 u e^r. Q errs by E_Q <= 0.7 u (`horner_error`), r Q and r (r Q) round, and so
does the sum (|t| < 1/2): altogether |t - (e^r - 1)| <= BUDGET below, and if k = 0 at most 2 u |t|.
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_rounding import TINY, UNIT, Pair, horner, split_range
from elboproof.numbers.ball_taylor import EXP_SERIES

LOG2E = float.fromhex("0x1.71547652b82fep+0")
LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
REACH = 0.34658
MAGIC = 1.5 * 2.0**52  # adding it rounds to an integer and leaves that integer in the low bits
ONE_BITS = np.int64(1023 << 52)
SHIFT = np.int64(52)
SAFE = 700.0  # below it 2^k and every product are normal

EXP_REL = 2.0 * UNIT  # t: 0.84 u e^r at most; 1 + t: u, or u/2 below 1; together <= 1.9 u (1.8 u for r < 0)
# k = 0: r Q and r (r Q) lose 1.0 u |r|^2, the sum u |t|: 2 u. k != 0: 2^k t + (2^k - 1), worst at k
# = 1, r = -REACH: 2 * 0.73 u / 0.414 + u = 4.6 u (k = 2: 2.9 u, k = -1: 2.5 u, |k| > 53, where 2^k
# - 1 rounds: 3.7 u).
EXPM1_REL = 5.0 * UNIT
# E = expm1(a): d (1 + 1/(1+E)^2)/(1 + 1/(1+E)) <= d = 5 u; 1 + E and the quotient, at most half of
# it: u; the sum: u.
SINH_REL = 8.0 * UNIT
COSH_REL = 4.0 * UNIT  # E = exp(a) has 2 u, 1/E 3 u, the sum u
# T = expm1(2a): d * 2/(T+2) <= 4.6 u * 2/2.414 = 3.9 u (2 u if k = 0), the sum and the quotient u
# each, clipping 0.1 u.
TANH_REL = 6.0 * UNIT
# E = exp(-|x|), d = 2 u: E/(1+E) has d/(1+E) + 2 u <= 4 u; 1/(1+E) has d E/(1+E) + 2 u <= 3 u.
SIGMOID_REL = 4.2 * UNIT

_Q = [float(c) for c in EXP_SERIES]


def _reduced(x: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return t = e^r - 1 and k, shifted to the place of a binary64 exponent."""
    # (n,) to (n,) twice. Adding MAGIC rounds x LOG2E to an integer, which stands in the low bits of
    # the sum: shifted by 52 they are the exponent of 2^k, without a conversion. k may be off by one
    # where x / ln 2 is near a half: REACH allows for it. The steps for r are those of REDUCTION
    # above, in this order; those for t are POLYNOMIAL.
    k = x * LOG2E
    k += MAGIC
    bits = k.view(np.int64) << SHIFT
    k -= MAGIC
    r = k * -LN2_HIGH
    r += x
    k *= LN2_LOW
    r -= k
    t = horner(r, _Q)
    t *= r
    t *= r
    t += r
    return t, bits


@np.errstate(all="ignore")
def _exp_scaled(x: FloatArray) -> FloatArray:
    """Return exp where 2^k may leave the normal range: of the two factors 2^(k/2) only the second can round.

    Clipping moves x only where exp(x) < 2^-1080 or exp(x) overflows.
    """
    # 2^(k/2) twice: for |k| < 1100 each is normal, the first product is exact, and only the second
    # may round (once, to a subnormal) or overflow
    t, bits = _reduced(np.clip(x, -760.0, 760.0))
    k = bits >> SHIFT
    half = k >> 1
    t += 1.0
    t *= ((half + 1023) << SHIFT).view(np.float64)
    t *= ((k - half + 1023) << SHIFT).view(np.float64)
    return t


def exp_value(x: FloatArray) -> FloatArray:
    """Return exp(x) within EXP_REL, relatively, plus 2^-1075 where it is subnormal."""
    if split_range(x, SAFE) is not None:
        return _exp_scaled(x)
    # |x| <= SAFE, so that 2^k (1 + t) is normal: adding k to the exponent's bits multiplies without rounding
    t, bits = _reduced(x)
    t += 1.0
    scaled = t.view(np.int64)
    scaled += bits
    return t


def expm1_value(x: FloatArray) -> FloatArray:
    """Return exp(x) - 1 within EXPM1_REL, relatively."""
    # e^x - 1 = 2^k t + (2^k - 1), both exact but for t and for 2^k - 1 with |k| > 53; at k = 0 it
    # is t itself, which keeps the relative accuracy near 0. Beyond SAFE, 1 is far below the
    # rounding of exp, or exp below that of 1.
    far = split_range(x, SAFE)
    t, bits = _reduced(x if far is None else np.clip(x, -SAFE, SAFE))
    bits += ONE_BITS
    scale = bits.view(np.float64)
    t *= scale
    scale -= 1.0
    t += scale
    if far is not None:
        t[far] = _exp_scaled(x[far]) - 1.0
    return t


def with_error(y: FloatArray, relative: float) -> Pair:
    """Return the values with the bound relative |y| + TINY of their errors."""
    # The constants leave hundredths of a unit free: enough for |y| in place of the true value and
    # for the rounding here, which are of second order.
    e = np.abs(y)
    e *= relative
    e += TINY
    return y, e


def exp(x: FloatArray) -> Pair:
    """Return exp(x) and its error."""
    return with_error(exp_value(x), EXP_REL)


def expm1(x: FloatArray) -> Pair:
    """Return exp(x) - 1 and its error."""
    return with_error(expm1_value(x), EXPM1_REL)


def sinh(x: FloatArray) -> Pair:
    """Return sinh(x) = (E + E/(1 + E))/2 with E = expm1(|x|), and its error."""
    # odd, so |x| is enough and the sign is exact; where E overflows the quotient is NaN, and the
    # ball the whole line
    grown = expm1_value(np.abs(x))
    y = grown / (1.0 + grown)
    y += grown
    y *= 0.5
    return with_error(np.copysign(y, x), SINH_REL)


def cosh(x: FloatArray) -> Pair:
    """Return cosh(x) = (E + 1/E)/2 with E = exp(|x|), and its error."""
    # even; both terms are positive, so nothing cancels
    y = exp_value(np.abs(x))
    y += 1.0 / y
    y *= 0.5
    return with_error(y, COSH_REL)


def tanh(x: FloatArray) -> Pair:
    """Return tanh(x) = T/(T + 2) with T = expm1(2|x|), |x| clipped to 20, and its error."""
    # at 20 the value is 1 - 8e-18, so that clipping there errs by less than 0.1 u for every larger |x|
    doubled = np.abs(x)
    np.minimum(doubled, 20.0, out=doubled)
    doubled += doubled
    y = expm1_value(doubled)
    y /= y + 2.0
    return with_error(np.copysign(y, x), TANH_REL)


def sigmoid(x: FloatArray) -> Pair:
    """Return 1/(1 + exp(-x)) and its error: E/(1 + E) or 1/(1 + E) with E = exp(-|x|)."""
    # E <= 1 on both sides: no overflow, and the denominator in [1, 2] does not cancel
    decayed = exp_value(-np.abs(x))
    y = np.where(x >= 0.0, 1.0, decayed)
    decayed += 1.0
    y /= decayed
    return with_error(y, SIGMOID_REL)

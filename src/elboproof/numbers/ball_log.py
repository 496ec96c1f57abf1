"""log and its relatives at float64 points, each with a proved error.

Kernels as in `ball_exp`: 1-D array x to (y, e) with |y - f(x)| <= e; y is NaN where x is outside the domain
or infinite. u = 2^-53.

REDUCTION. x = 2^k m with m in [sqrt(1/2), sqrt(2)) by the bits of x; f = m - 1 is exact (Sterbenz), |f| <=
0.41422.
FRACTION. s = f/(2 + f) (2 u), z = s^2 <= 0.02945 (5 u), R = z W(z) with W of degree 9; log(1+f) = 2 s + s R
= f - s (f - R) because 2 s = f - s f. W errs by 0.86 u (`horner_error`), so R by at most 0.16 u, in
proportion to f^2. f - R rounds (u/4), the product adds 3 u |s| |f - R|. Relative to |log(1+f)| >= 0.836 |f|
this is 0.1716 (1.07 + 8 * 0.0675 + 3 * 1.07) u / 0.836 <= 1.0 u; the last subtraction adds u. Together
FRACTION_REL = 2 u, at most 0.53 u absolutely. Truncation: s^22/23 relatively, below 0.01 u.
LARGE k. y = k H + (k L + log m), k H exact (|k| < 2^11; H, L as in `ball_exp`), k L within 2^-83, the inner
sum u/4, the outer u |y|; |y| >= 0.3465, so (0.53 + 0.25) u / 0.3465 + u <= 3.3 u.
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_exp import LN2_HIGH, LN2_LOW, SHIFT, exp_value, with_error
from elboproof.numbers.ball_rounding import UNIT, Pair, horner, two_sum
from elboproof.numbers.ball_taylor import LOG_SERIES

SQRT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
LEAST_NORMAL = 2.0**-1022

LOG_REL = 4.0 * UNIT  # 3.3 u above
LOG1P_REL = (
    5.0 * UNIT
)  # one more inner sum, c/y: (0.53 + 0.25 + 0.25) u / 0.3465 + u = 4.0 u; dropped: (c/y)^2 <= u^2
# q = a^2/(1 + sqrt(1 + a^2)): 5 u, at most half of a + q, and that sum: 3.5 u, which log1p does not
# enlarge; LOG1P_REL.
ASINH_REL = 9.0 * UNIT
# E = exp(-|x|) has 2 u, log1p does not enlarge it and adds 5 u, the last sum u.
SOFTPLUS_REL = 8.2 * UNIT

_W = [float(c) for c in LOG_SERIES]


def _split(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return m and k (as floats) with x = 2^k m, for normal positive x."""
    # of the bits of a positive normal float, the integer part of (bits - bits of sqrt(1/2)) / 2^52
    # is the exponent that puts m into [sqrt(1/2), sqrt(2)); subtracting it there changes the
    # exponent only
    bits = x.view(np.int64)
    k = (bits - SQRT_HALF_BITS) >> SHIFT
    return (bits - (k << SHIFT)).view(np.float64), k.astype(np.float64)


def _log_fraction(f: FloatArray) -> FloatArray:
    """Return log(1 + f) within FRACTION_REL."""
    # (n,), the steps of FRACTION above in their order; f - s (f - R) and not 2 s + s R, because f is exact
    s = f / (f + 2.0)
    z = s * s
    w = horner(z, _W)
    w *= z
    np.subtract(f, w, out=w)
    w *= s
    np.subtract(f, w, out=w)
    return w


def _in_domain(x: FloatArray, least: float) -> NDArray[np.bool_] | None:
    """Return where least <= x < inf, or None if everywhere."""
    if x.min() >= least and x.max() < np.inf:
        return None
    return np.asarray((x >= least) & (x < np.inf))


def _log_normal(x: FloatArray, shift: FloatArray | float = 0.0) -> FloatArray:
    """Return log(x) + shift * ln 2 for normal positive x."""
    # (n,), the steps of LARGE k above: small parts first, k H last, so that only that sum rounds at
    # the size of y
    m, k = _split(x)
    k += shift
    m -= 1.0
    y = _log_fraction(m)
    y += k * LN2_LOW
    k *= LN2_HIGH
    y += k
    return y


def log_value(x: FloatArray) -> FloatArray:
    """Return log(x) within LOG_REL, relatively; NaN unless 0 < x < inf."""
    if _in_domain(x, LEAST_NORMAL) is None:
        return _log_normal(x)
    # subnormal x is scaled by 2^54, exactly, and its k reduced by 54; |k| stays below 2^11.
    # Elsewhere 1 stands in.
    inside = (x > 0.0) & (x < np.inf)
    small = inside & (x < LEAST_NORMAL)
    scaled = np.where(small, x * 2.0**54, np.where(inside, x, 1.0))  # exact
    return np.where(inside, _log_normal(scaled, np.where(small, -54.0, 0.0)), np.nan)


def log1p_value(x: FloatArray) -> FloatArray:
    """Return log(1 + x) within LOG1P_REL, relatively; NaN unless -1 < x < inf.

    1 + x = y + c exactly; if y = 2^0 m the fraction is x itself, otherwise log(y) + c/y.
    """
    # (n,). `two_sum` makes y + c = 1 + x exact, |c| <= u y. log(1 + x) = log y + log(1 + c/y), and
    # log(1 + c/y) = c/y within (c/y)^2 <= u^2. For k = 0 nothing of that is needed: f = x is the
    # fraction that log1p is of, exactly, and no rounding of 1 + x enters, so tiny x keep their
    # relative accuracy. For k != 0 |y| >= 0.3465 as in LARGE k, with c/y as a further term of the
    # inner sum (LOG1P_REL). Outside of the domain 0 stands in and NaN is answered.
    inside = _in_domain(x, np.nextafter(-1.0, 0.0))
    if inside is not None:
        x = np.where(inside, x, 0.0)
    y, c = two_sum(np.ones(1), x)
    c /= y
    m, k = _split(y)
    m -= 1.0
    near = k == 0.0
    np.copyto(m, x, where=near)
    c[near] = 0.0
    c += k * LN2_LOW
    c += _log_fraction(m)
    k *= LN2_HIGH
    c += k
    return c if inside is None else np.where(inside, c, np.nan)


def log(x: FloatArray) -> Pair:
    """Return log(x) and its error."""
    return with_error(log_value(x), LOG_REL)


def log1p(x: FloatArray) -> Pair:
    """Return log(1 + x) and its error."""
    return with_error(log1p_value(x), LOG1P_REL)


def softplus(x: FloatArray) -> Pair:
    """Return log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) and its error."""
    # E <= 1, so nothing overflows; both terms are nonnegative, so nothing cancels
    y = log1p_value(exp_value(-np.abs(x)))
    y += np.maximum(x, 0.0)
    return with_error(y, SOFTPLUS_REL)


def asinh(x: FloatArray) -> Pair:
    """Return asinh(x) = log1p(a + a^2/(1 + sqrt(1 + a^2))) with the sign of x, a = |x|, and its error.

    Above 2^500, where a^2 would overflow, asinh(a) = log(a) + ln 2 within 2^-1000 (LOG_REL and one sum).
    """
    # (n,). a + sqrt(1 + a^2) = 1 + a + a^2 / (1 + sqrt(1 + a^2)), without cancellation for small a.
    # All terms are nonnegative: a^2, 1 + a^2, its root, 1 + root and the quotient have one rounding
    # each, 5 u at the most; the quotient is at most a, so it has at most half of a + quotient, 2.5
    # u, and that sum adds 1 u. t -> log1p(t) has |t f'(t) / f(t)| <= 1 for t >= 0, so this relative
    # error is not enlarged.
    a = np.abs(x)
    far = a > 2.0**500
    some_far = bool(far.any())
    near = np.where(far, 1.0, a) if some_far else a
    root = near * near
    square = root.copy()
    root += 1.0
    np.sqrt(root, out=root)
    root += 1.0
    square /= root
    square += near
    y = log1p_value(square)
    if some_far:  # log(2a) < asinh a < log(2a) + 1/(4 a^2)
        y[far] = log_value(a[far]) + (LN2_HIGH + LN2_LOW)
    return with_error(np.copysign(y, x), ASINH_REL)

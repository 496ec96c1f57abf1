"""From functions at points to functions of real balls: 1-D midpoints and radii in, the same out.

NARROW balls (radius at most NARROW, or a sixteenth of the midpoint for the logarithms) use the midpoint:
|f(t) - f(m)| <= f'(m) (e^(K r) - 1)/K <= f'(m) r GROWTH for |t - m| <= r, where K bounds |(log f')'|; K <=
2 for every function below that uses it and (e^(2/16) - 1)/(2/16) < 1.07. WIDE balls use the values at both
ends (twice the work), exact up to rounding. The choice is made element by element; only the wide ones are
computed twice.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers import ball_atan, ball_erf, ball_exp, ball_log
from elboproof.numbers.ball_rounding import (
    INFLATE,
    LOWERED,
    RAISED,
    ROUND,
    TINY,
    Pair,
    canonical,
    from_bounds,
    lower_bound,
    quiet,
    upper_bound,
)

Kernel = Callable[[FloatArray], Pair]
Lifted = Callable[[FloatArray, FloatArray], Pair]
Slope = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""(mid, rad, f(mid)) to a bound of sup |f'| over the ball divided by GROWTH, up to relative errors of 8 u."""

NARROW = 1.0 / 16.0
GROWTH = 1.07
BLOCK = 4096  # elements: every temporary of a kernel stays in the cache
SLACK = 2.0**-48
"""32 u: more than the error of 1 - y^2, 1 - y and 1 + y for |y| <= 1. There y errs by 6 u at most, y^2 by 12 u, and two
roundings of numbers up to 1 are added."""
TWO_OVER_SQRT_PI = 1.1283791671
"""Above 2/sqrt(pi) = 1.12837916709..., by a relative 3e-12, which covers the roundings of the slope of erf."""


def _interval(low: Pair, high: Pair) -> Pair:
    """Return the ball from the least value of ``low`` to the greatest of ``high``."""
    # (n,) values with their errors; the image of a ball under an increasing function lies between
    # those of its ends
    return from_bounds(lower_bound(*low), upper_bound(*high))


def widened(y: FloatArray, e: FloatArray, step: FloatArray) -> Pair:
    """Return the ball around y of radius e + step."""
    # (n,), in place: e bounds the error of y at the midpoint, step how far the function moves
    # within the radius. A slope has at most 8 roundings, step two more, the sum one: 11 of the 13
    # that INFLATE covers.
    e += step
    e *= INFLATE
    e += TINY
    return canonical(y, e)


def split(far: NDArray[np.bool_], narrow: Lifted, wide: Lifted) -> Lifted:
    """Return the function that uses ``wide`` where ``far`` holds and ``narrow`` elsewhere."""

    def chosen(mid: FloatArray, rad: FloatArray) -> Pair:
        # (n,) balls; the boolean index keeps the order. `wide` is computed on its balls alone,
        # being twice the work.
        count = np.count_nonzero(far)
        if count == far.size:
            return wide(mid, rad)
        y, e = narrow(mid, rad)
        if count:
            y[far], e[far] = wide(mid[far], rad[far])
        return y, e

    return chosen


def _monotone(
    kernel: Kernel, slope: Slope, far: Callable[[FloatArray, FloatArray], NDArray[np.bool_]]
) -> Lifted:
    """Return the ball version of an increasing function."""

    def narrow(mid: FloatArray, rad: FloatArray) -> Pair:
        # |f(t) - f(m)| <= r sup |f'| <= r f'(m) GROWTH for a radius up to NARROW (derived above)
        y, e = kernel(mid)
        step = slope(mid, rad, y)
        step *= rad
        step *= GROWTH
        return widened(y, e, step)

    def wide(mid: FloatArray, rad: FloatArray) -> Pair:
        return _interval(kernel(lower_bound(mid, rad)), kernel(upper_bound(mid, rad)))

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        if not rad.any():
            return canonical(*kernel(mid))
        return split(far(mid, rad), narrow, wide)(mid, rad)

    return lifted


def _by_radius(_: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(rad > NARROW)


def _slope_exp(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    return y.copy()  # exp' = exp, and y errs by 2 u


def _slope_expm1(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    # expm1' = 1 + expm1; the error 5 u |y| of y is within SLACK for y < 0, and within the 8 u of a
    # slope for y > 0
    return np.asarray(y + (1.0 + SLACK))


def _slope_sinh(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    """Return cosh = sqrt(1 + sinh^2) <= 1 + |sinh| where the square overflows."""
    return np.minimum(np.sqrt(1.0 + y * y), 1.0 + np.abs(y))


def _slope_tanh(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray((1.0 + SLACK) - y * y)  # tanh' = 1 - tanh^2


def _slope_sigmoid(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    # sigmoid' = y (1 - y); SLACK on the factor that cancels near y = 1
    slope = 1.0 - y
    slope += SLACK
    slope *= y
    return slope


def _slope_softplus(mid: FloatArray, _: FloatArray, __: FloatArray) -> FloatArray:
    # softplus' = sigmoid, with its own error added
    value, error = ball_exp.sigmoid(mid)
    value += error
    return value


def _slope_atan(mid: FloatArray, _: FloatArray, __: FloatArray) -> FloatArray:
    """1/(1 + m^2); the clip keeps m^2 finite and only enlarges the slope."""
    m = np.minimum(np.abs(mid), 1e150)
    return np.asarray(1.0 / (1.0 + m * m))


def _slope_asinh(mid: FloatArray, rad: FloatArray, y: FloatArray) -> FloatArray:
    return np.sqrt(_slope_atan(mid, rad, y))  # asinh' = 1/sqrt(1 + m^2)


def _slope_erf(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    """2/sqrt(pi) exp(-mig^2), mig rounded down: (log erf')' is not bounded, so the sup itself is taken."""
    # (n,). Every step rounds towards a smaller |exponent|, hence a larger slope: mig down, the clip
    # at 30 down (below it the slope is e^-900, and a product with a radius would be lost), and 1 -
    # 8 u on the square, which has one rounding.
    mig = np.minimum(np.maximum(lower_bound(np.abs(mid), rad), 0.0), 30.0)
    square = mig * mig
    square *= -(1.0 - 4.0 * ROUND)
    value, error = ball_exp.exp(square)
    value += error
    value *= TWO_OVER_SQRT_PI
    return value


def _slope_log(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    """1/(m - r), the sup itself."""
    return 1.0 / lower_bound(mid, rad)


def _slope_log1p(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    above_zero = np.maximum(lower_bound(mid, rad) + 1.0, 0.0)  # the sum has relative error u
    above_zero *= LOWERED
    return np.asarray(1.0 / above_zero)


def _wide_log(mid: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return ~(rad <= NARROW * mid)  # also where m - r <= 0, and for NaN; there the slope 1/(m - r) is no bound


def _wide_log1p(mid: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return ~(rad <= NARROW * (mid + 1.0) * 0.99)  # 0.99 for the rounding of the sum near -1


exp = _monotone(ball_exp.exp, _slope_exp, _by_radius)
expm1 = _monotone(ball_exp.expm1, _slope_expm1, _by_radius)
sinh = _monotone(ball_exp.sinh, _slope_sinh, _by_radius)
tanh = _monotone(ball_exp.tanh, _slope_tanh, _by_radius)
sigmoid = _monotone(ball_exp.sigmoid, _slope_sigmoid, _by_radius)
softplus = _monotone(ball_log.softplus, _slope_softplus, _by_radius)
atan = _monotone(ball_atan.atan, _slope_atan, _by_radius)
asinh = _monotone(ball_log.asinh, _slope_asinh, _by_radius)
erf = _monotone(ball_erf.erf, _slope_erf, _by_radius)
log = _monotone(ball_log.log, _slope_log, _wide_log)
log1p = _monotone(ball_log.log1p, _slope_log1p, _wide_log1p)


def _narrow_cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    """Use |cosh(m + d) - cosh m| <= 1.001 r (|sinh m| + r cosh m / 2), |sinh m| = sqrt(y^2 - 1) <= y."""
    # (n,). cosh(m + d) - cosh m = sinh m sinh d + cosh m (cosh d - 1), |d| <= r <= 1/16: sinh d <=
    # 1.001 r and cosh d - 1 <= 0.501 r^2. SLACK y^2 covers the error of y^2 - 1 (8 u y^2 from y, u
    # each from the two operations).
    y, e = ball_exp.cosh(mid)
    step = np.minimum(np.sqrt(np.maximum(y * y - 1.0, 0.0) + SLACK * (y * y)), y)  # y where y^2 overflows
    step += rad * y * 0.51
    step *= rad
    step *= GROWTH
    return widened(y, e, step)


def _wide_cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    # cosh is even and increases in |t|, so the image is between the values at mig and mag
    m = np.abs(mid)
    least, most = np.maximum(lower_bound(m, rad), 0.0), upper_bound(m, rad)
    return _interval(ball_exp.cosh(least), ball_exp.cosh(most))


def cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return cosh; wide balls are mapped to the image of [mig, mag]."""
    if not rad.any():
        return canonical(*ball_exp.cosh(mid))
    return split(rad > NARROW, _narrow_cosh, _wide_cosh)(mid, rad)


def _narrow_sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    """Use r / (sqrt(m - r) + sqrt m), the exact distance to the lower end, the larger one; a point errs by u |y|."""
    # (n,). sqrt m - sqrt(m - r) = r / (sqrt(m - r) + sqrt m). The lower bound of m - r makes the
    # denominator smaller; for a ball that reaches below 0 it is NaN, hence the whole line.
    # Roundings: two roots, sum, quotient, sum. 0 stays 0.
    y = np.sqrt(mid)
    e = np.where(rad > 0.0, rad / (np.sqrt(lower_bound(mid, rad)) + y), y * 0.0)
    e += y * ROUND
    e *= INFLATE
    e += TINY * (e > 0.0)
    return canonical(y, e)


def _wide_sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    # increasing, and NumPy's root of an outward end has one rounding; NaN below 0
    low, high = np.sqrt(lower_bound(mid, rad)), np.sqrt(upper_bound(mid, rad))
    low *= LOWERED
    high *= RAISED
    return from_bounds(low, high)


def sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return sqrt, NumPy's being correctly rounded; infinite radius where the ball reaches below 0."""
    return split(rad > NARROW * mid, _narrow_sqrt, _wide_sqrt)(mid, rad)


@quiet
def apply(function: Lifted, mid: FloatArray, rad: FloatArray) -> Pair:
    """Return a function of balls of any shape, in blocks that stay in the cache."""
    # any shape, flattened to (n,) and put back; elements do not see each other, so blocks change no digit
    if mid.size == 0:
        return mid, rad
    shape, m, r = mid.shape, np.ascontiguousarray(mid).reshape(-1), np.ascontiguousarray(rad).reshape(-1)
    if m.size <= 2 * BLOCK:
        y, e = function(m, r)
    else:
        y, e = np.empty_like(m), np.empty_like(r)
        for start in range(0, m.size, BLOCK):
            block = slice(start, start + BLOCK)
            y[block], e[block] = function(m[block], r[block])
    return y.reshape(shape), e.reshape(shape)

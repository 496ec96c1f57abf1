"""From functions at points to functions of real balls: 1-D midpoints and radii in, the same out.

NARROW balls (radius at most NARROW, or a sixteenth of the midpoint for the logarithms) use the midpoint:
|f(t) - f(m)| <= f'(m) (e^(K r) - 1)/K <= f'(m) r GROWTH for |t - m| <= r, where K bounds |(log f')'|; K <=
2 for every function below that uses it and (e^(2/16) - 1)/(2/16) < 1.07. WIDE balls use the values at both
ends (twice the work), exact up to rounding. The choice is made element by element; only the wide ones are
computed twice.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import FloatArray
from elboproof.numbers import ball_atan, ball_erf, ball_exp, ball_log, ball_trig
from elboproof.numbers.ball_rounding import (
    INFLATE,
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
SLACK = 2.0**-48  # absolute error of 1 - y^2, y(1 - y) and the like for |y| <= 1, generously


def _interval(low: Pair, high: Pair) -> Pair:
    """Return the ball from the least value of ``low`` to the greatest of ``high``."""
    return from_bounds(lower_bound(*low), upper_bound(*high))


def _widened(y: FloatArray, e: FloatArray, step: FloatArray) -> Pair:
    """Return the ball around y of radius e + step."""
    e += step
    e *= INFLATE
    e += TINY
    return canonical(y, e)


def _split(far: NDArray[np.bool_], narrow: Lifted, wide: Lifted) -> Lifted:
    """Return the function that uses ``wide`` where ``far`` holds and ``narrow`` elsewhere."""

    def chosen(mid: FloatArray, rad: FloatArray) -> Pair:
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
        y, e = kernel(mid)
        step = slope(mid, rad, y)
        step *= rad
        step *= GROWTH
        return _widened(y, e, step)

    def wide(mid: FloatArray, rad: FloatArray) -> Pair:
        return _interval(kernel(lower_bound(mid, rad)), kernel(upper_bound(mid, rad)))

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        if not rad.any():
            return canonical(*kernel(mid))
        return _split(far(mid, rad), narrow, wide)(mid, rad)

    return lifted


def _by_radius(_: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(rad > NARROW)


def _slope_exp(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    return y.copy()


def _slope_expm1(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(y + (1.0 + SLACK))


def _slope_sinh(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    """Return cosh = sqrt(1 + sinh^2) <= 1 + |sinh| where the square overflows."""
    return np.minimum(np.sqrt(1.0 + y * y), 1.0 + np.abs(y))


def _slope_tanh(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray((1.0 + SLACK) - y * y)


def _slope_sigmoid(_: FloatArray, __: FloatArray, y: FloatArray) -> FloatArray:
    slope = 1.0 - y
    slope += SLACK
    slope *= y
    return slope


def _slope_softplus(mid: FloatArray, _: FloatArray, __: FloatArray) -> FloatArray:
    value, error = ball_exp.sigmoid(mid)
    value += error
    return value


def _slope_atan(mid: FloatArray, _: FloatArray, __: FloatArray) -> FloatArray:
    """1/(1 + m^2); the clip keeps m^2 finite and only enlarges the slope."""
    m = np.minimum(np.abs(mid), 1e150)
    return np.asarray(1.0 / (1.0 + m * m))


def _slope_asinh(mid: FloatArray, rad: FloatArray, y: FloatArray) -> FloatArray:
    return np.sqrt(_slope_atan(mid, rad, y))


def _slope_erf(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    """2/sqrt(pi) exp(-mig^2), mig rounded down: (log erf')' is not bounded, so the sup itself is taken."""
    mig = np.minimum(np.maximum(lower_bound(np.abs(mid), rad), 0.0), 30.0)
    square = mig * mig
    square *= -1.0 + 2.0**-50
    value, error = ball_exp.exp(square)
    value += error
    value *= 1.1283791671
    return value


def _slope_log(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    """1/(m - r), the sup itself."""
    return 1.0 / lower_bound(mid, rad)


def _slope_log1p(mid: FloatArray, rad: FloatArray, _: FloatArray) -> FloatArray:
    above_zero = np.maximum(lower_bound(mid, rad) + 1.0, 0.0)  # the sum has relative error u
    above_zero *= 1.0 - 2.0 * ROUND
    return np.asarray(1.0 / above_zero)


def _wide_log(mid: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return ~(rad <= NARROW * mid)


def _wide_log1p(mid: FloatArray, rad: FloatArray) -> NDArray[np.bool_]:
    return ~(rad <= NARROW * (mid + 1.0) * 0.99)


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
    y, e = ball_exp.cosh(mid)
    step = np.minimum(np.sqrt(np.maximum(y * y - 1.0, 0.0) + SLACK * (y * y)), y)  # y where y^2 overflows
    step += rad * y * 0.51
    step *= rad
    step *= GROWTH
    return _widened(y, e, step)


def _wide_cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    m = np.abs(mid)
    least, most = np.maximum(lower_bound(m, rad), 0.0), upper_bound(m, rad)
    return _interval(ball_exp.cosh(least), ball_exp.cosh(most))


def cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return cosh; wide balls are mapped to the image of [mig, mag]."""
    if not rad.any():
        return canonical(*ball_exp.cosh(mid))
    return _split(rad > NARROW, _narrow_cosh, _wide_cosh)(mid, rad)


def _narrow_sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    """Use r / (sqrt(m - r) + sqrt m), the exact distance to the lower end, the larger one; a point errs by u |y|."""
    y = np.sqrt(mid)
    e = np.where(rad > 0.0, rad / (np.sqrt(lower_bound(mid, rad)) + y), y * 0.0)
    e += y * ROUND
    e *= INFLATE
    e += TINY * (e > 0.0)
    return canonical(y, e)


def _wide_sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    low, high = np.sqrt(lower_bound(mid, rad)), np.sqrt(upper_bound(mid, rad))
    low *= 1.0 - 2.0 * ROUND
    high *= 1.0 + 2.0 * ROUND
    return from_bounds(low, high)


def sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return sqrt, NumPy's being correctly rounded; infinite radius where the ball reaches below 0."""
    return _split(rad > NARROW * mid, _narrow_sqrt, _wide_sqrt)(mid, rad)


def _wave(kernel: Kernel, peak: float) -> Lifted:
    """Return the ball version of sin (peak = pi/2) or cos (peak = 0).

    |f(m + d) - f(m)| <= r (|f'(m)| + r/2), |f'(m)| = sqrt(1 - f(m)^2); wide balls take both ends and look for peaks.
    """

    def narrow(mid: FloatArray, rad: FloatArray) -> Pair:
        y, e = kernel(mid)
        step = np.sqrt(np.maximum(1.0 - y * y, 0.0) + SLACK)
        step += rad
        step *= rad
        return _widened(y, e, step)

    def wide(mid: FloatArray, rad: FloatArray) -> Pair:
        return _wave_range(kernel, peak, mid, rad)

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        if not rad.any():
            return canonical(*kernel(mid))
        return _split(rad > NARROW, narrow, wide)(mid, rad)

    return lifted


def _within_far(mid: FloatArray, rad: FloatArray, low: float, high: float) -> Pair:
    """Return the ends of each ball, or the given ones where the ball leaves the range of the reduction."""
    beyond = ~(np.abs(mid) + rad < ball_trig.FAR)
    return np.where(beyond, low, lower_bound(mid, rad)), np.where(beyond, high, upper_bound(mid, rad))


def _wave_range(kernel: Kernel, peak: float, mid: FloatArray, rad: FloatArray) -> Pair:
    """Return the image of wide balls: between the ends, or to -1 and 1 where a peak may lie between them."""
    low, high = _within_far(mid, rad, -4.0, 4.0)  # more than a period
    first, second = kernel(low), kernel(high)
    above = np.minimum(np.maximum(upper_bound(*first), upper_bound(*second)), 1.0)
    below = np.maximum(np.minimum(lower_bound(*first), lower_bound(*second)), -1.0)
    above[ball_trig.contains_peak(low, high, peak, 2.0 * math.pi)] = 1.0
    below[ball_trig.contains_peak(low, high, peak + math.pi, 2.0 * math.pi)] = -1.0
    return from_bounds(below, above)


sin = _wave(ball_trig.sin, 0.5 * math.pi)
cos = _wave(ball_trig.cos, 0.0)


def _narrow_tan(mid: FloatArray, rad: FloatArray) -> Pair:
    """Use |tan(m + d) - tan m| = |sin d| / (|cos m| |cos(m + d)|) <= r / (c (c - r)) with c <= |cos m|."""
    y, e = ball_trig.tan(mid)
    c = _least_cos(mid)
    return _widened(y, e, rad / (c * np.maximum(lower_bound(c, rad), 0.0)))


def _least_cos(mid: FloatArray) -> FloatArray:
    y, e = ball_trig.cos(mid)
    return np.maximum(lower_bound(np.abs(y), e), 0.0)


def _wide_tan(mid: FloatArray, rad: FloatArray) -> Pair:
    low, high = _within_far(mid, rad, 0.0, 4.0)  # across a pole
    bottom, top = lower_bound(*ball_trig.tan(low)), upper_bound(*ball_trig.tan(high))
    top[ball_trig.contains_peak(low, high, 0.5 * math.pi, math.pi)] = np.inf
    return from_bounds(bottom, top)


def tan(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return tan: both ends unless a pole may lie between them, the midpoint for balls that are far from poles."""
    if not rad.any():
        return canonical(*ball_trig.tan(mid))
    return _split(~(rad <= NARROW * _least_cos(mid)), _narrow_tan, _wide_tan)(mid, rad)


@quiet
def apply(function: Lifted, mid: FloatArray, rad: FloatArray) -> Pair:
    """Return a function of balls of any shape, in blocks that stay in the cache."""
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

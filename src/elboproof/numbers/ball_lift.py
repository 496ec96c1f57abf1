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


def _replace(where: NDArray[np.bool_], target: Pair, source: Pair) -> None:
    target[0][where], target[1][where] = source


def _monotone(
    kernel: Kernel, slope: Slope, wide: Callable[[FloatArray, FloatArray], NDArray[np.bool_]]
) -> Lifted:
    """Return the ball version of an increasing function."""

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        y, e = kernel(mid)
        if rad.any():
            step = slope(mid, rad, y)
            step *= rad
            step *= GROWTH
            e += step
            e *= INFLATE
            e += TINY
            far = wide(mid, rad)
            if far.any():
                m, r = mid[far], rad[far]
                low, high = kernel(lower_bound(m, r)), kernel(upper_bound(m, r))
                _replace(far, (y, e), _interval(low, high))
        return canonical(y, e)

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


def cosh(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return cosh: narrow by |cosh(m+d) - cosh m| <= 1.001 r (|sinh m| + r cosh m / 2), wide on [mig, mag]."""
    y, e = ball_exp.cosh(mid)
    if rad.any():
        step = np.minimum(np.sqrt(np.maximum(y * y - 1.0, 0.0) + SLACK * (y * y)), y)  # y where y^2 overflows
        step += rad * y * 0.51
        step *= rad
        step *= GROWTH
        e += step
        e *= INFLATE
        e += TINY
        far = rad > NARROW
        if far.any():
            m, r = np.abs(mid[far]), rad[far]
            ends = np.maximum(lower_bound(m, r), 0.0), upper_bound(m, r)
            _replace(far, (y, e), _interval(ball_exp.cosh(ends[0]), ball_exp.cosh(ends[1])))
    return canonical(y, e)


def sqrt(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return sqrt; infinite radius where the ball reaches below 0.

    NumPy's sqrt is correctly rounded, so at a point the error is u |y|; otherwise both ends are taken, or for
    narrow balls r / (sqrt(m - r) + sqrt(m)), the exact distance to the lower end and the larger one.
    """
    low = lower_bound(mid, rad)
    root_low, y = np.sqrt(low), np.sqrt(mid)
    e = rad / (root_low + y) if rad.any() else np.where(low >= 0.0, 0.0, np.inf)
    e = np.where((mid == 0.0) & (rad == 0.0), 0.0, e)
    e += y * ROUND
    e *= INFLATE
    e = np.where(e > 0.0, e + TINY, e)
    far = rad > NARROW * mid
    if far.any():
        ends = root_low[far], np.sqrt(upper_bound(mid[far], rad[far]))
        _replace(far, (y, e), from_bounds(ends[0] * (1.0 - 2.0 * ROUND), ends[1] * (1.0 + 2.0 * ROUND)))
    return canonical(y, e)


def _wave(kernel: Kernel, peak: float) -> Lifted:
    """Return the ball version of sin (peak = pi/2) or cos (peak = 0).

    |f(m + d) - f(m)| <= r (|f'(m)| + r/2) with |f'(m)| = sqrt(1 - f(m)^2); wide balls take both ends and
    look for peaks.
    """

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        y, e = kernel(mid)
        if rad.any():
            step = np.sqrt(np.maximum(1.0 - y * y, 0.0) + SLACK)
            step += rad
            step *= rad
            e += step
            e *= INFLATE
            e += TINY
            far = rad > NARROW
            if far.any():
                _replace(far, (y, e), _wave_range(kernel, peak, mid[far], rad[far]))
        return canonical(y, e)

    return lifted


def _wave_range(kernel: Kernel, peak: float, mid: FloatArray, rad: FloatArray) -> Pair:
    """Return the image of wide balls: between the ends, or to -1 and 1 where a peak may lie between them."""
    beyond = ~(np.abs(mid) + rad < ball_trig.FAR)
    low = np.where(beyond, -4.0, lower_bound(mid, rad))
    high = np.where(beyond, 4.0, upper_bound(mid, rad))
    first, second = kernel(low), kernel(high)
    above = np.maximum(upper_bound(*first), upper_bound(*second))
    below = np.minimum(lower_bound(*first), lower_bound(*second))
    top = ball_trig.contains_peak(low, high, peak, 2.0 * math.pi)
    bottom = ball_trig.contains_peak(low, high, peak + math.pi, 2.0 * math.pi)
    above = np.where(top > 0.0, 1.0, np.minimum(above, 1.0))
    below = np.where(bottom > 0.0, -1.0, np.maximum(below, -1.0))
    return from_bounds(below, above)


sin = _wave(ball_trig.sin, 0.5 * math.pi)
cos = _wave(ball_trig.cos, 0.0)


def tan(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return tan: both ends unless a pole may lie between; narrow balls by r / (|c| (|c| - r)), c = cos m.

    |tan(m + d) - tan m| = |sin d| / (|cos m| |cos(m + d)|), and |cos(m + d)| >= |c| - r.
    """
    y, e = ball_trig.tan(mid)
    if rad.any():
        c = np.maximum(lower_bound(*_absolute(ball_trig.cos(mid))), 0.0)
        step = rad / (c * np.maximum(lower_bound(c, rad), 0.0))
        e += step
        e *= INFLATE
        e += TINY
        far = ~(rad <= NARROW * c)
        if far.any():
            _replace(far, (y, e), _tan_range(mid[far], rad[far]))
    return canonical(y, e)


def _absolute(pair: Pair) -> Pair:
    return np.abs(pair[0]), pair[1]


def _tan_range(mid: FloatArray, rad: FloatArray) -> Pair:
    low, high = lower_bound(mid, rad), upper_bound(mid, rad)
    beyond = ~(np.abs(mid) + rad < ball_trig.FAR)
    low, high = np.where(beyond, 0.0, low), np.where(beyond, 4.0, high)
    pole = ball_trig.contains_peak(low, high, 0.5 * math.pi, math.pi) > 0.0
    bottom, top = ball_trig.tan(low), ball_trig.tan(high)
    return from_bounds(lower_bound(*bottom), np.where(pole, np.inf, upper_bound(*top)))


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

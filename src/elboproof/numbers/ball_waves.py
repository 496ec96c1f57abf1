"""From sin, cos and tan at points to functions of real balls, as in `ball_lift`: 1-D midpoints and radii to the same.

These are not monotone. NARROW balls use the midpoint and a bound of the slope; WIDE ones the values at both ends, and
whether a peak or a pole may lie between them.
"""

import math

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers import ball_trig
from elboproof.numbers.ball_lift import NARROW, SLACK, Kernel, Lifted, split, widened
from elboproof.numbers.ball_rounding import Pair, canonical, from_bounds, lower_bound, upper_bound


def _wave(kernel: Kernel, peak: float) -> Lifted:
    """Return the ball version of sin (peak = pi/2) or cos (peak = 0).

    |f(m + d) - f(m)| <= r (|f'(m)| + r/2), |f'(m)| = sqrt(1 - f(m)^2); wide balls take both ends and look for peaks.
    """

    def narrow(mid: FloatArray, rad: FloatArray) -> Pair:
        # f(m + d) = f(m) cos d + f'(m) sin d, so the change is at most |f'(m)| r + r^2/2 for |f| <=
        # 1. y errs by 6 u, y^2 by 13 u with its rounding, for which SLACK is, beneath a root that
        # only decreases relative errors.
        y, e = kernel(mid)
        step = np.sqrt(np.maximum(1.0 - y * y, 0.0) + SLACK)
        step += rad
        step *= rad
        return widened(y, e, step)

    def wide(mid: FloatArray, rad: FloatArray) -> Pair:
        return _wave_range(kernel, peak, mid, rad)

    def lifted(mid: FloatArray, rad: FloatArray) -> Pair:
        if not rad.any():
            return canonical(*kernel(mid))
        return split(rad > NARROW, narrow, wide)(mid, rad)

    return lifted


def _within_far(mid: FloatArray, rad: FloatArray, low: float, high: float) -> Pair:
    """Return the ends of each ball, or the given ones where the ball leaves the range of the reduction."""
    # (n,) ends twice. NaN counts as beyond; |m| + r is rounded, but FAR leaves room below where the
    # reduction fails (2^20 pi/2)
    beyond = ~(np.abs(mid) + rad < ball_trig.FAR)
    return np.where(beyond, low, lower_bound(mid, rad)), np.where(beyond, high, upper_bound(mid, rad))


def _wave_range(kernel: Kernel, peak: float, mid: FloatArray, rad: FloatArray) -> Pair:
    """Return the image of wide balls: between the ends, or to -1 and 1 where a peak may lie between them."""
    # (n,). Between two neighbouring peaks f is monotone, so without a peak inside the extremes are
    # at the ends, whose values carry their errors; with one the bound is +-1, which holds always.
    # Balls that leave FAR get the ends +-4.
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
    # (n,). cos has slope at most 1, so |cos(m + d)| >= c - r, rounded down; at least 15/16 c for r
    # <= NARROW c
    y, e = ball_trig.tan(mid)
    c = _least_cos(mid)
    return widened(y, e, rad / (c * np.maximum(lower_bound(c, rad), 0.0)))


def _least_cos(mid: FloatArray) -> FloatArray:
    y, e = ball_trig.cos(mid)
    return np.maximum(lower_bound(np.abs(y), e), 0.0)


def _wide_tan(mid: FloatArray, rad: FloatArray) -> Pair:
    # (n,). tan increases between poles; where one may lie inside the upper bound is infinite, and
    # so is the radius
    low, high = _within_far(mid, rad, 0.0, 4.0)  # across a pole
    bottom, top = lower_bound(*ball_trig.tan(low)), upper_bound(*ball_trig.tan(high))
    top[ball_trig.contains_peak(low, high, 0.5 * math.pi, math.pi)] = np.inf
    return from_bounds(bottom, top)


def tan(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return tan: both ends unless a pole may lie between them, the midpoint for balls that are far from poles."""
    if not rad.any():
        return canonical(*ball_trig.tan(mid))
    return split(~(rad <= NARROW * _least_cos(mid)), _narrow_tan, _wide_tan)(mid, rad)

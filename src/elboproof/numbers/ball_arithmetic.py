"""The four operations, powers, sums and order of real balls, on midpoint and radius arrays.

Every function takes arrays that broadcast and returns a canonical `Pair`. The radius formulas are exact
bounds in real arithmetic; that their rounded evaluation stays above is the radius lemma of `ball_rounding`,
and |fl(t) - t| is bounded by ROUND |fl(t)| (+ TINY). Augmented assignments keep the temporaries few: the
arrays are meant to stay in cache.
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_rounding import (
    INFLATE,
    NORMAL,
    ROUND,
    TINY,
    UNIT,
    Pair,
    canonical,
    from_bounds,
    lower_bound,
    quiet,
    two_sum,
    upper_bound,
)

# Every function takes midpoints and radii that broadcast to one shape S and returns two arrays of
# that shape. A radius is a sum of nonnegative products with at most 13 roundings on any path, which
# the last INFLATE and TINY raise above its exact value (RADIUS LEMMA).

SQUARED = 1.0 + 2.0**-47
"""1 + 64 u: what the radius of a square takes over from the rounding of its midpoint, 36 u by `square`."""
REACHING = 1.0 + 2.0**-46
"""1 + 128 u: what the midpoint of a square is raised by where its ball is made to end at 0."""


@quiet
def add(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return a + b: rad = ra + rb + ROUND |mid|. Sums do not underflow, so no absolute term is needed.

    (If |mid| < 2^-1021 the sum is exact; above, ROUND |mid| is u |mid| and at least one subnormal unit more.)
    """
    # Roundings on a path: ROUND |mid| one, ra + rb two, their sum one. |a' + b' - fl(a + b)| <= ra
    # + rb + ROUND |mid|.
    mid = a + b
    rad = np.abs(mid)
    rad *= ROUND
    rad += ra + rb
    rad *= INFLATE
    return canonical(mid, rad)


def subtract(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return a - b."""
    return add(a, ra, -b, rb)


def _scaled(a: FloatArray, ra: FloatArray, c: FloatArray) -> Pair:
    """Return a * c for an exact number c."""
    # c has no radius, of the radius of the product only ra |c| is left; c is of shape (), so |c|
    # costs nothing
    mid = a * c
    rad = np.abs(mid)
    rad *= ROUND
    rad += ra * np.abs(c)
    rad *= INFLATE
    rad += TINY
    return canonical(mid, rad)


@quiet
def multiply(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return a * b: |a'b' - ab| <= |a| rb + ra (|b| + rb)."""
    if b.ndim == 0 and rb == 0.0:
        return _scaled(a, ra, b)
    if a.ndim == 0 and ra == 0.0:
        return _scaled(b, rb, a)
    # a'b' - ab = a (b' - b) + (a' - a) b' with |b'| <= |b| + rb; fl(ab) adds ROUND |mid|, and TINY
    # where it underflows. Each of the three terms has at most three roundings, their sums two more.
    mid = a * b
    rad = np.abs(a) * rb
    rad += (np.abs(b) + rb) * ra
    rounding = np.abs(mid)
    rounding *= ROUND
    rad += rounding
    rad *= INFLATE
    rad += TINY
    return canonical(mid, rad)


@quiet
def divide(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return a / b: |a'/b' - a/b| <= (ra + |a/b| rb) / (|b| - rb), infinite unless |b| > rb.

    An underflow in the numerator would be divided by a small number, hence its own TINY; |a/b| <= |mid| +
    TINY.
    """
    # Elementwise. a'/b' - a/b = ((a' - a) - (a/b)(b' - b)) / b', and |b'| >= |b| - rb on the whole
    # ball. The difference |b| - rb has one rounding, so it is exact up to a factor like every other
    # step; where it is not positive, the maximum makes it 0 and the quotient infinite or NaN, hence
    # the whole line. `rad` starts as |mid|, whose TINY makes it a bound of the exact |a/b|; the
    # TINY before the division is for the underflow of |a/b| rb, which a small divisor would
    # enlarge. At most 8 roundings on the path |mid| -> rad.
    mid = a / b
    rad = np.abs(mid)
    rounding = rad * ROUND
    rad += TINY
    rad *= rb
    rad += ra
    rad += TINY
    rad /= np.maximum(np.abs(b) - rb, 0.0)
    rad += rounding
    rad *= INFLATE
    rad += TINY
    return canonical(mid, rad)


def magnitude(mid: FloatArray, rad: FloatArray) -> FloatArray:
    """Return an upper bound of |t| over each ball, |mid| itself for a point."""
    return upper_bound(np.abs(mid), rad)


def mignitude(mid: FloatArray, rad: FloatArray) -> FloatArray:
    """Return a lower bound of |t| over each ball, 0 where it contains 0."""
    return np.maximum(lower_bound(np.abs(mid), rad), 0.0)


@quiet
def square(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return t^2, nonnegative: the ball around [mig^2, mag^2].

    With d = max(r - |m|, 0) its midpoint is m^2 + r^2 - d^2/2 and its radius 2 |m| r + d^2/2. Rounding of
    the midpoint: 2 u of itself, and at most 12 u (r^2 + d^2/2) <= 36 u rad, for which the factor 1 + 64 u
    is. Where the radius came out above the midpoint p, the ball around p (1 + 128 u) that reaches down to 0
    also reaches up to mag^2.
    """
    # Elementwise. For |t - m| <= r, m = |mid|: mag^2 = (m + r)^2 and mig^2 = max(m - r, 0)^2 = (m -
    # r)^2 - d^2, as d = r - m > 0 only where the ball contains 0. Half their sum is m^2 + r^2 -
    # d^2/2, half their difference 2 m r + d^2/2. Both are sums of the same few terms, computed
    # without the bounds themselves, so a narrow ball keeps its relative accuracy. A point squares
    # with one rounding, and TINY only where it may have underflowed (0 stays 0).
    if not rad.any():
        middle = mid * mid
        spread = middle * ROUND
        spread += TINY * (mid != 0.0)
        return canonical(middle, spread)
    m = np.abs(mid)
    if (4 * rad <= m).all():
        return _square_of_narrow(m, rad)
    excess = np.maximum(rad - m, 0.0)
    excess *= excess
    excess *= 0.5
    middle = m * m
    middle += rad * rad
    middle -= excess
    spread = m * rad
    spread += spread
    spread += excess
    spread *= SQUARED
    spread += ROUND * middle
    spread *= INFLATE
    spread += TINY * (m + rad > 0.0)
    touching = spread > middle
    if touching.any():
        # [0, 2 p] with p = middle REACHING replaces the ball. It ends at 0 exactly, so a square is
        # never negative, and p is above the exact midpoint, so 2 p >= mig^2 + mag^2 >= mag^2.
        touching &= middle > NORMAL
        middle = np.where(touching, middle * REACHING, middle)
        spread = np.where(touching, middle, spread)
    return canonical(middle, spread)


def _square_of_narrow(m: FloatArray, rad: FloatArray) -> Pair:
    """Return what `square` returns, number for number, where 4 rad <= m."""
    # d = 0. The product 4 rad rounds nothing, so that rad <= m / 4: the radius is below 0.6 m^2 + TINY, and so below
    # the midpoint, at least m^2 (1 - u), unless that is at most NORMAL, where `square` replaces nothing. m + rad > 0
    # means m > 0.
    middle = m * m
    middle += rad * rad
    spread = m * rad
    spread += spread
    spread *= SQUARED
    spread += ROUND * middle
    spread *= INFLATE
    spread += TINY
    if not m.all():
        spread[m == 0.0] = 0.0
    return canonical(middle, spread)


def _outward(low: FloatArray, high: FloatArray, positive: NDArray[np.bool_], relative: float) -> Pair:
    """Return the ball around [low, high], 0 <= low, both known up to a relative error and up to TINY.

    Where the base is not ``positive`` the power is exactly 0; one that underflowed to 0 is widened.
    """
    # `relative` is twice the error of the powers, so its own rounding and that of the sum are
    # inside; base 0 gives 0
    low = np.maximum(low - (low * relative + TINY), 0.0)
    return from_bounds(low, high + np.where(positive, high * relative + TINY, 0.0))


def _raised(base: FloatArray, n: int) -> FloatArray:
    """Return base^n by squaring: relative error (n - 1) u, and 2^-1071 where |base| < 1 underflows."""
    # elementwise; by induction the power k, k squarings and products after its bits, has k - 1
    # factors 1 + d, |d| <= u
    result = base if n & 1 else np.ones_like(base)
    while n := n >> 1:
        base = base * base
        if n & 1:
            result = result * base
    return result


@quiet
def power(mid: FloatArray, rad: FloatArray, n: int) -> Pair:
    """Return t^n for n >= 3: the ball around the powers of the ends, or of mig and mag if n is even.

    An underflow is only multiplied by numbers below 1. (n + 2) ROUND = (2 n + 4) u covers (n - 1) u twice
    over.
    """
    relative = (n + 2) * ROUND
    if n % 2 == 0:
        least, most = mignitude(mid, rad), magnitude(mid, rad)
        return _outward(_raised(least, n), _raised(most, n), most > 0.0, relative)
    # odd n: t^n increases, so the image is between the powers of outward ends, each widened by its own error
    low, high = _raised(lower_bound(mid, rad), n), _raised(upper_bound(mid, rad), n)
    spread = TINY * (np.abs(mid) + rad > 0.0)
    return from_bounds(low - (np.abs(low) * relative + spread), high + (np.abs(high) * relative + spread))


@quiet
def absolute(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return |t|: the same ball mirrored, or [0, mag] where it contains 0."""
    # elementwise: |.| is exact, so a ball on one side of 0 keeps its radius, with nothing to round
    away = np.abs(mid)
    around = from_bounds(np.zeros_like(away), magnitude(mid, rad))
    outside = away >= rad
    return canonical(np.where(outside, away, around[0]), np.where(outside, rad, around[1]))


@quiet
def maximum(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return max(s, t): one of the balls if it lies above the other, else the ball around the larger bounds."""
    # max is increasing in both arguments: bounds of the value are the maxima of the bounds. A ball
    # wholly above the other is returned as it is, so that max(t, 0) = t keeps its last digit for t
    # > 0.
    low_a, low_b = lower_bound(a, ra), lower_bound(b, rb)
    high_a, high_b = upper_bound(a, ra), upper_bound(b, rb)
    mid, rad = from_bounds(np.maximum(low_a, low_b), np.maximum(high_a, high_b))
    first, second = low_a >= high_b, low_b >= high_a
    mid = np.where(first, a, np.where(second, b, mid))
    return canonical(mid, np.where(first, ra, np.where(second, rb, rad)))


@quiet
def sign(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return +-1, or [-1, 1] where the ball touches 0."""
    clear = np.abs(mid) > rad
    return np.where(clear, np.sign(mid), 0.0), np.where(clear, 0.0, 1.0)


@quiet
def union(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> Pair:
    """Return the ball around two balls."""
    low = np.minimum(lower_bound(a, ra), lower_bound(b, rb))
    return from_bounds(low, np.maximum(upper_bound(a, ra), upper_bound(b, rb)))


@quiet
def contains(a: FloatArray, ra: FloatArray, b: FloatArray, rb: FloatArray) -> NDArray[np.bool_]:
    """Return whether ball a contains ball b, decided exactly: |b - a| <= ra - rb.

    Both sides are s + e by `two_sum` with |e| at most half a unit of s, so they are ordered as the pairs are.
    """
    # elementwise and exact: no bound is rounded, so a ball contains itself; an infinite ra contains
    # everything
    s, e = two_sum(b, -a)
    e = np.where(s < 0.0, -e, e)
    s = np.abs(s)
    t, f = two_sum(ra, -rb)
    inside = (s < t) | ((s == t) & (e <= f))
    return np.asarray(inside | (ra == np.inf))


@quiet
def total(mid: FloatArray, rad: FloatArray) -> Pair:
    """Return the sum over axis 0 (n >= 1 rows), accurate as if in twice the precision.

    A tree of `two_sum`s: total = S + sum of all errors, exactly. Each |e| <= u |partial sum|, so on each of
    the L levels the errors sum to at most u (1 + u)^L A with A = sum |mid|; adding up all of them in a tree
    of the same shape (at most 2 L roundings on any path) errs by at most 2.1 L^2 u^2 A. A and sum rad are
    float sums in unknown order: relative error below 1.01 n u for n < 2^40.
    """
    # (n, *S) balls to S. NumPy adds in an order of its own, but any order has at most n - 1
    # roundings on a path: the factor 1 + 4 n u covers those and its own product. An error term e of
    # a level is exact; only the sums of errors round, relative to errors that are u times smaller
    # already, hence u^2 L^2 A instead of u A. 4 L u squared is 16 L^2 u^2 >= 2.1 L^2 u^2. A single
    # row (n = 1) is exact and keeps its radius.
    n = mid.shape[0]
    summed = 1.0 + 4.0 * n * UNIT
    size = np.abs(mid).sum(axis=0) * summed
    radius = rad.sum(axis=0) * summed
    levels = n.bit_length()
    s, e = mid, np.zeros_like(mid)
    while s.shape[0] > 1:
        half, odd = divmod(s.shape[0], 2)
        partial, lost = two_sum(s[:half], s[half : 2 * half])
        lost += e[:half] + e[half : 2 * half]
        s = np.concatenate([partial, s[2 * half :]]) if odd else partial
        e = np.concatenate([lost, e[2 * half :]]) if odd else lost
    middle = np.asarray(s[0] + e[0])
    rounding = np.abs(middle) * ROUND if n > 1 else 0.0 * middle
    radius = (radius + rounding + size * (4.0 * levels * UNIT) ** 2 * (n > 1)) * INFLATE
    return canonical(middle, np.asarray(radius))

"""Operations on complex rectangles that need no centred form, as pairs of BallArrays (real part, imaginary part)."""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rounding import INFLATE, TINY, quiet

# Every function takes rectangles of one shape S, as two BallArrays of it, and returns the same;
# bounds of moduli are float arrays of shape S. All arithmetic below is that of balls, so roundings
# need no argument of their own: only the formulas do, and where a float array leaves the balls
# (`modulus_upper`, radii, scales).

Rectangle = tuple[BallArray, BallArray]


def add(z: Rectangle, w: Rectangle) -> Rectangle:
    """Return z + w."""
    return z[0] + w[0], z[1] + w[1]


def subtract(z: Rectangle, w: Rectangle) -> Rectangle:
    """Return z - w."""
    return z[0] - w[0], z[1] - w[1]


def multiply(z: Rectangle, w: Rectangle) -> Rectangle:
    """Return z w."""
    # parts of the exact product; each part of an operand stands twice, so the rectangle is not the smallest
    (a, b), (c, d) = z, w
    return a * c - b * d, a * d + b * c


def add_real(z: Rectangle, t: BallArray) -> Rectangle:
    """Return z + t for real t."""
    return _same_shape(z[0] + t, z[1])


def subtract_real(z: Rectangle, t: BallArray) -> Rectangle:
    """Return z - t for real t."""
    return _same_shape(z[0] - t, z[1])


def multiply_real(z: Rectangle, t: BallArray) -> Rectangle:
    """Return z t for real t."""
    return z[0] * t, z[1] * t


def divide_real(z: Rectangle, t: BallArray) -> Rectangle:
    """Return z / t for real t."""
    return z[0] / t, z[1] / t


def _same_shape(real: BallArray, imag: BallArray) -> Rectangle:
    return real, imag if imag.shape == real.shape else imag.broadcast_to(real.shape)


def square(z: Rectangle) -> Rectangle:
    """Return z^2."""
    # squares of balls are nonnegative, which the product z z would not know
    a, b = z
    return a.square() - b.square(), 2 * (a * b)


def power(z: Rectangle, n: int) -> Rectangle:
    """Return z^n for n >= 0 by repeated squaring."""
    result = z if n & 1 else (z[0].ones(), BallArray(np.zeros(z[1].shape)))
    while n := n >> 1:
        z = square(z)
        if n & 1:
            result = multiply(result, z)
    return result


@quiet
def modulus_upper(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return upper bounds of sqrt(a^2 + b^2) for a, b >= 0.

    Both are divided by their maximum first, so nothing overflows; an underflow is below 2^-500 of the result.
    """
    # p, q <= 1 and one of them is 1. Roundings on a path: two quotients, squares, sum, root,
    # product, below the 13 of INFLATE; p^2 or q^2 that underflows is below 2^-1074, nothing beside
    # 1. TINY is for a product that underflows. NaN or infinity in a or b gives one, which ends in
    # an infinite radius.
    most = np.maximum(a, b)
    scale = np.where((most > 0.0) & (most < np.inf), most, 1.0)
    p, q = a / scale, b / scale
    root = np.sqrt(p * p + q * q) * scale * INFLATE
    return np.asarray(np.where(most > 0.0, root + TINY, 0.0))


def where(condition: NDArray[np.bool_], z: Rectangle, w: Rectangle) -> Rectangle:
    """Return z where the condition holds, w elsewhere."""
    return BallArray.where(condition, z[0], w[0]), BallArray.where(condition, z[1], w[1])


def only(condition: NDArray[np.bool_], z: Rectangle) -> Rectangle:
    """Return z where the condition holds, infinite radii elsewhere."""
    if condition.all():
        return z
    lost = BallArray(np.zeros(z[0].shape), np.inf)
    return where(condition, z, (lost, lost))

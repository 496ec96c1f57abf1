"""Functions of complex rectangles, as pairs of BallArrays (real part, imaginary part).

Entire functions use their real and imaginary parts, products of real functions of one part each. The others
use a centred form: the value at the midpoint z0 (in ball arithmetic, so its rounding is tracked) plus |z -
z0| sup |f'| in both parts. A rectangle is convex, so the segment from z0 to z stays inside it and sup |f'|
is over the rectangle; this needs f analytic there, which is checked first.
"""

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rectangles import Rectangle, add, modulus_upper, only, where
from elboproof.numbers.ball_rounding import quiet

BELOW_PI = 3.141592
TWO_OVER_SQRT_PI = 1.1283791671
"""Above 2/sqrt(pi) = 1.12837916709..."""


def _centre(z: Rectangle) -> tuple[Rectangle, FloatArray]:
    """Return the midpoint as an exact rectangle, and an upper bound of |z - midpoint|."""
    # the farthest points of a rectangle are its corners, at the modulus of both radii
    return (BallArray(z[0].mid), BallArray(z[1].mid)), modulus_upper(z[0].rad, z[1].rad)


def _spread(centre: Rectangle, radius: BallArray) -> Rectangle:
    """Return a rectangle enlarged on all sides by the upper bound of ``radius``."""
    # the disc of that radius around each point of `centre` lies in the square of half that side
    disc = BallArray(np.zeros(radius.shape), radius.mag())
    return centre[0] + disc, centre[1] + disc


def divide(z: Rectangle, w: Rectangle) -> Rectangle:
    """Return z / w: |z/w - z0/w0| <= (|z - z0| + |z0/w0| |w - w0|) / |w|, |w| >= |w0| - |w - w0|."""
    # z/w - z0/w0 = ((z - z0) - (z0/w0)(w - w0)) / w. The quotient of midpoints is in balls, so that
    # its roundings are in its radius, to which the bound is added; where |w| may be 0, `below` is
    # not positive and nothing is said.
    ((a, b), dz), ((c, d), dw) = _centre(z), _centre(w)
    # Scaling by a power of two is exact up to TINY's order and keeps |w0|^2 from over- and underflowing.
    scale = BallArray(_binary_scale(c.mid, d.mid))
    p, q = c * scale, d * scale
    norm = p.square() + q.square()
    quotient = ((a * p + b * q) / norm * scale, (b * p - a * q) / norm * scale)
    below = norm.sqrt() / scale - BallArray(dw)
    numerator = BallArray(dz) + BallArray(modulus_upper(quotient[0].mag(), quotient[1].mag())) * BallArray(dw)
    return only(below.lower() > 0.0, _spread(quotient, numerator / below))


@quiet
def _binary_scale(c: FloatArray, d: FloatArray) -> FloatArray:
    """Return a power of two near 1/max(|c|, |d|): the bits of that quotient without its fraction."""
    # clipped to [2^-900, 2^900], so that the quotient is normal and its exponent's bits alone are a
    # power of two; a zero divisor is refused by `divide` itself
    most = np.minimum(np.maximum(np.maximum(np.abs(c), np.abs(d)), 2.0**-900), 2.0**900)
    return (np.asarray(1.0 / most).view(np.int64) & np.int64(0x7FF << 52)).view(np.float64)


def exp(z: Rectangle) -> Rectangle:
    """Return e^a (cos b + i sin b)."""
    # each real function stands once in each part, so both are images of the rectangle, up to roundings
    growth = z[0].exp()
    return growth * z[1].cos(), growth * z[1].sin()


def sin(z: Rectangle) -> Rectangle:
    """Return sin a cosh b + i cos a sinh b."""
    a, b = z
    return a.sin() * b.cosh(), a.cos() * b.sinh()


def cos(z: Rectangle) -> Rectangle:
    """Return cos a cosh b - i sin a sinh b."""
    a, b = z
    return a.cos() * b.cosh(), -(a.sin() * b.sinh())


def sinh(z: Rectangle) -> Rectangle:
    """Return sinh a cos b + i cosh a sin b."""
    a, b = z
    return a.sinh() * b.cos(), a.cosh() * b.sin()


def cosh(z: Rectangle) -> Rectangle:
    """Return cosh a cos b + i sinh a sin b."""
    a, b = z
    return a.cosh() * b.cos(), a.sinh() * b.sin()


def tanh(z: Rectangle) -> Rectangle:
    """Return tanh z = (t + i q sin b cos b)/(1 - q sin^2 b), t = tanh a, q = 1 - t^2 = 1/cosh^2 a.

    The denominator is |cosh z|^2/cosh^2 a, so it is positive off the poles; nothing overflows for large a.
    """
    # |cosh z|^2 = sinh^2 a + cos^2 b = cosh^2 a - sin^2 b, over cosh^2 a: both forms of the
    # denominator are exact, so in each element the narrower may be taken. Its lower bound is
    # positive only if cosh has no zero on the rectangle.
    t, s, c = z[0].tanh(), z[1].sin(), z[1].cos()
    q = _within_unit(1 - t.square())
    denominator = 1 - q * s.square()
    if not (denominator.lower() > 0.25).all():  # near cos b = 0 an equal form is sharper
        second = t.square() + q * c.square()
        denominator = BallArray.where(denominator.rad <= second.rad, denominator, second)
    positive = denominator.lower() > 0.0
    inverse = 1 / denominator
    return only(positive, (t * inverse, q * s * c * inverse))


def _within_unit(q: BallArray) -> BallArray:
    """Return a ball cut down to [0, 1], where its true value is known to lie."""
    # the true q lies in the ball and in [0, 1], hence between the clipped bounds; a ball of
    # infinite radius becomes [0, 1]
    return BallArray.between(np.clip(q.lower(), 0.0, 1.0), np.clip(q.upper(), 0.0, 1.0))


def tan(z: Rectangle) -> Rectangle:
    """Return tan z = -i tanh(i z)."""
    real, imag = tanh((-z[1], z[0]))
    return imag, -real


def _off_cut(z: Rectangle) -> NDArray[np.bool_]:
    """Return whether a rectangle keeps clear of (-inf, 0]."""
    # Decided by outward bounds of the whole rectangle, never by its midpoint: it must lie to the
    # right of 0, or above or below the real axis. A rectangle that only touches the cut is not
    # clear of it, as all comparisons are strict.
    a, b = z
    return np.asarray((a.lower() > 0.0) | (b.lower() > 0.0) | (b.upper() < 0.0))


def log(z: Rectangle) -> Rectangle:
    """Return log|z| + i arg z; the argument is atan(b/a), or +-pi/2 - atan(a/b) where a is not positive.

    In every quotient each part stands once, so the enclosure of the argument is tight.
    """
    # Off the cut the rectangle lies in Re > 0, Im > 0 or Im < 0, where the principal argument is
    # atan(b/a), pi/2 - atan(a/b) or -pi/2 - atan(a/b): with quotient = b/a or -a/b, angle =
    # atan(quotient) + the turn. Elsewhere -a/b may divide by 0: infinite already, and `_only` says
    # so for the real part. log|z| = log(a^2 + b^2) / 2.
    a, b = z
    right, upper = a.lower() > 0.0, b.lower() > 0.0
    quotient = BallArray.where(right, b, -a) / BallArray.where(right, a, b)
    half_pi = BallArray.pi() * 0.5
    turn = BallArray.where(upper, half_pi, -half_pi)
    angle = BallArray.where(right, quotient.atan(), turn + quotient.atan())
    return only(_off_cut(z), ((a.square() + b.square()).log() * 0.5, angle))


def sqrt(z: Rectangle) -> Rectangle:
    """Return sqrt z: |sqrt z - sqrt z0| = |z - z0| / |sqrt z + sqrt z0| <= |z - z0| / sqrt(|z| + |z0|).

    Off the cut the rectangle lies in one of the half planes Re > 0, Im > 0, Im < 0, so the two roots differ
    by at most a right angle and |sqrt z + sqrt z0|^2 >= |z| + |z0|.
    """
    # At the midpoint: sqrt((|z0| + |a|)/2) and b / (2 root) are real and imaginary part for a >= 0,
    # swapped with the sign of b for a < 0, where their roles change; |a| makes the sum free of
    # cancellation. |sqrt z + sqrt z0|^2 = |z| + |z0| + 2 Re(sqrt z conj(sqrt z0)), and the last
    # term is not negative for roots at most a right angle apart. |z| >= least on the whole
    # rectangle: the distance from 0, not |z0|, which near 0 is far too large; the lower bound of
    # `least` is what a quotient's upper bound takes.
    (a, b), radius = _centre(z)
    modulus = (a.square() + b.square()).sqrt()
    root = ((modulus + a.abs()) * 0.5).sqrt()
    other = b / (root * 2)
    right = a.mid >= 0.0
    flip = BallArray(np.where(b.mid < 0.0, -1.0, 1.0))
    centre = where(right, (root, other), (other * flip, root * flip))
    least = (z[0].mig_ball().square() + z[1].mig_ball().square()).sqrt()
    return only(_off_cut(z), _spread(centre, BallArray(radius) / (least + modulus).sqrt()))


def _off_imaginary_cuts(z: Rectangle) -> NDArray[np.bool_]:
    """Return whether a rectangle keeps clear of the imaginary numbers of modulus at least 1."""
    # the cuts are {iy: |y| >= 1}: missed if Re z is nowhere 0 or |Im z| < 1 everywhere, by outward bounds
    return np.asarray((z[0].mig() > 0.0) | (z[1].mag() < 1.0))


def _distances_to_i(z: Rectangle) -> BallArray:
    """Return a ball whose lower bound is at most |1 + z^2| = |z - i| |z + i| over the rectangle."""
    # over a rectangle |z -+ i|^2 >= mig(a)^2 + mig(b -+ 1)^2, and the product of lower bounds is
    # one of the product
    across = z[0].mig_ball().square()
    near, far = ((z[1] + sign).mig_ball().square() for sign in (-1, 1))
    return ((across + near) * (across + far)).sqrt()


def asinh(z: Rectangle) -> Rectangle:
    """Return asinh z = +-log(+-z + sqrt(1 + z^2)), the sign that of Re z0; |asinh'| = 1/sqrt|1 + z^2|."""
    # asinh is odd and analytic off its cuts, and so is the value with the sign of Re z0 taken out:
    # log(w + sqrt(1 + w^2)) for Re w >= 0, where the sum does not cancel and keeps clear of (-inf,
    # 0]. A rectangle off the cuts is convex, so the mean-value bound |z - z0| sup |asinh'| holds; the
    # point w itself may be on the cut only if the rectangle is.
    (a, b), radius = _centre(z)
    flip = BallArray(np.where(a.mid < 0.0, -1.0, 1.0))
    p, q = a * flip, b * flip
    # 1 + z^2 from (1 - b)(1 + b): near +-i the square would cancel.
    root = sqrt(((1 - q) * (1 + q) + p.square(), 2 * (p * q)))
    value = log((p + root[0], q + root[1]))
    slope = 1 / _distances_to_i(z).sqrt()
    return only(
        _off_imaginary_cuts(z), _spread((value[0] * flip, value[1] * flip), BallArray(radius) * slope)
    )


def atan(z: Rectangle) -> Rectangle:
    """Return atan z = (i/2) (log(1 - i z) - log(1 + i z)); |atan'| = 1/|1 + z^2|."""
    # 1 - iz and 1 + iz have real parts 1 + b and 1 - b: the midpoint is off the cuts of both
    # logarithms exactly where it is off those of atan, and there the formula is the principal
    # value. The mean-value bound as for asinh.
    (a, b), radius = _centre(z)
    minus, plus = log((1 + b, -a)), log((1 - b, a))
    value = ((plus[1] - minus[1]) * 0.5, (minus[0] - plus[0]) * 0.5)
    return only(_off_imaginary_cuts(z), _spread(value, BallArray(radius) / _distances_to_i(z)))


def softplus(z: Rectangle) -> Rectangle:
    """Return log(1 + e^z) for Re z0 < 0, else z + log(1 + e^-z): equal and analytic on the strip |Im z| < pi."""
    # Both forms are analytic for |Im z| < pi and equal on the real line, hence everywhere on the
    # strip, so each element may take the one that does not overflow. For |Im z| < pi, 1 + e^z is
    # off (-inf, 0]: its imaginary part vanishes only with Im z, where it is above 1. Where the
    # enclosure of it touches the cut all the same, log answers infinite.
    a, b = z
    left = a.mid < 0.0
    decayed = exp((BallArray.where(left, a, -a), BallArray.where(left, b, -b)))
    value = log((1 + decayed[0], decayed[1]))
    value = where(left, value, add(z, value))
    return only(b.mag() < BELOW_PI, value)


def erf(z: Rectangle) -> Rectangle:
    """Return erf z as erf(x0) plus the path from the real point x0 = Re z0: |erf'| = 2/sqrt(pi) e^(b^2 - a^2).

    The slope is taken over the rectangle stretched to the real axis, which contains every such path.
    """
    # |erf'(z)| = 2/sqrt(pi) |e^(-z^2)| = 2/sqrt(pi) e^(b^2 - a^2), largest at mag(b), mig(a). The
    # straight path from x0 to any z is as long as |z - x0| <= modulus of (rad a, mag b), within the
    # convex hull of the rectangle and x0.
    a, b = z
    x0 = BallArray(a.mid)
    path = modulus_upper(a.rad, b.mag())
    exponent = BallArray(b.mag()).square() - a.mig_ball().square()
    slope = exponent.exp() * TWO_OVER_SQRT_PI
    return _spread((x0.erf(), b * 0), BallArray(path) * slope)


def sign(z: Rectangle) -> Rectangle:
    """Return the sign of the real part; infinite radius where 0 is touched."""
    # constant, hence analytic, on either half plane
    a, b = z
    return only(a.mig() > 0.0, (a.sign(), BallArray(np.zeros(b.shape))))


def maximum(z: Rectangle, w: Rectangle) -> Rectangle:
    """Return the rectangle with the greater real part; infinite radius where the real parts overlap."""
    # the continuation of max from the real line is one of the two functions wherever it is decided which
    first, second = z[0].lower() > w[0].upper(), w[0].lower() > z[0].upper()
    shape = np.broadcast_shapes(z[0].shape, w[0].shape)
    z, w = ((p[0].broadcast_to(shape), p[1].broadcast_to(shape)) for p in (z, w))
    return only(first | second, where(first, z, w))

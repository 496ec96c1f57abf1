"""log(e^a + e^b) on ball arrays, rectangles, duals and centred forms, with a pivot for each element."""

from typing import Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual


def log_add_exp(a: Any, b: Any) -> Any:
    """Return log(e^a + e^b) of balls, rectangles, duals and centred forms: the larger argument plus a softplus.

    Which one is larger is asked at the midpoints; either gives an enclosure.
    """
    if isinstance(a, Centred) or isinstance(b, Centred):
        return _of_forms(*(_form(t, b if t is a else a) for t in (a, b)))
    if isinstance(a, Dual) or isinstance(b, Dual):
        return _of_duals(a, b, None)
    if isinstance(a, ComplexBallArray) or isinstance(b, ComplexBallArray):
        return _of_rectangles(_rectangle(a), _rectangle(b), _rectangle(a - b))
    return _of_balls(_ball(a), _ball(b))


def _of_balls(a: BallArray, b: BallArray) -> BallArray:
    """Return the image of two arrays of balls (B,): the function increases in both."""
    # between its values at the lower and at the upper ends; where one end is infinite nothing is known
    a, b = (
        a.broadcast_to(np.broadcast_shapes(a.shape, b.shape)),
        b.broadcast_to(np.broadcast_shapes(a.shape, b.shape)),
    )
    finite = np.isfinite(a.rad) & np.isfinite(b.rad)
    low, high = _at(a.lower(), b.lower(), finite).lower(), _at(a.upper(), b.upper(), finite).upper()
    return BallArray.between(np.where(finite, low, -np.inf), np.where(finite, high, np.inf))


def _at(x: Any, y: Any, known: Any) -> BallArray:
    """Return log(e^x + e^y) at floats (B,), and anything where they are not known."""
    # max(x, y) is exact; the difference, the softplus of a number below 0 and the sum are balls
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    return (
        BallArray(np.maximum(x, y)) + (BallArray(np.minimum(x, y)) - BallArray(np.maximum(x, y))).softplus()
    )


def _of_rectangles(
    a: ComplexBallArray, b: ComplexBallArray, difference: ComplexBallArray
) -> ComplexBallArray:
    """Return the continuation from the real line for |Im(a - b)| < pi; infinite where that is not sure."""
    # a + softplus(b - a) and b + softplus(a - b) are equal on the real line, and softplus is analytic for |Im| < pi:
    # each element may take either. A rectangle (B,) that is not finite makes the sum infinite.
    ahead = difference.real.mid > 0.0
    tail = ComplexBallArray.where(ahead, -difference, difference).softplus()
    return ComplexBallArray.where(ahead, _spread(a, tail), _spread(b, tail)) + tail


def _spread(z: ComplexBallArray, like: ComplexBallArray) -> ComplexBallArray:
    return ComplexBallArray(z.real.broadcast_to(like.shape), z.imag.broadcast_to(like.shape))


def _of_duals(a: Any, b: Any, difference: Any) -> Dual:
    """Return value and slopes: w a' + (1 - w) b' with the weight w = sigmoid(a - b)."""
    # written b' + w (a' - b'), so that w stands once; the difference may be known better than from both ranges
    dual = a if isinstance(a, Dual) else b
    first, second = (t if isinstance(t, Dual) else Dual(t, [0] * len(dual.slopes)) for t in (a, b))
    if difference is None:
        difference = first.value - second.value
    weight = difference.sigmoid()
    complex_ones = any(isinstance(t, ComplexBallArray) for t in (first.value, second.value, difference))
    value = (
        _of_rectangles(_rectangle(first.value), _rectangle(second.value), _rectangle(difference))
        if complex_ones
        else _of_balls(_ball(first.value), _ball(second.value))
    )
    pairs = zip(first.slopes, second.slopes, strict=True)
    return Dual(value, [_mixed(weight, p, q) for p, q in pairs])


def _mixed(weight: Any, p: Any, q: Any) -> Any:
    """Return q + w (p - q)."""
    if isinstance(p, int) and isinstance(q, int) and p == q:
        return p
    return weight * (p - q) + q


def _of_forms(a: Centred, b: Centred) -> Centred:
    difference = (a - b).tightened().dual.value
    a, b = a.tightened(), b.tightened()
    return Centred(log_add_exp(a.centre, b.centre), _of_duals(a.dual, b.dual, difference), a.offsets)


def _form(value: Any, other: Any) -> Centred:
    """Return a number that stands beside a centred form as one."""
    if isinstance(value, Centred):
        return value
    return Centred(value, Dual(value, [0] * len(other.dual.slopes)), other.offsets, tight=True)


def _ball(value: Any) -> BallArray:
    return value if isinstance(value, BallArray) else BallArray(float(value))


def _rectangle(value: Any) -> ComplexBallArray:
    return value if isinstance(value, ComplexBallArray) else ComplexBallArray(_ball(value))

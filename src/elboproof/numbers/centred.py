"""Centred forms over any ring: the value at a box's centre, its range over the box, and its slopes.

Before each nonlinear operation the range is replaced by the mean-value form

    f(c) + sum_k f_k(box) (u_k - c_k)

wherever that is narrower. So a thin box that lies obliquely in the latents stays thin in every intermediate value,
which plain interval arithmetic loses, and so do differences of nearly equal terms.

The mean-value theorem on the convex box gives the form for real functions (Lebourg's at kinks). For a function that
is analytic on a rectangle, f(u) - f(c) = int_0^1 sum_k f_k(c + t(u - c)) (u_k - c_k) dt, and the average of f_k lies
in the rectangle that encloses it. The form is used only where the plain range is finite, so that what a ring says about
analyticity stays said.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.duals import Dual


def _unary(name: str, value: str) -> "Callable[[Centred], Centred]":
    """Return the method that applies a function of one quantity."""

    def method(self: "Centred") -> "Centred":
        return self._nonlinear(name)

    method.__name__, method.__doc__ = name, f"Return {value}."
    return method


class Centred:
    """A quantity over a box, in centred form.

    Parameters
    ----------
    centre
        Ring element that encloses the value at the centre.
    dual
        Range over the box and slopes in the box's coordinates.
    offsets
        d ring elements that enclose u_k - c_k, shared by all quantities of a computation.
    tight
        Whether the range has been compared with the mean-value form.
    """

    __slots__ = ("centre", "dual", "offsets", "tight")
    __array_ufunc__ = None

    def __init__(self, centre: Any, dual: Dual, offsets: Sequence[Any], tight: bool = False) -> None:
        self.centre, self.dual, self.offsets, self.tight = centre, dual, offsets, tight

    def range(self) -> Any:
        """Return the range over the box, the narrower of both forms in each entry."""
        return self.tightened().dual.value

    def tightened(self) -> "Centred":
        """Return the quantity with its range compared with the mean-value form."""
        if self.tight:
            return self
        # both enclose the range over the same box, so the narrower may be taken in each entry by
        # itself; slopes are those of the quantity and do not change
        form = self.dual.mean_value(self.centre, self.offsets)
        value = narrower(self.dual.value, form)
        return Centred(self.centre, Dual(value, self.dual.slopes), self.offsets, tight=True)

    def _linear(self, operation: str, other: Any) -> "Centred":
        # Sums and constant multiples are exact on centre, range and slopes, so no mean-value form
        # is needed before them: it can be made later, from the sums. A real centre may meet a
        # complex constant.
        ours, theirs = (other.centre, other.dual) if isinstance(other, Centred) else (other, other)
        centre = getattr(self.centre, operation)(ours)
        if centre is NotImplemented:
            centre = getattr(ComplexBallArray(self.centre), operation)(ours)
        # an affine map of one quantity keeps what was won
        tight = self.tight and not isinstance(other, Centred)
        return Centred(centre, getattr(self.dual, operation)(theirs), self.offsets, tight)

    def _nonlinear(self, name: str, *arguments: Any) -> "Centred":
        # The operation is applied to the narrowed ranges; at the centre it is applied to the value
        # there, of radius near 0. Every array has the shape (B,) of the boxes, or one that
        # broadcasts to it.
        tight = self.tightened()
        others = [a.tightened() if isinstance(a, Centred) else a for a in arguments]
        centre = getattr(tight.centre, name)(*(a.centre if isinstance(a, Centred) else a for a in others))
        dual = getattr(tight.dual, name)(*(a.dual if isinstance(a, Centred) else a for a in others))
        return Centred(centre, dual, self.offsets)

    def __add__(self, other: Any) -> "Centred":
        return self._linear("__add__", other)

    def __sub__(self, other: Any) -> "Centred":
        return self._linear("__sub__", other)

    def __rsub__(self, other: Any) -> "Centred":
        return self._linear("__rsub__", other)

    def __neg__(self) -> "Centred":
        return Centred(-self.centre, -self.dual, self.offsets, self.tight)

    def __mul__(self, other: Any) -> "Centred":
        return (
            self._nonlinear("__mul__", other)
            if isinstance(other, Centred)
            else self._linear("__mul__", other)
        )

    def __truediv__(self, other: Any) -> "Centred":
        if isinstance(other, Centred):
            return self._nonlinear("__truediv__", other)
        return self._linear("__truediv__", other)

    def __rtruediv__(self, other: Any) -> "Centred":
        tight = self.tightened()
        return Centred(other / tight.centre, other / tight.dual, self.offsets)

    __radd__ = __add__
    __rmul__ = __mul__

    square = _unary("square", "t^2")
    exp = _unary(
        "exp", "e^t, evaluated; compiled tapes keep sums of exponentials unevaluated, see `exponential_sums`"
    )
    expm1 = _unary("expm1", "e^t - 1")
    log = _unary("log", "log t")
    log1p = _unary("log1p", "log(1 + t)")
    sqrt = _unary("sqrt", "the square root")
    sin = _unary("sin", "sin t")
    cos = _unary("cos", "cos t")
    tan = _unary("tan", "tan t")
    sinh = _unary("sinh", "sinh t")
    cosh = _unary("cosh", "cosh t")
    tanh = _unary("tanh", "tanh t")
    asinh = _unary("asinh", "asinh t")
    atan = _unary("atan", "atan t")
    erf = _unary("erf", "erf t")
    sigmoid = _unary("sigmoid", "1 / (1 + e^-t)")
    softplus = _unary("softplus", "log(1 + e^t)")
    abs = _unary("abs", "|t|")
    sign = _unary("sign", "the sign")

    def max(self, other: Any) -> "Centred":
        """Return the greater of two; of two quantities by their difference, whose sign a centred form knows best."""
        if isinstance(other, Centred):
            # max(s, t) = (s + t + |s - t|)/2, a function of the difference, which oblique boxes leave narrow
            return (self + other + (self - other).abs()) * 0.5
        return self._nonlinear("max", other)

    def min(self, other: Any) -> "Centred":
        """Return the lesser of two."""
        if isinstance(other, Centred):
            return (self + other - (self - other).abs()) * 0.5
        return self._nonlinear("min", other)

    def pow(self, exponent: Any) -> "Centred":
        """Return t to a constant real exponent."""
        return self._nonlinear("pow", exponent)


def narrower(value: Any, form: Any) -> Any:
    """Return the narrower of two enclosures in each entry; ``value`` where it is not finite."""
    if isinstance(value, ComplexBallArray):
        # one infinite part says that nothing is known, nor that the function is analytic: neither
        # part is replaced
        form = form if isinstance(form, ComplexBallArray) else ComplexBallArray(form)
        finite = np.isfinite(value.real.rad) & np.isfinite(value.imag.rad)
        real = _narrower(value.real, form.real, finite)
        return ComplexBallArray(real, _narrower(value.imag, form.imag, finite))
    if isinstance(form, ComplexBallArray):  # a real quantity: the form's real part encloses it, too
        form = form.real
    return _narrower(value, form, np.isfinite(value.rad))


def _narrower(value: BallArray, form: BallArray, allowed: Any) -> BallArray:
    # (B,) each; NaN does not occur in radii, and an infinite form is never the narrower
    return BallArray.where(allowed & (form.rad < value.rad), form, value)

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

from collections.abc import Sequence
from typing import Any

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.duals import Dual


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
        form = self.dual.mean_value(self.centre, self.offsets)
        value = narrower(self.dual.value, form)
        return Centred(self.centre, Dual(value, self.dual.slopes), self.offsets, tight=True)

    def _linear(self, operation: str, other: Any) -> "Centred":
        ours, theirs = (other.centre, other.dual) if isinstance(other, Centred) else (other, other)
        centre = getattr(self.centre, operation)(ours)
        if centre is NotImplemented:
            centre = getattr(ComplexBallArray(self.centre), operation)(ours)
        tight = self.tight and not isinstance(
            other, Centred
        )  # an affine map of one quantity keeps what was won
        return Centred(centre, getattr(self.dual, operation)(theirs), self.offsets, tight)

    def _nonlinear(self, name: str, *arguments: Any) -> "Centred":
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

    def square(self) -> "Centred":
        """Return t^2."""
        return self._nonlinear("square")

    def exp(self) -> "Centred":
        """Return e^t, evaluated; compiled tapes keep sums of exponentials unevaluated, see `exponential_sums`."""
        return self._nonlinear("exp")

    def expm1(self) -> "Centred":
        """Return e^t - 1."""
        return self._nonlinear("expm1")

    def log(self) -> "Centred":
        """Return log t."""
        return self._nonlinear("log")

    def log1p(self) -> "Centred":
        """Return log(1 + t)."""
        return self._nonlinear("log1p")

    def sqrt(self) -> "Centred":
        """Return the square root."""
        return self._nonlinear("sqrt")

    def sin(self) -> "Centred":
        """Return sin t."""
        return self._nonlinear("sin")

    def cos(self) -> "Centred":
        """Return cos t."""
        return self._nonlinear("cos")

    def tan(self) -> "Centred":
        """Return tan t."""
        return self._nonlinear("tan")

    def sinh(self) -> "Centred":
        """Return sinh t."""
        return self._nonlinear("sinh")

    def cosh(self) -> "Centred":
        """Return cosh t."""
        return self._nonlinear("cosh")

    def tanh(self) -> "Centred":
        """Return tanh t."""
        return self._nonlinear("tanh")

    def asinh(self) -> "Centred":
        """Return asinh t."""
        return self._nonlinear("asinh")

    def atan(self) -> "Centred":
        """Return atan t."""
        return self._nonlinear("atan")

    def erf(self) -> "Centred":
        """Return erf t."""
        return self._nonlinear("erf")

    def sigmoid(self) -> "Centred":
        """Return 1 / (1 + e^-t)."""
        return self._nonlinear("sigmoid")

    def softplus(self) -> "Centred":
        """Return log(1 + e^t)."""
        return self._nonlinear("softplus")

    def abs(self) -> "Centred":
        """Return |t|."""
        return self._nonlinear("abs")

    def sign(self) -> "Centred":
        """Return the sign."""
        return self._nonlinear("sign")

    def max(self, other: Any) -> "Centred":
        """Return the greater of two; of two quantities by their difference, whose sign a centred form knows best."""
        if isinstance(other, Centred):
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
        form = form if isinstance(form, ComplexBallArray) else ComplexBallArray(form)
        finite = np.isfinite(value.real.rad) & np.isfinite(value.imag.rad)
        real = _narrower(value.real, form.real, finite)
        return ComplexBallArray(real, _narrower(value.imag, form.imag, finite))
    if isinstance(form, ComplexBallArray):  # a real quantity: the form's real part encloses it, too
        form = form.real
    return _narrower(value, form, np.isfinite(value.rad))


def _narrower(value: BallArray, form: BallArray, allowed: Any) -> BallArray:
    return BallArray.where(allowed & (form.rad < value.rad), form, value)

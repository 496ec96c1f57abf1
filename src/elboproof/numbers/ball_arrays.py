"""Arrays of real balls: rigorous arithmetic at NumPy speed.

A ball is a midpoint and a radius, both float64, and stands for all t with |t - mid| <= rad. Every operation
returns a ball that contains every result of the exact operation on members of its operands. The proofs are
beside the code: `ball_rounding` (what is trusted), `ball_arithmetic`, `ball_lift` and the kernels
``ball_exp``, ``ball_log``, ``ball_trig``, ``ball_atan``, ``ball_erf``.
"""

from collections.abc import Callable
from typing import Self, cast

import numpy as np

from elboproof.arguments import wrong_type
from elboproof.numbers import ball_arithmetic as arithmetic
from elboproof.numbers import ball_lift, ball_waves
from elboproof.numbers.ball_rounding import Pair
from elboproof.numbers.ball_storage import BallStorage


class BallArray(BallStorage):
    """An array of real balls with operators and functions; see `BallStorage` for its making and its bounds.

    Operators take other BallArrays, float arrays, Python integers, floats (the exact binary numbers that they
    are) and Fractions, and broadcast. The method names are those of every number system of this package.

    A ball of infinite radius is the whole line: nothing is known, or the value is undefined (log of a ball that reaches
    below 0). A bounded function of it is its whole image: where there is a value, there it lies. That there is one is
    said by a finite `ComplexBallArray` only.
    """

    __slots__ = ()

    def _with(self, operation: Callable[..., Pair], other: object) -> Self:
        # numbers become balls exactly (an integer, a float) or with the error of their nearest
        # float (a Fraction), so the operation on balls contains the exact one; shapes broadcast in
        # the operation itself
        ball = self.coerce(other)
        if ball is None:
            return cast(Self, NotImplemented)
        return self._of(operation(self._mid, self._rad, ball._mid, ball._rad))

    def __add__(self, other: object) -> Self:
        return self._with(arithmetic.add, other)

    def __sub__(self, other: object) -> Self:
        return self._with(arithmetic.subtract, other)

    def __mul__(self, other: object) -> Self:
        return self._with(arithmetic.multiply, other)

    def __truediv__(self, other: object) -> Self:
        return self._with(arithmetic.divide, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: object) -> Self:
        return -self + other

    def __rtruediv__(self, other: object) -> Self:
        ball = self.coerce(other)
        return NotImplemented if ball is None else ball / self

    def __neg__(self) -> Self:
        return self._of((-self._mid, self._rad))

    def __pow__(self, n: int) -> Self:
        """Return an integer power; even powers are nonnegative, negative ones are reciprocals."""
        if isinstance(n, bool) or not isinstance(n, int):
            raise wrong_type("n", n, "an integer exponent (pow takes others)")
        # 1/t^n contains what (1/t)^n is; where t may be 0 the radius is infinite. t^0 is 1 for every t.
        if n < 0:
            return 1 / self ** (-n)
        if n >= 3:
            return self._of(arithmetic.power(self._mid, self._rad, n))
        return (self.ones, self.copy, self.square)[n]()

    def ones(self) -> Self:
        """Return exact ones of the same shape."""
        return self._of((np.ones(self.shape), np.zeros(self.shape)))

    def copy(self) -> Self:
        """Return the balls themselves: they cannot be changed."""
        return self

    def square(self) -> Self:
        """Return t^2, nonnegative."""
        return self._of(arithmetic.square(self._mid, self._rad))

    def pow(self, exponent: object) -> Self:
        """Return exp(exponent * log t) for a real exponent; infinite radius unless t > 0."""
        # for t > 0 by definition; the logarithm says where t may be 0 or less
        return (self.log() * self._required(exponent, "exponent")).exp()

    def _map(self, function: ball_lift.Lifted) -> Self:
        return self._of(ball_lift.apply(function, self._mid, self._rad))

    def _once(self, function: ball_lift.Lifted) -> Self:
        """Return a function that values, slopes and both parts of complex functions ask for in turn."""
        # balls cannot be changed, so that what was computed of them stays true
        if self._known is None:
            self._known = {}
        if function not in self._known:
            self._known[function] = self._map(function)
        return self._known[function]

    def exp(self) -> Self:
        """Return e^t."""
        return self._map(ball_lift.exp)

    def expm1(self) -> Self:
        """Return e^t - 1, relatively accurate at 0."""
        return self._map(ball_lift.expm1)

    def log(self) -> Self:
        """Return log t; infinite radius unless t > 0."""
        return self._map(ball_lift.log)

    def log1p(self) -> Self:
        """Return log(1 + t), relatively accurate at 0; infinite radius unless t > -1."""
        return self._map(ball_lift.log1p)

    def sqrt(self) -> Self:
        """Return the square root; infinite radius unless t >= 0."""
        return self._map(ball_lift.sqrt)

    def sin(self) -> Self:
        """Return sin t; [-1, 1] beyond `ball_trig.FAR`."""
        return self._once(ball_waves.sin)

    def cos(self) -> Self:
        """Return cos t; [-1, 1] beyond `ball_trig.FAR`."""
        return self._once(ball_waves.cos)

    def tan(self) -> Self:
        """Return tan t; infinite radius unless free of poles."""
        return self._map(ball_waves.tan)

    def sinh(self) -> Self:
        """Return sinh t."""
        return self._once(ball_lift.sinh)

    def cosh(self) -> Self:
        """Return cosh t."""
        return self._once(ball_lift.cosh)

    def tanh(self) -> Self:
        """Return tanh t."""
        return self._map(ball_lift.tanh)

    def asinh(self) -> Self:
        """Return asinh t."""
        return self._map(ball_lift.asinh)

    def atan(self) -> Self:
        """Return atan t."""
        return self._map(ball_lift.atan)

    def erf(self) -> Self:
        """Return erf t."""
        return self._map(ball_lift.erf)

    def sigmoid(self) -> Self:
        """Return 1 / (1 + e^-t)."""
        return self._map(ball_lift.sigmoid)

    def softplus(self) -> Self:
        """Return log(1 + e^t)."""
        return self._map(ball_lift.softplus)

    def abs(self) -> Self:
        """Return |t|, nonnegative."""
        return self._of(arithmetic.absolute(self._mid, self._rad))

    def sign(self) -> Self:
        """Return the sign, [-1, 1] where the ball touches 0."""
        return self._of(arithmetic.sign(self._mid, self._rad))

    def max(self, other: object) -> Self:
        """Return the greater of two."""
        return self._with(arithmetic.maximum, self._required(other))

    def min(self, other: object) -> Self:
        """Return the lesser of two."""
        # min(s, t) = -max(-s, -t); signs are exact
        return -(-self).max(-self._required(other))

    def union(self, other: object) -> Self:
        """Return the balls around both."""
        return self._with(arithmetic.union, self._required(other))

    def sum(self, axis: int | None = None) -> Self:
        """Return the sum over an axis, or over all, with a midpoint as if summed in twice the precision."""
        mid, rad = self._mid, self._rad
        if axis is None:
            mid, rad, axis = mid.reshape(-1), rad.reshape(-1), 0
        mid, rad = np.moveaxis(mid, axis, 0), np.moveaxis(rad, axis, 0)
        if mid.shape[0] == 0:
            return self._of((np.zeros(mid.shape[1:]), np.zeros(mid.shape[1:])))
        return self._of(arithmetic.total(mid, rad))

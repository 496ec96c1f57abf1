"""Forward duals over any ring of this package: a value and its partial derivatives.

With a BallArray of boxes as argument, the partials enclose the gradient over each box, which makes the
mean-value form f(centre) + sum_j partial_j (box_j - centre_j). At a kink (abs, max, min) the partials
enclose Clarke's generalised gradient, for which the mean-value theorem still holds (Lebourg 1979); where a
ring gives up (complex rectangles at a kink), so does the dual.
"""

from collections.abc import Sequence
from typing import Any, Self

from elboproof.arguments import bad, wrong_type
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_erf import TWO_OVER_SQRT_PI

# the rational is below 2/sqrt(pi) by less than 2^-192; the sum of balls rounds the radius up
ERF_SLOPE = BallArray.coerce(TWO_OVER_SQRT_PI) + BallArray(0.0, 2.0**-150)


def _is(p: Any, known: int) -> bool:
    return isinstance(p, int) and p == known


def _times(p: Any, q: Any) -> Any:
    # the integers 0 and 1 are exact and known before anything is computed: 0 times an infinite
    # radius is 0 here, because the quantity does not depend on that variable at all
    if _is(p, 0) or _is(q, 0):
        return 0
    if _is(p, 1):
        return q
    return p if _is(q, 1) else p * q


def _plus(p: Any, q: Any) -> Any:
    if _is(p, 0):
        return q
    return p if _is(q, 0) else p + q


def _ring_element(p: Any, value: Any) -> Any:
    if not isinstance(p, int):
        return p
    return value.ones() - 1 if p == 0 else value.ones() * p


# Every rule below is the chain rule in a ring of enclosures: if v encloses f(u) and p encloses
# df/du_j for every u of a box, then g(v) encloses g(f(u)), and an enclosure of g' over v times p
# encloses the derivative, as products of enclosures enclose products. Slopes may have fewer axes
# than values: shapes broadcast.


class Dual:
    """A value with partial derivatives, all in one ring.

    Parameters
    ----------
    value
        A ring element: BallArray or ComplexBallArray, or anything with the same operators and methods.
    partials
        Its d partial derivatives, ring elements of shapes that broadcast with the value, or the integers 0 and 1
        where they are known to be that: nothing is computed with those.
    """

    __slots__ = ("_slopes", "value")
    __array_ufunc__ = None
    value: Any
    _slopes: tuple[Any, ...]

    def __init__(self, value: Any, partials: Sequence[Any]) -> None:
        self.value = value
        self._slopes = tuple(partials)

    @property
    def partials(self) -> tuple[Any, ...]:
        """The partial derivatives as ring elements."""
        return tuple(_ring_element(p, self.value) for p in self._slopes)

    @property
    def slopes(self) -> tuple[Any, ...]:
        """The partial derivatives as they were given or computed: ring elements, or the integers 0 and 1."""
        return self._slopes

    @classmethod
    def variables(cls, values: Sequence[Any]) -> list[Self]:
        """Return the coordinates of a point, or of boxes, as duals: partial j of variable i is 1 if i = j else 0.

        Parameters
        ----------
        values
            d ring elements.
        """
        d = len(values)
        return [cls(v, [int(i == j) for j in range(d)]) for i, v in enumerate(values)]

    def __repr__(self) -> str:
        return f"Dual(value={self.value!r}, partials={self.partials!r})"

    def _like(self, other: object) -> Self | None:
        """Return ``other`` if it is a dual in the same variables; None for a constant."""
        if not isinstance(other, type(self)):
            return None
        if len(other._slopes) != len(self._slopes):
            raise bad("other", len(other._slopes), f"a dual with {len(self._slopes)} partials")
        return other

    def _constant(self, other: object) -> Any:
        """Return a constant as a ring element."""
        constant = type(self.value).coerce(other)
        if constant is None:
            raise wrong_type("other", other, "a dual or a constant of its ring")
        return constant

    def _chain(self, value: Any, slope: Any) -> Self:
        return type(self)(value, [_times(slope, p) for p in self._slopes])

    def __add__(self, other: object) -> Self:
        dual = self._like(other)
        if dual is None:
            return type(self)(self.value + other, self._slopes)
        pairs = zip(self._slopes, dual._slopes, strict=True)
        return type(self)(self.value + dual.value, [_plus(p, q) for p, q in pairs])

    __radd__ = __add__

    def __neg__(self) -> Self:
        return type(self)(-self.value, [-p for p in self._slopes])

    def __sub__(self, other: object) -> Self:
        dual = self._like(other)
        if dual is None:
            return type(self)(self.value - other, self._slopes)
        pairs = zip(self._slopes, dual._slopes, strict=True)
        return type(self)(self.value - dual.value, [_plus(p, -q) for p, q in pairs])

    def __rsub__(self, other: object) -> Self:
        return -self + other

    def __mul__(self, other: object) -> Self:
        dual = self._like(other)
        if dual is None:
            constant = self._constant(other)
            return self._chain(self.value * constant, constant)
        # (v w)_j = v_j w + v w_j
        v, w = self.value, dual.value
        pairs = zip(self._slopes, dual._slopes, strict=True)
        # the product rule with the ranges v and w of both factors over the box
        return type(self)(v * w, [_plus(_times(p, w), _times(v, q)) for p, q in pairs])

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Self:
        dual = self._like(other)
        if dual is None:
            constant = self._constant(other)
            return type(self)(self.value / constant, [0 if _is(p, 0) else p / constant for p in self._slopes])
        # (p - (v/w) q) / w: the quotient is used again, instead of w^2, so that w stands in fewer places
        quotient = self.value / dual.value
        pairs = zip(self._slopes, dual._slopes, strict=True)
        tops = (_plus(p, -_times(quotient, q)) for p, q in pairs)
        return type(self)(quotient, [0 if _is(t, 0) else t / dual.value for t in tops])

    def __rtruediv__(self, other: object) -> Self:
        # (c / v)' = -(c / v) / v
        quotient = other / self.value
        return self._chain(quotient, -quotient / self.value)

    def __pow__(self, n: int) -> Self:
        """Return an integer power."""
        if isinstance(n, bool) or not isinstance(n, int):
            raise wrong_type("n", n, "an integer exponent (pow takes others)")
        if n == 0:  # 1 for every t, with slope 0
            return self._chain(self.value**0, 0)
        return self._chain(self.value**n, n * self.value ** (n - 1))

    def square(self) -> Self:
        """Return t^2."""
        return self._chain(self.value.square(), 2 * self.value)

    def pow(self, exponent: Any) -> Self:
        """Return t to a constant real exponent."""
        return self._chain(self.value.pow(exponent), exponent * self.value.pow(exponent - 1))

    def exp(self) -> Self:
        """Return e^t."""
        y = self.value.exp()
        return self._chain(y, y)

    def expm1(self) -> Self:
        """Return e^t - 1."""
        return self._chain(self.value.expm1(), self.value.exp())

    def log(self) -> Self:
        """Return log t."""
        return self._chain(self.value.log(), 1 / self.value)

    def log1p(self) -> Self:
        """Return log(1 + t)."""
        return self._chain(self.value.log1p(), 1 / (self.value + 1))

    def sqrt(self) -> Self:
        """Return the square root."""
        y = self.value.sqrt()
        return self._chain(y, 0.5 / y)

    def sin(self) -> Self:
        """Return sin t."""
        return self._chain(self.value.sin(), self.value.cos())

    def cos(self) -> Self:
        """Return cos t."""
        return self._chain(self.value.cos(), -self.value.sin())

    def tan(self) -> Self:
        """Return tan t."""
        y = self.value.tan()
        return self._chain(y, y.square() + 1)

    def sinh(self) -> Self:
        """Return sinh t."""
        return self._chain(self.value.sinh(), self.value.cosh())

    def cosh(self) -> Self:
        """Return cosh t."""
        return self._chain(self.value.cosh(), self.value.sinh())

    def tanh(self) -> Self:
        """Return tanh t; the slope 1 - tanh^2 is tight over boxes."""
        y = self.value.tanh()
        return self._chain(y, 1 - y.square())

    def asinh(self) -> Self:
        """Return asinh t."""
        return self._chain(self.value.asinh(), 1 / (self.value.square() + 1).sqrt())

    def atan(self) -> Self:
        """Return atan t."""
        return self._chain(self.value.atan(), 1 / (self.value.square() + 1))

    def erf(self) -> Self:
        """Return erf t."""
        return self._chain(self.value.erf(), (-self.value.square()).exp() * ERF_SLOPE)

    def sigmoid(self) -> Self:
        """Return 1/(1 + e^-t); the slope (1 - tanh(t/2)^2)/4 is tight over boxes, unlike y (1 - y)."""
        return self._chain(self.value.sigmoid(), 0.25 * (1 - (self.value * 0.5).tanh().square()))

    def softplus(self) -> Self:
        """Return log(1 + e^t)."""
        return self._chain(self.value.softplus(), self.value.sigmoid())

    def abs(self) -> Self:
        """Return |t|; the slope is [-1, 1] where a real ball touches 0."""
        return self._chain(self.value.abs(), self.value.sign())

    def sign(self) -> Self:
        """Return the sign; its slope is 0, and the whole line where 0 is touched."""
        y = self.value.sign()
        return self._chain(y, 0 / self.value)  # 0 where the ball keeps clear of 0, infinite where it does not

    def max(self, other: object) -> Self:
        """Return the greater of two; where that is open, the partials enclose both gradients and all between."""
        dual = self._like(other)
        if dual is None:
            dual = type(self)(other, [0] * len(self._slopes))
        # The slope is weight p + (1 - weight) q with weight 1 where the first is greater, 0 where
        # the other is, and [0, 1] where the sign is open: all convex combinations, which is
        # Clarke's generalised gradient of the maximum.
        weight = (1 + (self.value - dual.value).sign()) * 0.5
        pairs = zip(self._slopes, dual._slopes, strict=True)
        slopes = [_plus(_times(weight, p), _times(1 - weight, q)) for p, q in pairs]
        return type(self)(self.value.max(dual.value), slopes)

    def min(self, other: Any) -> Self:
        """Return the lesser of two."""
        return -(-self).max(-other)

    def mean_value(self, at_centre: Any, offsets: Sequence[Any]) -> Any:
        """Return the mean-value form f(centre) + sum_j partial_j offset_j.

        Parameters
        ----------
        at_centre
            Ring element that encloses f at the centre of the boxes.
        offsets
            d ring elements that enclose box - centre.

        Raises
        ------
        ValueError
            If the number of offsets is not the number of partials.
        """
        if len(offsets) != len(self._slopes):
            raise bad("offsets", len(offsets), f"{len(self._slopes)} of them, one per partial")
        # f(u) - f(c) = sum_j f_j(xi) (u_j - c_j) with xi on the segment from c to u, which lies in
        # the box: the partials enclose every f_j(xi). All of the box's shape (B,), or of shapes
        # that broadcast to it.
        for p, offset in zip(self._slopes, offsets, strict=True):
            at_centre = _plus(at_centre, _times(p, offset))
        return at_centre

"""Arrays of complex rectangles: a real ball for the real part, one for the imaginary part.

Meant for bounds (sup of |F| on the bounding rectangle of an ellipse): the radius may be a few times too
large, never too small. A function with a branch cut or a kink answers with an infinite radius where the
rectangle is not known to keep clear of it, so a finite result also says: analytic on the whole rectangle.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import wrong_type
from elboproof.arrays import FloatArray, plain_array
from elboproof.numbers import ball_complex_functions as functions
from elboproof.numbers import ball_rectangles as rectangles
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rectangles import Rectangle
from elboproof.numbers.ball_rounding import quiet
from elboproof.numbers.ball_storage import float_array


class ComplexBallArray:
    """An array of rectangles ``real + i imag``.

    Parameters
    ----------
    real, imag
        BallArrays of shapes that broadcast; ``imag`` may be omitted for real numbers.

    Raises
    ------
    TypeError
        If a part is not a BallArray.
    """

    __slots__ = ("_imag", "_real")
    __array_ufunc__ = None
    _real: BallArray
    _imag: BallArray

    def __init__(self, real: BallArray, imag: BallArray | None = None) -> None:
        imag = BallArray(np.zeros(real.shape)) if imag is None and isinstance(real, BallArray) else imag
        for name, part in (("real", real), ("imag", imag)):
            if not isinstance(part, BallArray):
                raise wrong_type(name, part, "a BallArray")
        try:
            shape = np.broadcast_shapes(real.shape, imag.shape)
        except ValueError as error:
            raise ValueError(
                f"imag: got shape {imag.shape}; expected one that broadcasts with {real.shape}"
            ) from error
        self._real, self._imag = real.broadcast_to(shape), imag.broadcast_to(shape)

    @classmethod
    def _of(cls, pair: Rectangle) -> Self:
        result = cls.__new__(cls)
        result._real, result._imag = pair
        return result

    @classmethod
    def exact(cls, value: ArrayLike) -> Self:
        """Return rectangles of radius 0 around complex numbers."""
        # parts of a complex64 or complex128 are float64 numbers, taken as they are
        array = plain_array(value, "value")
        if array.dtype not in (np.complex64, np.complex128):
            return cls(BallArray(float_array(array, "value")))  # refuses what is no such number
        return cls._of((BallArray(array.real), BallArray(array.imag)))

    @classmethod
    def coerce(cls, value: object) -> Self | None:
        """Return numbers, arrays and BallArrays as rectangles; None for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, complex) or (isinstance(value, np.ndarray) and value.dtype.kind == "c"):
            return cls.exact(value)
        real = BallArray.coerce(value)
        return None if real is None else cls(real)

    @property
    def real(self) -> BallArray:
        """Balls of the real parts."""
        return self._real

    @property
    def imag(self) -> BallArray:
        """Balls of the imaginary parts."""
        return self._imag

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._real.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._real.ndim

    @property
    def size(self) -> int:
        """Number of rectangles."""
        return self._real.size

    @property
    def _pair(self) -> Rectangle:
        return self._real, self._imag

    def __len__(self) -> int:
        return len(self._real)

    def __repr__(self) -> str:
        return f"ComplexBallArray(real={self._real!r}, imag={self._imag!r})"

    def _with(self, operation: Any, by_real: Any, other: object) -> Self:
        """Apply an operation; a real operand costs half as much or less."""
        # a real number is tried first: its imaginary part is 0 exactly, so whole terms of the
        # complex formula vanish
        real = BallArray.coerce(other)
        if real is not None:
            return self._of(by_real(self._pair, real))
        rectangle = self.coerce(other)
        if rectangle is None:
            return NotImplemented  # type: ignore[no-any-return]
        return self._of(operation(self._pair, rectangle._pair))

    def _required(self, other: object, name: str = "other") -> Self:
        rectangle = self.coerce(other)
        if rectangle is None:
            raise wrong_type(name, other, "rectangles, balls, an array or a number")
        return rectangle

    def __add__(self, other: object) -> Self:
        return self._with(rectangles.add, rectangles.add_real, other)

    def __sub__(self, other: object) -> Self:
        return self._with(rectangles.subtract, rectangles.subtract_real, other)

    def __mul__(self, other: object) -> Self:
        return self._with(rectangles.multiply, rectangles.multiply_real, other)

    def __truediv__(self, other: object) -> Self:
        return self._with(functions.divide, rectangles.divide_real, other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: object) -> Self:
        return -self + other

    def __rtruediv__(self, other: object) -> Self:
        rectangle = self.coerce(other)
        return NotImplemented if rectangle is None else rectangle / self

    def __neg__(self) -> Self:
        return self._of((-self._real, -self._imag))

    def __pow__(self, n: int) -> Self:
        """Return an integer power by repeated squaring; negative ones are reciprocals."""
        if isinstance(n, bool) or not isinstance(n, int):
            raise wrong_type("n", n, "an integer exponent (pow takes others)")
        if n < 0:
            return 1 / self ** (-n)
        return self._of(rectangles.power(self._pair, n))

    def ones(self) -> Self:
        """Return exact ones of the same shape."""
        return type(self)(self._real.ones())

    def square(self) -> Self:
        """Return z^2."""
        return self._of(rectangles.square(self._pair))

    def pow(self, exponent: object) -> Self:
        """Return exp(exponent * log z), analytic off the cut of the logarithm."""
        # the principal power: analytic where the logarithm is, which says so by a finite radius
        return (self.log() * self._required(exponent, "exponent")).exp()

    def exp(self) -> Self:
        """Return e^z."""
        return self._of(functions.exp(self._pair))

    def expm1(self) -> Self:
        """Return e^z - 1."""
        # an absolute error of some units near 0, where the real expm1 has a relative one: bounds need no more
        return self.exp() - 1

    def sin(self) -> Self:
        """Return sin z."""
        return self._of(functions.sin(self._pair))

    def cos(self) -> Self:
        """Return cos z."""
        return self._of(functions.cos(self._pair))

    def sinh(self) -> Self:
        """Return sinh z."""
        return self._of(functions.sinh(self._pair))

    def cosh(self) -> Self:
        """Return cosh z."""
        return self._of(functions.cosh(self._pair))

    def tan(self) -> Self:
        """Return tan z; infinite radius unless free of poles."""
        return self._of(functions.tan(self._pair))

    def tanh(self) -> Self:
        """Return tanh z; infinite radius unless free of poles."""
        return self._of(functions.tanh(self._pair))

    def sigmoid(self) -> Self:
        """Return 1 / (1 + e^-z); infinite radius unless free of poles."""
        # 1/(1 + e^-z) = (1 + tanh(z/2))/2; the halves are exact, and the poles of both are the same
        return (self._of(functions.tanh((self * 0.5)._pair)) + 1) * 0.5

    def softplus(self) -> Self:
        """Return log(1 + e^z) on |Im z| < pi, infinite radius elsewhere."""
        return self._of(functions.softplus(self._pair))

    def log(self) -> Self:
        """Return the principal logarithm; infinite radius where the cut (-inf, 0] is touched."""
        return self._of(functions.log(self._pair))

    def log1p(self) -> Self:
        """Return log(1 + z)."""
        return (self + 1).log()

    def sqrt(self) -> Self:
        """Return the principal square root; infinite radius where the cut (-inf, 0] is touched."""
        return self._of(functions.sqrt(self._pair))

    def asinh(self) -> Self:
        """Return asinh z; infinite radius where the cuts (imaginary, |Im z| >= 1) are touched."""
        return self._of(functions.asinh(self._pair))

    def atan(self) -> Self:
        """Return atan z; infinite radius where the cuts (imaginary, |Im z| >= 1) are touched."""
        return self._of(functions.atan(self._pair))

    def erf(self) -> Self:
        """Return erf z."""
        return self._of(functions.erf(self._pair))

    def abs(self) -> Self:
        """Return the analytic continuation of |x|: z or -z; infinite radius where Re z = 0 is touched."""
        # |x| = x sign(x), and sign is constant on each half plane, infinite on rectangles between them
        return self * self.sign()

    def sign(self) -> Self:
        """Return the sign of Re z; infinite radius where Re z = 0 is touched."""
        return self._of(functions.sign(self._pair))

    def max(self, other: object) -> Self:
        """Return the one with the greater real part; infinite radius where that is not decided."""
        return self._of(functions.maximum(self._pair, self._required(other)._pair))

    def min(self, other: object) -> Self:
        """Return the one with the lesser real part; infinite radius where that is not decided."""
        return -(-self).max(-self._required(other))

    @quiet
    def abs_upper(self) -> FloatArray:
        """Return upper bounds of |z|, shape as the array."""
        return rectangles.modulus_upper(self._real.mag(), self._imag.mag())

    def contains(self, other: object) -> NDArray[np.bool_]:
        """Return whether each rectangle contains a number or a rectangle."""
        # a rectangle is the product of its parts, and contains another one if both parts do
        o = self._required(other)
        return self._real.contains(o._real) & self._imag.contains(o._imag)

    def union(self, other: object) -> Self:
        """Return the rectangles around both."""
        # the smallest rectangle around both, part by part
        o = self._required(other)
        return self._of((self._real.union(o._real), self._imag.union(o._imag)))

    def sum(self, axis: int | None = None) -> Self:
        """Return the sum over an axis, or over all."""
        return self._of((self._real.sum(axis), self._imag.sum(axis)))

    def __getitem__(self, index: Any) -> Self:
        return self._of((self._real[index], self._imag[index]))

    def reshape(self, *shape: int) -> Self:
        """Return the same rectangles in another shape."""
        return self._of((self._real.reshape(*shape), self._imag.reshape(*shape)))

    @classmethod
    def concatenate(cls, parts: Sequence[Self], axis: int = 0) -> Self:
        """Return arrays of rectangles joined along an axis."""
        reals, imags = [p._real for p in parts], [p._imag for p in parts]
        return cls._of((BallArray.concatenate(reals, axis), BallArray.concatenate(imags, axis)))

    @classmethod
    def where(cls, condition: NDArray[np.bool_], first: Self, second: Self) -> Self:
        """Return elements of ``first`` where the condition holds, of ``second`` elsewhere."""
        return cls._of(rectangles.where(condition, first._pair, second._pair))

r"""Products of an exact float64 matrix with arrays of balls, by two BLAS products, with proof.

Let W be an m x n matrix of floats, u = 2^-53 and gamma = n u / (1 - n u). Trusted of the BLAS: each entry of a product
of real matrices comes from n rounded multiplications and from rounded additions of them, in any order, fused or not,
each partial sum formed once (no Strassen). Then for every order (Higham, Accuracy and Stability, section 3.1)

    |fl(W a) - W a| <= gamma |W| |a| + n 2^-1074,

the last term for products that underflow (half a subnormal unit each, enlarged at most 1 + gamma times).

*Midpoint and radius.* For a' = a + e with |e| <= r:  |W a' - fl(W a)| <= |W| (r + gamma |a|) + n 2^-1074. The second
product is of the nonnegative t = fl(r + g |a|) + FLOOR with g = (n + 2) 2^-52 > gamma (n <= 2^40): the floor is above
what underflows in g |a|, and t >= (r + gamma |a|)(1 - 3 u). Being a product of nonnegative numbers,

    fl(|W| t) >= (1 - gamma) |W| t - n 2^-1074,

so rad = fl(|W| t)(1 + (n + 8) 2^-52) + n 2^-1070 is an upper bound: (1 - gamma)(1 - 3 u)(1 - 3 u)(1 + (2 n + 16) u) > 1
for n u <= 2^-13. An overflow in the midpoint shows because |mid| 2^-52 is added to the radius.

*Rectangles.* W is real, so real and imaginary parts are two such products. *Duals and centred forms*: a linear map
acts on the value, on each slope and on the value at the centre.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import FloatArray, finite_array
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rounding import ROUND, Pair, canonical, quiet
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual

LONGEST = 2**40
FLOOR = 2.0**-900
"""Above every underflow in g |a|, and large enough that its products are normal numbers: subnormal ones are slow."""


class ExactMatrix:
    """A matrix whose float64 entries are meant exactly.

    Parameters
    ----------
    entries
        Finite numbers, shape (m, n).

    Raises
    ------
    TypeError, ValueError
        If the entries are not finite real numbers in a matrix.
    """

    __slots__ = ("_absolute", "entries")
    __array_ufunc__ = None

    def __init__(self, entries: ArrayLike) -> None:
        self.entries: FloatArray = finite_array(entries, "entries", ("m", "n"))
        self._absolute = np.abs(self.entries)
        for array in (self.entries, self._absolute):  # the radius of a product belongs to these entries
            array.setflags(write=False)
        if self.entries.shape[1] > LONGEST:
            raise bad("entries", self.entries.shape, f"rows of at most {LONGEST} entries")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        m, n = self.entries.shape
        return m, n

    def __repr__(self) -> str:
        return f"ExactMatrix({self.entries!r})"

    def __matmul__(self, other: Any) -> Any:
        """Return W a for floats (rounded), balls, rectangles, duals or centred forms, shape (n, P) -> (m, P).

        Raises
        ------
        TypeError
            If ``other`` is none of these.
        ValueError
            If it is not a matrix with n rows.
        """
        # W is real and exact, so it acts on each part by itself: on real and imaginary part, on the
        # value and every slope of a dual (the derivative of a linear map is that map), on the value
        # at the centre. Offsets belong to the box, not to the quantity, and stay. Exact floats are
        # rounded like any product of NumPy and prove nothing.
        match other:
            case np.ndarray():
                return self.entries @ self._fitting(other)
            case BallArray():
                return BallArray._of(self._balls(self._fitting(other.mid), other.rad))
            case ComplexBallArray():
                return ComplexBallArray(self @ other.real, self @ other.imag)
            case Dual():
                return Dual(self @ other.value, [self @ slope for slope in other.partials])
            case Centred():
                return Centred(self @ other.centre, self @ other.dual, other.offsets)
        raise wrong_type("other", other, "an array of floats, balls, rectangles, duals or centred forms")

    def _fitting(self, other: FloatArray) -> FloatArray:
        if other.ndim != 2 or other.shape[0] != self.shape[1]:
            raise ValueError(f"other: got shape {other.shape}; expected ({self.shape[1]}, P)")
        return other

    @quiet
    def _balls(self, mid: FloatArray, rad: FloatArray) -> Pair:
        """Return midpoint and radius as derived above."""
        # (m, n) times (n, P): two products of BLAS. `spread` is t of the derivation, FLOOR keeps
        # its products normal; the factor on the radius is that of a sum of n nonnegative products
        # with 8 u to spare, and n 2^-1070 what underflows in either product. ROUND |middle| is not
        # needed for rounding: it carries an overflow of `middle` into the radius.
        n = self.shape[1]
        spread = np.abs(mid)
        spread *= (n + 2) * ROUND
        spread += rad
        spread += FLOOR
        middle = self.entries @ mid
        radius = self._absolute @ spread
        radius *= 1.0 + (n + 8) * ROUND
        radius += n * 2.0**-1070
        radius += np.abs(middle) * ROUND
        return canonical(middle, radius)

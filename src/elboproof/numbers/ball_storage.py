"""What an array of real balls stores, how it is made from numbers, and what can be read off it."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, wrong_type
from elboproof.arrays import FloatArray, plain_array
from elboproof.numbers import ball_arithmetic as arithmetic
from elboproof.numbers import ball_atan
from elboproof.numbers.ball_rounding import Pair, canonical, from_bounds, lower_bound, quiet, upper_bound

Scalar = int | float | Fraction
DISTANCE = 1.0 + 2.0**-50
"""1 + 8 u: above one rounding of a distance and that of the product, by at least 4 u of the distance."""


def float_array(value: ArrayLike, name: str) -> FloatArray:
    """Return a float64 copy of real numbers that float64 holds exactly; NaN and infinities pass.

    Raises
    ------
    TypeError
        If the entries are not real numbers.
    ValueError
        If the nesting is ragged or an integer entry is too large to be exact.
    """
    # float16 and float32 are float64 numbers too; longdouble and complex are not
    array = plain_array(value, name)
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise wrong_type(name, value, "real numbers of at most 64 bits")
    result = array.astype(np.float64)
    if array.dtype.kind in "iu" and array.size and max(abs(int(array.max())), abs(int(array.min()))) > 2**53:
        raise bad(name, value, "integers up to 2**53, which float64 holds exactly")
    return result


def scalar_ball(value: Scalar) -> Pair:
    """Return midpoint and radius of a rational: rad = 0 if float64 holds it, else the distance, enlarged."""
    if isinstance(value, int) and -(2**53) <= value <= 2**53:
        return np.array(float(value)), np.array(0.0)
    # float(Fraction) rounds to nearest; the distance is exact, its float rounded once, and to 0 below 2^-1075
    exact = Fraction(value)
    try:
        nearest = float(exact)
    except OverflowError:
        return np.array(0.0), np.array(np.inf)
    distance = abs(exact - Fraction(nearest))
    rad = 0.0 if distance == 0 else float(distance) * DISTANCE + 2.0**-1074
    return np.array(nearest), np.array(rad)


@lru_cache(maxsize=256)
def _integer_ball(value: int) -> Pair:
    return scalar_ball(value)


class BallStorage:
    """An array of real balls.

    Parameters
    ----------
    mid, rad
        Midpoints and radii, of shapes that broadcast. rad >= 0, inf meaning the whole line. A NaN or an
        infinite midpoint turns the entry into the whole line (mid 0, rad inf).

    Raises
    ------
    TypeError
        If an entry is not a real number.
    ValueError
        If a radius is negative or the shapes do not broadcast.
    """

    __slots__ = ("_known", "_mid", "_rad")
    __array_ufunc__ = None  # ndarray + ball asks the ball
    _mid: FloatArray
    _rad: FloatArray

    def __init__(self, mid: ArrayLike, rad: ArrayLike = 0.0) -> None:
        # shapes broadcast to one; midpoints without radius, the common case, skip the looks at infinities
        m, r = float_array(mid, "mid"), float_array(rad, "rad")
        if r.ndim == 0 and r == 0.0 and np.isfinite(m).all():
            self._set((m, np.zeros(m.shape)))
            return
        if (r < 0.0).any():
            raise bad("rad", float(r.min()), "radii >= 0")
        if m.shape != r.shape:
            try:
                m, r = (a.copy() for a in np.broadcast_arrays(m, r))
            except ValueError as error:
                raise ValueError(
                    f"rad: got shape {r.shape}; expected one that broadcasts with {m.shape}"
                ) from error
        r[~np.isfinite(m)] = np.inf
        self._set(canonical(m, r))

    def _set(self, pair: Pair) -> None:
        self._mid, self._rad = np.asarray(pair[0]), np.asarray(pair[1])
        # balls are values: an array that could be written to would change results that were proved before
        self._mid.setflags(write=False)
        self._rad.setflags(write=False)
        self._known: dict[object, Self] | None = None

    @classmethod
    def _of(cls, pair: Pair) -> Self:
        ball = cls.__new__(cls)
        ball._set(pair)
        return ball

    @classmethod
    def exact(cls, value: ArrayLike) -> Self:
        """Return balls of radius 0 around float64 numbers."""
        return cls(value)

    @classmethod
    def interval(cls, low: ArrayLike, high: ArrayLike) -> Self:
        """Return the balls around [low, high].

        Raises
        ------
        ValueError
            If low > high somewhere.
        """
        a, b = np.broadcast_arrays(float_array(low, "low"), float_array(high, "high"))
        if (a > b).any():
            raise bad("low", low, "bounds with low <= high")
        return cls._of(from_bounds(a, b))

    @classmethod
    def between(cls, low: FloatArray, high: FloatArray) -> Self:
        """Return the balls around [low, high] without checks, for float64 arrays of one shape."""
        return cls._of(from_bounds(low, high))

    @classmethod
    def from_fraction(cls, p: int, q: int = 1) -> Self:
        """Return the ball of p/q, of shape (); its radius is 0 if float64 holds p/q.

        Raises
        ------
        ValueError
            If q is 0.
        """
        if q == 0:
            raise bad("q", q, "a nonzero denominator")
        return cls._of(scalar_ball(Fraction(p, q)))

    @classmethod
    def pi(cls) -> Self:
        """Return the ball of pi, of shape ()."""
        # `ball_atan.PI` is below pi by less than 2^-192. Its float is 1.2e-16 away, and 4 u of
        # that, which DISTANCE adds at the least, are more than 2^-192.
        return cls._of(scalar_ball(ball_atan.PI))

    @classmethod
    def coerce(cls, value: object) -> Self | None:
        """Return a number or a float array as balls, a BallArray as itself, None for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, np.ndarray):
            return cls(value)
        if type(value) is int:
            return cls._of(_integer_ball(value))
        if isinstance(value, bool | np.timedelta64) or not isinstance(
            value, int | float | Fraction | np.integer | np.floating
        ):
            return None
        if isinstance(value, np.integer):
            value = int(value)
        if isinstance(value, float | np.floating):
            return (
                cls._of((np.array(float(value)), np.array(0.0))) if np.isfinite(value) else cls(float(value))
            )
        return cls._of(scalar_ball(value))

    @property
    def mid(self) -> FloatArray:
        """Midpoints, read-only."""
        return self._mid

    @property
    def rad(self) -> FloatArray:
        """Radii, read-only; inf means the whole line."""
        return self._rad

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self._mid.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._mid.ndim

    @property
    def size(self) -> int:
        """Number of balls."""
        return self._mid.size

    def __len__(self) -> int:
        return len(self._mid)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mid={self._mid!r}, rad={self._rad!r})"

    def _required(self, other: object, name: str = "other") -> Self:
        ball = self.coerce(other)
        if ball is None:
            raise wrong_type(name, other, "balls, a float array or a rational number")
        return ball

    @quiet
    def lower(self) -> FloatArray:
        """Return lower bounds, rounded outward."""
        return np.asarray(lower_bound(self._mid, self._rad))

    @quiet
    def upper(self) -> FloatArray:
        """Return upper bounds, rounded outward."""
        return np.asarray(upper_bound(self._mid, self._rad))

    @quiet
    def mig(self) -> FloatArray:
        """Return lower bounds of |t|, 0 where the ball contains 0."""
        return np.asarray(arithmetic.mignitude(self._mid, self._rad))

    @quiet
    def mag(self) -> FloatArray:
        """Return upper bounds of |t|."""
        return np.asarray(arithmetic.magnitude(self._mid, self._rad))

    def mig_ball(self) -> Self:
        """Return the lower bounds of |t| as points, for use in further bounds."""
        # the point mig stands for a bound and not for a member: only monotone bounds may be made of it
        return type(self)(self.mig())

    def contains(self, other: object) -> NDArray[np.bool_]:
        """Return whether each ball contains a number or a ball, decided exactly (a fraction: its ball)."""
        ball = self._required(other)
        return arithmetic.contains(self._mid, self._rad, ball._mid, ball._rad)

    def __getitem__(self, index: Any) -> Self:
        return self._of((np.asarray(self._mid[index]), np.asarray(self._rad[index])))

    def reshape(self, *shape: int) -> Self:
        """Return the same balls in another shape."""
        return self._of((self._mid.reshape(*shape), self._rad.reshape(*shape)))

    def broadcast_to(self, shape: tuple[int, ...]) -> Self:
        """Return the same balls repeated to a shape."""
        if shape == self.shape:
            return self
        return self._of((np.broadcast_to(self._mid, shape), np.broadcast_to(self._rad, shape)))

    @classmethod
    def concatenate(cls, balls: Sequence[Self], axis: int = 0) -> Self:
        """Return arrays of balls joined along an axis."""
        return cls._of(
            (np.concatenate([b._mid for b in balls], axis), np.concatenate([b._rad for b in balls], axis))
        )

    @classmethod
    def where(cls, condition: NDArray[np.bool_], first: Self, second: Self) -> Self:
        """Return elements of ``first`` where the condition holds, of ``second`` elsewhere."""
        return cls._of(
            (np.where(condition, first._mid, second._mid), np.where(condition, first._rad, second._rad))
        )

"""An enclosure: a proved interval, rounded outwards to floats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import shown, wrong_type
from elboproof.arrays import plain_array

if TYPE_CHECKING:
    from flint import arb

Comparable = int | float | Fraction | Decimal | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Bounds of a number, or of an array of numbers, each proved.

    Parameters
    ----------
    lower, upper
        Floats, or float64 arrays of one shape; infinite where nothing is known.

    Raises
    ------
    ValueError
        If a bound is NaN, the shapes differ, or a lower bound exceeds its upper bound.

    Notes
    -----
    A comparison answers only if it holds, or fails, for every number in the interval; otherwise it raises
    ``ValueError``. So an enclosure cannot be compared by accident as if it were its midpoint.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        # scalars or arrays of one shape; copies, which cannot be written to
        low, high = _floats(lower, "lower"), _floats(upper, "upper")
        if low.shape != high.shape:
            raise ValueError(f"upper: got shape {high.shape}; expected the shape {low.shape} of lower")
        if not (low <= high).all():  # also false for NaN
            raise ValueError(
                f"lower: got {shown(lower)} with upper {shown(upper)}; expected lower <= upper and no NaN"
            )
        low.flags.writeable = high.flags.writeable = False
        object.__setattr__(self, "lower", low[()])
        object.__setattr__(self, "upper", high[()])

    @classmethod
    def from_balls(cls, balls: "arb | Sequence[arb]") -> "Enclosure":
        """Return the smallest float intervals that are sure to contain balls of python-flint."""
        from flint import arb

        if isinstance(balls, arb):
            (bounds,) = _bounds([balls])
            return cls(*bounds)
        given: object = balls
        if not isinstance(given, list | tuple | np.ndarray) or not all(isinstance(b, arb) for b in given):
            raise wrong_type("balls", balls, "a real ball (flint.arb) or a sequence of real balls")
        pairs = _bounds(balls)
        return cls([low for low, _ in pairs], [high for _, high in pairs])

    @property
    def width(self) -> NDArray[np.float64]:
        """The width upper - lower, rounded up."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinite bounds, and bounds that are far apart
            return np.where(self.upper == self.lower, 0.0, np.nextafter(self.upper - self.lower, np.inf))[()]

    @property
    def midpoint(self) -> NDArray[np.float64]:
        """A float in the middle, NaN where nothing is known; a representative without proof of its own."""
        with np.errstate(invalid="ignore"):
            middle = 0.5 * self.lower + 0.5 * self.upper
        return np.clip(middle, self.lower, self.upper)[()]  # halves of the smallest doubles round to 0

    def contains(self, value: ArrayLike) -> bool:
        """Return whether every float in ``value`` lies in its interval."""
        numbers = _floats(value, "value")
        return bool(np.all((self.lower <= numbers) & (numbers <= self.upper)))

    def __lt__(self, other: "Comparable | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.upper < low, self.lower >= high, "<", other)

    def __gt__(self, other: "Comparable | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.lower > high, self.upper <= low, ">", other)

    def __le__(self, other: "Comparable | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.upper <= low, self.lower > high, "<=", other)

    def __ge__(self, other: "Comparable | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.lower >= high, self.upper < low, ">=", other)

    def __eq__(self, other: object) -> bool:
        raise TypeError("an Enclosure has no equality; compare with <, > or use contains and width")

    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # array < enclosure asks the enclosure, not every entry for itself

    def _decide(self, holds: ArrayLike, fails: ArrayLike, sign: str, other: object) -> bool:
        # both are decided by bounds for every pair of members; if neither, the intervals overlap
        # and there is no answer
        if np.all(holds):
            return True
        if np.all(fails):
            return False
        raise ValueError(f"cannot decide {self} {sign} {other}: the intervals overlap")

    def __float__(self) -> float:
        raise TypeError("an Enclosure is not one float; take lower, upper or midpoint")

    def __str__(self) -> str:
        return f"[{self.lower}, {self.upper}]"


def _ends(value: "Comparable | Enclosure") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if isinstance(value, Enclosure):
        return value.lower, value.upper
    if isinstance(value, int | Fraction | Decimal) and not isinstance(value, bool):
        return _around(Fraction(value))
    number = _floats(value, "other")
    if np.isnan(number).any():
        raise ValueError("other: got NaN; expected numbers, which can be compared")
    return number, number


def _around(value: Fraction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two doubles next to an exact number, twice the same if it is a double."""
    # Python compares a float with a fraction exactly, also an infinite one
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    below = _step(near, near > value, -np.inf)
    above = _step(near, near < value, np.inf)
    return np.asarray(below), np.asarray(above)


def _floats(value: object, name: str) -> NDArray[np.float64]:
    """Return doubles; what a conversion would round is refused, because it could break a proof."""
    given = plain_array(value, name)
    exact = given.dtype in (np.float64, np.float32) or (
        given.dtype.kind in "iu" and bool((given <= 2**53).all()) and bool((given >= -(2**53)).all())
    )
    if not exact:
        raise wrong_type(name, value, "floats, or integers of at most 2**53")
    return given.astype(np.float64)


def _bounds(balls: "Sequence[arb]") -> list[tuple[float, float]]:
    from elboproof.numbers.precision import DOUBLE_BITS, working_precision

    with working_precision(DOUBLE_BITS):  # whatever the caller's: the ends are rounded outwards to doubles
        return [_double_bounds(ball) for ball in balls]


def _double_bounds(ball: "arb") -> tuple[float, float]:
    if ball.is_nan():
        return -np.inf, np.inf
    # arb.lower and upper are exact balls at or outside of the ends, rounded at the precision in force
    # float() of an exact arb rounds to nearest, so the float is stepped outwards unless it is already outside
    exact_low, exact_high = ball.lower(), ball.upper()
    low, high = float(exact_low), float(exact_high)
    return _step(low, exact_low < low, -np.inf), _step(high, exact_high > high, np.inf)


def _step(value: float, needed: bool, towards: float) -> float:
    return float(np.nextafter(value, towards)) if needed else value

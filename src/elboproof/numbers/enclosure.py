"""An enclosure: a proved interval, rounded outwards to floats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import shown

if TYPE_CHECKING:
    from flint import arb


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
        low, high = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
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
            return cls(*_bounds(balls))
        bounds = [_bounds(ball) for ball in balls]
        return cls([low for low, _ in bounds], [high for _, high in bounds])

    @property
    def width(self) -> NDArray[np.float64]:
        """The width upper - lower, rounded up."""
        return np.where(self.upper == self.lower, 0.0, np.nextafter(self.upper - self.lower, np.inf))[()]

    @property
    def midpoint(self) -> NDArray[np.float64]:
        """A float in the middle; a representative without proof of its own."""
        return (0.5 * self.lower + 0.5 * self.upper)[()]

    def contains(self, value: ArrayLike) -> bool:
        """Return whether every float in ``value`` lies in its interval."""
        numbers = np.asarray(value, dtype=np.float64)
        return bool(np.all((self.lower <= numbers) & (numbers <= self.upper)))

    def __lt__(self, other: "float | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.upper < low, self.lower >= high, "<", other)

    def __gt__(self, other: "float | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.lower > high, self.upper <= low, ">", other)

    def __le__(self, other: "float | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.upper <= low, self.lower > high, "<=", other)

    def __ge__(self, other: "float | Enclosure") -> bool:
        low, high = _ends(other)
        return self._decide(self.lower >= high, self.upper < low, ">=", other)

    def __eq__(self, other: object) -> bool:
        raise TypeError("an Enclosure has no equality; compare with <, > or use contains and width")

    __hash__ = None  # type: ignore[assignment]

    def _decide(self, holds: ArrayLike, fails: ArrayLike, sign: str, other: object) -> bool:
        if np.all(holds):
            return True
        if np.all(fails):
            return False
        raise ValueError(f"cannot decide {self} {sign} {other}: the intervals overlap")

    def __float__(self) -> float:
        raise TypeError("an Enclosure is not one float; take lower, upper or midpoint")

    def __str__(self) -> str:
        return f"[{self.lower}, {self.upper}]"


def _ends(value: "float | Enclosure") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if isinstance(value, Enclosure):
        return value.lower, value.upper
    number = np.asarray(value, dtype=np.float64)
    return number, number


def _bounds(ball: "arb") -> tuple[float, float]:
    if ball.is_nan():
        return -np.inf, np.inf
    # float() of an exact arb rounds to nearest, so the float is stepped outwards unless it is already outside
    low, high = float(ball.lower()), float(ball.upper())
    return _step(low, ball.lower() < low, -np.inf), _step(high, ball.upper() > high, np.inf)


def _step(value: float, needed: bool, towards: float) -> float:
    return float(np.nextafter(value, towards)) if needed else value

"""An enclosure: a proved interval, rounded outwards to floats."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, shown, wrong_type
from elboproof.numbers import enclosure_ends as ends_of
from elboproof.numbers.enclosure_ends import Ends, floats
from elboproof.numbers.enclosure_text import formatted, table

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

    Attributes
    ----------
    exact : pair of arrays of Fraction, or None
        The ends with all their digits, where doubles would lose digits that were proved; ``lower`` and ``upper`` are
        then the doubles around them.

    Raises
    ------
    ValueError
        If a bound is NaN, the shapes differ, or a lower bound exceeds its upper bound.

    Notes
    -----
    A comparison answers only if it holds, or fails, for every number in the interval; otherwise it raises
    ``ValueError``. So an enclosure cannot be compared by accident as if it were its midpoint.

    ``+ - * /`` with enclosures, numbers and arrays, ``abs``, ``sum`` and ``mean`` are rounded outward. Each operand
    counts as a number of its own: ``e - e`` encloses 0 and is not 0.

    Examples
    --------
    >>> import elboproof as ep
    >>> gap = ep.Enclosure(18.6245, 18.6247) - ep.Enclosure(18.5965, 18.5967)
    >>> f"{gap:S}", f"{gap:.3f}"  # digits that are certain; ends, rounded outward
    ('0.0280(3)', '[0.027, 0.029]')
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    exact: Ends | None = field(init=False, repr=False, default=None)

    def __init__(self, lower: ArrayLike, upper: ArrayLike) -> None:
        # scalars or arrays of one shape; copies, which cannot be written to
        low, high = floats(lower, "lower"), floats(upper, "upper")
        if low.shape != high.shape:
            raise ValueError(f"upper: got shape {high.shape}; expected the shape {low.shape} of lower")
        if not (low <= high).all():  # also false for NaN
            raise ValueError(
                f"lower: got {shown(lower)} with upper {shown(upper)}; expected lower <= upper and no NaN"
            )
        low.flags.writeable = high.flags.writeable = False
        object.__setattr__(self, "lower", low[()])
        object.__setattr__(self, "upper", high[()])
        object.__setattr__(self, "exact", None)

    @classmethod
    def from_balls(cls, balls: "arb | Sequence[arb]") -> "Enclosure":
        """Return the smallest intervals that are sure to contain balls of python-flint."""
        from flint import arb

        if isinstance(balls, arb):
            return cls.from_balls([balls])[0]
        given: object = balls
        if not isinstance(given, list | tuple | np.ndarray) or not all(isinstance(b, arb) for b in given):
            raise wrong_type("balls", balls, "a real ball (flint.arb) or a sequence of real balls")
        return cls.between_balls([(ball, ball) for ball in balls])

    @classmethod
    def between_balls(cls, pairs: "Sequence[tuple[arb, arb]]") -> "Enclosure":
        """Return the smallest intervals from the lower end of each first ball to the upper end of its second one."""
        doubles = ends_of.ball_doubles([ball for pair in pairs for ball in pair])
        result = cls([low for low, _ in doubles[::2]], [high for _, high in doubles[1::2]])
        exact = [ends_of.ball_ends(low, high) for low, high in pairs]
        sides = zip(doubles[::2], doubles[1::2], strict=True)
        kept = [
            e is not None and ends_of.worth_keeping(e, (a[0], b[1]))
            for e, (a, b) in zip(exact, sides, strict=True)
        ]
        if not any(kept) or None in exact:
            return result
        low, high = (np.array([e[k] for e in exact if e is not None], dtype=object) for k in (0, 1))
        return result._with((low, high))

    @classmethod
    def between_exact(cls, pairs: Sequence[tuple[Fraction, Fraction]]) -> "Enclosure":
        """Return intervals whose ends are fractions."""
        low, high = (np.array([Fraction(pair[k]) for pair in pairs], dtype=object) for k in (0, 1))
        return cls._of((low, high))

    @classmethod
    def _of(cls, ends: Ends) -> "Enclosure":
        doubles = ends_of.in_doubles(ends)
        result = cls(*doubles)
        return result._with(ends) if ends[0].dtype == object else result

    def _with(self, ends: Ends) -> "Enclosure":
        for end in ends:
            end.flags.writeable = False
        object.__setattr__(self, "exact", ends)
        return self

    @property
    def _ends(self) -> Ends:
        return (np.asarray(self.lower), np.asarray(self.upper)) if self.exact is None else self.exact

    @property
    def width(self) -> NDArray[np.float64]:
        """The width upper - lower, rounded up."""
        if self.exact is not None:
            exact = np.asarray(self.exact[1] - self.exact[0])
            return ends_of.in_doubles((exact, exact))[1][()]
        with np.errstate(over="ignore", invalid="ignore"):  # infinite bounds, and bounds that are far apart
            return np.where(self.upper == self.lower, 0.0, np.nextafter(self.upper - self.lower, np.inf))[()]

    @property
    def midpoint(self) -> NDArray[np.float64]:
        """A float in the middle, NaN where nothing is known; a representative without proof of its own."""
        with np.errstate(invalid="ignore"):
            middle = 0.5 * self.lower + 0.5 * self.upper
        return np.clip(middle, self.lower, self.upper)[()]  # halves of the smallest doubles round to 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the arrays of bounds."""
        return np.shape(self.lower)

    def contains(self, value: Any) -> bool:
        """Return whether every number in ``value``, floats or one exact number, lies in its interval."""
        exact = isinstance(value, Fraction | Decimal)
        below, above = self._others(value) if exact else (floats(value, "value"),) * 2
        return bool(np.all((self._ends[0] <= below) & (self._ends[1] >= above)))

    def __lt__(self, other: "Comparable | Enclosure") -> bool:
        mine, (low, high) = self._ends, self._others(other)
        return self._decide(mine[1] < low, mine[0] >= high, "<", other)

    def __gt__(self, other: "Comparable | Enclosure") -> bool:
        mine, (low, high) = self._ends, self._others(other)
        return self._decide(mine[0] > high, mine[1] <= low, ">", other)

    def __le__(self, other: "Comparable | Enclosure") -> bool:
        mine, (low, high) = self._ends, self._others(other)
        return self._decide(mine[1] <= low, mine[0] > high, "<=", other)

    def __ge__(self, other: "Comparable | Enclosure") -> bool:
        mine, (low, high) = self._ends, self._others(other)
        return self._decide(mine[0] >= high, mine[1] < low, ">=", other)

    def __eq__(self, other: object) -> bool:
        raise TypeError("an Enclosure has no equality; compare with <, > or use contains and width")

    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # array < enclosure asks the enclosure, not every entry for itself

    def _others(self, other: "Comparable | Enclosure") -> Ends:
        """Return bounds to compare with; fractions are compared exactly, with doubles by the two around them."""
        if isinstance(other, Enclosure):
            return other._ends
        exact = ends_of.of_exact(other)
        if exact is not None:
            return exact if self.exact is not None else ends_of.in_doubles(exact)
        number = floats(other, "other")
        if np.isnan(number).any():
            raise ValueError("other: got NaN; expected numbers, which can be compared")
        return number, number

    def _decide(self, holds: ArrayLike, fails: ArrayLike, sign: str, other: object) -> bool:
        # both are decided by bounds for every pair of members; if neither, the intervals overlap
        # and there is no answer
        if np.all(holds):
            return True
        if np.all(fails):
            return False
        raise ValueError(f"cannot decide {self} {sign} {other}: the intervals overlap")

    def __neg__(self) -> "Enclosure":
        return Enclosure._of(ends_of.negated(self._ends))

    def __abs__(self) -> "Enclosure":
        return Enclosure._of(ends_of.absolute(self._ends))

    def __add__(self, other: object) -> "Enclosure":
        return self._reckoned(other, ends_of.added)

    def __sub__(self, other: object) -> "Enclosure":
        return self._reckoned(other, lambda a, b: ends_of.added(a, ends_of.negated(b)))

    def __rsub__(self, other: object) -> "Enclosure":
        return self._reckoned(other, lambda a, b: ends_of.added(b, ends_of.negated(a)))

    def __mul__(self, other: object) -> "Enclosure":
        return self._reckoned(other, ends_of.multiplied)

    def __truediv__(self, other: object) -> "Enclosure":
        return self._reckoned(other, _divided)

    def __rtruediv__(self, other: object) -> "Enclosure":
        return self._reckoned(other, lambda a, b: _divided(b, a))

    __radd__, __rmul__ = __add__, __mul__

    def _reckoned(self, other: object, operation: Callable[[Ends, Ends], Ends]) -> "Enclosure":
        # doubles, unless one of the two has more digits than they can hold
        given = other._ends if isinstance(other, Enclosure) else ends_of.of_number(other)
        if given is None:
            return NotImplemented  # type: ignore[no-any-return]
        fine = self.exact is not None or (isinstance(other, Enclosure) and other.exact is not None)
        first, second = ends_of.alike(self._ends, given) if fine else (self._ends, ends_of.in_doubles(given))
        try:
            np.broadcast_shapes(first[0].shape, second[0].shape)
        except ValueError as error:
            raise ValueError(
                f"other: got shape {second[0].shape}; expected one that broadcasts with {self.shape}"
            ) from error
        with np.errstate(over="ignore", invalid="ignore"):  # overflows are infinite ends
            return Enclosure._of(operation(first, second))

    def sum(self, axis: int | None = None) -> "Enclosure":
        """Return the sum over an axis, or of all entries; in doubles it is rounded once, however many there are.

        Raises
        ------
        ValueError
            If there is no such axis.
        """
        axes = range(-len(self.shape), len(self.shape))
        if axis is not None and (isinstance(axis, bool) or axis not in axes):
            raise bad("axis", axis, f"None, or an axis of the shape {self.shape}")
        return Enclosure._of(ends_of.summed(self._ends, axis))

    def mean(self, axis: int | None = None) -> "Enclosure":
        """Return the mean over an axis, or of all entries.

        Raises
        ------
        ValueError
            If there is no such axis, or no entry.
        """
        total = self.sum(axis)
        count = self.lower.size if axis is None else self.shape[axis]
        if not count:
            raise bad("mean", self, "at least one entry")
        return total / int(count)

    def reshape(self, *shape: int) -> "Enclosure":
        """Return the same bounds in another shape."""
        return Enclosure._of((self._ends[0].reshape(shape), self._ends[1].reshape(shape)))

    def at_least(self, least: int) -> "Enclosure":
        """Return what is left of the intervals if the numbers are known to be at least an integer."""
        low, high = self._ends
        bound = np.full(low.shape, Fraction(least) if low.dtype == object else float(least), dtype=low.dtype)
        return Enclosure._of((np.asarray(np.maximum(low, bound)), high))

    def __getitem__(self, place: Any) -> "Enclosure":
        return Enclosure._of((np.asarray(self._ends[0][place]), np.asarray(self._ends[1][place])))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an Enclosure of one number has no length")
        return self.shape[0]

    def __iter__(self) -> "Iterator[Enclosure]":
        return (self[n] for n in range(len(self)))

    def __float__(self) -> float:
        raise TypeError("an Enclosure is not one float; take lower, upper or midpoint")

    def __str__(self) -> str:
        return f"[{self.lower}, {self.upper}]" if self.exact is None else formatted(*self.exact, "")

    def __format__(self, spec: str) -> str:
        return formatted(*self._ends, spec) if spec else str(self)

    def _repr_html_(self) -> str:
        return table(*self._ends)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.lower, self.upper, self.exact)


def _restored(lower: ArrayLike, upper: ArrayLike, exact: Ends | None) -> Enclosure:
    return Enclosure(lower, upper) if exact is None else Enclosure._of(exact)


def _divided(dividend: Ends, divisor: Ends) -> Ends:
    zero = (divisor[0] <= 0) & (divisor[1] >= 0)
    if np.any(zero):
        place = tuple(np.argwhere(zero)[0])
        low, high = (float(end[place]) for end in divisor)
        raise ZeroDivisionError(f"divisor: got [{low}, {high}]; expected bounds that leave 0 out")
    return ends_of.divided(dividend, divisor)

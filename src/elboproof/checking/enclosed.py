"""What encloses a number, and what that was made by.

Only what carries a proof makes a verdict certified: flint balls, exact rational numbers, pairs of exact ends, and
enclosures made by elboproof. Floats do not: a pair of floats may be two results of the same rounding, and a pair of
no width encloses only itself. Such ends are compared as the numbers that they are, and the verdict is numeric. A
claim that can prove its own pair says so with `Between`, which reports show as made by hand.
"""

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

from elboproof.arguments import bad, wrong_type
from elboproof.checking.verdict import Verdict

Ball: TypeAlias = Any
"""A flint ``arb``, an exact rational number, a pair ``(lower, upper)``, or an object with such attributes."""

_Given = ParamSpec("_Given")
EXPECTED = "an arb, a pair (lower, upper), an object with both or an exact rational number"


def steady(decide: Callable[_Given, Verdict]) -> Callable[_Given, Verdict]:
    """Let no other thread change the precision, to which ends are rounded, while a verdict is found."""

    @wraps(decide)
    def held(*given: _Given.args, **named: _Given.kwargs) -> Verdict:
        from elboproof.numbers.precision import steady_precision

        with steady_precision():
            return decide(*given, **named)

    return held


@dataclass(frozen=True)
class Between:
    """A pair of ends that the claim itself proves to enclose a number.

    Parameters
    ----------
    lower, upper
        Real ends.
    proved_by
        What makes them an enclosure, such as "outward rounding of each sum"; shown in reports.

    Raises
    ------
    ValueError
        If there are no such words, or both ends are the same float: that encloses nothing that was computed.
    """

    lower: Any
    upper: Any
    proved_by: str

    def __post_init__(self) -> None:
        if not str(self.proved_by).strip():
            raise bad("proved_by", self.proved_by, "what makes the ends an enclosure")
        if not _is_exact(self.lower) and self.lower == self.upper:
            raise bad("upper", self.upper, "an end above the lower one, as both are the same float")


@dataclass(frozen=True)
class Ends:
    """The ends of an enclosure, its half width, and how far it may be trusted.

    ``known`` is false for NaN. ``ball`` is the flint ball that it was, if it was one: its ends are rounded outward to
    the precision in force.
    """

    lower: Any
    upper: Any
    half: Any
    text: str
    method: str
    by_hand: bool = False
    known: bool = True
    ball: Any = None


def ends_of(ball: Ball, name: str) -> Ends:
    """Return the ends of a real enclosure.

    Raises
    ------
    ValueError
        If the lower end exceeds the upper one.
    TypeError
        If it is no real enclosure.
    """
    from flint import arb

    # Only what carries its own proof is certified here; everything else is compared as the numbers that it is.
    if isinstance(ball, arb):  # its lower and upper ends are rounded outward
        known = not ball.is_nan()
        return Ends(ball.lower(), ball.upper(), ball.rad(), _text(ball), "certified", known=known, ball=ball)
    if _is_exact(ball):
        exact = _rational(ball)
        return Ends(exact, exact, Fraction(0), str(exact), "certified")
    lower, upper = _given(ball, name)
    method, by_hand = _method(ball, lower, upper), isinstance(ball, Between)
    if lower != lower or upper != upper:
        return Ends(lower, upper, float("nan"), _text(ball), method, by_hand, known=False)
    if lower > upper:
        raise bad(name, ball, "lower <= upper")
    return Ends(lower, upper, _half_width(lower, upper), _text(ball), method, by_hand)


def as_arb(ball: Ball, name: str) -> Any:
    """Return a flint ball that contains a real enclosure."""
    from flint import arb

    if isinstance(ball, arb):
        return ball
    ends = ends_of(ball, name)
    return arb("nan") if not ends.known else exact_arb(ends.lower).union(exact_arb(ends.upper))


def exact_arb(value: Any) -> Any:
    """Return a ball around an exact number: a float is the double that it is."""
    from flint import arb, fmpq

    if isinstance(value, arb):
        return value
    if isinstance(value, float) and value - value != 0:  # infinite or NaN
        return arb(value)
    ratio = _rational(value)
    # Over a power of two the ball is exact if the numerator fits the precision, as that of a float does; other
    # fractions get a radius.
    power_of_two = ratio.denominator & (ratio.denominator - 1) == 0
    if power_of_two:
        return arb(ratio.numerator) * arb(2) ** -(ratio.denominator.bit_length() - 1)
    return arb(fmpq(ratio.numerator, ratio.denominator))


def _method(ball: Ball, lower: Any, upper: Any) -> str:
    if isinstance(ball, Between):
        return "certified"
    # Two equal floats enclose only themselves, wherever they come from: that is a computed number, not a proof.
    exact = _is_exact(lower) and _is_exact(upper)
    ours = type(ball).__module__.partition(".")[0] == "elboproof"
    return "certified" if exact or (ours and lower != upper) else "numeric"


def _is_exact(value: object) -> bool:
    from flint import arb, fmpq, fmpz

    return isinstance(value, numbers.Rational | arb | fmpq | fmpz) and not isinstance(value, bool)


def _rational(value: Any) -> Fraction:
    from flint import fmpq, fmpz

    if isinstance(value, fmpq | fmpz):
        ratio = fmpq(value)
        return Fraction(int(ratio.p), int(ratio.q))
    if isinstance(value, numbers.Rational):  # SymPy's and NumPy's included
        return Fraction(int(value.numerator), int(value.denominator))
    return Fraction(value)


def _given(ball: Ball, name: str) -> tuple[Any, Any]:
    try:
        lower, upper = ball if isinstance(ball, tuple | list) else (ball.lower, ball.upper)
    except (AttributeError, ValueError):
        raise wrong_type(name, ball, EXPECTED) from None
    for end in (lower, upper):
        if isinstance(end, complex) or not hasattr(end, "__float__"):
            raise wrong_type(name, ball, "real ends")
    return lower, upper


def _half_width(lower: Any, upper: Any) -> Any:
    try:
        return (Fraction(upper) - Fraction(lower)) / 2
    except (OverflowError, TypeError, ValueError):  # an infinite end, or a ball
        return (upper - lower) / 2 if not isinstance(lower, float) else float("inf")


def _text(ball: Ball) -> str:
    if isinstance(ball, tuple | list):
        return f"[{', '.join(f'{float(end):.10g}' for end in ball)}]"
    if isinstance(ball, Between):
        return f"[{float(ball.lower):.10g}, {float(ball.upper):.10g}] (by {ball.proved_by})"
    if hasattr(ball, "upper") and not callable(ball.upper):
        return f"[{float(ball.lower):.10g}, {float(ball.upper):.10g}]"
    return str(ball.str(8))  # flint widens the radius to what it shows

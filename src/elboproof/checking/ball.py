"""Verdicts on enclosures: flint balls, ``(lower, upper)`` pairs, and objects with such attributes.

An enclosure proves more than a number and can also say nothing at all. So equality asks for a small
width besides containment: otherwise the vaguest enclosure would establish everything.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

from elboproof.arguments import bad, wrong_type
from elboproof.checking.verdict import Verdict

Ball: TypeAlias = Any
"""A flint ``arb``, a pair ``(lower, upper)``, or an object with attributes ``lower`` and ``upper``."""

Ends = tuple[Any, Any]
_Given = ParamSpec("_Given")


def _steady(decide: Callable[_Given, Verdict]) -> Callable[_Given, Verdict]:
    """Let no other thread change the precision, to which ends are rounded, while a verdict is found."""

    @wraps(decide)
    def held(*given: _Given.args, **named: _Given.kwargs) -> Verdict:
        from elboproof.numbers.precision import steady_precision

        with steady_precision():
            return decide(*given, **named)

    return held


@_steady
def ball_equal(difference: Ball, width: float) -> Verdict:
    """Decide that an enclosed difference is zero.

    Established if the enclosure contains 0 and its half width is at most ``width``; refuted if it
    excludes 0; otherwise (0 inside, but too wide; or NaN) undecided.

    Raises
    ------
    ValueError
        If ``width`` is not positive, or the lower end exceeds the upper one.
    TypeError
        If ``difference`` is no real enclosure.
    """
    if not 0.0 < width < float("inf"):
        raise bad("width", width, "a positive finite number")
    lower, upper, half = _ends(difference, "difference")
    if lower is None:
        return _no_ball(difference, 0)
    text = _text(difference)
    if not (lower <= 0 and upper >= 0):
        return Verdict("refuted", f"the difference lies in {text}, which excludes 0", text, 0.0, _size(half))
    if half <= _like(half, width):
        return Verdict(
            "established", f"the difference lies in {text}, which contains 0", text, 0.0, _size(half)
        )
    reason = f"{text} contains 0 but its half width {_size(half):.3g} exceeds {width:.3g}"
    return Verdict("undecided", reason, text, 0.0, _size(half))


@_steady
def ball_at_most(ball: Ball, bound: float | Fraction) -> Verdict:
    """Decide ``value <= bound`` for every value in an enclosure.

    Established if the upper end is at most ``bound``, refuted if the lower end exceeds it, otherwise
    undecided. ``bound`` is taken exactly: a float as the double that it is.

    Raises
    ------
    ValueError, TypeError
        As in `ball_equal`.
    """
    lower, upper, half = _ends(ball, "ball")
    if lower is None:
        return _no_ball(ball, bound)
    text, limit = _text(ball), _like(upper, bound)
    numbers = (text, bound, _size(half))
    if upper <= limit:
        return Verdict("established", f"{text} lies at or below {bound}", *numbers)
    if lower > limit:
        return Verdict("refuted", f"{text} lies above {bound}", *numbers)
    return Verdict("undecided", f"{text} reaches beyond {bound} on both sides", *numbers)


@_steady
def ball_positive(ball: Ball) -> Verdict:
    """Decide ``value > 0`` for every value in an enclosure.

    Established if the lower end is positive, refuted if the upper end is at most 0, else undecided.

    Raises
    ------
    ValueError, TypeError
        As in `ball_equal`.
    """
    lower, upper, half = _ends(ball, "ball")
    if lower is None:
        return _no_ball(ball, 0)
    text = _text(ball)
    if lower > 0:
        return Verdict("established", f"{text} is positive", text, 0.0, _size(half))
    if upper <= 0:
        return Verdict("refuted", f"{text} is not positive", text, 0.0, _size(half))
    return Verdict("undecided", f"the sign of {text} is open", text, 0.0, _size(half))


def _no_ball(ball: Ball, bound: object) -> Verdict:
    return Verdict("undecided", f"{_text(ball)} encloses nothing that could be compared", _text(ball), bound)


def _ends(ball: Ball, name: str) -> tuple[Any, Any, Any]:
    """Return lower end, upper end and half width; three times None where an end is NaN."""
    from flint import arb

    if isinstance(ball, arb):
        if ball.is_nan():
            return None, None, None
        return ball.lower(), ball.upper(), ball.rad()  # lower and upper are rounded outward
    lower, upper = _given_ends(ball, name)
    if lower != lower or upper != upper:
        return None, None, None
    if lower > upper:
        raise bad(name, ball, "lower <= upper")
    return lower, upper, _half_width(lower, upper)


def _given_ends(ball: Ball, name: str) -> Ends:
    try:
        lower, upper = ball if isinstance(ball, tuple | list) else (ball.lower, ball.upper)
    except (AttributeError, ValueError):
        raise wrong_type(name, ball, "an arb, a pair (lower, upper) or an object with both") from None
    for end in (lower, upper):
        if isinstance(end, complex) or not hasattr(end, "__float__"):
            raise wrong_type(name, ball, "real ends")
    return lower, upper


def _half_width(lower: Any, upper: Any) -> Any:
    try:
        return (Fraction(upper) - Fraction(lower)) / 2
    except (OverflowError, TypeError, ValueError):  # an infinite end
        return float("inf") if float(upper) != float(lower) else 0.0


def _like(sample: Any, value: float | Fraction) -> Any:
    """Return ``value`` in a type that compares exactly with ``sample``."""
    from flint import arb, fmpq

    if isinstance(sample, arb):
        ratio = Fraction(value)
        power_of_two = ratio.denominator & (ratio.denominator - 1) == 0
        if power_of_two:
            return arb(ratio.numerator) * arb(2) ** -(ratio.denominator.bit_length() - 1)
        return arb(fmpq(ratio.numerator, ratio.denominator))
    return value


def _size(half: Any) -> float:
    return float(half)


def _text(ball: Ball) -> str:
    if isinstance(ball, tuple | list):
        return f"[{', '.join(f'{float(end):.10g}' for end in ball)}]"
    if hasattr(ball, "upper") and not callable(ball.upper):
        return f"[{float(ball.lower):.10g}, {float(ball.upper):.10g}]"
    return str(ball.str(8))  # flint widens the radius to what it shows

"""Verdicts on enclosures, see `elboproof.checking.enclosed`.

An enclosure proves more than a number and can also say nothing at all. So equality asks for a small
width besides containment: otherwise the vaguest enclosure would establish everything.
"""

from fractions import Fraction
from typing import Any

from elboproof.arguments import bad
from elboproof.checking.enclosed import Ball, Ends, ends_of, exact_arb, steady
from elboproof.checking.exact_ends import seen
from elboproof.checking.verdict import Verdict, by_hand, reached


@steady
def ball_equal(difference: Ball, width: float) -> Verdict:
    """Decide that an enclosed difference is zero.

    Established if the enclosure contains 0 and its half width is at most ``width``; refuted if it
    excludes 0; otherwise (0 inside, but too wide; or NaN) undecided.

    Certified for balls, exact rational numbers, pairs of them, and enclosures made by elboproof; by hand
    for `Between`; numeric for other pairs of floats, which nothing proves to be enclosures.

    Parameters
    ----------
    difference
        A ball of python-flint, an exact number, an ``ep.Enclosure``, a pair of ends, or `Between`.
    width
        Positive: half the width that is accepted, in the unit of the difference.

    Returns
    -------
    Verdict
        Its ``computed`` is the enclosure.

    Raises
    ------
    ValueError
        If ``width`` is not positive, or the lower end exceeds the upper one.
    TypeError
        If ``difference`` is no real enclosure.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from elboproof import checking
    >>> checking.ball_equal((Fraction(-1, 10**6), Fraction(1, 10**7)), 1e-5).status
    'established'
    >>> checking.ball_equal((Fraction(1, 10**6), Fraction(2, 10**6)), 1e-5).status
    'refuted'
    """
    if not 0.0 < width < float("inf"):
        raise bad("width", width, "a positive finite number")
    ends = ends_of(difference, "difference")
    if not ends.known:
        return _no_ball(ends, 0)
    # The order matters: an enclosure without 0 refutes however wide it is, since the value lies in it; one with 0
    # establishes only if it is narrow, as otherwise the vaguest enclosure would establish everything.
    if not (ends.lower <= 0 and ends.upper >= 0):
        return _decided(ends, "refuted", f"the difference lies in {ends.text}, which excludes 0")
    if ends.half <= _like(ends.half, width):
        return _decided(ends, "established", f"the difference lies in {ends.text}, which contains 0")
    reason = f"{ends.text} contains 0 but its half width {float(ends.half):.3g} exceeds {width:.3g}"
    return _decided(ends, "undecided", reason)


@steady
def ball_at_most(ball: Ball, bound: float | Fraction) -> Verdict:
    """Decide ``value <= bound`` for every value in an enclosure.

    Established if the upper end is at most ``bound``, refuted if the lower end exceeds it, otherwise
    undecided. ``bound`` is taken exactly: a float as the double that it is. Methods are as in `ball_equal`.

    Parameters
    ----------
    ball
        An enclosure, as `ball_equal` takes it.
    bound
        A float or a Fraction.

    Returns
    -------
    Verdict
        Its ``computed`` is the enclosure.

    Raises
    ------
    ValueError, TypeError
        As in `ball_equal`.
    """
    ends = ends_of(ball, "ball")
    if not ends.known:
        return _no_ball(ends, bound)
    # Ends are compared exactly, in their own type: to convert the bound to a double, or the end, could round it
    # across the other.
    limit = _like(ends.upper, bound)
    if ends.upper <= limit:
        return _decided(ends, "established", f"{ends.text} lies at or below {bound}", bound)
    if ends.lower > limit:
        return _decided(ends, "refuted", f"{ends.text} lies above {bound}", bound)
    return _decided(ends, "undecided", f"{ends.text} reaches beyond {bound} on both sides", bound)


@steady
def ball_positive(ball: Ball) -> Verdict:
    """Decide ``value > 0`` for every value in an enclosure.

    Established if the lower end is positive, refuted if the upper end is at most 0, else undecided.
    Methods are as in `ball_equal`.

    Parameters
    ----------
    ball
        An enclosure, as `ball_equal` takes it.

    Returns
    -------
    Verdict
        Its ``computed`` is the enclosure.

    Raises
    ------
    ValueError, TypeError
        As in `ball_equal`.
    """
    ends = ends_of(ball, "ball")
    if not ends.known:
        return _no_ball(ends, 0)
    # Strict on one side and not on the other: an end at 0 proves "not positive", never "positive".
    if ends.lower > 0:
        return _decided(ends, "established", f"{ends.text} is positive")
    if ends.upper <= 0:
        return _decided(ends, "refuted", f"{ends.text} is not positive")
    return _decided(ends, "undecided", f"the sign of {ends.text} is open")


def _decided(ends: Ends, status: str, reason: str, stated: object = 0.0) -> Verdict:
    # The error shown is the half width: how far the enclosed value may be from the middle, not from what is stated.
    make = by_hand if ends.by_hand else reached
    return make(ends.method, status, reason, ends.text, stated, float(ends.half), **seen([ends]))


def _no_ball(ends: Ends, bound: object) -> Verdict:
    make = by_hand if ends.by_hand else reached
    return make(
        ends.method, "undecided", f"{ends.text} encloses nothing that could be compared", ends.text, bound
    )


def _like(sample: Any, value: float | Fraction) -> Any:
    """Return ``value`` in a type that compares exactly with ``sample``."""
    from flint import arb

    return exact_arb(value) if isinstance(sample, arb) else value

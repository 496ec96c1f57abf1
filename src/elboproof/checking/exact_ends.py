"""The ends of an enclosure as texts, exact, so that two runs can be compared whatever processes they were in."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from elboproof.checking.enclosed import Ends

Texts: TypeAlias = tuple[str, ...]
"""Lower and upper end; one text only for a number that was given as exact."""

LARGEST = 20_000
"""Bits: a number with a power of two beyond it is moved outward, as its digits would fill the memory."""
INFINITE = ("inf", "-inf")


def texts_of(ends: Ends) -> Texts:
    """Return the ends as texts, none if they enclose nothing."""
    if not ends.known:
        return ()
    if isinstance(ends.lower, Fraction) and ends.lower == ends.upper:
        return (_text(ends.lower),)
    return _end_text(ends.lower, -1), _end_text(ends.upper, 1)


def seen(enclosures: Sequence[Ends]) -> dict[str, Any]:
    """Return what a verdict keeps of the enclosures that it compared: their ends, and the precision in force."""
    if any(ends.by_hand or ends.method != "certified" for ends in enclosures):
        return {}
    from elboproof.numbers.precision import current_bits

    return {"bits": current_bits(), "enclosed": tuple(texts_of(ends) for ends in enclosures)}


def number_of(text: str) -> Fraction | float:
    """Return the number that a text spells."""
    if text in INFINITE:
        return float(text)
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator, 16), int(denominator, 16))


def _end_text(end: Any, side: int) -> str:
    """Return the text of an end; ``side`` is -1 for lower ones, 1 for upper ones."""
    from flint import arb

    if not isinstance(end, arb):
        return str(float(end)) if end in (float("inf"), -float("inf")) else _text(Fraction(end))
    if not end.is_finite():
        return str(float(end))
    # Ends of balls are dyadic: numerator * 2^power.
    numerator, power = map(int, end.man_exp())
    magnitude = numerator.bit_length() + power
    if numerator == 0 or abs(magnitude) <= LARGEST:
        return _text(Fraction(numerator) * Fraction(2) ** power)
    if numerator * side < 0:  # outward is towards 0, and beyond
        return _text(Fraction(0))
    return _text(Fraction(side, 2**LARGEST)) if magnitude < 0 else str(float("inf") * side)


def _text(number: Fraction) -> str:
    return f"{number.numerator:x}/{number.denominator:x}"  # in hexadecimal: Python limits long decimals

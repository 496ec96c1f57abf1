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
    if ends.ball is not None and ends.ball.is_finite():
        # Rounded ends would hide a radius that is smaller than their rounding.
        middle, radius = (dyadic(part) for part in (ends.ball.mid(), ends.ball.rad()))
        if middle is not None and radius is not None:
            return _text(middle - radius), _text(middle + radius)
    return _end_text(ends.lower, -1), _end_text(ends.upper, 1)


def seen(enclosures: Sequence[Ends]) -> dict[str, Any]:
    """Return what a verdict keeps of the enclosures that it compared: their ends, and the precision in force."""
    if any(ends.by_hand or ends.method != "certified" for ends in enclosures):
        return {}
    from elboproof.numbers.precision import current_bits

    return {"bits": current_bits(), "enclosed": tuple(texts_of(ends) for ends in enclosures)}


def interval_of(texts: Sequence[str]) -> tuple[Any, Any]:
    """Return the lower and the upper end that texts spell, exact numbers or infinities."""
    return number_of(texts[0]), number_of(texts[-1])


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
    end = end.lower() if side < 0 else end.upper()  # an end may be a ball itself
    if not end.is_finite():
        return str(float("inf") * side)
    exact = dyadic(end)
    if exact is not None:
        return _text(exact)
    numerator, power = map(int, end.man_exp())
    if numerator * side < 0:  # outward is towards 0, and beyond
        return _text(Fraction(0))
    tiny = numerator.bit_length() + power < 0
    return _text(Fraction(side, 2**LARGEST)) if tiny else str(float("inf") * side)


def dyadic(exact: Any) -> Fraction | None:
    """Return the value of a ball without radius, None if its power of two is too large or too small."""
    numerator, power = map(int, exact.man_exp())
    fits = numerator == 0 or abs(numerator.bit_length() + power) <= LARGEST
    return Fraction(numerator) * Fraction(2) ** power if fits else None


def _text(number: Fraction) -> str:
    return f"{number.numerator:x}/{number.denominator:x}"  # in hexadecimal: Python limits long decimals

"""How proved intervals are written: their ends, or the digits that are certain.

``18.6246(3)`` says that the number is within 0.0003 of 18.6246: the digits in parentheses count units of the last place
and cover the whole interval, the rounding of the written number included. One such digit is written, as few as say so.
"""

import math
import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from fractions import Fraction
from html import escape
from typing import Any

import numpy as np

from elboproof.arguments import bad

LEAST_PLAIN, MOST_PLAIN = -5, 6
"""Powers of ten of the first digit between which numbers are written without an exponent."""
MOST_DIGITS = 1_000
"""Of a written end."""
LONGEST = {float: 17, Fraction: 100}
"""Significant digits of an interval's middle: those of a double, and of one end known exactly."""
SPARE = 3
"""Digits of an end beyond the first one of the interval's width."""
_SPEC = re.compile(r"\.\d+[efgEFG]|[efgEFG]")
_CERTAIN = re.compile(r"(\.(?P<most>[1-9]\d*))?S")


def formatted(low: Any, high: Any, spec: str) -> str:
    """Return entries of ends by a format.

    "" writes their ends, "S" the digits that are certain, ".8S" 8 of them at most, ".6f", ".3e" or ".6g" rounded ends.

    Raises
    ------
    ValueError
        If the format is another one.
    """
    if spec == "":
        return _nested(low, high, _ends)
    if found := _CERTAIN.fullmatch(spec):
        most = int(found["most"] or MOST_DIGITS)
        return _nested(low, high, lambda a, b: certain(a, b, most))
    if not _SPEC.fullmatch(spec):
        raise bad(
            "format", spec, "'' (the ends), 'S' or '.8S' (certain digits) or one of floats such as '.6f'"
        )
    return _nested(low, high, lambda a, b: f"[{_outward(a, spec, up=False)}, {_outward(b, spec, up=True)}]")


def table(low: Any, high: Any) -> str:
    """Return HTML: one line, or a table with a row for each entry along the first axis."""
    if np.ndim(low) == 0:
        return f"<span>{escape(_nested(low, high, certain))}</span>"
    rows = "".join(
        f"<tr><th>{n}</th><td>{escape(_nested(low[n], high[n], certain))}</td></tr>" for n in range(len(low))
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _nested(low: Any, high: Any, write: Callable[[Any, Any], str]) -> str:
    if np.ndim(low) == 0:
        return write(*(np.asarray(end)[()] for end in (low, high)))
    return "[" + ", ".join(_nested(a, b, write) for a, b in zip(low, high, strict=True)) + "]"


def certain(low: Any, high: Any, most: int = MOST_DIGITS) -> str:
    """Return the digits of one number that are certain, and how far the last one may be off."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"[{low}, {high}]"
    a, b = Fraction(low), Fraction(high)
    places = _places(a)
    if a == b and places is not None and len(str(abs(int(a * 10**places)))) <= most:
        return _written(int(a * 10**places), -places, "")
    longest = min(LONGEST[Fraction if isinstance(low, Fraction) else float], most)
    place = _first_place(max((b - a) / 10, max(abs(a), abs(b)) / Fraction(10) ** (longest - 1)))
    # the unit 10^place is raised until one digit tells how far off the ends are
    while True:
        unit = Fraction(10) ** place
        number = round((a + b) / (2 * unit))
        off = math.ceil(max(number * unit - a, b - number * unit) / unit)
        if off <= 9:
            return _written(number, place, f"({off})" if off else "")
        place += 1


def _places(value: Fraction) -> int | None:
    """Return the decimals of a number that has at most 17 digits, None of any other."""
    for places in range(18):
        scaled = value * 10**places
        if abs(scaled) >= 10**17:
            return None
        if scaled.denominator == 1:
            return places
    return None


def _first_place(value: Fraction) -> int:
    """Return n with 10^n <= value < 10^(n + 1), for value > 0; 0 for 0."""
    if not value:
        return 0
    n = len(str(value.numerator)) - len(str(value.denominator)) if _short(value) else _by_logs(value)
    while Fraction(10) ** n > value:
        n -= 1
    while Fraction(10) ** (n + 1) <= value:
        n += 1
    return n


def _short(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) < 10_000


def _by_logs(value: Fraction) -> int:
    return math.floor((value.numerator.bit_length() - value.denominator.bit_length()) * math.log10(2))


def _written(number: int, place: int, off: str) -> str:
    """Return ``number * 10^place``, with the digits in ``off`` after its last place."""
    if not number and place < LEAST_PLAIN:
        return f"0{off}e{place:+03d}"
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    first = len(digits) - 1 + place
    if place > 0 or (number and not LEAST_PLAIN <= first <= MOST_PLAIN + max(-place, 0)):
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}{off}e{first:+03d}"
    digits = digits.rjust(1 - place, "0")
    return f"{sign}{digits[:place]}.{digits[place:]}{off}" if place else f"{sign}{digits}{off}"


def _ends(low: Any, high: Any) -> str:
    """Return both ends: doubles as Python writes them, fractions with the decimals that their distance is worth."""
    if not isinstance(low, Fraction):
        return f"[{low}, {high}]"
    width = high - low or abs(low) / Fraction(10) ** MOST_DIGITS
    places = max(SPARE - _first_place(width), 0) if width else 0
    unit = Fraction(1, 10**places)
    return (
        f"[{_written(math.floor(low / unit), -places, '')}, {_written(math.ceil(high / unit), -places, '')}]"
    )


def _outward(end: Any, spec: str, *, up: bool) -> str:
    """Return a finite end in a format of floats, the last digit stepped outward where it was rounded inward."""
    if not math.isfinite(end):
        return format(float(end), spec)
    exact = Fraction(end)
    if not exact:
        return format(0.0, spec)
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    with localcontext(Context(prec=MOST_DIGITS, rounding=rounding, Emax=10**6, Emin=-(10**6))):
        return format(Decimal(exact.numerator) / Decimal(exact.denominator), spec)

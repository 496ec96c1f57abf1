"""How findings are put into words: numbers, results, text that is safe to show."""

import math
import re
import textwrap
from collections.abc import Sequence

from elboproof.checking.finding import Finding
from elboproof.checking.plain import Plain

_BALL = re.compile(r"\[[^\[\]]*\+/-[^\[\]]*\]|\S+ \+/- \S+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Return a text with control characters spelled out: they could forge a terminal or break XML."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str, limit: int = 0) -> str:
    """Return a cleaned text on one line, cut to ``limit`` characters if that is positive."""
    flat = " ".join(clean(text).split())
    return flat if limit <= 0 or len(flat) <= limit else f"{flat[: limit - 3]}..."


def number(value: Plain, digits: int = 4) -> str:
    """Return a number to some significant digits; text as it is, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return one_line(value)
    # Whole numbers below a million are written out: 1e+05 is harder to compare with a count.
    if math.isfinite(value) and value == int(value) and abs(value) < 10**6:
        return str(int(value))
    return f"{value:.{digits}g}"


def result(finding: Finding) -> str:
    """Return one word: "holds", "fails" (established, but badly guarded), or the status."""
    if finding.holds:
        return "holds"
    return "fails" if finding.status == "established" else finding.status


def rejected(finding: Finding) -> str:
    """Return how many controls were rejected, such as ``2/2``."""
    return f"{sum(bool(one['rejected']) for one in finding.controls)}/{len(finding.controls)}"


def left_behind(finding: Finding) -> str:
    """Return what a check left behind in its process, which was not used again; nothing if there was nothing."""
    return "; ".join(one for kind in sorted(finding.side_effects) for one in finding.side_effects[kind])


def numbers(finding: Finding, digits: int = 4) -> list[str]:
    """Return the numbers that a finding has, each with its name."""
    named = (
        ("computed", finding.computed),
        ("stated", finding.stated),
        ("error", finding.error),
        ("smallest detectable error", finding.smallest_detectable),
    )
    return [f"{name} {number(value, digits)}" for name, value in named if value is not None]


def plural(count: int, word: str) -> str:
    """Return ``1 check`` or ``2 checks``."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a length of time to two figures at most, such as ``8 s``, ``3 min`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def filled(text: str, width: int, indent: int = 0, first: int = 0) -> list[str]:
    """Return a text in lines, the first and the others indented; no word and no number is broken."""
    flat = " ".join(clean(text).split())
    lines = textwrap.wrap(
        _BALL.sub(lambda match: match[0].replace(" ", "\0"), flat),
        max(width, indent + 20),
        initial_indent=" " * first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]


def packed(fields: Sequence[str], width: int, indent: int = 0) -> list[str]:
    """Return fields in lines, with semicolons between them; no field is broken."""
    lines: list[str] = []
    for field in fields:
        if lines and len(lines[-1]) + len(field) + 3 <= width:
            lines[-1] += f"; {field}"
        else:
            lines = [*(f"{line};" if line[-1] != ";" else line for line in lines), " " * indent + field]
    return lines

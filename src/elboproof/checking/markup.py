"""Markdown's tables, and text that Markdown leaves alone."""

import re
from collections.abc import Sequence

from elboproof.checking.words import clean

_VERBATIM = re.compile(r"(`[^`]+`|\$[^$]+\$)")
_SPECIAL = re.compile(r"[*_]|<(?=[A-Za-z/!])")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(escaped(cell) for cell in line)} |" for line in lines)


def escaped(text: str) -> str:
    """Return a text on one line whose stars, underscores and brackets Markdown leaves alone.

    Code between backticks and formulas between dollars stay as they are, except for the bar that would end
    a table cell.
    """
    parts = _VERBATIM.split(" ".join(clean(text).split()))
    parts[::2] = [_SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts).replace("|", "\\|")

"""Results on one screen: a title and rows of a name and its value, 80 columns wide."""

import textwrap
from collections.abc import Mapping

WIDTH = 80
MOST_LINES = 4
"""Of one value; fields hold what is cut."""


def screen(title: str, rows: Mapping[str, object]) -> str:
    """Return a title and its rows, without those whose value is empty; long values are wrapped, and cut with dots."""
    texts = {name: str(value) for name, value in rows.items()}
    column = max(map(len, texts), default=0) + 4
    lines = [title]
    for name, text in texts.items():
        if text:
            wrapped = _wrapped(text, WIDTH - column)
            lines.append(f"  {name:{column - 4}}  {wrapped[0]}")
            lines += [" " * column + line for line in wrapped[1:]]
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Return at most `MOST_LINES` lines; what has no space is cut where a line ends."""
    # texts of a gigabyte, a ratio of huge integers, are cut before they are wrapped
    lines = textwrap.wrap(text[: 2 * MOST_LINES * width], width, break_on_hyphens=False)
    if len(lines) <= MOST_LINES and len(text) <= 2 * MOST_LINES * width:
        return lines or [""]
    return [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1][: width - 3]}..."]

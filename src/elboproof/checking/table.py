"""The table of all checks, and what does not hold, in full."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from elboproof.checking.finding import Finding
from elboproof.checking.words import clean, left_behind, number, one_line, packed, plural, rejected, result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDEST = 100
"""Columns beyond which seconds are no further to the right: they would be far from their name."""

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def show_table(console: "Console", findings: Sequence[Finding]) -> None:
    """Print the findings, grouped by claim. Names and numbers are whole in any width."""
    for claim, group in groupby(findings, key=lambda finding: finding.claim):
        console.print(_text(f"\n{claim}", "bold"))
        for finding in group:
            for line in _lines(finding, min(console.width, WIDEST)):
                console.print(line, soft_wrap=True)


def _text(content: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(content, style=style)


def _lines(finding: Finding, width: int) -> list["Text"]:
    """Return the lines of a check: its name and seconds, then what was found, broken between fields only."""
    # A number that is cut is read as another number, and a name that is broken cannot be searched.
    head, seconds = f"  {finding.statement:<3} {finding.check}", f"{finding.seconds:.1f} s"
    room = width - len(head) - 1
    lines = [_text(f"{head} {seconds:>{room}}" if len(seconds) <= room else head)]
    word = result(finding)
    fields = [f"{finding.role}, {finding.method}", word, f"{rejected(finding)} controls rejected"]
    fields += [one_line(number(finding.computed, 6), 60)] if finding.computed is not None else []
    fields += [f"error {one_line(number(finding.error, 2), 60)}"] if finding.error is not None else []
    fields += [seconds] if len(seconds) > room else []
    for line in packed(fields, width, indent=6):
        text = _text(line)
        text.highlight_words([word], _STYLES.get(word, "red"))
        lines.append(text)
    return lines


def show_failures(
    console: "Console", findings: Sequence[Finding], traces: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Print every finding that does not hold: what it stated, the complete reason, the traceback if it raised."""
    from rich.table import Table

    failures = [finding for finding in findings if not finding.holds]
    if failures:
        console.print(_text(f"\n{plural(len(failures), 'check')} did not hold", "bold"))
    for finding in failures:
        console.print(_text(f"\n{finding.id}: {result(finding)}", "bold red"))
        for label, content in (("states", finding.states), ("reason", finding.reason)):
            # Two columns instead of one text: the continuation lines stay under the content.
            grid = Table.grid(padding=(0, 1))
            grid.add_row(f"  {label}", _text(clean(content)))
            console.print(grid)
        for line in traces.get(finding.id, "").splitlines():
            console.print(_text(f"    {clean(line)}"), soft_wrap=True)


def show_side_effects(console: "Console", findings: Sequence[Finding]) -> None:
    """Print what checks left behind in their processes, which were ended."""
    leaving = [finding for finding in findings if finding.side_effects]
    if leaving:
        console.print(_text(f"\n{plural(len(leaving), 'check')} left something behind", "bold yellow"))
    for finding in leaving:
        console.print(_text(f"  {finding.id}: {clean(left_behind(finding))}"), soft_wrap=True)

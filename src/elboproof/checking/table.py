"""The table at the end of a run, the failures below it, and the counts."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from elboproof.checking.claim import Check
from elboproof.checking.finding import Finding
from elboproof.checking.vocabulary import OUTCOMES
from elboproof.checking.words import clean, left_behind, number, one_line, plural, rejected, result

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDE = 170
"""Columns of a terminal from which every field has a column of its own; below, two share one."""

_STYLES = {"holds": "green", "fails": "bold red", "undecided": "bold yellow"}


def show_table(console: "Console", findings: Sequence[Finding]) -> None:
    """Print the findings, grouped by claim."""
    wide = console.width >= WIDE
    table = _empty(wide)
    for claim, group in groupby(findings, key=lambda finding: finding.claim):
        members = list(group)
        if wide:
            for i, finding in enumerate(members):
                table.add_row(claim if i == 0 else "", *_wide(finding), end_section=finding is members[-1])
        else:
            table.add_row(_text(claim, "bold"), *[""] * 4)
            for finding in members:
                table.add_row(*_narrow(finding, console.width), end_section=finding is members[-1])
    console.print(table)


def _empty(wide: bool) -> "Table":
    from rich import box
    from rich.table import Table

    # Narrow terminals get two fields per column instead of cut ones: a number that is cut is read as another number.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    if not wide:
        table.add_column("claim\n  statement check", no_wrap=True)
        table.add_column("role\nmethod", no_wrap=True)
        table.add_column("result\nrejected", no_wrap=True)
        table.add_column("number\nerror", overflow="fold")
        table.add_column("s", justify="right", no_wrap=True)
        return table
    table.add_column("claim", no_wrap=True)
    table.add_column("statement", no_wrap=True)
    table.add_column("check", no_wrap=True)
    for name in ("role", "method", "result"):
        table.add_column(name, no_wrap=True)
    table.add_column("number", overflow="fold", min_width=10)
    table.add_column("error", no_wrap=True)
    table.add_column("controls\nrejected", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    return table


def _text(content: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(content, style=style)


def _wide(finding: Finding) -> list["str | Text"]:
    word = result(finding)
    return [
        finding.statement,
        _text(_broken(finding.check, 34)),
        finding.role,
        finding.method,
        _text(word, _STYLES.get(word, "red")),
        _text(one_line(number(finding.computed, 6), 40)),
        _text(one_line(number(finding.error, 2), 12)),
        rejected(finding),
        f"{finding.seconds:.1f}",
    ]


def _narrow(finding: Finding, width: int) -> list["str | Text"]:
    word = result(finding)
    cell = _text(word, _STYLES.get(word, "red"))
    cell.append(f"\n{rejected(finding)}", style="default not bold")
    error = one_line(number(finding.error, 2), 12)
    computed = one_line(number(finding.computed, 6), 40)
    room = width - 58  # what the other columns leave to the names, with 18 for the number
    return [
        _text(f"  {finding.statement} {_broken(finding.check, room, '     ')}"),
        f"{finding.role}\n{finding.method}",
        cell,
        _text(f"{computed}\n{error}" if error else computed),
        f"{finding.seconds:.1f}",
    ]


def _broken(name: str, width: int, indent: str = "") -> str:
    """Return a function name broken after underscores, each further line indented."""
    lines = [""]
    for word in re.findall(r"[^_]*_|[^_]+", name):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += word
    return f"\n{indent}".join(lines)


def show_failures(console: "Console", findings: Sequence[Finding]) -> None:
    """Print every finding that does not hold, with what it stated and the complete reason."""
    from rich.table import Table

    failures = [finding for finding in findings if not finding.holds]
    if failures:
        console.print(_text(f"{plural(len(failures), 'check')} did not hold", "bold"))
    for finding in failures:
        console.print(_text(f"\n{finding.id}: {result(finding)}", "bold red"))
        for label, content in (("states", finding.states), ("reason", finding.reason)):
            # Two columns instead of one text: the continuation lines stay under the content.
            grid = Table.grid(padding=(0, 1))
            grid.add_row(f"  {label}", _text(clean(content)))
            console.print(grid)


def show_side_effects(console: "Console", findings: Sequence[Finding]) -> None:
    """Print what checks left behind in their processes, which were ended."""
    leaving = [finding for finding in findings if finding.side_effects]
    if leaving:
        console.print(_text(f"\n{plural(len(leaving), 'check')} left something behind", "bold yellow"))
    for finding in leaving:
        console.print(_text(f"  {finding.id}: {clean(left_behind(finding))}"), soft_wrap=True)


def show_counts(
    console: "Console", findings: Sequence[Finding], left_out: Sequence[Check], seed: int
) -> None:
    """Print how many checks hold, how the others ended, and which tiers were not run."""
    # Checks that were left out are counted on their own lines: "all hold" is said of what ran.
    counts = Counter(finding.status for finding in findings)
    held = sum(finding.holds for finding in findings)
    controls = [one for finding in findings for one in finding.controls]
    every = [part for finding in findings for part in finding.parts]
    parts = ", ".join(f"{counts[status]} {status}" for status in OUTCOMES if counts[status])
    lost = sum(bool(one["rejected"]) for one in controls)
    console.print()
    line = f"{held} of {plural(len(findings), 'check')} hold ({parts}); "
    line += f"{lost} of {plural(len(controls), 'control')} rejected; seed {seed}; "
    guarded = sum(bool(part["refuted_by"]) for part in every)
    line += f"{guarded} of {plural(len(every), 'part')} refuted by a control"
    console.print(_text(line, "bold green" if held == len(findings) else "bold red"))
    tiers = Counter(check.tier for check in left_out)
    for tier, count in sorted(tiers.items()):
        use = "run without --quick" if tier == "default" else "use --full"
        console.print(_text(f"{plural(count, 'check')} of tier {tier} not run: {use}"))

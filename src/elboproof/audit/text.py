"""A report on a terminal."""

import textwrap
from typing import TYPE_CHECKING

from elboproof.audit.result import Result

if TYPE_CHECKING:
    from elboproof.audit.report import Report

WIDTH = 100
INDENT = 13
_WORDS = {
    "ok": "",
    "note": "note: ",
    "fails": "FAILS  ",
    "unknown": "cannot tell: ",
    "could not run": "could not run: ",
}


def text(report: "Report") -> str:
    """Return what a report says, some lines for each check."""
    lines = [f"{report.name}: claimed to be the {report.claim}; false-alarm rate {report.alpha:g}"]
    for one in report.results:
        lines += _lines(one)
    ending = f"{report.status} ({report.seconds:.1f} s)"
    wrong = report.failed or report.broken or report.unknown
    lines.append(f"{ending}{': ' + ', '.join(wrong) if wrong else ''}")
    return "\n".join(lines)


def _lines(one: Result) -> list[str]:
    said = f"{_WORDS[one.outcome]}{one.statement}{_numbers(one)}"
    first = textwrap.wrap(said, WIDTH - INDENT, break_long_words=False) or [""]
    lines = [f"  {one.id:{INDENT - 3}} {first[0]}", *(" " * INDENT + line for line in first[1:])]
    hints = one.hints if one.outcome in ("fails", "note") else ()
    lines += [" " * INDENT + f"look at {hint}" for hint in hints]
    if one.trace:
        lines += [" " * INDENT + line for line in one.trace.rstrip().splitlines()]
    return lines


def _numbers(one: Result) -> str:
    if not isinstance(one.statistic, int | float) or not isinstance(one.threshold, int | float):
        return ""
    count = f", {one.n} calls" if one.n else ""
    return f" [{one.statistic:.2g} against {one.threshold:.2g}{count}]"

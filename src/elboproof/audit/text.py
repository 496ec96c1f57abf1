"""A report on a terminal, 80 columns wide."""

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from elboproof.audit.result import Result
from elboproof.checking.words import clean
from elboproof.printing import WIDTH

if TYPE_CHECKING:
    from elboproof.audit.report import Report

INDENT = 13
FIRST = ("formula", "samples")
"""What the loss is comes before what is wrong with it."""
BRIEF = ("batch", "state", "mode")
"""Shown in one line while nothing is to be said of them."""
_WORDS = {
    "ok": "",
    "note": "note: ",
    "fails": "FAILS  ",
    "unknown": "cannot tell: ",
    "could not run": "could not run: ",
}
_COUNTED = {"formula": "equations", "samples": "equations"}


def text(report: "Report") -> str:
    """Return what a report says, some lines for each check."""
    lines = _apart(f"{report.name}, claimed to be the {report.claim}", _means(report))
    if heads := report.sizes.get("heads"):
        lines += _wrapped(f"  the encoder samples inside, and is tapped at its modules {', '.join(heads)}")
    for one in sorted(report.results, key=lambda one: one.id not in FIRST):
        if not _brief(report, one):
            lines += _lines(one)
    lines += _in_brief(report)
    ending = f"{report.status} ({report.seconds:.1f} s)"
    wrong = report.failed or report.broken or report.unknown
    lines.append(f"{ending}{': ' + ', '.join(wrong) if wrong else ''}")
    return clean("\n".join(lines))


def _means(report: "Report") -> str:
    certain = sum(one.verdict.method != "statistical" for one in report.results)
    return f"{certain} of {len(report.results)} checks without statistics; alpha {report.alpha:g}"


def _apart(left: str, right: str, width: int = WIDTH) -> list[str]:
    """Return two texts at the two ends of a line; under each other if they do not fit."""
    if len(left) + len(right) + 2 <= width:
        return [left + right.rjust(width - len(left))]
    return [left, right.rjust(width)]


def _brief(report: "Report", one: Result) -> bool:
    return one.outcome == "ok" and (one.id in BRIEF or not_needed(report, one))


def not_needed(report: "Report", one: Result) -> bool:
    """Return whether there was nothing to look at: one sample a datum, a known formula, no number reported."""
    single = one.id == "samples" and report.sizes.get("K") == 1
    return one.outcome == "ok" and one.n == 0 and (single or one.id in ("evidence", "report"))


def _in_brief(report: "Report") -> Iterator[str]:
    for words, wanted in (("ok", False), ("not needed", True)):
        names = [
            one.id for one in report.results if _brief(report, one) and not_needed(report, one) is wanted
        ]
        if names:
            yield f"  {', '.join(names)}   {words}"


def lines_of(one: Result) -> list[str]:
    """Return the statement of a check with its numbers, the places to look at, and the traceback."""
    said = _wrapped(f"{_WORDS[one.outcome]}{one.statement}")
    if numbers := _numbers(one):
        said[-1:] = _apart(said[-1], numbers, WIDTH - INDENT)
    if one.outcome in ("fails", "note"):
        said += [line for hint in one.advice for line in _wrapped(hint)]
    return said + one.trace.rstrip().splitlines()


def _lines(one: Result) -> Iterator[str]:
    first, *rest = lines_of(one)
    yield f"  {one.id:{INDENT - 3}} {first}"
    yield from (" " * INDENT + line for line in rest)


def _wrapped(said: str) -> list[str]:
    """Return lines; what follows a semicolon begins a new one, but in parentheses."""
    lines: list[str] = []
    for part in re.sub(r"; (?![^()]*\))", ";\n", said).split("\n"):
        lines += textwrap.wrap(part, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def _numbers(one: Result) -> str:
    """Return what was found against what it was compared to; nothing where the statement says so."""
    numbers = isinstance(one.statistic, int | float) and isinstance(one.threshold, int | float)
    if not numbers or "threshold" in one.statement:
        return ""
    count = f", {one.n} {_COUNTED.get(one.id, 'calls')}" if one.n else ""
    return f"{one.statistic:.2g} against {one.threshold:.2g}{count}"

"""``elboproof show``: a claim, a statement or a check, with what was found last."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from elboproof.checking.claim import Check
from elboproof.checking.collect import ClaimModule, Collection, collect, select
from elboproof.checking.decisions import decision
from elboproof.checking.finding import Finding
from elboproof.checking.part_words import part_lines
from elboproof.checking.problems import OPTIONAL
from elboproof.checking.record import FOLDER
from elboproof.checking.recorded import Known, known_findings
from elboproof.checking.stale import why_stale
from elboproof.checking.words import filled, left_behind, numbers, one_line, plural, result

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 100
"""Columns: longer lines of text are hard to read."""

INDENT = 13
"""Columns of the names of fields."""

DOCUMENT = "paper_checks.json"
"""Where findings are looked for, here and beside the claim modules, if no other file is named."""

DIGITS = 10
"""Of numbers."""

Findings = dict[str, Known]


def main(labels: Sequence[str], path: Path, json: str | None) -> int:
    """Show what the labels name; a claim as a whole, statements and checks in full.

    Raises
    ------
    UsageError
        If a label fits nothing.
    """
    from rich.console import Console

    collection = collect(path)
    known = known_findings(FOLDER, [Path(json)] if json else [Path(DOCUMENT), path.parent / DOCUMENT])
    console = Console(highlight=False)
    for label in labels:
        able, lacking = select(collection, [label], tier="full")
        modules = [module for module in collection.claims if module.claim.label == label.rstrip("/")]
        for module in modules:
            _show_claim(console, collection, module, known)
        if not modules:
            for check in (*able, *lacking):
                _show_check(console, collection, check, known.get(check.id))
    return 0


def _show_claim(console: "Console", collection: Collection, module: ClaimModule, known: Findings) -> None:
    checks = [check for check in collection.checks if check.claim == module.claim.label]
    _print(console, [f"{module.claim.label}: {module.claim.title}"], "bold")
    _print(console, [f"  {_near(module.file)}"], "dim")
    _show_fields(console, [("decided", _decided(collection, checks, known))])
    for title in ("Claim", *OPTIONAL, "Hypotheses", "What this does not show"):
        if title in module.sections:
            _print(console, [f"\n{title}"], "bold")
            _show_text(console, module.sections[title])
    _print(console, ["\nStatements"], "bold")
    for check in checks:
        found = result(known[check.id].finding) if check.id in known else "not run"
        head = f"  {check.statement:<4}{check.role}, {check.method}, {found}: {check.name}"
        _print(console, [head, *filled(check.states, _width(console), indent=6, first=6)])
    example = f"{module.claim.label}/{checks[0].statement}"
    _print(console, [f"\nnumbers, domains and controls of one statement: elboproof show {example}"], "dim")


def _decided(collection: Collection, checks: Sequence[Check], known: Findings) -> str:
    run = [check for check in checks if check.id in known]
    findings = [known[check.id].finding for check in run]
    held = sum(finding.holds for finding in findings)
    words = f"{decision(findings)}; {held} of {plural(len(findings), 'check')} hold"
    old = sum(_why_old(collection, check, known[check.id]) is not None for check in run)
    words += f", {old} OLDER THAN THE CODE" if old else ""
    words += f", {len(checks) - len(run)} not run yet" if len(run) < len(checks) else ""
    return f"{words}: elboproof verify --full {checks[0].claim}" if old or len(run) < len(checks) else words


def _why_old(collection: Collection, check: Check, known: Known) -> str | None:
    return why_stale(check, known.seal, known.environment, collection)


def _show_text(console: "Console", text: str) -> None:
    for paragraph in re.split(r"\n\n|\n(?=- )", text):
        indent = 4 if paragraph.startswith("- ") else 2
        _print(console, filled(paragraph, _width(console), indent=indent, first=2))


def _show_check(console: "Console", collection: Collection, check: Check, known: Known | None) -> None:
    _print(console, [check.id], "bold")
    place = f"{_near(collection.files[check.id])}:{collection.lines[check.id]}"
    _show_fields(console, [("at", place), *_stated(collection, check)])
    if known is None:
        more = f"; it needs {check.needs}" if check.needs else ""
        _show_fields(console, [("found", f"nothing yet: elboproof verify {check.id}{more}")])
    else:
        _show_fields(console, [*_found(known.finding), ("made", _made(collection, check, known))])
    console.print()


def _stated(collection: Collection, check: Check) -> Iterator[tuple[str, str]]:
    yield "states", check.states
    yield "domain", check.domain
    yield "kind", f"{check.role}, {check.method}, relation {check.relation}, tier {check.tier}"
    for hypothesis in check.hypotheses:
        yield "hypothesis", f"{hypothesis.name}: {hypothesis.text}"
    for source in collection.sources:
        for sentence in source.members:
            if sentence.covers(check.id):
                yield "decides", sentence.says


def _found(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "found", f"{result(finding)}: {finding.reason}"
    for line in numbers(finding, DIGITS):
        yield "number", line
    for control in finding.controls:
        word = "rejected" if control["rejected"] else "NOT REJECTED"
        yield "control", f"{control['name']}: {word} ({control['reason']})"
    for line in part_lines(finding):
        yield "part", line
    if finding.side_effects:
        yield "left behind", left_behind(finding)


def _made(collection: Collection, check: Check, known: Known) -> str:
    # A finding is never shown without a word on whether it is still about this code.
    made = (
        f"{known.made}, in {known.finding.seconds:.1f} s, seed {known.environment['seed']}; in {known.source}"
    )
    if not known.whole:
        return f"{made}; EDITED: it is not what a run wrote"
    why = _why_old(collection, check, known)
    if why is None:
        return f"{made}; the code is still the same"
    return f"{made}; OLDER THAN THE CODE ({why}): elboproof verify {check.id}"


def _show_fields(console: "Console", fields: Sequence[tuple[str, str]]) -> None:
    before = ""
    for name, text in fields:
        head = "" if name == before else name
        lines = filled(one_line(text), _width(console), indent=INDENT, first=INDENT)
        _print(console, [f"  {head:<{INDENT - 2}}{lines[0][INDENT:] if lines else ''}", *lines[1:]])
        before = name


def _near(file: Path) -> Path:
    """Return a path as it is seen from the current folder, if it lies in it."""
    here = Path.cwd()
    return file.resolve().relative_to(here) if here in file.resolve().parents else file


def _width(console: "Console") -> int:
    return min(console.width, WIDEST)


def _print(console: "Console", lines: Sequence[str], style: str = "") -> None:
    from rich.text import Text

    for line in lines:
        console.print(Text(line, style=style), soft_wrap=True)

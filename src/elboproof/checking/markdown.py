"""``elboproof report``: findings and the docstrings of their claims as one Markdown page.

What a second run reproduces comes first, without times and dates, and with numbers to four digits; in what and from
which code the findings were made stands at the end.
"""

import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elboproof.checking.claim import ROLES, Check
from elboproof.checking.collect import ClaimModule, Collection, UsageError, collect
from elboproof.checking.finding import Finding, from_document, metadata
from elboproof.checking.lane import LAST_OUTPUT
from elboproof.checking.markup import escaped, table
from elboproof.checking.part_words import method_words, part_lines, part_summary
from elboproof.checking.provenance import provenance
from elboproof.checking.report_files import require_writable, write
from elboproof.checking.seal import file_edits
from elboproof.checking.stale import Stale, stale
from elboproof.checking.words import left_behind, number, plural, rejected, result

_HEADER = (
    "statement",
    "role",
    "method",
    "relation",
    "what was established",
    "domain",
    "numbers",
    "controls rejected",
)


def report(source: Path, output: Path, directory: Path, *, check: bool, strict: bool = False) -> int:
    """Write the page, or compare it with the file on disk; return the exit code.

    Parameters
    ----------
    source
        JSON document of a complete run.
    output
        The Markdown file.
    directory
        The claim modules.
    check
        Write nothing; 1 if the file differs from what would be written, or a finding of the quick or the default
        tier is older than the code.
    strict
        With ``check``: 1 for findings of the slow tier too.

    Returns
    -------
    int
        0, or 1 if a file is out of date, the findings do not belong to the checks, or were edited. The difference
        goes to the standard output, the mismatches to the standard error.

    Raises
    ------
    UsageError
        If the JSON file cannot be read, or the page not be written.
    """
    if not check:
        require_writable(str(output))
    collection = collect(directory)
    content, findings = read_document(source)
    wrong = [*mismatches(collection, findings), *file_edits(content)]
    if wrong:
        print(f"{source} does not belong to the checks in {directory}:", *wrong, sep="\n  ", file=sys.stderr)
        print(f"make it anew: elboproof verify --full --json {source}", file=sys.stderr)
        return 1
    old = list(stale(content, collection))
    _show_stale(old, source)
    text = page(collection, findings, source.name, content)
    if not check:
        write(str(output), text)
        return 0
    before = output.read_text(encoding="utf-8") if output.is_file() else ""
    lines = (before.splitlines(keepends=True), text.splitlines(keepends=True))
    sys.stdout.writelines(difflib.unified_diff(*lines, str(output), f"{output} (from {source})"))
    return int(before != text or any(strict or not one.slow for one in old))


def _show_stale(old: Sequence[Stale], source: Path) -> None:
    if old:
        full = " --full" if any(one.slow for one in old) else ""
        print(f"{plural(len(old), 'finding')} of {source}:", *old, sep="\n  ", file=sys.stderr)
        print(f"run these anew: elboproof verify{full} --stale {source} --json {source}", file=sys.stderr)


def read_document(source: Path) -> tuple[dict[str, Any], list[Finding]]:
    """Return a JSON document as it is, and its findings.

    Raises
    ------
    UsageError
        If it cannot be read, or is no document of findings.
    """
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
        return content, from_document(content)
    except OSError as error:
        raise UsageError(f"--json: cannot read {str(source)!r}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"--json: {str(source)!r} is no JSON document of findings: {error}") from error


def mismatches(collection: Collection, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what keeps checks and findings from corresponding one to one."""
    by_id = {finding.id: finding for finding in findings}
    checks = {check.id: check for check in collection.checks}
    if len(by_id) < len(findings):
        yield "a finding occurs twice"
    for name, check in checks.items():
        if name not in by_id:
            yield f"{name}: has no finding"
            continue
        yield from differences(by_id[name], check)
    yield from (f"{name}: there is no such check" for name in by_id if name not in checks)


def differences(finding: Finding, check: Check) -> list[str]:
    """Return how a finding's description differs from its check's."""
    have, want = _metadata(finding), metadata(check)
    return [
        f"{check.id}: {field} changed from {have[field]!r} to {value!r}"
        for field, value in want.items()
        if have[field] != value
    ]


def _metadata(finding: Finding) -> dict[str, Any]:
    record = finding.to_json()
    return record | {"controls": [{"name": c["name"], "refutes": c["refutes"]} for c in finding.controls]}


def page(
    collection: Collection, findings: Sequence[Finding], source: str, content: dict[str, Any] | None = None
) -> str:
    """Return the Markdown page for findings that correspond to the checks of a collection.

    The record of how they were made is taken from ``content``, the JSON document with its seals.
    """
    by_id = {finding.id: finding for finding in findings}
    parts = [
        "# What was checked\n\n"
        f"Generated by `elboproof report` from `{source}`; do not edit.\n\n"
        f"{_summary(findings)}\n\n{_overview(collection, by_id)}"
    ]
    parts += [_claim(module, _of(module, collection, by_id)) for module in collection.claims]
    if content is not None:
        parts.append(provenance(content))
    return "\n\n".join(parts) + "\n"


def _of(module: ClaimModule, collection: Collection, by_id: dict[str, Finding]) -> list[Finding]:
    return [by_id[check.id] for check in collection.checks if check.claim == module.claim.label]


def _summary(findings: Sequence[Finding]) -> str:
    held = sum(finding.holds for finding in findings)
    controls = [one for finding in findings for one in finding.controls]
    lost = sum(bool(one["rejected"]) for one in controls)
    return (
        f"{held} of {plural(len(findings), 'check')} hold. {lost} of {plural(len(controls), 'control')} (false "
        "neighbours of the statements, run through the same code) were rejected: each refuted the parts that it "
        f"names. {part_summary(findings)}"
    )


def _overview(collection: Collection, by_id: dict[str, Finding]) -> str:
    rows = []
    for module in collection.claims:
        members = _of(module, collection, by_id)
        counts = [str(sum(finding.role == role for finding in members)) for role in ROLES]
        link = f"[{module.claim.label}](#{module.claim.label})"
        rows.append([link, module.claim.title, *counts, f"{sum(f.holds for f in members)}/{len(members)}"])
    return table(("claim", "title", *ROLES, "hold"), rows)


def _claim(module: ClaimModule, findings: Sequence[Finding]) -> str:
    text = module.sections
    limits = [finding for finding in findings if finding.role == "limits"]
    parts = [
        f"## {module.claim.label}\n\n**{module.claim.title}**",
        f"### What the paper says\n\n{text['Claim']}",
        f"### What was decided\n\n{table(_HEADER, [_row(finding) for finding in findings])}",
    ]
    if limits:
        lines = "\n".join(
            f"- {f.statement}: {escaped(f.states)} ({escaped(f.domain)})" for f in limits if f.holds
        )
        parts.append(f"### What fails as worded\n\n{lines or 'Nothing was established here.'}")
    broken = [finding for finding in findings if not finding.holds]
    if broken:
        lines = "\n".join(f"- `{f.id}` {result(f)}: {escaped(_reproducible(f.reason))}" for f in broken)
        parts.append(f"### What did not hold\n\n{lines}")
    parts.append(f"### Parts, and the controls that refuted them\n\n{_parts(findings)}")
    leaving = [finding for finding in findings if finding.side_effects]
    if leaving:
        lines = "\n".join(f"- `{f.id}`: {escaped(left_behind(f))}" for f in leaving)
        parts.append(f"### What checks left behind\n\n{lines}")
    parts.append(f"### Trusted base\n\n{text['Trusted base']}")
    parts.append(f"### What is not shown\n\n{text['What this does not show']}")
    return "\n\n".join(parts)


def _parts(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"- {finding.statement} `{finding.check}`")
        lines += [f"  - {escaped(line)}" for line in part_lines(finding)] or ["  - no verdict"]
    return "\n".join(lines)


def _reproducible(reason: str) -> str:
    """Return a reason without the output of a dead process, which contains paths of the machine."""
    return reason.partition(LAST_OUTPUT)[0]


def _row(finding: Finding) -> list[str]:
    established = (
        finding.states if finding.holds else f"NOT established ({result(finding)}): {finding.states}"
    )
    cells = (
        f"{finding.statement} `{finding.check}`",
        finding.role,
        method_words(finding),
        f"`{finding.relation}`",
        established,
        finding.domain,
        _numbers(finding),
        rejected(finding),
    )
    return list(cells)


def _numbers(finding: Finding) -> str:
    named = (
        ("computed", finding.computed),
        ("stated", finding.stated),
        ("error", finding.error),
        ("smallest detectable error", finding.smallest_detectable),
    )
    return ", ".join(f"{name} {number(value)}" for name, value in named if value is not None)

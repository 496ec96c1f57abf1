"""JSON documents of findings: how they are read, and whether they belong to the checks that there are now."""

import json
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError
from elboproof.checking.finding import Finding, from_document, metadata
from elboproof.checking.report_files import STDOUT
from elboproof.checking.seal import file_edits


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


def kept_document(
    target: str | None, collection: Collection, checks: Set[str], *, seed: int
) -> dict[str, Any] | None:
    """Return the document that lies where a run of some checks will write, if it has findings of others.

    Raises
    ------
    UsageError
        If these cannot stand beside new findings: the file is no such document, was edited, was made with another
        seed, or is about other claims.
    """
    # A run of one statement into the document of hours must not leave that statement alone there.
    path = Path(target or STDOUT)
    if target in (None, STDOUT) or not path.is_file() or not path.stat().st_size:
        return None
    advice = "and it would be lost: name another file, or delete this one"
    try:
        content, findings = read_document(path)
    except UsageError as error:
        raise UsageError(f"{error}; {advice}") from error
    others = {finding.id for finding in findings} - checks
    if not others:
        return None
    edited = list(file_edits(content))
    if edited:
        raise UsageError(f"--json: {target}: {edited[0]}; {advice}")
    if content["seed"] != seed:
        raise UsageError(
            f"--json: {target} has findings of seed {content['seed']}, this run seed {seed}; {advice}"
        )
    if not others & {check.id for check in collection.checks}:
        raise UsageError(f"--json: {target} has findings of other claims, such as {min(others)}; {advice}")
    return content


def mismatches(collection: Collection, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what keeps checks and findings from corresponding one to one."""
    by_id = {finding.id: finding for finding in findings}
    checks = {check.id: check for check in collection.checks}
    if len(by_id) < len(findings):
        yield "a finding occurs twice"
    for name, check in checks.items():
        if name not in by_id:
            if not check.needs:
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

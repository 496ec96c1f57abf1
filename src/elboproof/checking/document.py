"""JSON documents of findings: how they are read, and whether they belong to the checks that there are now."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError
from elboproof.checking.finding import Finding, from_document, metadata


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

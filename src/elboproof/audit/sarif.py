"""Audits as SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code hosts show beside the line of the loss.

A check that cannot tell is of kind "open", one that passed of kind "pass"; what could not run is a notification of
the invocation, and no result (sections 3.20.21 and 3.27.9 of the standard).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elboproof import __version__
from elboproof.audit.explained import CHECKED
from elboproof.audit.place import Place
from elboproof.audit.report import Report
from elboproof.audit.result import Result

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
KINDS = {"ok": "pass", "note": "informational", "fails": "fail", "unknown": "open"}
FINGERPRINT = "elboproofAudit/v1"


def sarif(reports: Sequence[Report], root: Path | None = None) -> dict[str, Any]:
    """Return the log for `json.dumps`; files below ``root``, the working directory if not given, are relative to it."""
    base = (root or Path.cwd()).resolve()
    names = list(CHECKED)
    found = [(report, one) for report in reports for one in report.results]
    results = [_result(report, one, names, base) for report, one in found if one.outcome in KINDS]
    broken = [_notification(report, one, base) for report, one in found if one.outcome not in KINDS]
    run = {
        "tool": {"driver": {"name": "elboproof", "version": __version__, "rules": [*map(_rule, names)]}},
        "originalUriBaseIds": {"SRCROOT": {"uri": f"{base.as_uri()}/"}},
        "invocations": [{"executionSuccessful": not broken, "toolExecutionNotifications": broken}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name.capitalize(),
        "shortDescription": {"text": f"{CHECKED[name]}."},
        "defaultConfiguration": {"level": "error"},
    }


def _result(report: Report, one: Result, names: Sequence[str], base: Path) -> dict[str, Any]:
    kind = KINDS[one.outcome]
    return {
        "ruleId": one.id,
        "ruleIndex": names.index(one.id),
        "kind": kind,
        "level": "error" if kind == "fail" else "none",  # section 3.27.10: a level is of failures alone
        "message": {"text": _message(report, one)},
        "locations": _locations(report.place, base),
        "partialFingerprints": {FINGERPRINT: _fingerprint(report, one)},
    }


def _message(report: Report, one: Result) -> str:
    return "\n".join([f"{report.name}: {one.statement}", *one.advice])


def _fingerprint(report: Report, one: Result) -> str:
    """Return what stays the same while lines and numbers change: adapter, check and verdict."""
    words = "\n".join([report.name, one.id, one.outcome])
    return hashlib.sha256(words.encode("utf-8", "backslashreplace")).hexdigest()


def _notification(report: Report, one: Result, base: Path) -> dict[str, Any]:
    text = f"{report.name}, {one.id}: could not run: {one.statement}\n{one.trace}"
    return {
        "level": "error",
        "message": {"text": text.rstrip()},
        "locations": _locations(report.place, base),
        "associatedRule": {"id": one.id},
    }


def _locations(place: Place | None, base: Path) -> list[dict[str, Any]]:
    if place is None:
        return []
    region = {"startLine": place.line, "endLine": place.last_line}
    return [{"physicalLocation": {"artifactLocation": _file(place, base), "region": region}}]


def _file(place: Place, base: Path) -> dict[str, str]:
    file = Path(place.file).resolve()
    if not file.is_relative_to(base):
        return {"uri": file.as_uri()}
    # a relative reference must be escaped as a URI is
    return {"uri": file.as_uri().removeprefix(f"{base.as_uri()}/"), "uriBaseId": "SRCROOT"}

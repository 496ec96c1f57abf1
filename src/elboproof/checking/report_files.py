"""Files made from findings: the JSON document and JUnit's XML, written whole or not at all."""

import json
import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from elboproof.checking.collect import UsageError
from elboproof.checking.finding import Finding, document
from elboproof.checking.words import clean
from elboproof.files import replace_text, writing

STDOUT = "-"


def require_writable(target: str) -> None:
    """Raise before a long run if its report could not be written.

    Raises
    ------
    UsageError
        If the folder of the file does not exist or may not be written to, or the path is a folder.
    """
    # Before the run, not after: hours of checks must not end with a folder that does not exist.
    path = Path(target)
    if target != STDOUT and (not path.parent.is_dir() or path.is_dir()):
        raise UsageError(f"cannot write {target!r}: expected a file in a folder that exists, or -")
    if target != STDOUT and not os.access(path if _is_special(path) else path.resolve().parent, os.W_OK):
        raise UsageError(f"cannot write {target!r}: expected a place that you may write to, or -")


def _is_special(path: Path) -> bool:
    """Return whether a path is a device or a pipe: it is written to, where a file is replaced."""
    return path.exists() and not path.is_file()


def write(target: str, text: str) -> None:
    """Write a text to a file, whole or not at all, or to the standard output if the target is ``-``.

    Raises
    ------
    NotWrittenError
        If the system refuses.
    """
    if target == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    if _is_special(Path(target)):
        with writing(Path(target)):
            Path(target).write_text(text, encoding="utf-8")
        return
    replace_text(Path(target), text)


def json_text(findings: Sequence[Finding], *, version: str, seed: int) -> str:
    """Return the JSON document of a run."""
    return content_text(document(findings, version=version, seed=seed))


def content_text(content: dict[str, Any]) -> str:
    """Return a JSON document as text."""
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    # Half a surrogate pair, from a file name say, is no UTF-8; this escape is also the one of JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def junit_text(findings: Sequence[Finding]) -> str:
    """Return the findings as JUnit's XML: one testsuite per claim.

    A statement that was not established, or a control that survived, is a failure; a check that gave no
    verdict is an error.
    """
    root = ET.Element("testsuites", {"name": "elboproof", **_counts(findings)})
    for claim, group in groupby(findings, key=lambda finding: finding.claim):
        members = list(group)
        suite = ET.SubElement(root, "testsuite", {"name": claim, **_counts(members)})
        for finding in members:
            _case(suite, finding)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, finding: Finding) -> None:
    name = f"{finding.statement}/{finding.check}"
    attributes = {"classname": finding.claim, "name": name, "time": f"{finding.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", attributes)
    if not finding.holds:
        first, _, _ = clean(finding.reason).partition("\n")
        kind = "error" if _is_error(finding) else "failure"
        outcome = ET.SubElement(case, kind, message=first, type=finding.status)
        outcome.text = f"{clean(finding.states)}\n{clean(finding.reason)}"


def _is_error(finding: Finding) -> bool:
    return finding.status in ("error", "timeout", "killed")


def _counts(findings: Sequence[Finding]) -> dict[str, str]:
    errors = sum(_is_error(finding) for finding in findings)
    failures = sum(not finding.holds for finding in findings) - errors
    return {
        "tests": str(len(findings)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": "0",
        "time": f"{sum(finding.seconds for finding in findings):.3f}",
    }

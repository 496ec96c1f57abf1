"""Audits as JUnit's XML: one test suite an adapter, one case a check."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from elboproof.audit.report import Report
from elboproof.audit.result import Result
from elboproof.checking.words import clean

ELEMENTS = {"fails": "failure", "could not run": "error", "unknown": "skipped"}
"""A check that cannot tell is no failure, and no success either."""


def junit(reports: Sequence[Report], *, strict: bool = False) -> str:
    """Return the XML of reports; with ``strict`` what could not tell is a failure."""
    results = [one for report in reports for one in report.results]
    root = ET.Element("testsuites", {"name": "elboproof audit", **_counts(results, strict)})
    for report in reports:
        attributes = {"name": clean(report.name), **_counts(report.results, strict)}
        suite = ET.SubElement(root, "testsuite", attributes)
        for one in report.results:
            _case(suite, clean(report.name), one, strict)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _element(one: Result, strict: bool) -> str | None:
    return "failure" if strict and one.outcome == "unknown" else ELEMENTS.get(one.outcome)


def _case(suite: ET.Element, name: str, one: Result, strict: bool) -> None:
    attributes = {"classname": name, "name": one.id, "time": f"{one.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", attributes)
    element = _element(one, strict)
    if element is None:
        ET.SubElement(case, "system-out").text = clean(one.statement)
        return
    outcome = ET.SubElement(case, element, message=clean(one.statement))
    if element != "skipped":
        outcome.set("type", one.outcome)
    outcome.text = clean("\n".join([one.statement, *one.advice, one.trace]))


def _counts(results: Sequence[Result], strict: bool) -> dict[str, str]:
    kinds = [_element(one, strict) for one in results]
    return {
        "tests": str(len(results)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{sum(one.seconds for one in results):.3f}",
    }

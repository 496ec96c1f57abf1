"""What reports are written as: JSON by its schema, JUnit, SARIF 2.1.0 and one page; and what a terminal shows."""

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import torch
from torch import Tensor

from elboproof.audit import Report, Suite, audit, schema
from elboproof.audit.explained import CHECKED
from elboproof.audit.formula import KINDS
from elboproof.audit.junit import junit
from elboproof.audit.page import page
from elboproof.audit.pictures import bars, points
from elboproof.audit.place import place_of
from elboproof.audit.result import OUTCOMES, result
from elboproof.audit.run import CHECKS
from elboproof.audit.sarif import sarif
from elboproof.audit.text import text
from tests.audit.small import Small, adapter_of, audited, with_methods

SARIF = json.loads((Path(__file__).parent / "sarif_subset.schema.json").read_text())
NASTY = '\x1b[31m<script>alert("1")</script>\x00&'


def _fourth(self: Small, x: Tensor, out: Tensor) -> Tensor:
    return ((x - out) ** 4).sum(-1)


def _broken(self: Small, x: Tensor, out: Tensor) -> Tensor:
    raise RuntimeError(NASTY)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """Return reports in which each outcome occurs."""
    cut = with_methods(sample=lambda self, m, s: m + torch.randn_like(m) * (s / 2).exp().detach())
    found = [
        audited(Small()),
        audited(cut, name="cut"),
        audited(with_methods(fit=_fourth), name="fourth"),
        audited(with_methods(fit=_broken), name=NASTY),
    ]
    assert {one.outcome for report in found for one in report.results} == set(OUTCOMES)
    return found


def _validator(content: dict[str, Any]) -> Any:
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def test_json_is_what_its_schema_says(reports: list[Report]) -> None:
    content = json.loads(json.dumps([one.to_json() for one in reports], allow_nan=False))
    _validator(schema()).validate(content)
    statuses = [one["status"] for one in content]
    assert statuses == ["passed", "failed", "unknown", "could not run"]
    assert {one["id"] for one in content[1]["checks"]} == set(CHECKS)


SLIPS = {
    "a status of no kind": lambda one: one.update(status="fine"),
    "no claim": lambda one: one.pop("claim"),
    "a key that there is none of": lambda one: one.update(more=1),
    "an outcome of no kind": lambda one: one["checks"][0].update(outcome="failed"),
    "a list for a number": lambda one: one["checks"][0].update(statistic=[1]),
    "a failure without verdict and hint": lambda one: one["checks"][0].update(outcome="fails"),
    "an error without its traceback": lambda one: one["checks"][0].update(outcome="could not run"),
    "a formula of no kind": lambda one: one["formula"].update(kind="FINE"),
    "a weight that is a word": lambda one: one["formula"]["terms"].update(z="large"),
}


@pytest.mark.parametrize("change", SLIPS.values(), ids=list(SLIPS))
def test_the_schema_refuses_what_is_wrong(reports: list[Report], change: Any) -> None:
    content = json.loads(json.dumps(reports[0].to_json()))
    change(content)
    with pytest.raises(jsonschema.ValidationError):
        _validator(schema()).validate([content])


def test_the_words_of_the_schema_are_those_of_the_code() -> None:
    defined = schema()["$defs"]
    assert defined["check"]["properties"]["id"]["enum"] == list(CHECKS) == list(CHECKED)
    assert set(defined["check"]["properties"]["outcome"]["enum"]) == set(OUTCOMES)
    assert defined["formula"]["properties"]["kind"]["enum"] == list(KINDS)
    assert all(hasattr(Suite, f"test_{name}") for name in CHECKS)


def test_junit_has_a_case_for_each_check(reports: list[Report]) -> None:
    root = ET.fromstring(junit(reports))  # noqa: S314  (our own text)
    assert root.tag == "testsuites"
    for suite, report in zip(root, reports, strict=True):
        assert [case.get("name") for case in suite] == [one.id for one in report.results]
        for word, element, outcome in (
            ("failures", "failure", "fails"),
            ("errors", "error", "could not run"),
            ("skipped", "skipped", "unknown"),
        ):
            count = sum(one.outcome == outcome for one in report.results)
            assert suite.get(word) == str(count) == str(len(suite.findall(f"./testcase/{element}")))
    assert root.get("tests") == str(sum(len(one.results) for one in reports))
    (gradient,) = root.findall("./testsuite[@name='cut']/testcase[@name='gradient']/failure")
    assert "(as M05, M26 of the detection matrix)" in (gradient.text or "")
    (error,) = root.findall(".//error")
    assert "in _broken" in (error.text or "")


def test_in_junit_what_could_not_tell_fails_if_strict(reports: list[Report]) -> None:
    root = ET.fromstring(junit(reports, strict=True))  # noqa: S314
    assert root.get("skipped") == "0"
    assert root.findall("./testsuite[@name='fourth']/testcase[@name='formula']/failure")


def test_sarif_validates(reports: list[Report]) -> None:
    log = json.loads(json.dumps(sarif(reports), allow_nan=False))
    _validator(SARIF).validate(log)
    (run,) = log["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert rules == list(CHECKS)
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in run["results"])
    wrong = [one for one in run["results"] if one["kind"] == "fail"]
    assert [(one["ruleId"], one["level"]) for one in wrong] == [("gradient", "error")]
    assert {one["kind"] for one in run["results"]} == {"pass", "informational", "fail", "open"}
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_says_where_the_loss_stands(reports: list[Report], tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    (place,) = sarif(reports[:1], root)["runs"][0]["results"][0]["locations"]
    where = place["physicalLocation"]
    assert where["artifactLocation"] == {"uri": "tests/audit/small.py", "uriBaseId": "SRCROOT"}
    lines = (root / "tests/audit/small.py").read_text().splitlines()
    assert "def loss" in lines[where["region"]["startLine"] - 1]
    assert "return self.total" in lines[where["region"]["endLine"] - 1]
    elsewhere = sarif(reports[:1], tmp_path)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert elsewhere["artifactLocation"]["uri"].startswith("file:///")


def test_sarifs_fingerprints_stay_while_numbers_change(reports: list[Report]) -> None:
    def prints(report: Report) -> list[str]:
        return [
            one["partialFingerprints"]["elboproofAudit/v1"] for one in sarif([report])["runs"][0]["results"]
        ]

    other = audited(Small())
    assert prints(reports[0]) == prints(other)
    assert len(set(prints(reports[0]))) == len(CHECKS)
    assert prints(reports[0]) != prints(reports[1])


SARIF_SLIPS = {
    "a level of what passed": lambda run: run["results"][0].update(level="error"),
    "no message": lambda run: run["results"][0].pop("message"),
    "no success": lambda run: run["invocations"][0].pop("executionSuccessful"),
    "a key that there is none of": lambda run: run["tool"]["driver"].update(rule=[]),
}


@pytest.mark.parametrize("change", SARIF_SLIPS.values(), ids=list(SARIF_SLIPS))
def test_the_subset_of_sarif_refuses_what_the_standard_does(reports: list[Report], change: Any) -> None:
    log = json.loads(json.dumps(sarif(reports)))
    change(log["runs"][0])
    with pytest.raises(jsonschema.ValidationError):
        _validator(SARIF).validate(log)


class _Elements(HTMLParser):
    VOID = ("meta", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_other_file(reports: list[Report]) -> None:
    content = page(reports)
    parser = _Elements()
    parser.feed(content)
    assert not parser.open
    assert not parser.addresses
    assert not {"script", "link", "img", "iframe"} & set(parser.seen)
    assert "@import" not in content
    assert parser.seen.count("svg") == 5  # residuals where a formula was found, noise where it was drawn
    for one in reports[1].results:
        assert one.statement.split(";")[0].replace("'", "&#x27;") in content
    assert "&lt;script&gt;" in content
    assert "\x1b" not in content
    assert "M05" in content


def test_pictures_hold_what_they_are_given() -> None:
    drawn = ET.fromstring(points([0.0, 1e-12, math.inf, 1e-3], 1e-8))  # noqa: S314
    heights = [float(one.get("cy", "nan")) for one in drawn.iter("circle")]
    limit = float(next(drawn.iter("line")).get("y1", "nan"))
    assert heights[0] > heights[1] > limit > heights[3] > heights[2]
    boxes = list(ET.fromstring(bars([-1.0, 0.0, 1.0], [0.1, 0.4])).iter("rect"))  # noqa: S314
    assert float(boxes[1].get("height", "0")) == pytest.approx(
        4 * float(boxes[0].get("height", "0")), rel=1e-3
    )


def test_a_terminal_shows_it_in_80_columns(reports: list[Report]) -> None:
    for report in reports[:3]:
        lines = text(report).splitlines()
        assert max(map(len, lines)) <= 80
        assert lines[1].startswith("  formula    ")
        assert lines[-1].startswith(f"{report.status} (")
    assert "  batch, state, mode   ok" in text(reports[0]).splitlines()
    assert "  samples, evidence, report   not needed" in text(reports[0]).splitlines()
    assert "against" in text(reports[0])
    assert "\x1b" not in text(reports[3])
    failed = " ".join(text(reports[1]).split())
    assert "gradient FAILS d/ds" in failed
    assert "(as M05, M26 of the detection matrix)" in failed


def test_no_check_is_left_out_on_a_terminal(reports: list[Report]) -> None:
    report = reports[0]
    for outcome in OUTCOMES:
        changed = replace(report, results=tuple(replace(one, outcome=outcome) for one in report.results))
        shown = text(changed)
        assert all(name in shown for name in CHECKS), outcome


def test_places_of_losses() -> None:
    model = Small()
    here = str(Path(__file__).resolve())
    forward = place_of(torch.nn.Linear(1, 1))
    assert forward is not None
    assert forward.file.endswith("linear.py")
    method = place_of(model.loss)
    assert method is not None
    assert method.file.endswith("small.py")
    function = place_of(_fourth)
    assert function is not None
    assert (function.file, function.last_line - function.line) == (here, 1)
    assert place_of(print) is None
    typed: dict[str, Any] = {}
    exec("def loss(x):\n    return x", typed)  # noqa: S102
    assert place_of(typed["loss"]) is None
    assert sarif([replace(audited(model, "state"), place=None)])["runs"][0]["results"][0]["locations"] == []


def test_a_traceback_begins_in_the_users_code(reports: list[Report]) -> None:
    trace = reports[3].results[0].trace
    first = trace.splitlines()[1]
    assert "small.py" in first
    assert "in loss" in first
    assert "in _broken" in trace


def test_a_number_that_json_has_none_for_is_a_word() -> None:
    one = result("state", "ok", "words", found=math.inf, limit=1.0)
    report = replace(audit(adapter_of(Small()), checks=["state"]), results=(one,))
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["checks"][0]["statistic"] == "inf"
    _validator(schema()).validate([content])


def test_a_loss_out_of_a_page_has_no_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a page\ndef loss(x): (see below\n")
    space: dict[str, Any] = {}
    exec(compile("\ndef loss(x):\n    return x\n", str(page), "exec"), space)  # noqa: S102
    assert place_of(space["loss"]) is None

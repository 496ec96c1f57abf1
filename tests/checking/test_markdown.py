import json
from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof.checking.collect import UsageError, collect
from elboproof.checking.execute import compose
from elboproof.checking.finding import Finding, metadata
from elboproof.checking.markdown import page
from elboproof.checking.record import Record, header
from elboproof.checking.verdict import Part, part_to_json
from elboproof.commands.report import report

Write = Callable[..., Path]
Source = Callable[..., str]


def findings_for(directory: Path, **changes: object) -> list[Finding]:
    """Return findings that correspond to the collected checks, as a run would have made them."""
    main = {
        "status": "established",
        "reason": "yes",
        "seconds": 1.0,
        "exercised": [],
        "computed": 0.123456789,
        "reached": "numeric",
    }
    found = []
    for check in collect(directory).checks:
        answers = [{"status": "refuted", "reason": "no", "seconds": 0.0} for _ in check.controls]
        found.append(Finding.from_json(compose(metadata(check), main | changes, answers)))
    return found


def saved(tmp_path: Path, findings: list[Finding]) -> Path:
    """Return the JSON document of a run of these findings."""
    file = tmp_path / "checks.json"
    collection = collect(tmp_path / "verification")
    head = header(collection, version="1", seed=0)
    with Record(tmp_path / "record", head, collection, resume=False) as record:
        content = record.document([record.sealed(finding) for finding in findings])
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_the_page_has_what_the_reader_needs(write_claim: Write, source: Source) -> None:
    body = source("return equal(k, 0, 0)", states="'||f*|| < a_1, `a|b` and $x_1$'", domain="'d = 1 | 2'")
    body += source("return equal(k, 0, 0)", name="counterexample", role="'limits'", states="'fails at x = 3'")
    directory = write_claim(body)
    text = page(collect(directory), findings_for(directory), "checks.json")
    for part in (
        "2 of 2 checks hold. 2 of 2 controls",
        "### What the paper says\n\nTwo and two are four.",
        "\\|\\|f\\*\\|\\| < a\\_1, `a\\|b` and $x_1$",
        "d = 1 \\| 2",
        "computed 0.1235",
        "### What fails as worded\n\n- S1: fails at x = 3 (one instance)",
        "### Trusted base\n\nPython's integers.",
        "### What is not shown\n\nAnything about three.",
    ):
        assert part in text
    rows = [line for line in text.splitlines() if line.startswith("| S1")]
    assert all(line.replace("\\|", "").count("|") == 9 for line in rows)
    assert "What did not hold" not in text


def test_the_page_is_reproducible(write_claim: Write) -> None:
    directory = write_claim()
    texts = {page(collect(directory), findings_for(directory, seconds=s), "x") for s in (1.0, 2.0)}
    assert len(texts) == 1


def test_what_did_not_hold_is_said_and_paths_of_the_machine_are_not(write_claim: Write) -> None:
    directory = write_claim()
    reason = "its process died of SIGSEGV; its last output: /home/somebody/secret"
    text = page(collect(directory), findings_for(directory, status="killed", reason=reason), "x")
    assert "NOT established (killed): 2 + 2 = 4" in text
    assert "`first-claim/S1/sum_is_four` killed: its process died of SIGSEGV\n" in text
    assert "secret" not in text


def test_check_compares_with_the_file(
    tmp_path: Path, write_claim: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_claim()
    source, output = saved(tmp_path, findings_for(directory)), tmp_path / "page.md"
    assert report(source, output, directory, check=True) == 1  # there is no page yet
    assert not output.exists()
    assert report(source, output, directory, check=False) == 0
    capsys.readouterr()
    assert report(source, output, directory, check=True) == 0
    assert capsys.readouterr().out == ""
    output.write_text(output.read_text().replace("1 of 1 check hold", "2 of 2 checks hold"))
    assert report(source, output, directory, check=True) == 1
    diff = capsys.readouterr().out
    assert "-2 of 2 checks hold" in diff
    assert "+1 of 1 check hold" in diff


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"states": "2 + 2 = 5"}, "states changed from '2 + 2 = 5' to '2 + 2 = 4'"),
        ({"role": "limits"}, "role changed"),
        ({"method": "symbolic"}, "method changed"),
        ({"relation": "<="}, "relation changed"),
        ({"domain": "reals"}, "domain changed"),
        ({"tier": "full"}, "tier changed"),
        ({"controls": []}, "controls changed from []"),
        ({"hypotheses": [{"name": "a", "text": "b"}]}, "hypotheses changed"),
        ({"check": "renamed"}, "first-claim/S1/renamed: there is no such check"),
        ({"statement": "S2"}, "first-claim/S1/sum_is_four: has no finding"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_findings_must_belong_to_the_checks(
    change: dict[str, object],
    message: str,
    check: bool,
    tmp_path: Path,
    write_claim: Write,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = write_claim()
    [finding] = findings_for(directory)
    source = saved(tmp_path, [Finding.from_json(finding.to_json() | change)])
    assert report(source, tmp_path / "page.md", directory, check=check) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_a_finding_may_not_occur_twice(
    tmp_path: Path, write_claim: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_claim()
    source = saved(tmp_path, findings_for(directory) * 2)
    assert report(source, tmp_path / "page.md", directory, check=True) == 1
    assert "a finding occurs twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot read"), ("{", "is no JSON"), ("[]", "is no JSON")]
)
def test_unreadable_findings_are_usage_errors(
    text: str | None, message: str, tmp_path: Path, write_claim: Write
) -> None:
    source = tmp_path / "checks.json"
    if text is not None:
        source.write_text(text)
    with pytest.raises(UsageError, match=message):
        report(source, tmp_path / "page.md", write_claim(), check=False)


def test_parts_methods_and_controls_are_shown(write_claim: Write, source: Source) -> None:
    directory = write_claim(source("return equal(k, 0, 0)"))
    part = part_to_json("p", Part("established", "yes", "certified"))
    parts = [part | {"name": f"p{i}"} for i in range(7)]
    parts += [part | {"name": "hand", "by_hand": True}]
    parts += [part | {"name": "alone", "method": "symbolic", "decided_by": "SymPy"}]
    [finding] = findings_for(directory, parts=parts)
    refuted = [name for name in (part["name"] for part in parts) if name != "hand"]
    record = finding.to_json()
    for one in record["parts"]:
        one["refuted_by"] = ["other"] if one["name"] in refuted else []
    text = page(collect(directory), [Finding.from_json(record)], "checks.json")
    for line in (
        '- S1 `the_check`\n  - p0, p1, p2, p3 and 3 more: certified, decided once; refuted by "other"',
        "  - hand: certified, decided once, by hand; refuted by NO control",
        '  - alone: symbolic by SymPy; refuted by "other"',
        "The checks have 9 parts; 8 of them were refuted by a control; 1 were decided by hand",
        "0 of 1 symbolic ones were decided by SymPy and by FLINT",
        "numeric (1 of 9 parts by hand)",
    ):
        assert line in text

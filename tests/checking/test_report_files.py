import json
import stat
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from elboproof.checking.collect import UsageError
from elboproof.checking.finding import Finding, from_document
from elboproof.checking.report_files import json_text, junit_text, require_writable, write

Make = Callable[..., Finding]

NASTY = "a\x00b\x1b[31m <tag> & \ud800 \ufffe ]]>\nsecond line"


def test_json_is_strict_and_reads_back(finding: Make) -> None:
    text = json_text([finding(error=float("nan"))], version="1", seed=0)
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert from_document(content)[0].id == finding().id


def test_json_with_half_a_surrogate_pair_can_be_written(finding: Make, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    write(str(target), json_text([finding(reason=NASTY, holds=False)], version="1", seed=0))
    [read] = from_document(json.loads(target.read_text(encoding="utf-8")))
    assert read.reason == NASTY


def test_junit_counts_failures_and_errors(finding: Make) -> None:
    bad = {"holds": False, "reason": NASTY}
    findings = [
        finding(),
        finding(status="refuted", **bad),
        finding(status="undecided", **bad),
        finding(status="established", **bad),  # a control survived
        finding(claim="other", status="error", **bad),
        finding(claim="other", status="timeout", **bad),
        finding(claim="other", status="killed", **bad),
    ]
    root = ET.fromstring(junit_text(findings))  # noqa: S314  (our own text)
    assert root.attrib["tests"] == "7"
    assert (root.attrib["failures"], root.attrib["errors"]) == ("3", "3")
    first, second = root.findall("testsuite")
    assert (first.attrib["name"], first.attrib["failures"], first.attrib["errors"]) == (
        "first-claim",
        "3",
        "0",
    )
    assert (second.attrib["failures"], second.attrib["errors"]) == ("0", "3")
    assert [case.find("failure") is not None for case in first] == [False, True, True, True]
    assert all(case.find("error") is not None for case in second)


def test_junit_spells_out_control_characters(finding: Make) -> None:
    root = ET.fromstring(junit_text([finding(status="error", holds=False, reason=NASTY)]))  # noqa: S314
    error = root.find("testsuite/testcase/error")
    assert error is not None
    assert error.attrib["message"] == "a\\x00b\\x1b[31m <tag> & \\ud800 \\ufffe ]]>"
    assert error.text is not None
    assert error.text.endswith("second line")


def test_files_are_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    write(str(target), "old")
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    with pytest.raises(UnicodeEncodeError):
        write(str(target), "new\ud800")
    assert target.read_text() == "old"
    write(str(target), "new")
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_devices_and_links_stay_what_they_are(tmp_path: Path) -> None:
    target, link = tmp_path / "report.json", tmp_path / "link.json"
    link.symlink_to(target)
    write(str(link), "text")
    assert link.is_symlink()
    assert target.read_text() == "text"
    write("/dev/null", "text")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_minus_is_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write("-", "text")
    assert capsys.readouterr().out == "text"


def test_unwritable_targets_are_found_beforehand(tmp_path: Path) -> None:
    require_writable(str(tmp_path / "new.json"))
    require_writable("-")
    for target in (tmp_path, tmp_path / "nowhere" / "x.json"):
        with pytest.raises(UsageError, match="cannot write"):
            require_writable(str(target))


def test_a_folder_that_may_not_be_written_to_is_found_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(UsageError, match=r"cannot write '.*x\.json': expected a place that you may write to"):
        require_writable(str(tmp_path / "x.json"))

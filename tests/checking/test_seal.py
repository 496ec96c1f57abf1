"""Edits of recorded findings, and findings older than their code: each planted, each noticed."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elboproof.checking.collect import UsageError, collect
from elboproof.checking.markdown import page
from elboproof.checking.record import Record, header
from elboproof.checking.seal import bound, sealed_document
from elboproof.commands.report import report
from elboproof.commands.verify import Options, verify

Write = Callable[..., Path]
Source = Callable[..., str]
Content = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the first test fills with a run; the others copy it."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def run(
    made: Path, tmp_path: Path, write_claim: Write, source: Source, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Content]:
    """Return a function that runs three checks, one per tier, and returns the JSON document."""
    monkeypatch.chdir(tmp_path)
    body = "from ._shared import ONE\n" + source(
        "return by_hand('numeric', 'refuted' if k else 'established', 'x', computed=ONE, data={'n': [1.0, 2.0]})",
        name="fast",
        tier="'quick'",
    )
    body += source("return equal(k, 0, 0)", name="usual") + source(
        "return equal(k, 0, 0)", name="long", tier="'full'"
    )
    directory = write_claim(body)
    (directory / "_shared.py").write_text('"""Constants."""\nfrom ._deep import ONE\n', encoding="utf-8")
    (directory / "_deep.py").write_text("ONE = 1.0\n", encoding="utf-8")

    def make() -> Content:
        if not (made / "page.md").exists():
            assert verify(Options(tier="full", json="checks.json", workers=1)) == 0
            assert again(check=False) == 0
            assert again() == 0
            shutil.copytree(tmp_path, made, dirs_exist_ok=True)
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)
        content: Content = json.loads(Path("checks.json").read_text())
        return content

    return make


def again(**options: bool) -> int:
    return report(Path("checks.json"), Path("page.md"), Path("verification"), **({"check": True} | options))


def save(content: Content) -> None:
    """Write an edited document, with the page made anew by somebody who passes by `report`."""
    Path("checks.json").write_text(json.dumps(content))
    collection = collect(Path("verification"))
    from elboproof.checking.finding import from_document

    try:
        Path("page.md").write_text(page(collection, from_document(content), "checks.json", content))
    except KeyError:  # a finding that a check has was deleted: there is no page
        Path("page.md").unlink()


EDITS: dict[str, Callable[[Content], object]] = {
    "number": lambda c: c["findings"][0].update(computed=1.0000001),
    "status": lambda c: c["findings"][0].update(status="refuted", holds=False),
    "reason": lambda c: c["findings"][0].update(reason="because"),
    "control rejected": lambda c: c["findings"][0]["controls"][0].update(rejected=False),
    "control reason": lambda c: c["findings"][0]["controls"][0].update(reason="refuted: indeed"),
    "control refutes": lambda c: c["findings"][0]["controls"][0].update(refutes=["statement"]),
    "control status": lambda c: c["findings"][0]["controls"][0].update(status="error"),
    "control refuted": lambda c: c["findings"][0]["controls"][0].update(refuted=[]),
    "control dropped": lambda c: c["findings"][1]["controls"].pop(),
    "part dropped": lambda c: c["findings"][1]["parts"].pop(),
    "part invented": lambda c: c["findings"][1]["parts"].append(
        c["findings"][1]["parts"][0] | {"name": "half"}
    ),
    "part renamed": lambda c: c["findings"][1]["parts"][0].update(name="whole"),
    "part status": lambda c: c["findings"][1]["parts"][0].update(status="undecided"),
    "part reason": lambda c: c["findings"][1]["parts"][0].update(reason="because"),
    "part method": lambda c: c["findings"][1]["parts"][0].update(method="symbolic"),
    "part by hand": lambda c: c["findings"][0]["parts"][0].update(by_hand=False),
    "part refuted by": lambda c: c["findings"][0]["parts"][0].update(refuted_by=["other", "another"]),
    "part quantity": lambda c: c["findings"][0]["parts"][0].update(quantity=1000.0),
    "part sees": lambda c: c["findings"][0]["parts"][0].update(smallest_detectable=1e-9),
    "part decided by": lambda c: c["findings"][0]["parts"][0].update(decided_by="SymPy and FLINT"),
    "reached": lambda c: c["findings"][0].update(reached="symbolic"),
    "method": lambda c: c["findings"][0].update(method="certified"),
    "quantity": lambda c: c["findings"][0].update(quantity=1000.0),
    "sees": lambda c: c["findings"][0].update(smallest_detectable=1e-9),
    "exercised": lambda c: c["findings"][0].update(exercised=["small"]),
    "series": lambda c: c["findings"][0]["data"]["n"].__setitem__(0, 1.5),
    "seconds": lambda c: c["findings"][0].update(seconds=0.0),
    "side effects": lambda c: c["findings"][0].update(side_effects={"process": ["x"]}),
    "date": lambda c: c["findings"][0]["seal"].update(made="2000-01-01T00:00:00+00:00"),
    "code": lambda c: c["findings"][0]["seal"].update(library="0" * 64),
    "invented": lambda c: c["findings"].append(c["findings"][0] | {"check": "invented"}),
    "twice": lambda c: c["findings"].append(c["findings"][0]),
    "deleted": lambda c: c["findings"].pop(),
    "order": lambda c: c["findings"].reverse(),
    "seal removed": lambda c: c["findings"][0].pop("seal"),
    "environment": lambda c: c["environment"][0].update(commit="f" * 40),
    "version of a package": lambda c: c["environment"][0]["packages"].update(numpy="1.0"),
    "seed": lambda c: c.update(seed=1),
    "no digest": lambda c: c.pop("digest"),
    "no environment": lambda c: c.pop("environment"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_edit_is_noticed_though_the_page_agrees(
    edit: str, run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    content = run()
    EDITS[edit](content)
    if edit in ("seal removed", "no environment"):
        Path("checks.json").write_text(json.dumps(content))
    else:
        save(content)
    capsys.readouterr()
    assert again() == 1
    assert "does not belong to the checks" in capsys.readouterr().err
    assert again(check=False) == 1
    with pytest.raises(UsageError, match=r"--stale: checks\.json: .*; run all checks anew"):
        verify(Options(stale="checks.json"))


def resealed(content: Content) -> Content:
    """Return the document with all digests computed anew, as anybody can: they have no key."""
    findings = [bound(one, content["environment"]) for one in content["findings"]]
    return sealed_document(findings, content["environment"], version=content["version"], seed=content["seed"])


CONTROL = {"name": "other", "refutes": ["*"], "status": "refuted", "refuted": ["statement"], "rejected": True}
CONTROL["reason"] = "refuted: x"


@pytest.mark.parametrize(
    "change",
    [
        {"holds": False},
        {"status": "refuted"},
        {"status": "undecided"},
        {"controls": [CONTROL | {"status": "established", "refuted": [], "rejected": False}]},
        {"controls": [CONTROL | {"status": "error", "refuted": [], "rejected": True}]},
        {"side_effects": {"modules": ["math.exp was bound anew"]}},
        {"exercised": ["small"]},
    ],
)
def test_holds_is_computed_from_the_parts_even_where_the_digests_agree(
    change: Content, run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    content = run()
    content["findings"][0] |= change
    save(resealed(content))
    assert again() == 1
    assert "'holds' is" in capsys.readouterr().err


PART = {"name": "statement", "status": "established", "reason": "x", "method": "numeric", "by_hand": True}
PART |= {"smallest_detectable": None, "quantity": None, "decided_by": None, "refuted_by": ["other"]}
PART |= {"second_route": None, "again": None, "bits": None}

CONTRADICTIONS: dict[str, tuple[Content, str]] = {
    "a part was refuted": (
        {"parts": [PART | {"status": "refuted"}]},
        "'status' is 'established', but its parts are refuted",
    ),
    "no parts at all": ({"parts": []}, "'parts' is empty, but a verdict 'established' has at least one"),
    "a part that no control refuted": (
        {"parts": [PART, PART | {"name": "half", "refuted_by": []}]},
        "control 'other': 'rejected' is true, unlike its parts",
    ),
    "refuted by a control that did not": (
        {"parts": [PART, PART | {"name": "half"}]},
        "part 'half': 'refuted_by' is ['other'], unlike the controls",
    ),
    "refuted by none though one did": (
        {"parts": [PART | {"refuted_by": []}]},
        "part 'statement': 'refuted_by' is [], unlike the controls",
    ),
    "a control that fails is no rejection": (
        {"controls": [CONTROL | {"status": "error"}]},
        "control 'other': 'rejected' is true, unlike its parts",
    ),
    "a stronger method was reached": (
        {"reached": "symbolic"},
        "'reached' is 'symbolic', but its parts are numeric",
    ),
    "a weaker part": (
        {"parts": [PART | {"method": "experiment"}], "reached": "experiment"},
        "'method' is 'numeric', stronger than 'experiment' of its parts",
    ),
    "a part that sees only large errors": (
        {"parts": [PART | {"smallest_detectable": 0.5, "quantity": 1.0}]},
        "'holds' is true, but its parts say false",
    ),
    "a part of no declared size": (
        {"parts": [PART | {"smallest_detectable": 0.5}]},
        "'holds' is true, but its parts say false",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_finding_that_contradicts_its_parts_is_refused_even_where_the_digests_agree(
    name: str, run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = CONTRADICTIONS[name]
    content = run()
    assert content["findings"][0]["parts"] == [PART]
    assert content["findings"][0]["controls"] == [CONTROL]
    content["findings"][0] |= change
    save(resealed(content))
    capsys.readouterr()
    assert again() == 1
    assert f"first-claim/S1/fast: {message}" in capsys.readouterr().err


def append(file: str, text: str) -> None:
    with (Path("verification") / file).open("a", encoding="utf-8") as opened:
        opened.write(text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("_deep.py", "# a comment\n"),
        ("_deep.py", '"""What one is."""\n'),
        ("_shared.py", "\n\n# nothing\n"),
        ("first_claim.py", "# the end\n"),
    ],
)
def test_comments_and_docstrings_make_no_finding_stale(
    file: str, text: str, run: Callable[[], Content]
) -> None:
    run()
    append(file, text)
    assert again() == 0
    assert again(strict=True) == 0


def test_a_constant_in_a_transitive_import_makes_findings_stale(
    run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    append("_deep.py", "ONE = 2.0\n")
    capsys.readouterr()
    assert again() == 1
    error = capsys.readouterr().err
    assert "3 findings of checks.json:" in error
    assert "first-claim/S1/fast [quick]: older than the code (made 20" in error
    assert "verification._deep changed" in error
    assert "elboproof verify --full --stale checks.json --json checks.json" in error


def test_a_change_of_the_library_makes_findings_stale(
    run: Callable[[], Content], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from elboproof.checking.code import Code

    run()
    read = Code.read

    def edited(directory: Path) -> Code:
        code = read(directory)
        name = "elboproof.checking.verdict"
        return Code(code.directory, {**code.texts, name: code.texts[name] + b"\nX = 1\n"}, code.packages)

    monkeypatch.setattr(Code, "read", edited)
    assert again() == 1
    assert "elboproof.checking.verdict changed" in capsys.readouterr().err


def test_slow_findings_that_are_stale_fail_only_strictly(
    run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    append("_deep.py", "ONE = 3.0\n")
    before = json.loads(Path("checks.json").read_text())
    assert verify(Options(stale="checks.json", json="checks.json", workers=1)) == 0  # quick and default
    content = json.loads(Path("checks.json").read_text())
    assert [one["seal"]["environment"] for one in content["findings"]] == [1, 1, 0]
    assert content["findings"][0]["computed"] == 3.0
    assert without_seal(content["findings"][2]) == without_seal(before["findings"][2])
    assert again(check=False) == 0
    capsys.readouterr()
    assert again() == 0
    assert (
        "1 finding of checks.json:\n  first-claim/S1/long [full]: older than the code"
        in capsys.readouterr().err
    )
    assert again(strict=True) == 1
    assert verify(Options(stale="checks.json", json="checks.json", tier="full", workers=1)) == 0
    assert again(check=False) == 0
    assert again(strict=True) == 0
    assert len(json.loads(Path("checks.json").read_text())["environment"]) == 2


def without_seal(finding: Content) -> Content:
    return {key: value for key, value in finding.items() if key != "seal"}


def test_nothing_is_run_where_nothing_is_stale(
    run: Callable[[], Content], capsys: pytest.CaptureFixture[str]
) -> None:
    content = run()
    append("_deep.py", "# a comment\n")
    capsys.readouterr()
    assert verify(Options(stale="checks.json", json="checks.json", tier="full")) == 0
    assert "0 checks to run anew" in capsys.readouterr().out
    after = json.loads(Path("checks.json").read_text())
    assert [without_seal(one) for one in after["findings"]] == [
        without_seal(one) for one in content["findings"]
    ]
    assert again() == 1  # the page names the runs, and so is out of date
    assert again(check=False) == 0
    assert again(strict=True) == 0


def test_stale_and_resume_are_two_things(run: Callable[[], Content]) -> None:
    run()
    with pytest.raises(UsageError, match="--stale and --resume: got both; expected one of them"):
        verify(Options(stale="checks.json", resume=True))
    with pytest.raises(UsageError, match="was made with seed 0; give --seed 0"):
        verify(Options(stale="checks.json", seed=3))


def test_a_check_that_is_new_is_run(run: Callable[[], Content], source: Source) -> None:
    run()
    append("first_claim.py", source("return equal(k, 0, 0)", name="newcomer"))
    assert verify(Options(stale="checks.json", json="checks.json", tier="full", workers=1)) == 0
    assert len(json.loads(Path("checks.json").read_text())["findings"]) == 4
    assert again(check=False) == 0


def test_the_document_says_in_what_it_was_made(run: Callable[[], Content]) -> None:
    import numpy as np

    content = run()
    [environment] = content["environment"]
    assert environment["packages"]["numpy"] == np.__version__
    assert set(environment["packages"]) >= {"numpy", "scipy", "sympy", "python-flint", "torch"}
    assert environment["python"].startswith("3.")
    assert environment["flint"][0].isdigit()
    assert {"seed", "commit", "date", "platform", "version", "modules", "digest"} <= set(environment)
    assert "verification._deep" in environment["modules"]
    text = Path("page.md").read_text()
    for word in (np.__version__, environment["date"], "seed 0", content["findings"][0]["seal"]["claim"][:12]):
        assert word in text


LINES: dict[str, Callable[[list[Content]], object]] = {
    "number": lambda lines: lines[1].update(computed=1.5),
    "status": lambda lines: lines[2].update(status="undecided", holds=False),
    "control": lambda lines: lines[1]["controls"][0].update(reason="refuted: y"),
    "seed of the run": lambda lines: lines[0].update(seed=0, version="2"),
    "claims of the run": lambda lines: lines[0]["claims"].update({"first-claim": "x"}),
    "no seal": lambda lines: lines[1].pop("seal"),
    "another check's finding": lambda lines: lines[1].update(check="usual"),
}


@pytest.mark.parametrize("edit", LINES)
def test_resume_refuses_a_record_that_was_edited(edit: str, run: Callable[[], Content]) -> None:
    run()
    record = Path(".elboproof/run.jsonl")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    changed = copy.deepcopy(lines)
    LINES[edit](changed)
    record.write_text("".join(json.dumps(line) + "\n" for line in changed))
    with pytest.raises(
        UsageError, match=r"--resume: line [1-3] of .*run\.jsonl is not what a run wrote there"
    ):
        verify(Options(resume=True, workers=1))
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert verify(Options(resume=True, workers=1, tier="full")) == 0


def test_resume_refuses_a_line_that_cannot_be_read(run: Callable[[], Content]) -> None:
    run()
    record = Path(".elboproof/run.jsonl")
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join([lines[0], "nonsense\n", *lines[1:]]))
    with pytest.raises(UsageError, match="line 2 of"):
        verify(Options(resume=True))


def test_a_record_that_is_gone_on_with_keeps_what_it_says_of_the_first_run(
    tmp_path: Path, write_claim: Write, finding: Callable[..., Any]
) -> None:
    collection = collect(write_claim())
    head = header(collection, version="1", seed=0)
    with Record(tmp_path / "r", head, collection, resume=False) as record:
        record.append(finding())
        line = record.lines[finding().id]
    with Record(tmp_path / "r", head, collection, resume=True) as record:
        assert len(record.environments) == 2
        assert record.lines == {finding().id: line}
        content = record.document(list(record.lines.values()))
        assert content["findings"][0]["seal"]["environment"] == 0

"""``elboproof show``, against claims that are written here and were run or not."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from elboproof import cli
from elboproof.checking.collect import UsageError
from elboproof.checking.lane import close_lanes
from elboproof.commands import show
from tests.test_cli import BAD, DOCSTRING, GOOD

Show = Callable[..., str]

LONG = DOCSTRING.replace(
    "Claim\n-----\ntext", "Claim\n-----\nThe paper says two things:\n- S1: first,\n  of two;\n- S2."
)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """Return a function that shows labels of a folder with the claims of the command's own tests."""
    directory = tmp_path / "verification"
    directory.mkdir()
    for label, body in (("good-claim", GOOD), ("bad-claim", BAD)):
        head = (
            f"from elboproof.checking import Claim, control, equal\nclaim = Claim('{label}', 'its title')\n"
        )
        (directory / f"{label.replace('-', '_')}.py").write_text(LONG + head + body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*labels: str, width: int = 80) -> str:
        stream = io.StringIO()
        monkeypatch.setattr(
            "rich.console.Console", lambda **_: Console(file=stream, width=width, highlight=False)
        )
        assert show.main(labels, Path("verification"), "paper_checks.json") == 0
        return stream.getvalue()

    yield run
    close_lanes()


def test_a_check_that_was_not_run_says_how_to(shown: Show) -> None:
    text = shown("good-claim/S1/good")
    line = next(
        number
        for number, one in enumerate(Path("verification/good_claim.py").read_text().splitlines(), 1)
        if one.startswith("@claim.check")
    )
    assert f"  at         verification/good_claim.py:{line}\n" in text
    assert (
        "  states     a statement\n  domain     one\n  kind       confirms, numeric, relation =, tier default"
        in text
    )
    assert "nothing yet: elboproof verify good-claim/S1/good" in text
    assert "long" not in text


def test_a_check_that_was_run_shows_numbers_controls_and_its_age(shown: Show) -> None:
    assert cli.main(["verify", "good-claim/S1/good", "-q"]) == 0
    text = shown("good-claim/S1")
    assert re.search(r"number +computed 0\n +stated 0\n +error 0\n", text)
    assert "  control    other: rejected (refuted: 1 is not equal to 0 within 0)" in text
    assert '  part       statement: numeric; refuted by "other"' in text
    assert "in .elboproof/run.jsonl; the code is still the same" in " ".join(text.split())
    assert "nothing yet: elboproof verify good-claim/S1/long" in text  # the other check of the statement
    file = Path("verification/good_claim.py")
    file.write_text(file.read_text().replace("return equal(k, 0, 0)", "return equal(k, 0, 0.5)"))
    assert "OLDER THAN THE CODE" in shown("good-claim/S1/good")


def test_the_newer_of_two_findings_is_shown_and_an_edited_one_named(shown: Show) -> None:
    assert cli.main(["verify", "bad-claim", "-q", "--json", "paper_checks.json"]) == 1
    assert "found      refuted: 1 is not equal to 0" in shown("bad-claim/S1/bad")
    file = Path("paper_checks.json")
    content = json.loads(file.read_text())
    content["findings"][0]["seal"]["made"] = "2999-01-01T00:00:00+00:00"
    content["findings"][0]["computed"] = 7.5
    file.write_text(json.dumps(content))
    text = shown("bad-claim/S1/bad")
    assert "computed 7.5" in text
    assert "EDITED: it is not what a run wrote" in " ".join(text.split())


def test_the_record_beside_the_claim_modules_is_found_from_elsewhere(
    shown: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An installed suite brings its findings along: what they say, and how long the checks took."""

    def said(*words: str) -> str:
        assert cli.main([*words, "good-claim", "--path", "../verification"]) == 0
        return " ".join(capsys.readouterr().out.split())

    assert cli.main(["verify", "good-claim", "-q", "--json", "paper_checks.json"]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "1 of 1 check hold" in said("show")
    assert "1 of 1 check hold" not in said("show", "--json", "other.json")
    assert "1 check on 1 worker, the longest first; about" in said("verify")
    (tmp_path / "paper_checks.json").unlink()
    Path(".elboproof/run.jsonl").unlink()
    assert "1 check on 1 worker good-claim 1/1" in said("verify")  # of unknown length, nothing is promised


def test_a_claim_is_shown_with_its_sections_and_statements(shown: Show) -> None:
    assert cli.main(["verify", "good-claim", "-q"]) == 0
    text = shown("good-claim/")
    assert text.startswith("good-claim: its title\n  verification/good_claim.py\n")
    words = " ".join(text.split())
    assert (
        "decided confirmed on this domain; 1 of 1 check hold, 1 not run yet: elboproof verify --full" in words
    )
    assert "Claim\n  The paper says two things:\n  - S1: first, of two;\n  - S2.\n" in text
    assert "What this does not show\n  text" in text
    assert "  S1  confirms, numeric, holds: good\n      a statement\n" in text
    assert "  S1  confirms, numeric, not run: long\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_several_labels_are_shown_in_their_order(shown: Show) -> None:
    text = shown("good-claim/S1/long", "bad-claim/S1")
    assert text.index("good-claim/S1/long") < text.index("bad-claim/S1/bad")


def test_an_unknown_label_is_named_with_those_that_are_meant(shown: Show) -> None:
    with pytest.raises(UsageError, match="no check fits 'good-claim/S7'; did you mean good-claim/S1"):
        shown("good-claim/S7")

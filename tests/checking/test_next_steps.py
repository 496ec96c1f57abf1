"""What goes wrong first: each message names file and line, and says what to do."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import elboproof as ep
from elboproof import checking, cli
from elboproof.checking.collect import CollectionError, collect
from elboproof.checking.finding import Finding

Write = Callable[..., Path]
Source = Callable[..., str]


def problems(directory: Path) -> list[str]:
    with pytest.raises(CollectionError) as caught:
        collect(directory)
    return caught.value.problems


BODIES = {
    "nothing": (
        "pass",
        r"the_check returned None; expected a Verdict: does it end with `return`\? \(verification/first_claim.py:43\)$",
    ),
    "a truth value": (
        "return k == 0",
        r"the_check returned True; expected a Verdict: equal, .*make one \(verification/first_claim.py:43\)$",
    ),
    "a dictionary": (
        "return {'a': equal(k, 0, 0)}",
        r"expected a Verdict: all_of\(\{...\}\) makes one of verdicts by names \(verification/first_claim.py:43\)$",
    ),
    "an error": (
        "return equal(k, 0, 0) + 1",
        r"TypeError: unsupported .* \(verification/first_claim.py:45\)$",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_check_that_returns_no_verdict_is_shown(name: str, run_one: Callable[..., Finding]) -> None:
    body, message = BODIES[name]
    finding = run_one(body)
    assert finding.status == "error"
    assert re.search(message, finding.reason)


LINES = {
    "from elboproof import Claim": (
        r"first_claim.py:31: import failed: ImportError: cannot import name 'Claim' from 'elboproof' \(.*\); "
        r"from elboproof.checking import Claim$"
    ),
    "import elboproof as ep; ep.Claim": (
        r"first_claim.py:31: import failed: AttributeError: module 'elboproof' has no attribute 'Claim'; "
        r"from elboproof.checking import Claim; it has "
    ),
    "from elboproof.checking import identiy": r"cannot import name 'identiy' .*; did you mean identity\?$",
    "from elboproof.checking import nonsense_": r"cannot import name 'nonsense_' .*; it has .*Claim",
    "import elboprof": r"first_claim.py:31: import failed: ModuleNotFoundError: No module named 'elboprof'$",
    "def broken(:": r"first_claim.py:31: import failed: SyntaxError: ",
    "@claim.check(statment='S1')\ndef a(run): ...": (
        r"first_claim.py:31: import failed: TypeError: Claim.check: got an argument 'statment'; expected .*; "
        r"did you mean statement\?$"
    ),
    "the_claim = claim; del claim": (
        r"first_claim.py: has no `claim = Claim\(...\)`; the Claim of this module is called 'the_claim', expected the "
        "name 'claim'$"
    ),
    "": r"first_claim.py: claim 'first-claim' has no checks; expected functions below @claim.check\(...\)$",
}


@pytest.mark.parametrize("line", LINES)
def test_a_mistake_in_a_module_is_shown_with_its_line(line: str, write_claim: Write) -> None:
    [problem] = problems(write_claim(f"{line}\n"))
    assert re.search(LINES[line], problem)


def test_places_are_seen_from_the_current_folder(
    write_claim: Write, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_claim("1/0\n", label="aa")
    write_claim(source("return equal(k, 0, 0)", role="'x'"))
    monkeypatch.chdir(written.parent)
    directory = Path("deep/verification")
    Path("deep").mkdir()
    os.rename(written, directory)  # noqa: PTH104
    first, second = problems(directory)
    assert first.startswith("deep/verification/aa.py:31: import failed: ZeroDivisionError")
    assert second.startswith("deep/verification/first_claim.py:32: the_check: role: got 'x'")
    monkeypatch.chdir(directory)
    first, second = problems(Path())
    assert first.startswith("aa.py:31: import failed")
    assert second.startswith("first_claim.py:32: the_check")


def test_a_module_that_is_there_twice_is_a_mistake(write_claim: Write) -> None:
    directory = write_claim()
    (directory / "first_claim").mkdir()
    (directory / "first_claim/__init__.py").write_text((directory / "first_claim.py").read_text())
    assert (
        f"{directory}/first_claim.py: there is a folder {directory}/first_claim too; expected one module"
        in (problems(directory)[0])
    )


@pytest.mark.parametrize("name", ["first-claim.py", "First_claim.py", "first__claim.py", "2nd.py"])
def test_the_name_of_a_module_is_made_of_words(name: str, write_claim: Write) -> None:
    directory = write_claim()
    (directory / "first_claim.py").rename(directory / name)
    assert any(
        problem == f"{directory}/{name}: expected a name of lower-case words joined by underscores"
        for problem in problems(directory)
    )


def test_a_misspelt_label_is_answered_with_what_was_meant(write_claim: Write) -> None:
    directory = write_claim()
    (directory / "labels.txt").write_text("# order\nfrist-claim\n")
    first, second = problems(directory)
    assert (
        first
        == f"{directory}/labels.txt:2: label 'frist-claim' has no claim module; did you mean 'first-claim'?"
    )
    assert (
        second
        == f"{directory}/labels.txt: the module of claim 'first-claim' is not listed; expected a line first-claim"
    )


@pytest.mark.parametrize("command", ["verify", "figures"])
def test_a_folder_without_a_paper_is_answered_with_init(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([command]) == 4
    assert "elboproof init FOLDER" in capsys.readouterr().err


def test_who_stands_too_deep_is_told_where_the_claims_are(
    write_claim: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    around = write_claim().parent
    (around / "figures").mkdir()
    monkeypatch.chdir(around / "figures")
    assert cli.main(["verify"]) == 4
    assert (
        f"run this in {around}, which has one, or start with one: elboproof init" in capsys.readouterr().err
    )


public: Any = ep
names: Any = checking


def test_names_of_claims_are_found_where_they_are() -> None:
    with pytest.raises(
        AttributeError, match=r"no attribute 'Claim'; from elboproof.checking import Claim; it has"
    ):
        public.Claim  # noqa: B018
    with pytest.raises(
        AttributeError, match=r"no attribute 'log_evidnce'; did you mean log_evidence\? It has"
    ):
        public.log_evidnce  # noqa: B018
    with pytest.raises(
        AttributeError, match=r"'elboproof.checking' has no attribute 'Claims'; did you mean Claim\?"
    ):
        names.Claims  # noqa: B018


def test_a_label_in_the_sentences_is_shown_with_its_line(write_claim: Write) -> None:
    directory = write_claim()
    (directory / "sentences").mkdir()
    sentence = '[[sentence]]\nsays = "It is so."\n'
    text = f'source = "A paper."\n\n{sentence}decided_by = [\n  "first-claim",\n  "first-clam/S1",\n]\n'
    file = directory / "sentences/author.toml"
    file.write_text(text)
    assert problems(directory) == [
        f"{file}:7: no check has the label 'first-clam/S1'; did you mean 'first-claim/S1'?"
    ]
    file.write_text(text.replace("first-clam/", "first\\u002dclam/"))
    assert problems(directory) == [
        f"{file}: no check has the label 'first-clam/S1'; did you mean 'first-claim/S1'?"
    ]

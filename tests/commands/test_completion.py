"""The scripts for shells: they are run by the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from elboproof import cli
from elboproof.commands.completion import labels, options_of, script

OPTIONS = {"verify": ["--quick", "--lf"], "report": ["--check"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    claims = tmp_path / "verification"
    (claims / "one_claim").mkdir(parents=True)
    (claims / "_shared").mkdir()
    (claims / "_shared" / "__init__.py").write_text('statement="S9"')
    (claims / "one_claim" / "__init__.py").write_text("raise RuntimeError('imported')")
    (claims / "one_claim" / "checks.py").write_text('statement="S10",\nstatement = \'S2\',\nstatement="S2"')
    (claims / "another.py").write_text("statement='S1a'")
    return tmp_path


def test_labels_are_read_without_an_import(folder: Path) -> None:
    assert labels(folder / "verification") == [
        "another",
        "another/S1a",
        "one-claim",
        "one-claim/S2",
        "one-claim/S10",
    ]
    assert labels(folder / "nowhere") == []


def test_the_options_are_those_of_the_parser() -> None:
    options = options_of(cli.parser())
    assert {"verify", "show", "report", "completion"} <= set(options)
    assert {"--lf", "-x", "-k", "-q", "-v", "--durations", "--resume"} <= set(options["verify"])
    assert {"bash", "zsh"} <= set(options["completion"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ver"], ["verify"]),
        (["verify", "--q"], ["--quick"]),
        (["verify", "one-claim/"], ["one-claim/S2", "one-claim/S10"]),
        (["verify", "ano"], ["another", "another/S1a"]),
        (["report", "one"], []),
        (["nonsense", "re"], ["report"]),
    ],
)
def test_bash_completes(words: list[str], expected: list[str], folder: Path) -> None:
    program = folder / "elboproof"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m elboproof "$@"\n')
    program.chmod(0o755)
    code = f"""{script("bash", OPTIONS)}
COMP_WORDS=(elboproof {" ".join(words)}); COMP_CWORD={len(words)}
_elboproof
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603
        ["bash", "-c", code],  # noqa: S607
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_printed_script_is_one_of_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for word in ("verify)", "--durations", "completion labels", f'$(elboproof completion {shell})"'):
        assert word in text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)  # noqa: S603


def test_labels_are_listed_for_the_scripts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert cli.main(["completion", "labels"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "one-claim/S10"

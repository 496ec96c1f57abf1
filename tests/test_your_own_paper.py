"""The guide to a paper of one's own: every command prints what stands below it."""

from pathlib import Path

import pytest

from tests.guide import GUIDE, ROOT, Step, Walk, compared, edited, steps

TEXT = GUIDE.read_text(encoding="utf-8")


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    (tmp_path / "reader").mkdir()
    return Walk(tmp_path / "reader")


def test_every_command_prints_what_the_guide_shows(walk: Walk) -> None:
    for step in steps(TEXT):
        printed = walk.does(step)
        if step.kind == "command":
            assert compared(printed) == compared(step.output), (
                f"{step.command} (python -m tests.guide mends it)"
            )
    [claim] = (step for step in steps(TEXT) if step.kind == "edit")
    with pytest.raises(ValueError, match="substring not found"):
        walk.does(claim)  # it was done


def test_the_guide_shows_every_way_to_run_a_paper() -> None:
    commands = [step.command for step in steps(TEXT) if step.kind == "command"]
    for begins in (
        "elboproof init",
        "elboproof verify",
        "elboproof figures",
        "elboproof report",
        "pytest",
        "python",
    ):
        assert any(command.startswith(begins) for command in commands), begins
    assert [step.path for step in steps(TEXT) if step.kind == "edit"] == [
        "verification/entropy_of_the_posterior.py"
    ]
    assert TEXT.count("```") == 2 * len(list(steps(TEXT)))  # no block is left out


def test_another_output_is_noticed(walk: Walk) -> None:
    printed = walk.does(Step("command", "", "$ elboproof --version\n"))
    assert compared(printed) == ["elboproof", "0.1.0"]
    assert compared("4 of 4 checks hold in 3.1 s") == compared("4 of 4 checks hold in 12 s")
    assert compared("4 of 4 checks hold") != compared("3 of 4 checks hold")
    assert compared("error 2.7e-12   0.1") == compared("error 3.1e-12   12.0")
    assert compared("[0.88364656 +/-\n 2.11e-10]") != compared("[0.88364657 +/-\n 2.11e-10]")


def test_an_edit_is_made_where_its_lines_stand() -> None:
    assert edited("a\nb\nc\nb\n", " c\n-b\n+d\n") == "a\nb\nc\nd\n"
    with pytest.raises(ValueError, match="substring not found"):
        edited("a\nb\n", " c\n-b\n+d\n")


def test_the_readme_and_the_folder_lead_to_the_guide() -> None:
    assert "docs/your_own_paper.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    words = (ROOT / "src/elboproof/commands/init_words.py").read_text(encoding="utf-8")
    assert "docs/your_own_paper.md" in words

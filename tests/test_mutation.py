"""The mutation run draws the same mutants each time, of every room, and each is Python that differs."""

import ast
from pathlib import Path

import pytest

from tests import mutation


@pytest.mark.parametrize("room", mutation.ROOMS)
def test_mutants_are_drawn_by_seed(room: str) -> None:
    chosen = mutation.drawn(room)
    assert len(chosen) == mutation.EACH
    assert [mutant.label for mutant in chosen] == [mutant.label for mutant in mutation.drawn(room)]
    assert chosen != mutation.drawn(room, seed=mutation.SEED + 1)
    for mutant in chosen:
        source = (mutation.SOURCE / mutant.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(source)), mutant.label


def test_steering_files_exist() -> None:
    assert all((mutation.SOURCE / name).exists() for name in mutation.STEERING)


@pytest.mark.parametrize(
    ("body", "word", "by"),
    [
        ("assert True", mutation.SURVIVES, ""),
        ("assert False", mutation.KILLED, "test_made.py::test_made"),
        ("raise OSError", mutation.KILLED, "test_made.py::test_made"),
        ("import time; time.sleep(60)", mutation.UNENDED, "within 5 s"),
        ("import os; os.kill(os.getpid(), 15)", mutation.UNENDED, "stopped by signal 15"),
        ("x = bytearray(2**34)", mutation.KILLED, "test_made.py::test_made"),
    ],
)
def test_a_failing_test_is_told_from_one_that_does_not_end(
    body: str, word: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "LIMIT", 5.0 if "sleep" in body else 120.0)
    file = tmp_path / "test_made.py"
    file.write_text(f"def test_made():\n    {body}\n", encoding="utf-8")
    found = mutation.fate(None, [str(file)])
    assert found.word == word
    assert found.by.endswith(by)


def test_code_that_does_not_import_is_killed_and_no_tests_are_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "test_made.py"
    file.write_text("import no_such_module\n", encoding="utf-8")
    assert mutation.fate(None, [str(file)]).word == mutation.KILLED
    file.write_text("", encoding="utf-8")
    with pytest.raises(RuntimeError, match="no tests"):
        mutation.fate(None, [str(file)])
    with pytest.raises(RuntimeError, match="not found"):  # and not a run of all tests
        mutation.fate(None, [str(tmp_path / "test_missing.py")])


def test_a_report_counts_what_is_late_apart() -> None:
    one, two, three = mutation.drawn("decoder")[:3]
    fates = [
        mutation.Fate(mutation.KILLED, "t::a"),
        mutation.Fate(mutation.UNENDED),
        mutation.Fate(mutation.SURVIVES),
    ]
    text = mutation.report("decoder", list(zip((one, two, three), fates, strict=True)))
    assert text.startswith("decoder: 1 of 3 killed by a failing test, 1 not ended, 1 survive\n")
    assert f"  killed by t::a: {one.label}" in text

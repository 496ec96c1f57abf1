"""The mutation run draws the same mutants each time, of every room, and each is Python that differs."""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import mutants, mutation


@pytest.mark.parametrize("room", mutants.ROOMS)
def test_mutants_are_drawn_by_seed(room: str) -> None:
    chosen = mutants.drawn(room)
    assert len(chosen) == mutants.EACH
    assert [mutant.label for mutant in chosen] == [mutant.label for mutant in mutants.drawn(room)]
    assert chosen != mutants.drawn(room, seed=mutants.SEED + 1)
    for mutant in chosen:
        source = (mutants.SOURCE / mutant.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(source)), mutant.label


def test_steering_files_exist() -> None:
    assert all((mutants.SOURCE / name).exists() for name in mutants.STEERING)


@pytest.mark.parametrize(
    ("body", "word", "by"),
    [
        ("assert True", mutation.SURVIVES, ""),
        ("assert False", mutation.KILLED, "test_made.py::test_made"),
        ("raise OSError", mutation.KILLED, "test_made.py::test_made"),
        ("import time; time.sleep(60)", mutation.UNENDED, "within 5 s"),
        ("import os; os.kill(os.getpid(), 15)", mutation.UNENDED, "stopped by signal 15"),
        ("x = bytearray(2**34)", mutation.KILLED, "test_made.py::test_made"),
        ("assert False  # parameters", mutation.KILLED, "test_made.py::test_made[a - b, c]"),
    ],
)
def test_a_failing_test_is_told_from_one_that_does_not_end(
    body: str, word: str, by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "PATIENCE", 5.0 if "sleep" in body else 120.0)
    file = tmp_path / "test_made.py"
    named = '@__import__("pytest").mark.parametrize("x", ["a - b, c"])\n' if "parameters" in body else ""
    file.write_text(f"{named}def test_made({'x' if named else ''}):\n    {body}\n", encoding="utf-8")
    found = mutation.outcome(None, [str(file)])
    assert found.word == word
    assert found.by.endswith(by)
    if word == mutation.KILLED:
        assert mutation.outcome(None, [f"{file}::{found.by.split('::')[1]}"]).word == mutation.KILLED


@pytest.mark.parametrize("room", mutants.ROOMS)
def test_tests_that_name_the_changed_module_come_first(room: str) -> None:
    mutant, tests = mutants.drawn(room)[0], mutants.ROOMS[room][1]
    found = mutation.ordered(mutant, tests)
    every = (file for name in tests for file in (mutants.ROOT / name).rglob("test_*.py"))
    assert sorted(found) == sorted(
        {str(file.relative_to(mutants.ROOT)) for file in every}
        | {name for name in tests if name.endswith(".py")}
    )
    named = [Path(mutant.file).stem in (mutants.ROOT / name).read_text(encoding="utf-8") for name in found]
    assert named[0]


def test_a_kill_is_confirmed_by_its_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that fails without any change, and one that fails only beside others, kill nothing."""
    mutant, asked = mutants.drawn("decoder")[0], []

    def outcome(
        change: mutants.Mutant | None, tests: Sequence[str], without: Sequence[str] = ()
    ) -> mutation.Fate:
        asked.append((change is None, list(tests)))
        fails = {"always", "kills"} if change else {"always"}
        busy = [*tests, "beside"] if len(tests) > 1 else [t for t in tests if t in fails]
        failing = next((test for test in busy if test not in without), "")
        return mutation.Fate(mutation.KILLED, failing) if failing else mutation.Fate(mutation.SURVIVES)

    monkeypatch.setattr(mutation, "outcome", outcome)
    assert mutation.fate(mutant, ["always", "beside"]).word == mutation.SURVIVES
    assert mutation.fate(mutant, ["beside", "always", "kills"]) == mutation.Fate(mutation.KILLED, "kills")
    assert asked[-2:] == [(False, ["kills"]), (True, ["kills"])]


def test_a_test_that_cannot_be_left_out_is_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation, "outcome", lambda *_: mutation.Fate(mutation.KILLED, "always"))
    with pytest.raises(RuntimeError, match="always: cannot be left out"):
        mutation.fate(mutants.drawn("decoder")[0], ["always"])


def test_code_that_does_not_import_is_killed_and_no_tests_are_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "test_made.py"
    file.write_text("import no_such_module\n", encoding="utf-8")
    assert mutation.outcome(None, [str(file)]).word == mutation.KILLED
    file.write_text("", encoding="utf-8")
    with pytest.raises(RuntimeError, match="no tests"):
        mutation.outcome(None, [str(file)])
    with pytest.raises(RuntimeError, match="not found"):  # and not a run of all tests
        mutation.outcome(None, [str(tmp_path / "test_missing.py")])


def test_a_report_counts_what_is_late_apart() -> None:
    one, two, three = mutants.drawn("decoder")[:3]
    fates = [
        mutation.Fate(mutation.KILLED, "t::a"),
        mutation.Fate(mutation.UNENDED),
        mutation.Fate(mutation.SURVIVES),
    ]
    text = mutation.report("decoder", list(zip((one, two, three), fates, strict=True)))
    assert text.startswith("decoder: 1 of 3 killed by a failing test, 1 not ended, 1 survive\n")
    assert f"  killed by t::a: {one.label}" in text

"""Claims as tests of pytest, in runs of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]
Source = Callable[..., str]
Pytest = Callable[..., tuple[int, str]]

USAGE = 4


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """Return a function that runs pytest in the folder around the claims; it returns the exit code and the output."""
    (tmp_path / "pytest.toml").write_text('[pytest]\ntestpaths = ["tests"]\nfilterwarnings = ["error"]\n')
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_other.py").write_text("def test_other():\n    pass\n")

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-p", "elboproof.pytest_plugin", "-v", *words]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"}
        done = subprocess.run(  # noqa: S603
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def claims(write_claim: Write, source: Source) -> Path:
    """Write a package with two files of checks, of which one does not hold, and a module."""
    directory = write_claim()
    package = directory / "other_claim"
    package.mkdir()
    text = (directory / "first_claim.py").read_text().replace("first-claim", "other-claim")
    (package / "__init__.py").write_text(text)
    head = "from elboproof.checking import control, equal\nfrom . import claim\n"
    failing = source("return equal(k, 3, 0)", name="is_three", statement="'S2'", states="'zero is three'")
    slow = source("return equal(k, 0, 0)", name="slow", statement="'S2'", tier="'full'")
    (package / "part.py").write_text(head + failing + slow)
    (directory / "test_looks_like_one.py").write_text(
        (directory / "first_claim.py").read_text().replace("first-claim", "test-looks-like-one")
    )
    return directory


GOOD = "verification/first_claim.py::S1::sum_is_four"
BAD = "verification/other_claim/part.py::S2::is_three"


def test_checks_are_tests_beside_the_others(run_pytest: Pytest, claims: Path) -> None:
    code, output = run_pytest("--elboproof-verify")
    assert code == 1
    passed = ("tests/test_other.py::test_other", GOOD, "verification/test_looks_like_one.py::S1::sum_is_four")
    assert all(f"{name} PASSED" in output for name in passed)
    assert "verification/other_claim/__init__.py::S1::sum_is_four PASSED" in output
    assert f"{BAD} FAILED" in output
    assert "other-claim/S2/is_three: does not hold (refuted): 0 is not equal to 3" in output
    assert "states: zero is three" in output
    assert "pytest_collect.py" not in output  # a finding has no traceback
    assert "1 failed, 4 passed" in output


def test_without_the_option_there_are_none(run_pytest: Pytest, claims: Path) -> None:
    code, output = run_pytest()
    assert code == 0
    assert "1 passed" in output


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        ((GOOD,), 1),
        (("verification/first_claim.py",), 1),
        (("verification/other_claim/__init__.py::S1",), 1),
        (("verification", "-k", "sum_is_four"), 3),
        (("tests", "-k", "first_claim"), 1),
        (("--elboproof-tier", "full", "-k", "slow or other.py"), 2),
        (("--elboproof-path", "elsewhere", "-k", "sum_is_four and not other"), 2),
        (("-n", "2", "-p", "xdist", "--deselect", BAD), 4),
    ],
)
def test_checks_are_selected_like_any_test(
    run_pytest: Pytest, claims: Path, words: tuple[str, ...], passed: int
) -> None:
    if "elsewhere" in words:
        claims.rename(claims.parent / "elsewhere")
    code, output = run_pytest("--elboproof-verify", *words)
    assert code == 0, output
    assert f" {passed} passed" in output


def test_what_failed_last_is_run_again(run_pytest: Pytest, claims: Path) -> None:
    assert run_pytest("--elboproof-verify")[0] == 1
    text = (claims / "other_claim/part.py").read_text()
    (claims / "other_claim/part.py").write_text(text.replace("equal(k, 3, 0)", "equal(k, 0, 0)"))
    code, output = run_pytest("--elboproof-verify", "--lf")
    assert code == 0
    assert f"{BAD} PASSED" in output
    assert " 1 passed" in output


def test_mistakes_in_the_claims_are_one_error(run_pytest: Pytest, write_claim: Write, source: Source) -> None:
    write_claim(source("return equal(k, 0, 0)", role="'proves'"))
    code, output = run_pytest("--elboproof-verify")
    assert code == 2
    assert "the_check: role: got 'proves'; expected one of confirms, sharpens, limits" in output
    assert "1 error" in output
    assert "Traceback" not in output


def test_a_missing_folder_is_wrong_use(run_pytest: Pytest) -> None:
    code, output = run_pytest("--elboproof-verify")
    assert code == USAGE
    assert "--elboproof-path: got 'verification'; expected a folder with claim modules" in output


PLUGIN_LIMIT = 0.05
"""Seconds that the plugin may cost a run which does not use it. Measured: 0.004, most of it the stub's names."""


def test_the_plugin_costs_nothing_unless_used() -> None:
    code = (
        "import sys, time, pytest\nbefore = set(sys.modules)\nstart = time.process_time()\n"
        "import elboproof.pytest_plugin\nprint(time.process_time() - start)\n"
        "print(sorted(name for name in set(sys.modules) - before if name.startswith('elboproof')))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603
        for _ in range(3)
    ]
    assert min(float(run.split()[0]) for run in runs) < PLUGIN_LIMIT
    assert all(
        run.splitlines()[1] == "['elboproof', 'elboproof.lazy', 'elboproof.pytest_plugin']" for run in runs
    )

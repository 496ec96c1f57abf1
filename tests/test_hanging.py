"""What becomes of tests that hang: run in a project of their own, with a limit of a second."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFTEST = "from tests.hanging import pytest_handlecrashitem as pytest_handlecrashitem\n"
TESTS = """
import time
from pathlib import Path

def test_hangs_once():
    seen = Path({seen!r})
    if not seen.exists():
        seen.touch()
        time.sleep(1000)

def test_is_good():
    pass

def test_is_good_too():
    pass
"""
ALWAYS = "\ndef test_hangs_always():\n    time.sleep(1000)\n"


def run(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_some.py").write_text(text.format(seen=str(folder / "seen")), encoding="utf-8")
    limits = ["-o", "faulthandler_timeout=1", "-o", "faulthandler_exit_on_timeout=true"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-ra",
        "-p",
        "no:cacheprovider",
        *limits,
        str(folder),
    ]
    return subprocess.run(  # noqa: S603 - our own words
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )


def test_one_that_hung_is_told_with_its_stack_and_run_once_more(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout
    assert "3 passed, 1 skipped" in done.stdout
    assert "test_some.py::test_hangs_once ended its process, and is run once more" in done.stdout
    assert "in test_hangs_once" in done.stderr


def test_one_that_hangs_again_fails_and_no_other_is_lost(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS + ALWAYS)
    assert done.returncode == 1
    assert "1 failed, 3 passed, 2 skipped" in done.stdout
    assert "crashed while running" in done.stdout


def test_no_test_of_this_project_may_hang(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("faulthandler_timeout")) <= 1200
    assert pytestconfig.getini("faulthandler_exit_on_timeout") is True
    assert pytestconfig.pluginmanager.has_plugin("xdist")
    assert any(hasattr(one, "pytest_handlecrashitem") for one in pytestconfig.pluginmanager.get_plugins())

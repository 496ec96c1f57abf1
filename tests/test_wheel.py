"""The wheel, installed outside the repository, verifies this paper's suite; an editable one the sources."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STATEMENT = "bilbo/S1"

pytestmark = pytest.mark.slow


def _run(*words: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a virtual environment outside the repository that has this one's packages, elboproof excepted."""
    venv.create(tmp_path / "venv", with_pip=True)
    [site] = (tmp_path / "venv").glob("lib/python*/site-packages")
    # Last on the path, so that what is installed there comes first.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return tmp_path


def _verified(folder: Path) -> dict[str, object]:
    words = ("verify", "--suite", "fyffe2019", STATEMENT, "--json", "found.json")
    _run(folder / "venv/bin/elboproof", *words, cwd=folder)
    return dict(json.loads((folder / "found.json").read_text()))


def test_the_suite_of_the_installed_wheel_has_the_findings_of_the_repository(outside: Path) -> None:
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", outside, ROOT, cwd=outside)
    [wheel] = outside.glob("*.whl")
    python = outside / "venv/bin/python"
    _run(python, "-m", "pip", "install", "--no-deps", wheel, cwd=outside)
    where = _run(python, "-c", "import elboproof; print(elboproof.__file__)", cwd=outside)
    assert str(outside) in where
    found = _verified(outside)
    (outside / "here").mkdir()
    words = ("verify", "--path", ROOT / "verification", STATEMENT, "--json", "found.json")
    _run(python, "-m", "elboproof.cli", *words, cwd=outside / "here")
    here = json.loads((outside / "here/found.json").read_text())
    assert found["environment"][0]["modules"] == here["environment"][0]["modules"]  # type: ignore[index]
    assert found["environment"][0]["commit"] is None  # type: ignore[index]
    assert all(finding["holds"] for finding in found["findings"])  # type: ignore[attr-defined]
    _run(outside / "venv/bin/elboproof", "init", "mine", cwd=outside)
    as_tests = ("-m", "pytest", "-q", "--elboproof-verify", "-k", "on_an_instance")
    assert "1 passed" in _run(python, *as_tests, cwd=outside / "mine")


def test_the_suite_of_an_editable_installation_is_that_of_the_sources(outside: Path) -> None:
    python = outside / "venv/bin/python"
    _run(python, "-m", "pip", "install", "--no-deps", "-e", ROOT, cwd=outside)
    where = "from elboproof.checking.suites import suite_folder; print(suite_folder('fyffe2019'))"
    assert _run(python, "-c", where, cwd=outside).strip() == str(ROOT / "verification")

"""docs/audit.md does what it says: its files are written and audited, and print what stands there."""

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elboproof import cli
from elboproof.audit.run import CHECKS
from elboproof.cli import parser
from tests.audit import stand_ins
from tests.audit.plugin import ROOT, SOURCE, pytest_run
from tests.audit.small import Small, audited

TEXT = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", TEXT, flags=re.DOTALL))
PRINTED = dict(re.findall(r"<!-- printed: (\S+) -->\n```\n(.*?)```", TEXT, flags=re.DOTALL))
MOST_LINES, MOST_SECONDS = 8, 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with the files of the document; what is imported from it is forgotten afterwards."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def _plain(words: str) -> str:
    """Return a text without what a machine changes: numbers, seconds, and where lines are broken."""
    return " ".join(re.sub(r"\d+(\.\d+)?(e[-+]\d+)?", "#", words).split())


def _shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": f"{SOURCE}:{folder}", "PATH": "", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
    )


def test_the_example_is_audited_as_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(folder / "my_adapter.py")]) == 0
    assert _plain(capsys.readouterr().out) == _plain(PRINTED["my_adapter.py"])
    assert cli.main(["audit", str(folder / "my_adapter.py"), "--claim=-elbo", "--check", "formula"]) == 0
    lines = [line for line in FILES["my_adapter.py"].splitlines() if line]
    assert len(lines) <= MOST_LINES


def test_the_broken_example_fails_as_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = FILES["my_project.py"]
    change = re.search(r"detach the deviation, `(.*?)`", TEXT)
    assert change is not None
    kept = change[1].removesuffix(".detach()")
    assert whole.count(kept) == 1
    (folder / "my_project.py").write_text(whole.replace(kept, change[1]), encoding="utf-8")
    assert cli.main(["audit", str(folder / "my_adapter.py")]) == 1
    out = capsys.readouterr().out
    assert _plain(PRINTED["broken"]) in _plain(out)
    assert out.splitlines()[-1].endswith(": gradient")


def test_the_class_of_tests_runs(folder: Path) -> None:
    shown = pytest_run(folder, "-q", "test_my_vae.py")
    assert f"{len(CHECKS)} passed" in shown, shown


def test_an_audit_takes_a_few_seconds() -> None:
    began = time.process_time()
    audited(Small(), draws=700)
    assert time.process_time() - began < MOST_SECONDS


def test_a_script_is_audited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(folder / "inline.py")]) == 0
    assert "passed" in capsys.readouterr().out


def test_a_reported_number_fails_as_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", str(folder / "reported.py")]) == 1
    assert _plain(PRINTED["reported.py"]) in _plain(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["lightning", "pyro"])
def test_other_libraries_are_audited(folder: Path, name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    _is_the_negative_elbo(folder, name)


@pytest.mark.parametrize("name", sorted(stand_ins.FILES))
def test_adapters_of_the_shape_of_other_libraries_are_audited(folder: Path, name: str) -> None:
    for file, content in stand_ins.FILES[name].items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(content, encoding="utf-8")
    _is_the_negative_elbo(folder, name)


def _is_the_negative_elbo(folder: Path, name: str) -> None:
    run = _shell(folder, "-m", "elboproof.cli", "audit", f"{name}_adapter.py")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "your loss is the negative ELBO in nats" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("passed (")


def test_each_option_and_check_is_in_the_document() -> None:
    commands = next(one for one in parser()._actions if one.dest == "command")
    assert isinstance(commands.choices, dict)
    for action in commands.choices["audit"]._actions:
        for flag in action.option_strings:
            assert flag in ("-h", "--help") or f"`{flag}" in TEXT, flag
    listed = next(one.help for one in commands.choices["audit"]._actions if "--check" in one.option_strings)
    for name in CHECKS:
        assert f"| {name} |" in TEXT
        assert re.search(rf"\b{name}\b", str(listed))
    for flag in ("--elboproof-strict", "--elboproof-seed", "--elboproof-alpha", "--elboproof-draws"):
        assert flag in TEXT

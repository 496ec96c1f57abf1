"""``elboproof init``: what it writes runs, holds, and can fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import elboproof as ep
from elboproof import cli
from elboproof.checking.collect import UsageError, collect
from elboproof.commands.init import start_paper

ROOT = Path(__file__).parents[2]
USAGE = 4

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers") / "mine"
    start_paper(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of the new folder."""
    return Path(shutil.copytree(written, tmp_path / "mine"))


@pytest.fixture
def run(folder: Path) -> Run:
    """Return a function that runs a module in the folder."""

    def runs(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, "COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return runs


def test_the_commands_that_it_names_pass(run: Run, folder: Path) -> None:
    done = run("elboproof.cli", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    done = run("elboproof.cli", "figures")
    assert done.returncode == 0, done.stderr
    assert "figures/kl_to_the_prior.png: written" in done.stdout
    done = run("pytest", "-q")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert run("elboproof.cli", "figures", "--check").returncode == 0


def test_the_record_is_drawn_and_reported(run: Run, folder: Path) -> None:
    assert run("elboproof.cli", "verify", "--json", "paper_checks.json").returncode == 0
    assert run("elboproof.cli", "report").returncode == 0
    assert "4 of 4 checks hold. 5 of 5 controls" in (folder / "paper_checks.md").read_text()
    assert run("elboproof.cli", "report", "--check").returncode == 0
    (folder / ".elboproof/run.jsonl").unlink()
    assert run("elboproof.cli", "figures").returncode == 0


def test_it_shows_four_methods_each_with_a_control(written: Path) -> None:
    [module] = collect(written / "verification").claims
    assert [one.method for one in module.claim.checks] == ["symbolic", "certified", "property", "numeric"]
    assert all(one.controls and one.hypotheses for one in module.claim.checks)


@pytest.mark.parametrize(
    ("right", "wrong", "fails"),
    [
        ("return (m**2 + s - 1 - log(s)) / 2", "return (m**2 + s - 1 - 2*log(s)) / 2", ["S1", "S3", "S4"]),
        ('"z**2/2 - (z - 1)**2 - log(1/2)/2"', '"z**2/2 - (z - 1)**2 - log(1/2)/3"', ["S2"]),
        ("log_ratio = z**2 / 2 - deviations", "log_ratio = z**2 / 3 - deviations", ["S4"]),
        ("np.linspace(-40, 40, 16001)", "np.linspace(-4, 4, 16001)", ["S4"]),
        ('control("without the mean", share=0)', 'control("without the mean", share=1.0)', None),
        ('control("twice the mean", times=2)', 'control("minus the mean", times=-1)', ["S4"]),
        ("run.assume(positive, s)\n    density", "density", ["S1"]),
    ],
)  # fmt: skip
def test_a_mistake_in_it_is_found(folder: Path, right: str, wrong: str, fails: list[str] | None) -> None:
    file = folder / "verification/kl_to_the_prior.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    if fails is None:
        with pytest.raises(ValueError, match="expected another value, as this is the check itself"):
            ep.verify(path=folder / "verification")
    else:
        labels = [f"kl-to-the-prior/{statement}" for statement in fails]
        findings = ep.verify(labels, path=folder / "verification")
        assert [one.statement for one in findings if not one.holds] == fails


def test_it_is_written_as_the_rest_is(written: Path) -> None:
    # the docstring of a claim module begins with its sections; its checks are run by names and have a run each
    ignored = "D205,D400,D401,E501,S101,I001,D103"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--config",
        str(ROOT / "pyproject.toml"),
        "--ignore",
        ignored,
    ]
    done = subprocess.run([*command, str(written)], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("part", ["verification", "figures", "tests"])
def test_it_is_typed(written: Path, part: str) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    files = [str(path) for path in (written / part).glob("*.py")]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout


def test_an_empty_folder_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "."]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "verification/kl_to_the_prior.py: written" in printed
    assert printed[-1] == "next: elboproof verify && elboproof figures && pytest"
    assert cli.main(["init", "deep/er"]) == 0
    assert (tmp_path / "deep/er/.gitignore").exists()
    assert capsys.readouterr().out.endswith(
        "next: cd deep/er && elboproof verify && elboproof figures && pytest\n"
    )


def test_what_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == USAGE
    assert "expected a new or an empty folder; this one has files" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    with pytest.raises(UsageError, match="expected a new or an empty folder, not a file"):
        start_paper(tmp_path / "README.md")
    with pytest.raises(UsageError, match="expected a folder to write to"):
        start_paper(tmp_path / "README.md" / "below")
    with pytest.raises(UsageError, match=r"FOLDER: got .*; expected a folder to write to"):
        start_paper(Path("/proc/nowhere"))

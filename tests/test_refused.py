"""What the system refuses: a full disk, a folder that is read-only, a file that another run has, memory.

Each is answered in a sentence with the file's name and an exit code, and what was there before is whole.
"""

import ast
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import elboproof as ep
from elboproof import cli, networks
from elboproof.files import Growing, NotWrittenError, replace_text, taken
from tests.test_cli import DOCSTRING, check

PAGE = 4096
"""Bytes that a file in memory takes at least."""
SOURCE = Path(__file__).parents[1] / "src" / "elboproof"

needs_mounts = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root mounts folders")
Mount = Callable[[str], Path]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mount]:
    """Return what makes a folder of its own file system, with the options given."""
    made: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"mounted {len(made)}"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)  # noqa: S603, S607
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def fill(folder: Path, *, free: int = 0) -> Path:
    """Fill the disk of a folder but for so many bytes."""
    path = folder / "filled"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    os.truncate(path, path.stat().st_size - free)
    return path


EVIDENCE = ["evidence", "sinh(z)", "--variance", "1/100", "--digits", "6"]


@needs_mounts
def test_evidence_on_a_full_disk_ends_with_the_rows_that_it_has(
    mounted: Mount, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = mounted("size=64k")
    rows = folder / "rows.jsonl"
    words = [*EVIDENCE, *(word for k in range(40) for word in ("--x", f"0.{k:02d}")), "--resume", str(rows)]
    filled = fill(folder)
    assert cli.main(words) == 4  # nothing was begun
    assert f"error: could not write {rows}: No space left on device" in capsys.readouterr().err
    filled.unlink()
    filled = fill(folder, free=PAGE)
    assert cli.main(words) == 2
    assert (
        f"elboproof: interrupted: could not write {rows}: No space left on device" in capsys.readouterr().err
    )
    assert rows.read_bytes().endswith(b"\n")
    filled.unlink()
    before = rows.read_bytes()
    assert cli.main(words) == 0
    assert rows.read_bytes().startswith(before)


@needs_mounts
def test_training_on_a_full_disk_keeps_its_checkpoint(mounted: Mount, tmp_path: Path) -> None:
    folder = mounted("size=256k")
    x = np.random.default_rng(0).standard_normal((60, 2))
    filled: list[Path] = []

    def trained(progress: Callable[[networks.Progress], object] | None) -> networks.Trained:
        file = folder / "checkpoint.pt"
        return networks.train(
            x, latents=1, hidden=(4,), steps=40, every=10, checkpoint=file, progress=progress
        )

    with pytest.raises(NotWrittenError, match=r"could not write .*checkpoint.pt: No space left on device"):
        trained(lambda told: filled.append(fill(folder)) if told.step == 10 else None)
    filled[0].unlink()
    steps: list[int] = []
    again = trained(lambda told: steps.append(told.step))
    assert steps == [20, 30, 40]
    assert again.curve == networks.train(x, latents=1, hidden=(4,), steps=40, every=10).curve
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.pt", "checkpoint.pt.lock"]
    fill(folder)
    words = ["train", "digits", "--out", str(folder / "run"), "--hidden", "4", "--steps", "5"]
    assert cli.main(words) == 2


def verify(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "elboproof", "verify", "--workers", "1", *words]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


def write_claim(folder: Path, *checks: str) -> None:
    head = (
        "import os\nfrom elboproof.checking import Claim, control, equal\nclaim = Claim('a-claim', 'title')\n"
    )
    (folder / "verification").mkdir()
    (folder / "verification" / "a_claim.py").write_text(DOCSTRING + head + "".join(checks), encoding="utf-8")


FILLS = """
    import contextlib
    with contextlib.suppress(OSError), open('filled', 'ab', buffering=0) as file:
        while k == 0:
            file.write(bytes(4096))
    return equal(k, 0, 0)"""


@needs_mounts
def test_a_run_of_checks_on_a_full_disk_says_so_and_goes_on_later(mounted: Mount) -> None:
    folder = mounted("size=512k")
    good = [check(f"good_{k}", "return equal(k, 0, 0)", time_limit="1") for k in range(9)]
    write_claim(folder, check("fills", FILLS, time_limit="99"), *good)  # the longest is the first
    done = verify(folder)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "could not write .elboproof/run.jsonl: No space left on device" in done.stdout
    assert "not finished; --resume goes on" in done.stdout
    assert "Traceback" not in done.stderr
    (folder / "filled").unlink()
    file = folder / "verification" / "a_claim.py"
    file.write_text(
        file.read_text(encoding="utf-8").replace("while k == 0", "while k == 9"), encoding="utf-8"
    )
    small = mounted("size=4k")
    fill(small)
    done = verify(folder, "--resume", "--json", str(small / "f.json"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"could not write {small / 'f.json'}: No space left on device" in done.stdout
    assert "the findings are in the record; --resume writes them" in done.stdout
    done = verify(folder, "--resume", "--json", "f.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 checks already in" in done.stdout
    assert (folder / "f.json").exists()


def test_an_output_that_takes_nothing_is_no_success() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "elboproof", *EVIDENCE, "--x", "0.7"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "elboproof: interrupted: could not write the output: No space left on device\n"


@needs_mounts
def test_a_read_only_folder_is_named_before_any_work(
    mounted: Mount, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = mounted("size=64k,ro")
    adapter = tmp_path / "adapter.py"
    adapter.touch()
    for words in (
        [*EVIDENCE, "--x", "0.7", "--resume", str(folder / "rows.jsonl")],
        ["train", "digits", "--out", str(folder / "run"), "--steps", "5"],
        ["audit", str(adapter), "--json", str(folder / "report.json")],
        ["init", str(folder / "paper")],
    ):
        assert cli.main(words) == 4
        assert str(folder) in capsys.readouterr().err
    proof = ep.for_all(ep.Gap("z", ["c*z"], "1", ["1"]) <= "1", {"c": ("0", "1/2")})
    assert isinstance(proof, ep.Proof)
    with pytest.raises(NotWrittenError, match=r"could not write .*: Read-only file system"):
        proof.certificate.save(folder / "certificate.json")


@needs_mounts
def test_checks_in_a_read_only_folder_are_wrong_use(mounted: Mount) -> None:
    folder = mounted("size=512k")
    write_claim(folder, check("good", "return equal(k, 0, 0)"))
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)  # noqa: S603, S607
    done = verify(folder)
    assert done.returncode == 4
    assert "the record of the run: got" in done.stderr
    assert "Read-only file system" in done.stderr


@needs_mounts
def test_a_file_that_cannot_be_replaced_is_as_it_was(mounted: Mount) -> None:
    folder = mounted("size=64k")
    file = folder / "certificate.json"
    replace_text(file, "before")
    fill(folder)
    with pytest.raises(NotWrittenError, match=r"could not write .*: No space left on device"):
        replace_text(file, "after" * PAGE)
    assert file.read_text() == "before"
    assert sorted(path.name for path in folder.iterdir()) == ["certificate.json", "filled"]


@needs_mounts
def test_a_line_that_does_not_fit_is_taken_back(mounted: Mount) -> None:
    folder = mounted("size=64k")
    file = Growing(folder / "lines")
    file.add(b"first\n")
    filled = fill(folder)
    with pytest.raises(NotWrittenError):
        file.add(b"x" * 2 * PAGE)
    filled.unlink()
    file.add(b"second\n")
    file.close()
    assert (folder / "lines").read_bytes() == b"first\nsecond\n"


def test_two_trainings_do_not_write_one_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "digits", "--out", str(tmp_path), "--hidden", "4", "--latents", "1", "--steps", "5"]
    lock = taken(tmp_path / "checkpoint.pt")
    assert lock is not None
    other = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "elboproof", *words], capture_output=True, text=True, check=False
    )
    assert other.returncode == 4
    assert "checkpoint.pt; expected a file that no other run is writing" in other.stderr
    lock.release()
    assert cli.main(words) == 0
    assert cli.main(words) == 0  # the first gave it back


def test_what_cannot_be_held_in_memory_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(cli, "_run", full)
    assert cli.main(["evidence", "z", "--x", "1", "--variance", "1"]) == 2
    assert capsys.readouterr().err == "elboproof: interrupted: the memory was not enough\n"


CLOCKS = {"checking/environment.py": "dates of findings", "files.py": "ages of what killed writers left"}
"""Files that may ask for the time of day, and for what."""


def of_day(source: str) -> set[str]:
    """Return what a module asks of the clock on the wall, which may be set at any moment."""
    names = {"time", "time_ns", "now", "utcnow", "today"}
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    owners = {"time", "datetime", "dt", "date"}
    found = {ast.unparse(one) for one in calls if isinstance(one, ast.Attribute) and one.attr in names}
    return {one for one in found if set(one.split(".")[:-1]) & owners}


def test_no_limit_depends_on_the_clock_on_the_wall() -> None:
    assert of_day("import time\ntime.time()") == {"time.time"}
    assert of_day("import time\ntime.monotonic()") == set()
    found = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if of_day(path.read_text())}
    assert found == set(CLOCKS)


def test_a_clock_that_jumps_changes_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    told: list[ep.Progress] = []
    jumps = iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: 1e9 * (-1) ** next(jumps))
    found = ep.log_evidence(
        model,
        [["0.1"], ["0.2"]],
        6,
        seconds=50,
        total_seconds=99,
        resume=tmp_path / "r",
        progress=told.append,
    )
    assert (found.width <= 2e-6).all()
    assert all(0 <= one.seconds < 99 for one in told)
    x = np.random.default_rng(0).standard_normal((60, 2))
    left: list[float] = []
    networks.train(
        x,
        latents=1,
        hidden=(4,),
        steps=20,
        every=10,
        checkpoint=tmp_path / "c.pt",
        progress=lambda told: left.append(told.seconds_left),
    )
    assert left[-1] == 0.0
    assert all(not one < 0 for one in left)

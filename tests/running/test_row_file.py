"""Files of rows: gone on with after any stop, and bound to what they are of."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from elboproof.running.row_file import RowFile

HEAD = {"model": "a", "digits": "5.0"}


def written(path: Path, **rows: object) -> None:
    with RowFile(path, HEAD) as file:
        file.add({int(n.removeprefix("r")): {"value": value} for n, value in rows.items()})


def values(path: Path) -> dict[int, object]:
    with RowFile(path, HEAD) as file:
        return {n: row["value"] for n, row in file.rows.items()}


def test_rows_are_kept_the_last_of_each(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, r0="one", r7=2)
    written(path, r7=3)
    assert values(path) == {0: "one", 7: 3}


@pytest.mark.parametrize("lost", range(1, 60, 7))
def test_a_line_without_its_end_is_left_out_and_the_next_is_whole(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, r0="one", r1="two")
    path.write_bytes(path.read_bytes()[:-lost])
    assert values(path) == ({0: "one"} if lost > 1 else {0: "one", 1: "two"})
    written(path, r2="three")
    assert values(path).items() >= {0: "one", 2: "three"}.items()


def test_a_line_that_was_changed_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, r0="one", r1="two")
    path.write_text(path.read_text(encoding="utf-8").replace("two", "six"), encoding="utf-8")
    assert values(path) == {0: "one"}


@pytest.mark.parametrize(
    "text", ["x\n", "{}\n", '{"line": 1, "digest": ""}\n', "[]\n", json.dumps({"head": HEAD}) + "\n", "\n"]
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"resume: got .*; expected a file of rows"), RowFile(path, HEAD):
        pass
    assert path.read_text(encoding="utf-8") == text


def test_a_file_that_is_of_more_is_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with RowFile(path, {**HEAD, "what": "gap"}) as file:
        file.add({0: {"value": 1}})
    with pytest.raises(ValueError, match=r"expected a file of the same what$"), RowFile(path, HEAD):
        pass


def test_rows_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path, r0=1)
    with pytest.raises(ValueError, match="expected a file of the same digits"):  # noqa: SIM117
        with RowFile(path, HEAD | {"digits": "6.0"}):
            pass
    written(path, r1=1)  # the lock was given back


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with RowFile(path, HEAD), pytest.raises(ValueError, match="that no other run is writing"):
        written(path, r0=1)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        written(tmp_path, r0=1)
    with pytest.raises(TypeError, match="resume: got 3 of type int"):
        RowFile(3, HEAD)


@pytest.mark.parametrize("kept", [12, 40, -2])
def test_a_run_that_was_stopped_in_its_first_line_begins_anew(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "rows.jsonl"
    written(path)
    path.write_bytes(path.read_bytes()[:kept])
    assert values(path) == {}
    written(path, r1="one")
    assert values(path) == {1: "one"}


def test_a_first_line_without_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    written(path)
    path.write_bytes(path.read_bytes()[:-1])
    written(path, r1="one")
    assert values(path) == {1: "one"}
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


FULL = """
import resource, signal, sys
from elboproof.running.row_file import RowFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that may not grow: an error, as of a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    with RowFile(sys.argv[1], {"model": "a", "digits": "5.0"}) as file:
        for n in range(100):
            file.add({n: {"value": n}})
except OSError as error:
    print(n)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
with RowFile(sys.argv[1], {"model": "a", "digits": "5.0"}) as file:
    print(len(file.rows))
    file.add({n: {"value": n}})
    print(len(file.rows))
"""


def test_a_full_disk_is_an_error_and_the_file_can_be_gone_on_with(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FULL, str(tmp_path / "rows.jsonl")]
    run = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    failed, kept, after = map(int, run.stdout.split())
    assert 0 < failed == kept < 100
    assert after == kept + 1
    assert len(values(tmp_path / "rows.jsonl")) == after

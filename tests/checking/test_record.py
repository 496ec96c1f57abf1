import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof.checking import record_place
from elboproof.checking.collect import UsageError, collect
from elboproof.checking.finding import Finding
from elboproof.checking.record import Record, header
from elboproof.checking.seal import file_edits

Write = Callable[..., Path]
Source = Callable[..., str]
Make = Callable[..., Finding]


def opened(folder: Path, directory: Path, *, resume: bool, seed: int = 0) -> Record:
    collection = collect(directory)
    return Record(folder, header(collection, version="1", seed=seed), collection, resume=resume)


def test_a_finding_is_on_disk_at_once_and_read_back(
    tmp_path: Path, write_claim: Write, finding: Make
) -> None:
    directory, folder = write_claim(), tmp_path / "record"
    with opened(folder, directory, resume=False) as record:
        record.append(finding())
        lines = record.path.read_text().splitlines()
        assert json.loads(lines[0])["seed"] == 0
        assert Finding.from_json(json.loads(lines[1])) == finding()
    with opened(folder, directory, resume=True) as record:
        assert record.findings == {finding().id: finding()}
    with opened(folder, directory, resume=False) as record:
        assert record.findings == {}
        assert len(record.path.read_text().splitlines()) == 1


def test_a_finding_survives_a_power_cut(
    tmp_path: Path, write_claim: Write, finding: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    with opened(tmp_path / "record", write_claim(), resume=False) as record:
        monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
        record.append(finding())
        assert synced == [record.path.stat().st_size]  # after the flush: the whole line was there


def test_a_truncated_last_line_is_ignored_at_every_byte(
    tmp_path: Path, write_claim: Write, finding: Make
) -> None:
    directory, folder = write_claim(), tmp_path / "record"
    with opened(folder, directory, resume=False) as record:
        path = record.path
        record.append(finding(check="gone"))
        before = path.stat().st_size
        record.append(finding())
    whole = path.read_bytes()
    for cut in (before, before + 1, before + 100, len(whole) - 2):
        path.write_bytes(whole[:cut])
        with opened(folder, directory, resume=True) as record:
            assert record.findings == {}  # the check "gone" exists no more
            record.append(finding())
        with opened(folder, directory, resume=True) as record:
            assert list(record.findings) == [finding().id]


def test_another_seed_is_an_error_naming_both(tmp_path: Path, write_claim: Write) -> None:
    directory = write_claim()
    opened(tmp_path / "r", directory, resume=False, seed=3).__exit__(None, None, None)
    with pytest.raises(UsageError, match="made with seed 3, this run has seed 4; give --seed 3"):
        opened(tmp_path / "r", directory, resume=True, seed=4)
    opened(tmp_path / "r", directory, resume=True, seed=3).__exit__(None, None, None)


def test_a_claim_that_changed_is_run_again(tmp_path: Path, write_claim: Write, finding: Make) -> None:
    write_claim(label="second-claim")
    directory = write_claim()
    with opened(tmp_path / "r", directory, resume=False) as record:
        record.append(finding())
        record.append(finding(claim="second-claim"))
    with (directory / "first_claim.py").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    with opened(tmp_path / "r", directory, resume=True) as record:
        assert list(record.findings) == ["second-claim/S1/sum_is_four"]
        assert record.notes == ["the sources of first-claim changed: its checks run again"]


def test_a_shared_helper_belongs_to_every_claim(tmp_path: Path, write_claim: Write, finding: Make) -> None:
    directory = write_claim()
    with opened(tmp_path / "r", directory, resume=False) as record:
        record.append(finding())
    (directory / "_shared.py").write_text("", encoding="utf-8")
    with opened(tmp_path / "r", directory, resume=True) as record:
        assert record.findings == {}


def test_another_library_or_budget_runs_again(tmp_path: Path, write_claim: Write, finding: Make) -> None:
    directory = write_claim()
    collection = collect(directory)
    head = header(collection, version="1", seed=0)
    with Record(tmp_path / "r", head, collection, resume=False) as record:
        record.append(finding(method="statistical"))
    with Record(tmp_path / "r", head | {"false_alarm": 1e-9}, collection, resume=True) as record:
        assert record.findings == {}
        assert "the number of statistical tests changed" in record.notes[0]
    with Record(tmp_path / "r", head, collection, resume=False) as record:
        record.append(finding())
    with Record(tmp_path / "r", head | {"library": "x"}, collection, resume=True) as record:
        assert record.findings == {}
        assert "elboproof itself changed" in record.notes[0]


@pytest.mark.parametrize("text", ["", "{}\n", "nonsense\n", '{"schema": 99, "claims": {}, "seed": 0}\n'])
def test_a_file_that_is_no_record_is_an_error(text: str, tmp_path: Path, write_claim: Write) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "run.jsonl").write_text(text)
    with pytest.raises(UsageError, match="is no record of a run"):
        opened(folder, write_claim(), resume=True)
    opened(folder, write_claim(), resume=False).__exit__(None, None, None)  # the lock was given back


def in_another_process(folder: Path, directory: Path, *, resume: bool) -> "subprocess.CompletedProcess[str]":
    code = (
        "from pathlib import Path\nfrom elboproof.checking.record import Record, header\n"
        "from elboproof.checking.collect import collect\n"
        f"c = collect(Path({str(directory)!r}))\n"
        f"r = Record(Path({str(folder)!r}), header(c, version='1', seed=0), c, resume={resume})\n"
        "print(r.path.name, *r.notes)"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603


def test_two_runs_in_one_folder_write_to_two_files(tmp_path: Path, write_claim: Write, finding: Make) -> None:
    directory = write_claim()
    with opened(tmp_path / "r", directory, resume=False) as record:
        record.append(finding())
        other = in_another_process(tmp_path / "r", directory, resume=False)
        assert other.stdout.startswith(f"run-2.jsonl another run (process {os.getpid()}) writes to"), other
        refused = in_another_process(tmp_path / "r", directory, resume=True)
        record.append(finding())
    assert refused.returncode == 1
    assert f"--resume: another run (process {os.getpid()}) is writing to" in refused.stderr
    assert len((tmp_path / "r" / "run.jsonl").read_text().splitlines()) == 3


def test_a_small_run_leaves_the_record_of_a_long_one(
    tmp_path: Path, write_claim: Write, finding: Make
) -> None:
    write_claim(label="second-claim")
    directory, folder = write_claim(), tmp_path / "r"
    collection = collect(directory)
    head = header(collection, version="1", seed=0)
    first, second = finding(), finding(claim="second-claim")
    with Record(folder, head, collection, resume=False) as long:
        long.append(first)
        long.append(second)
    for _ in range(2):  # the second small run takes the file of the first
        with Record(folder, head, collection, resume=False, checks={first.id}) as small:
            small.append(first)
            assert small.path.name == "run-2.jsonl"
    with opened(
        folder, directory, resume=False, seed=4
    ) as other_seed:  # of as many checks: it takes the first file
        assert other_seed.path.name == "run.jsonl"
    with Record(folder, head, collection, resume=True) as rest:
        assert set(rest.findings) == {first.id}


def test_resume_joins_what_several_runs_found(tmp_path: Path, write_claim: Write, finding: Make) -> None:
    write_claim(label="second-claim")
    directory, folder = write_claim(), tmp_path / "r"
    collection = collect(directory)
    head = header(collection, version="1", seed=0)
    first, second = finding(), finding(claim="second-claim")
    for one in (first, second):
        with Record(folder, head, collection, resume=False, checks={one.id}) as record:
            record.append(one)
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["run-2.jsonl", "run.jsonl"]
    with Record(folder, head, collection, resume=True) as joined:
        assert joined.findings == {first.id: first, second.id: second}
        content = joined.document(list(joined.lines.values()))
        assert list(file_edits(content)) == []  # the seals fit the environments at their new places
    assert [path.name for path in folder.glob("*.jsonl")] == ["run.jsonl"]
    with Record(folder, head, collection, resume=True) as again:
        assert again.findings == joined.findings


def test_a_folder_full_of_records_gives_up_the_smallest(
    tmp_path: Path, write_claim: Write, finding: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_place, "MOST", 3)
    for label in ("b-claim", "c-claim", "d-claim"):
        write_claim(label=label)
    directory, folder = write_claim(label="a-claim"), tmp_path / "r"
    collection = collect(directory)
    head = header(collection, version="1", seed=0)

    def run(*claims: str) -> str:
        made = [finding(claim=claim) for claim in claims]
        with Record(folder, head, collection, resume=False, checks={one.id for one in made}) as record:
            for one in made:
                record.append(one)
            return record.path.name

    names = [run("a-claim"), run("b-claim", "c-claim"), run("c-claim"), run("d-claim")]
    assert names == ["run.jsonl", "run-2.jsonl", "run-3.jsonl", "run-3.jsonl"]  # never the first


def test_kill_9_in_the_middle_then_resume_loses_and_repeats_nothing(
    tmp_path: Path, write_claim: Write, source: Source
) -> None:
    log = tmp_path / "log"
    body = "".join(
        source(
            f"if not k: open({str(log)!r}, 'a').write('check_{i} ')\ntime.sleep(0.15)\nreturn equal(k, 0, 0)",
            name=f"check_{i}",
        )
        for i in range(14)
    )
    write_claim(body)
    command = [sys.executable, "-m", "elboproof.cli", "verify", "--workers", "2"]
    first = subprocess.Popen(  # noqa: S603
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, start_new_session=True
    )
    record = tmp_path / ".elboproof" / "run.jsonl"
    deadline = time.monotonic() + 30
    while not (record.exists() and len(record.read_text().splitlines()) >= 5) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(1.0)  # the children notice the death and end; a check that still wrote would show as repeated
    recorded = {
        json.loads(line)["check"] for line in record.read_text().splitlines()[1:] if line.endswith("}")
    }
    started = set(log.read_text().split())
    assert 4 <= len(recorded) < 14
    assert recorded <= started
    assert len(started - recorded) <= 2  # in flight
    second = subprocess.run(  # noqa: S603
        [*command, "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stdout + second.stderr
    runs = log.read_text().split()
    counts = {f"check_{i}": runs.count(f"check_{i}") for i in range(14)}
    assert all(counts[name] == 1 for name in counts if name in recorded or name not in started)
    assert all(counts[name] == 2 for name in started - recorded)
    assert "14 of 14 checks hold" in second.stdout
    assert f"{len(recorded)} checks already in" in second.stdout


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, write_claim: Write) -> None:
    directory, folder = write_claim(), tmp_path / "record"
    folder.write_text("a file")
    with pytest.raises(
        UsageError, match=r"the record of the run: got .*File exists.* expected a folder to write to"
    ):
        opened(folder, directory, resume=False)
    folder.unlink()
    (folder / "run.jsonl").mkdir(parents=True)
    for resume in (False, True):
        with pytest.raises(UsageError, match=r"the record of the run: got .*Is a directory"):
            opened(folder, directory, resume=resume)

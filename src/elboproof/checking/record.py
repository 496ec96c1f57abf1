"""The record file of a run: one finding per line, safe on disk before the next one is awaited."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elboproof.checking.collect import Collection, UsageError
from elboproof.checking.finding import SCHEMA, Finding
from elboproof.checking.sources import library_digest

FOLDER = Path(".elboproof")
FILE = "run.jsonl"


def header(collection: Collection, *, version: str, seed: int) -> dict[str, Any]:
    """Return the first line of a record: all that decides whether a finding is still valid."""
    return {
        "schema": SCHEMA,
        "version": version,
        "seed": seed,
        "false_alarm": collection.false_alarm,
        "library": library_digest(),
        "claims": {module.claim.label: module.digest for module in collection.claims},
    }


class Record:
    """The open record file of a run; a context manager.

    Parameters
    ----------
    folder
        Where the file ``run.jsonl`` lies; made if needed.
    head
        From `header`.
    collection
        The checks there are now.
    resume
        Keep the valid findings of the file instead of starting a fresh one.

    Attributes
    ----------
    findings : dict
        Valid findings by check, those kept from an earlier run included.
    notes : list of str
        What of the earlier run is not kept, and why.

    Raises
    ------
    UsageError
        If another run writes to the folder, it cannot be written to, or the earlier run had another seed.
    """

    def __init__(self, folder: Path, head: dict[str, Any], collection: Collection, *, resume: bool) -> None:
        self.path = folder / FILE
        self.findings: dict[str, Finding] = {}
        self.notes: list[str] = []
        with _writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
        try:
            with _writable(folder):
                if resume and self.path.exists():
                    self._keep(head, {check.id for check in collection.checks})
                self._file = _start(self.path, [head, *(f.to_json() for f in self.findings.values())])
        except BaseException:
            self._lock.close()
            raise

    def _keep(self, head: dict[str, Any], known: set[str]) -> None:
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        before = _head(lines, self.path)
        if before["seed"] != head["seed"]:
            raise UsageError(
                f"--resume: the record {self.path} was made with seed {before['seed']}, this run has seed "
                f"{head['seed']}; give --seed {before['seed']}, or start anew without --resume"
            )
        if before.get("library") != head["library"]:
            self.notes.append("elboproof itself changed since the record was made: every check runs again")
            return
        findings = {f.id: f for f in _readable(lines[1:]) if f.id in known}
        changed = {c for c, digest in head["claims"].items() if before["claims"].get(c) != digest}
        self.notes += [f"the sources of {c} changed: its checks run again" for c in sorted(changed)]
        keep = {i: f for i, f in findings.items() if f.claim not in changed}
        if before.get("false_alarm") != head["false_alarm"]:
            self.notes.append("the number of statistical tests changed: all of them run again")
            keep = {i: f for i, f in keep.items() if f.method != "statistical"}
        self.findings = keep

    def append(self, finding: Finding) -> None:
        """Write a finding and wait until it is on disk."""
        self.findings[finding.id] = finding
        self._file.write(_line(finding.to_json()))
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._lock.close()


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the record of the run: got {error} in the folder {str(folder)!r}; expected a folder to write to"
        ) from error


def _locked(path: Path) -> Any:
    """Return the open lock file. The system frees the lock when its process ends, however it ends."""
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise UsageError(
            f"another run (process {owner}) is writing to {path.parent}; wait for it, or use another folder"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _start(path: Path, records: list[dict[str, Any]]) -> Any:
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.writelines(_line(record) for record in records)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return path.open("a", encoding="utf-8")


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, allow_nan=False, ensure_ascii=True) + "\n"


def _head(lines: list[str], path: Path) -> dict[str, Any]:
    try:
        head = json.loads(lines[0])
        if head["schema"] == SCHEMA and isinstance(head["claims"], dict) and "seed" in head:
            return dict(head)
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        pass
    raise UsageError(f"--resume: {path} is no record of a run; start anew without --resume")


def _readable(lines: list[str]) -> Iterator[Finding]:
    """Yield the findings of all complete lines; a run that was killed leaves half a line at the end."""
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            yield Finding.from_json(json.loads(line))

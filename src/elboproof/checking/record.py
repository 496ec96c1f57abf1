"""The record file of a run: one finding per line, safe on disk before the next one is awaited.

Each line has its digest, see `elboproof.checking.seal`: a record that was edited is not gone on with.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from elboproof.checking.collect import Collection, UsageError
from elboproof.checking.environment import environment, now
from elboproof.checking.finding import SCHEMA, SEAL, Finding
from elboproof.checking.seal import bound, edits, has_its_digest, sealed, sealed_document, with_digest
from elboproof.checking.sources import library_digest

FOLDER = Path(".elboproof")
FILE = "run.jsonl"


def header(collection: Collection, *, version: str, seed: int) -> dict[str, Any]:
    """Return the first line of a record: all that decides whether a finding is still valid."""
    collection.freeze_code()
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
    earlier
        Environments of other findings that the document of this run will have.

    Attributes
    ----------
    findings : dict
        Valid findings by check, those kept from an earlier run included.
    notes : list of str
        What of the earlier run is not kept, and why.
    environments : list of dict
        In what the findings were made, this run's last.
    lines : dict
        The findings as JSON with their seals, by check.

    Raises
    ------
    UsageError
        If another run writes to the folder, it cannot be written to, the earlier run had another seed, or its
        record was edited.
    """

    def __init__(
        self,
        folder: Path,
        head: dict[str, Any],
        collection: Collection,
        *,
        resume: bool,
        earlier: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.path = folder / FILE
        self.findings: dict[str, Finding] = {}
        self.lines: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.environments = list(earlier)
        self._collection, self._head = collection, head
        self._checks = {check.id: check for check in collection.checks}
        # The lock comes first: reading a record that another run still writes to would see half of it. The new file
        # replaces the old one only when it is whole, so that a crash here loses nothing.
        with _writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
        try:
            with _writable(folder):
                if resume and self.path.exists():
                    self._keep(head)
                self.environments.append(with_digest(self._environment({})))
                first = with_digest({**head, "environment": self.environments})
                self._file = _start(self.path, [first, *self.lines.values()])
        except BaseException:
            self._lock.release()
            raise

    def _environment(self, modules: dict[str, str]) -> dict[str, Any]:
        fields = {name: self._head[name] for name in ("version", "seed", "false_alarm")}
        return environment(self._collection.directory, **fields, modules=modules)

    def _keep(self, head: dict[str, Any]) -> None:
        # Kept is only what would be found again: same seed, same library, same sources, same share of the false
        # alarms. The environments are kept as they were, because old findings were made in them.
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        before = _head(lines, self.path)
        if before["seed"] != head["seed"]:
            raise UsageError(
                f"--resume: the record {self.path} was made with seed {before['seed']}, this run has seed "
                f"{head['seed']}; give --seed {before['seed']}, or start anew without --resume"
            )
        if before.get("library") != head["library"]:
            self.notes.append("elboproof itself changed since the record was made: every check runs again")
            return
        self.environments = before["environment"]
        recorded = list(_readable(lines, self.environments, self.path))
        findings = {f.id: f for f, _ in recorded if f.id in self._checks}
        changed = {c for c, digest in head["claims"].items() if before["claims"].get(c) != digest}
        self.notes += [f"the sources of {c} changed: its checks run again" for c in sorted(changed)]
        keep = {i: f for i, f in findings.items() if f.claim not in changed}
        if before.get("false_alarm") != head["false_alarm"]:
            self.notes.append("the number of statistical tests changed: all of them run again")
            keep = {i: f for i, f in keep.items() if f.method != "statistical"}
        self.findings = keep
        self.lines = {f.id: line for f, line in recorded if f.id in keep}

    def append(self, finding: Finding) -> None:
        """Write a finding and wait until it is on disk."""
        self.findings[finding.id] = finding
        self.lines[finding.id] = self.sealed(finding)
        self._file.write(_line(self.lines[finding.id]))
        self._file.flush()
        os.fsync(self._file.fileno())

    def sealed(self, finding: Finding) -> dict[str, Any]:
        """Return a finding of this run as JSON with its seal."""
        code = self._collection.code_of(self._checks[finding.id]) if finding.id in self._checks else {}
        return sealed(finding.to_json(), code, self.environments, now())

    def document(self, findings: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the JSON document of sealed findings, with the digests of all modules they rest on."""
        # Environments that no finding uses any more are left out, and the seals made anew for their new
        # places: the digests cover the place.
        modules = self._collection.modules()
        mine = len(self.environments) - 1
        whole = [one if one["modules"] else {**one, "modules": modules} for one in self.environments]
        used = sorted({finding[SEAL]["environment"] for finding in findings} | {mine})
        environments = [with_digest({k: v for k, v in whole[i].items() if k != "digest"}) for i in used]
        moved = [
            {**finding, SEAL: {**finding[SEAL], "environment": used.index(finding[SEAL]["environment"])}}
            for finding in findings
        ]
        return sealed_document(
            [bound(finding, environments) for finding in moved],
            environments,
            version=self._head["version"],
            seed=self._head["seed"],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._lock.release()


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the record of the run: got {error} in the folder {str(folder)!r}; expected a folder to write to"
        ) from error


def _locked(folder: Path) -> FileLock:
    """Return the lock of a folder, taken. The system frees it when its process ends, however it ends."""
    lock, owner = FileLock(folder / "lock"), folder / "owner"
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        who = owner.read_text(encoding="utf-8") if owner.exists() else "unknown"
        raise UsageError(
            f"another run (process {who}) is writing to {folder}; wait for it, or use another folder"
        ) from error
    owner.write_text(str(os.getpid()), encoding="utf-8")
    return lock


def _start(path: Path, records: list[dict[str, Any]]) -> Any:
    # A crash leaves the old file or the new one, never a half of either.
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
        known = head["schema"] == SCHEMA and isinstance(head["claims"], dict) and "seed" in head
        whole = known and all(has_its_digest(one) for one in (head, *head["environment"]))
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        known = whole = False
    if not known:
        raise UsageError(f"--resume: {path} is no record of a run; start anew without --resume")
    if not whole:
        raise _edited(path, 1)
    return dict(head)


def _readable(
    lines: list[str], environments: Sequence[dict[str, Any]], path: Path
) -> Iterator[tuple[Finding, dict[str, Any]]]:
    """Yield the findings of all complete lines; a run that was killed leaves half a line at the end."""
    for number, line in enumerate(lines[1:], start=2):
        try:
            record = json.loads(line)
            finding = Finding.from_json(record)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if line.endswith("\n"):
                raise _edited(path, number) from error
            return
        if any(edits(record, environments)):
            raise _edited(path, number)
        yield finding, record


def _edited(path: Path, line: int) -> UsageError:
    return UsageError(
        f"--resume: line {line} of {path} is not what a run wrote there; start anew without --resume"
    )

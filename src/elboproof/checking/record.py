"""The record file of a run: one finding per line, safe on disk before the next one is awaited.

Each line has its digest, see `elboproof.checking.seal`: a record that was edited is not gone on with.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elboproof.checking.collect import Collection, UsageError
from elboproof.checking.environment import environment, now
from elboproof.checking.finding import SCHEMA, SEAL, Finding
from elboproof.checking.record_place import Loses, Place, others, place_for, record_files, remove_copied
from elboproof.checking.record_reading import Recorded, made, read_record
from elboproof.checking.seal import DIGEST, bound, sealed, sealed_document, with_digest
from elboproof.checking.sources import library_digest
from elboproof.files import Growing, replace

FOLDER = Path(".elboproof")
FILE = "run.jsonl"
"""The first file, which the only run of a folder writes."""


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
        Where the record files lie, see `elboproof.checking.record_place`; made if needed.
    head
        From `header`.
    collection
        The checks there are now.
    resume
        Keep the valid findings of all files instead of starting afresh.
    earlier
        Environments of other findings that the document of this run will have.
    checks
        Names of the checks that this run makes; all of the collection if not given. Files with findings of
        others are left alone.

    Attributes
    ----------
    path : Path
        The file that is written.
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
        If the folder cannot be written to; with ``resume`` also if another run still goes on there, the earlier
        ones had another seed, or a record was edited.
    """

    def __init__(
        self,
        folder: Path,
        head: dict[str, Any],
        collection: Collection,
        *,
        resume: bool,
        earlier: Sequence[dict[str, Any]] = (),
        checks: Set[str] | None = None,
    ) -> None:
        self.findings: dict[str, Finding] = {}
        self.lines: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.environments = list(earlier)
        self._collection, self._head = collection, head
        self._checks = {check.id: check for check in collection.checks}
        with _writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            busy = list(others(folder))
            if resume:
                _require_none(busy)
                self._keep(head, [read_record(path) for path in record_files(folder)])
            # The new file replaces the old one only when it is whole, so that a crash here loses nothing.
            ids = self.findings.keys() | (self._checks.keys() if checks is None else checks)
            self._place = _free_place(folder, self._loses(ids))
        self.path = self._place.path
        self.notes += [
            f"another run (process {who}) writes to {path}; this one to {self.path}" for path, who in busy
        ]
        try:
            with _writable(folder):
                self.environments.append(with_digest(self._environment({})))
                first = with_digest({**head, "environment": self.environments})
                self._file = _start(self.path, [first, *self.lines.values()])
                remove_copied(folder, self._place, self._loses(self.findings.keys()))
        except BaseException:
            self._place.lock.release()
            raise

    def _loses(self, kept: Set[str]) -> Loses:
        # A check that its claim has no more is no loss; claims that are not known here may be those of other folders.
        claims = {check.claim for check in self._checks.values()}

        def loses(found: Set[str]) -> int:
            return sum(
                name not in kept and (name in self._checks or name.partition("/")[0] not in claims)
                for name in found
            )

        return loses

    def _environment(self, modules: dict[str, str]) -> dict[str, Any]:
        fields = {name: self._head[name] for name in ("version", "seed", "false_alarm")}
        return environment(self._collection.directory, **fields, modules=modules)

    def _keep(self, head: dict[str, Any], records: Sequence[Recorded]) -> None:
        # Kept is only what would be found again: same seed, same library, same sources, same share of the false
        # alarms. The environments are kept as they were, because old findings were made in them.
        same_seed = [one for one in records if one.head["seed"] == head["seed"]]
        if records and not same_seed:
            raise _other_seed(records[0], head["seed"])
        same_library = [one for one in same_seed if one.head.get("library") == head["library"]]
        if same_seed and not same_library:
            self.notes.append("elboproof itself changed since the record was made: every check runs again")
        # Of several records one may still have what another lost.
        lost = {pair for one in same_library for pair in self._keep_of(one, head)}
        self.notes += sorted({reason for check, reason in lost if check not in self.findings})

    def _keep_of(self, record: Recorded, head: dict[str, Any]) -> set[tuple[str, str]]:
        """Take over the valid findings of a record; return the checks of others with the reason."""
        changed = {c for c, digest in head["claims"].items() if record.head["claims"].get(c) != digest}
        other_share = record.head.get("false_alarm") != head["false_alarm"]
        places = self._adopted(record.head["environment"])
        lost = set()
        for finding, line in record.entries:
            if finding.id not in self._checks:
                continue
            if finding.claim in changed:
                lost.add((finding.id, f"the sources of {finding.claim} changed: its checks run again"))
            elif other_share and finding.method == "statistical":
                lost.add((finding.id, "the number of statistical tests changed: all of them run again"))
            elif finding.id not in self.lines or made(line) >= made(self.lines[finding.id]):
                self.findings[finding.id] = finding
                self.lines[finding.id] = _moved(line, places, self.environments)
        return lost

    def _adopted(self, environments: Sequence[dict[str, Any]]) -> list[int]:
        """Return the places of a record's environments among this one's, to which missing ones are added."""
        known = {one[DIGEST]: place for place, one in enumerate(self.environments)}
        for one in environments:
            if one[DIGEST] not in known:
                known[one[DIGEST]] = len(self.environments)
                self.environments.append(one)
        return [known[one[DIGEST]] for one in environments]

    def append(self, finding: Finding) -> None:
        """Write a finding and wait until it is on disk; raises `NotWrittenError` if the system refuses."""
        line = self.sealed(finding)
        self._file.add(_line(line))
        self.findings[finding.id], self.lines[finding.id] = finding, line

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
        places = {old: new for new, old in enumerate(used)}
        return sealed_document(
            [_moved(finding, places, environments) for finding in findings],
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
        self._place.lock.release()


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the record of the run: got {error} in the folder {str(folder)!r}; expected a folder to write to"
        ) from error


def _require_none(busy: Sequence[tuple[Path, str]]) -> None:
    # Half of what runs elsewhere would be run a second time here, and nobody wants that who goes on with a run.
    for path, who in busy:
        raise UsageError(
            f"--resume: another run (process {who}) is writing to {path}; wait for its end, or leave out --resume"
        )


def _free_place(folder: Path, loses: Loses) -> Place:
    try:
        return place_for(folder, loses)
    except RuntimeError as error:
        raise UsageError(f"{error}; wait for one of them, or use another folder") from error


def _other_seed(record: Recorded, seed: int) -> UsageError:
    before = record.head["seed"]
    return UsageError(
        f"--resume: the record {record.path} was made with seed {before}, this run has seed {seed}; give "
        f"--seed {before}, or start anew without --resume"
    )


def _moved(
    finding: dict[str, Any], places: Mapping[int, int] | Sequence[int], environments: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return a sealed finding whose environment stands at another place."""
    seal = finding[SEAL]
    return bound({**finding, SEAL: {**seal, "environment": places[seal["environment"]]}}, environments)


def _start(path: Path, records: list[dict[str, Any]]) -> Growing:
    # A crash leaves the old file or the new one, never a half of either.
    replace(path, lambda file: file.writelines(_line(record) for record in records))
    return Growing(path)


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, allow_nan=False, ensure_ascii=True) + "\n").encode()

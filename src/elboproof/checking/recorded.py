"""What is known of each check from runs before this one: its newest finding, and how long it took.

Read from the record files and from JSON documents. A file that cannot be read tells nothing: this is for what is shown
and for the order of checks, never for a verdict.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elboproof.checking.collect import UsageError
from elboproof.checking.document import read_document
from elboproof.checking.finding import SEAL, Finding
from elboproof.checking.record_place import record_files
from elboproof.checking.record_reading import made, read_record
from elboproof.checking.seal import edits

LOST = ("timeout", "killed")
"""How checks end whose seconds tell nothing about the next run."""


@dataclass(frozen=True)
class Known:
    """A finding of an earlier run.

    Attributes
    ----------
    finding, line
        As an object, and as JSON with its seal.
    environment
        In what it was made.
    source
        The file.
    """

    finding: Finding
    line: Mapping[str, Any]
    environment: Mapping[str, Any]
    source: Path

    @property
    def seal(self) -> Mapping[str, Any]:
        """Return when and from which code it was made."""
        seal: Mapping[str, Any] = self.line[SEAL]
        return seal

    @property
    def whole(self) -> bool:
        """Return whether it is what a run wrote, not edited afterwards."""
        return not any(edits(self.line, {self.seal["environment"]: self.environment}))

    @property
    def made(self) -> str:
        """Return when it was made, in UTC."""
        return made(dict(self.line))


def known_findings(folder: Path, documents: Iterable[Path] = ()) -> dict[str, Known]:
    """Return the newest finding of each check, by name, from a folder of records and from JSON documents."""
    newest: dict[str, Known] = {}
    for one in [*_of_records(folder), *_of_documents(documents)]:
        before = newest.get(one.finding.id)
        if before is None or one.made >= before.made:
            newest[one.finding.id] = one
    return newest


def _of_records(folder: Path) -> Iterator[Known]:
    for path in record_files(folder):
        with contextlib.suppress(UsageError, OSError):
            record = read_record(path)
            environments = record.head["environment"]
            for finding, line in record.entries:
                yield Known(finding, line, environments[line[SEAL]["environment"]], path)


def _of_documents(documents: Iterable[Path]) -> Iterator[Known]:
    for path in dict.fromkeys(documents):
        if not path.is_file():
            continue
        with contextlib.suppress(UsageError, KeyError, IndexError, TypeError):
            content, findings = read_document(path)
            for finding, line in zip(findings, content["findings"], strict=True):
                yield Known(finding, line, content["environment"][line[SEAL]["environment"]], path)


def recorded_seconds(known: Mapping[str, Known]) -> dict[str, float]:
    """Return how long each check took, of those that came to an end."""
    return {name: one.finding.seconds for name, one in known.items() if one.finding.status not in LOST}

"""How the record file of a run is read: a first line that says of which code it is, then one finding per line."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elboproof.checking.collect import UsageError
from elboproof.checking.finding import SCHEMA, SEAL, Finding
from elboproof.checking.seal import edits, has_its_digest


@dataclass(frozen=True)
class Recorded:
    """What a record file holds: its first line, and each finding with its JSON line."""

    path: Path
    head: dict[str, Any]
    entries: tuple[tuple[Finding, dict[str, Any]], ...]


def read_record(path: Path) -> Recorded:
    """Return what a record file holds; half a line at its end is left out.

    Raises
    ------
    UsageError
        If it is no record, or one that was edited.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    head = _head(lines, path)
    return Recorded(path, head, tuple(_readable(lines, head["environment"], path)))


def checks_in(path: Path) -> frozenset[str]:
    """Return the names of the checks whose findings a file has, whatever they are worth; none if it is no record."""
    found = set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        try:
            record = json.loads(line)
            found.add(f"{record['claim']}/{record['statement']}/{record['check']}")
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return frozenset(found)


def made(line: dict[str, Any]) -> str:
    """Return when a sealed finding was made; such dates are in UTC and compare as texts."""
    return str(line[SEAL]["made"])


def _head(lines: list[str], path: Path) -> dict[str, Any]:
    try:
        head = json.loads(lines[0])
        known = head["schema"] == SCHEMA and isinstance(head["claims"], dict) and "seed" in head
        whole = known and all(has_its_digest(one) for one in (head, *head["environment"]))
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        known = whole = False
    if not known:
        raise UsageError(f"--resume: {path} is no record of a run; delete it, or start anew without --resume")
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
        f"--resume: line {line} of {path} is not what a run wrote there; delete the file, or start anew without "
        "--resume"
    )

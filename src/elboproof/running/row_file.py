"""A file of rows, one JSON object a line: safe on disk before the next row is begun, and gone on with after any stop.

The first line says what the rows are of. A line that was not written to its end, or that was changed since, has not
the digest that it should have, and is left out: its row is computed again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elboproof.arguments import bad, file_path
from elboproof.files import Growing, taken

MARK = b'{"digest": "'
"""How every line begins."""


class RowFile:
    """An open file of rows; a context manager, which one process at a time can enter.

    Parameters
    ----------
    path
        Made if it is not there.
    head
        What decides whether rows are still valid.
    question
        What the rows answer, where a file has answers to several questions; those to others stay as they are.

    Attributes
    ----------
    rows : dict
        Rows of that question by number, the last one of each.

    Raises
    ------
    ValueError
        If the file is of something else, or no such file, or another run has it open.
    OSError
        If it cannot be read.
    NotWrittenError
        If it cannot be written; a row is in the file whole or not at all.
    """

    def __init__(self, path: object, head: Mapping[str, Any], question: str = "") -> None:
        self.path: Path = file_path(path, "resume")
        self._head, self._question = dict(head), {"question": question} if question else {}
        self.rows: dict[int, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        lock = taken(self.path)
        if lock is None:
            raise bad("resume", str(self.path), "a file that no other run is writing")
        try:
            self._begin()
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self

    def _begin(self) -> None:
        if self.path.exists() and not (self.path.is_file() or self.path.is_dir()):
            raise bad("resume", str(self.path), "a file; a device or a pipe has no rows to go on with")
        text = self.path.read_bytes() if self.path.exists() else b""
        lines = text.split(b"\n")
        if self._is_broken_head(text):
            self.path.write_bytes(b"")
            text = b""
        if text:
            self._require_head(lines[0])
            for line in lines[1:]:
                row = _checked(line)
                if row is None or type(row.get("row")) is not int:
                    continue
                if _question(row) == _question(self._question):
                    self.rows[row["row"]] = row
        self._file = Growing(self.path)
        try:
            if not text:
                self._append({"head": self._head})
            elif lines[-1]:
                self._file.add(b"\n")  # ends the line that was not written to its end
        except BaseException:
            self._file.close()
            raise

    def _is_broken_head(self, text: bytes) -> bool:
        """Whether a run with the same head was stopped while it wrote that: nothing is lost with it."""
        return (
            text.startswith(MARK)
            and text != (head := _sealed({"head": self._head}))
            and head.startswith(text)
        )

    def _require_head(self, line: bytes) -> None:
        found = _checked(line)
        if found is None or "head" not in found:
            raise bad("resume", str(self.path), "a file of rows, or one that does not exist")
        there = found["head"]
        differing = [name for name in {**self._head, **there} if there.get(name) != self._head.get(name)]
        if differing:
            raise bad("resume", str(self.path), f"a file of the same {' and '.join(differing)}")

    def add(self, rows: Mapping[int, Mapping[str, Any]]) -> None:
        """Write rows by number, and return when they are on the disk."""
        added = {number: {"row": number, **self._question, **row} for number, row in rows.items()}
        self._append(*added.values())
        self.rows |= added

    def _append(self, *lines: Mapping[str, Any]) -> None:
        self._file.add(b"".join(_sealed(line) + b"\n" for line in lines))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()


def _question(row: Mapping[str, Any]) -> object:
    return row.get("question")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def _sealed(line: Mapping[str, Any]) -> bytes:
    text = json.dumps(line, sort_keys=True)
    return json.dumps({"line": line, "digest": _digest(text.encode())}, sort_keys=True).encode()


def _checked(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None for one that is not whole."""
    try:
        found = json.loads(line)
        content: dict[str, Any] = found["line"]
        whole = found["digest"] == _digest(json.dumps(content, sort_keys=True).encode())
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return content if whole and isinstance(content, dict) else None

"""In which file of the folder of records a run writes: one that no other run writes to, and whose loss costs nothing.

The files are ``run.jsonl``, ``run-2.jsonl``, ...: a run takes the first that has findings of its own checks only, so
that a run of one statement leaves the record of a long one alone, whether that one still goes on or was interrupted.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from elboproof.checking.record_reading import checks_in

MOST = 20
"""Files in a folder; after that the one with the fewest findings is taken, the first one never."""

Loses = Callable[[Set[str]], int]
"""Returns how many findings of a file would be missed, by the names of their checks."""


@dataclass(frozen=True)
class Place:
    """A file to write to, with its lock, which is taken."""

    path: Path
    lock: FileLock


def record_files(folder: Path) -> list[Path]:
    """Return the record files that there are."""
    return [path for k in range(1, MOST + 1) if (path := _file(folder, k)).exists()]


def place_for(folder: Path, loses: Loses) -> Place:
    """Return a file whose loss costs nothing, taken.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    RuntimeError
        If other runs write to all files.
    """
    losses: dict[int, int] = {}
    for k in range(1, MOST + 1):
        lock = _taken(folder, k)
        if lock is None:
            continue
        path = _file(folder, k)
        try:
            losses[k] = loses(checks_in(path)) if path.exists() else 0
        except BaseException:
            lock.release()
            raise
        if not losses[k]:
            return Place(path, lock)
        lock.release()
    for k in sorted(losses.keys() - {1}, key=lambda k: losses[k]):
        lock = _taken(folder, k)
        if lock is not None:
            return Place(_file(folder, k), lock)
    raise RuntimeError(f"{MOST} other runs are writing to {folder}")


def remove_copied(folder: Path, place: Place, loses: Loses) -> None:
    """Delete the other files whose loss costs nothing, because their findings were taken over."""
    for k in range(1, MOST + 1):
        path = _file(folder, k)
        if path == place.path or not path.exists():
            continue
        lock = _taken(folder, k)
        if lock is not None:
            if not loses(checks_in(path)):
                path.unlink(missing_ok=True)
            lock.release()


def others(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files to which runs write now, with the numbers of their processes."""
    for k in range(1, MOST + 1):
        if not _lock(folder, k).exists():
            continue
        lock = _taken(folder, k, sign=False)
        if lock is None:
            owner = _lock(folder, k).with_suffix(".owner")
            yield _file(folder, k), owner.read_text(encoding="utf-8") if owner.exists() else "unknown"
        else:
            lock.release()


def _file(folder: Path, k: int) -> Path:
    return folder / ("run.jsonl" if k == 1 else f"run-{k}.jsonl")


def _lock(folder: Path, k: int) -> Path:
    return folder / ("run.lock" if k == 1 else f"run-{k}.lock")


def _taken(folder: Path, k: int, *, sign: bool = True) -> FileLock | None:
    """Return the lock of a file, taken, or None. The system frees it when its process ends, however it ends."""
    lock = FileLock(_lock(folder, k))
    with contextlib.suppress(Timeout):
        lock.acquire(timeout=0)
        if sign:
            _lock(folder, k).with_suffix(".owner").write_text(str(os.getpid()), encoding="utf-8")
        return lock
    return None

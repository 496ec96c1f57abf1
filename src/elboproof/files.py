"""Files that a stop at any moment leaves whole: replaced at once, or grown by whole lines that are safe on the disk."""

import contextlib
import glob
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

NEW = ".new"
"""How a file ends that is to take the place of another."""
LEFT = 3600.0
"""Seconds after which such a file is no longer written by anyone, but left by a process that was killed."""
PUBLIC = 0o644
"""Rights of a new file: those of `tempfile` are for its owner alone."""


class NotWrittenError(OSError):
    """A file that the system did not let us write: the disk is full, the folder read-only, the device broken."""

    def __str__(self) -> str:
        return f"could not write {self.filename}: {self.strerror}"


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise what the system refuses as a `NotWrittenError` that names the file.

    Raises
    ------
    NotWrittenError
    """
    try:
        yield
    except NotWrittenError:
        raise
    except OSError as error:
        raise NotWrittenError(error.errno, error.strerror or str(error), str(path)) from error


def taken(path: Path) -> "FileLock | None":
    """Return the lock of a file, taken; None if another process holds it.

    The lock is a file beside, which stays there; the system frees it when its holder ends, however it ends.

    Raises
    ------
    NotWrittenError
        If no lock can be made there.
    """
    from filelock import FileLock, Timeout  # a tenth of a second, which `elboproof --help` has no use for

    lock = FileLock(f"{path}.lock")
    with writing(path):  # else the error would name the lock, which nobody asked for
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
    return lock


def replace(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Put what ``write`` writes in the place of a file, whole or not at all.

    What a link points to is replaced, not the link. A file that is there keeps its rights.

    Raises
    ------
    NotWrittenError
        If the system refuses; what was there is as it was.
    """
    with writing(path):
        place = path.resolve()
        _remove_left(place)
        # in the same folder, because a file is replaced at once only within one file system
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=NEW)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(place.stat().st_mode & 0o777 if place.exists() else PUBLIC)
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _flush_folder(place.parent)


def _remove_left(place: Path) -> None:
    for path in place.parent.glob(f".{glob.escape(place.name)}.*{NEW}"):
        with contextlib.suppress(OSError):  # whoever else removes it is welcome
            if time.time() - path.stat().st_mtime > LEFT:
                path.unlink()


def replace_content(path: Path, content: "bytes | memoryview") -> None:
    """Put bytes in the place of a file, whole or not at all; see `replace`."""
    replace(path, lambda file: file.write(content))


def replace_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, in UTF-8, whole or not at all; see `replace`."""
    replace_content(path, text.encode())


def _flush_folder(folder: Path) -> None:
    """Wait until a new name is on the disk; Windows opens no folders and keeps names by itself."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Growing:
    """An open file to whose end bytes are put, each time all of them or none.

    Parameters
    ----------
    path
        Made if it is not there.

    Raises
    ------
    NotWrittenError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with writing(path):
            self._file = path.open("ab", buffering=0)

    def add(self, content: bytes) -> None:
        """Put bytes to the end, and return when they are on the disk.

        Raises
        ------
        NotWrittenError
            If the system refuses; the file is as long as before.
        """
        # without a buffer: one would keep what a full disk did not take, and write it later, behind other lines
        with writing(self._path):
            end = self._file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(content)
                while rest:
                    rest = rest[self._file.write(rest) :]
                os.fsync(self._file.fileno())
            except OSError:
                with contextlib.suppress(OSError):  # half a line would be left out by who reads it
                    self._file.truncate(end)
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

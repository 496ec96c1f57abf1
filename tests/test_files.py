"""Files that are replaced at once or grown by whole lines, and what is said where that is refused."""

import errno
import os
import pickle
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest

from elboproof.files import Growing, NotWrittenError, replace, replace_text, taken, writing


def half(file: IO[bytes]) -> None:
    """Write a half, and find the disk full."""
    file.write(b"ha")
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    replace_text(file, "before")
    with pytest.raises(NotWrittenError, match=r"^could not write .*file: No space left on device$"):
        replace(file, half)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_rights_and_links_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    replace_text(file, "new")
    assert file.stat().st_mode & 0o777 == 0o644
    file.chmod(0o600)
    link.symlink_to(file)
    replace_text(link, "newer")
    assert (file.read_text(), link.is_symlink(), file.stat().st_mode & 0o777) == ("newer", True, 0o600)


def test_a_line_that_is_not_on_the_disk_is_taken_back(tmp_path: Path) -> None:
    with closing(Growing(tmp_path / "lines")) as file:
        file.add(b"first\n")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: half(BytesIO()))
            with pytest.raises(NotWrittenError, match="No space left"):
                file.add(b"second\n")
        assert (tmp_path / "lines").read_bytes() == b"first\n"
        file.add(b"third\n")
    assert (tmp_path / "lines").read_bytes() == b"first\nthird\n"


def test_a_lock_is_of_one_holder(tmp_path: Path) -> None:
    lock = taken(tmp_path / "file")
    assert lock is not None
    pid = os.fork()
    if pid == 0:
        os._exit(taken(tmp_path / "file") is None)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    lock.release()
    again = taken(tmp_path / "file")
    assert again is not None
    again.release()


def test_an_error_names_the_file_and_can_be_sent(tmp_path: Path) -> None:
    with pytest.raises(NotWrittenError) as caught, writing(tmp_path / "a"), writing(tmp_path / "b"):
        raise OSError(errno.EROFS, "Read-only file system", "c")
    assert str(caught.value) == f"could not write {tmp_path / 'b'}: Read-only file system"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own

"""Bugs seeded into what keeps files and rows: each is caught by a named test that the code itself passes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from elboproof import files
from elboproof.networks import checkpoints
from elboproof.running import batches, row_file
from elboproof.running.schedule import Schedule
from tests import test_files
from tests.running import test_deaths
from tests.seeding import CAUGHT, Bug, Check, Seeded, falsification


def _in_folder(test: Callable[[Path], None]) -> Check:
    def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            test(Path(folder))

    return check


def _changed_checkpoint() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.pt"
        checkpoints.write(path, {"request": {}, "step": 1})
        path.write_bytes(path.read_bytes().replace(b"step", b"stop"))
        with pytest.raises(ValueError, match=r"not changed since|whole"):
            checkpoints.read(path)


def _deep_row() -> None:
    assert row_file._checked(b'{"digest": ' + b"[" * 100_000) is None


TESTS: dict[str, Check] = {
    "what was there": _in_folder(test_files.test_a_writer_that_fails_leaves_what_was_there),
    "rights and links": _in_folder(test_files.test_rights_and_links_stay),
    "lines": _in_folder(test_files.test_a_line_that_is_not_on_the_disk_is_taken_back),
    "memory": test_deaths.test_a_row_that_fills_the_memory_of_this_process_takes_no_other_along,
    "blocks": test_deaths.test_rows_for_which_only_a_block_was_too_large_are_all_proved,
    "kept rows": _in_folder(test_deaths.test_a_lost_row_is_not_kept_and_tried_again),
    "changed checkpoint": _changed_checkpoint,
    "deep row": _deep_row,
}
IN_PLACE = "os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC), str(place)"
BUGS: dict[str, Bug] = {
    "files are written in place": Seeded(
        files,
        "replace",
        'tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=NEW)',
        IN_PLACE,
        "what was there",
    ),
    "links are replaced": Seeded(files, "replace", "path.resolve()", "path", "rights and links"),
    "half a line stays": Seeded(files.Growing, "add", "self._file.truncate(end)", "pass", "lines"),
    "memory that runs out is an error": Seeded(
        batches._Run, "take", "isinstance(error, MemoryError) or worker_died(error)", "False", "memory"
    ),
    "all rows of a block are blamed": Seeded(
        batches._Run,
        "_blame",
        "if len(rows) == 1:\n        self.ledger.lose(rows, reason)",
        "self.ledger.lose(rows, reason)\n    self.schedule.drop()",
        "blocks",
    ),
    "suspects are forgotten": Seeded(Schedule, "suspect", "[*rows, *self._suspects]", "[]", "blocks"),
    "rows are known before they are written": Seeded(
        batches.Ledger, "keep", "self._file.add(", "dict(", "kept rows"
    ),
    "a checkpoint is believed": Seeded(
        checkpoints, "read", "state.pop(DIGEST, None) != digest(state)", "False", "changed checkpoint"
    ),
    "depth ends the reading": Seeded(
        row_file, "_checked", "KeyError, RecursionError)", "KeyError)", "deep row"
    ),
}
test_the_code_passes, test_a_bug_is_caught, test_no_check_is_idle = falsification(
    TESTS, BUGS, caught=(*CAUGHT, MemoryError, RecursionError, FileNotFoundError)
)

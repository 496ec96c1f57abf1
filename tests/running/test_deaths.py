"""Workers that die, and memory that runs out: the row that did it is named, and every other one is proved."""

import os
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elboproof.running import workers
from elboproof.running.batches import MOST_DEATHS, prove_all
from elboproof.running.row_file import RowFile
from elboproof.running.rows import BOUNDS, NO_MEMORY, NO_WORKER, Items, Row
from tests.processes import pool

PROVED = Row(0.0, 1.0, None, "", 1)
DIES, FILLS, HIDDEN = "dies", "fills the memory", "fills the memory of its process only"


def outcome(items: Items, seconds: float) -> list[Row]:
    """Prove rows; a word among them ends the process, or its memory."""
    if DIES in items.each:
        os._exit(1)
    if FILLS in items.each:
        bytearray(1 << 62)
    if HIDDEN in items.each and len(items) > 1:
        raise MemoryError
    return [PROVED for _ in items.each]


def limited(items: Items, seconds: float) -> list[Row]:
    """Prove rows within 4 GiB of addresses, of which one row wants more."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
    kept = [bytearray(6 << 30 if word == FILLS else 1 << 10) for word in items.each]
    return [PROVED for _ in kept]


def statuses(*words: str, prove: Callable[[Items, float], list[Row]] = outcome, **options: Any) -> list[str]:
    return [row.status for row in prove_all(prove, Items(words), BOUNDS, seconds=9.0, **options)]


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make processes quicker than by spawning, which takes seconds; return the sizes of the pools that were made."""
    made: list[int] = []

    def counted(size: int) -> ProcessPoolExecutor:
        made.append(size)
        return pool(size)

    monkeypatch.setattr(workers, "process_pool", counted)
    return made


@pytest.mark.parametrize("place", [0, 3, 8])
def test_a_row_that_ends_its_process_takes_no_other_along(place: int, pools: list[int]) -> None:
    words = ["a"] * 9
    words[place] = DIES
    found = statuses(*words, workers=2)
    assert found[place] == NO_WORKER
    assert found[:place] + found[place + 1 :] == [""] * 8
    assert len(pools) == 3  # at first, after the death in company, and after the one alone


def test_processes_that_die_each_time_are_given_up(pools: list[int]) -> None:
    assert statuses(*[DIES] * 20, workers=2) == [NO_WORKER] * 20
    assert len(pools) == MOST_DEATHS


def test_a_row_that_fills_the_memory_of_a_worker_takes_no_other_along(pools: list[int]) -> None:
    found = statuses("a", "a", FILLS, "a", prove=limited, workers=2)
    assert found == ["", "", NO_MEMORY, ""]
    assert len(pools) == 1


def test_a_row_that_fills_the_memory_of_this_process_takes_no_other_along() -> None:
    assert statuses("a", FILLS, "a") == ["", NO_MEMORY, ""]


def test_rows_for_which_only_a_block_was_too_large_are_all_proved() -> None:
    assert statuses(*[HIDDEN] * 40) == [""] * 40


def test_a_lost_row_is_not_kept_and_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    assert statuses("a", FILLS, file=RowFile(file, {})) == ["", NO_MEMORY]
    with RowFile(file, {}) as kept:
        assert list(kept.rows) == [0]
    assert statuses("a", "a", file=RowFile(file, {})) == ["", ""]


def test_other_errors_are_raised() -> None:
    def defect(items: Items, seconds: float) -> list[Row]:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        statuses("a", prove=defect)


@dataclass(frozen=True)
class LoseOnce:
    """Proves rows, and ends the process of the first that sees the word while a file is not there."""

    file: str

    def __call__(self, items: Items, _: float) -> list[Row]:
        if DIES in items.each and not Path(self.file).exists():
            Path(self.file).touch()
            os._exit(1)
        return [PROVED for _ in items.each]


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_proves_every_row(tmp_path: Path) -> None:
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    words = ["a"] * 12
    words[5] = DIES
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        options: dict[str, Any] = {"workers": client.get_executor(pure=False), "trials": False}
        assert statuses(*words, prove=LoseOnce(str(tmp_path / "died")), **options) == [""] * 12
        found = statuses(*words, **options)  # one row that ends every worker
        assert found[5] == NO_WORKER
        assert found[:5] + found[6:] == [""] * 11

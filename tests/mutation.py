"""A mutation run: which of the small bugs that `tests.mutants` draws the tests of their room find.

    python -m tests.mutation                      all rooms, as docs/mutation.md says
    python -m tests.mutation --room quadrature    one room
    python -m tests.mutation --list               the mutants, none of them run
    python -m tests.mutation --seed 2             others, drawn by another seed

A mutant is *killed* if a test of the room fails, fails again by itself, and passes by itself without the change: a test
that fails because the machine is busy is left out, and the others are asked. Tests that do not end in time, or that a
signal stops, are told apart, and are no kill.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutants import ROOMS, ROOT, SEED, Mutant, drawn

LIMIT = 900
"""Seconds of a processor after which a mutant's tests are stopped, which is no kill."""
PATIENCE = 6.0 * LIMIT
"""Seconds on the wall after which they are: tests that sleep use no processor, and a busy machine is slow."""
MEMORY = 2**33
"""Bytes of address space for a mutant's tests: a list without end ends in a failing test, and not in a full machine."""
_PYTEST = f"""
import pathlib, resource, sys, pytest

class Failing:
    def pytest_runtest_logreport(self, report):
        if report.failed:
            with pathlib.Path(sys.argv[1]).open("a") as file:
                print(report.nodeid, file=file)

    pytest_collectreport = pytest_runtest_logreport

resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({LIMIT}, {LIMIT}))
sys.exit(pytest.main(sys.argv[2:], plugins=[Failing()]))
"""
"""Runs pytest, and writes the names of the tests that fail, which may hold blanks, a line each into a file."""
KILLED, UNENDED, SURVIVES = "killed by", "not ended", "survives"


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    Attributes
    ----------
    word
        `KILLED`, `UNENDED` or `SURVIVES`.
    by
        The first test that failed.
    """

    word: str
    by: str = ""


def ordered(mutant: Mutant, tests: Sequence[str]) -> list[str]:
    """Return the files of tests, those that name the changed module first: most bugs are found there, and soon."""
    found = [ROOT / name for name in tests]
    files = [file for one in found for file in (sorted(one.rglob("test_*.py")) if one.is_dir() else [one])]
    module = re.compile(rf"\b{Path(mutant.file).stem}\b")
    files.sort(key=lambda file: module.search(file.read_text(encoding="utf-8")) is None)
    return [file.relative_to(ROOT).as_posix() for file in files]


def fate(mutant: Mutant, tests: Sequence[str]) -> Fate:
    """Return what becomes of a mutant: a kill is confirmed by its test, alone with the change and without it.

    Raises
    ------
    RuntimeError
        If a test that is to be left out fails again.
    """
    unsteady: list[str] = []
    while True:
        found = outcome(mutant, tests, unsteady)
        if found.word != KILLED or _confirmed(mutant, found.by):
            return found
        if found.by in unsteady:
            raise RuntimeError(f"{found.by}: cannot be left out")
        unsteady.append(found.by)


def _confirmed(mutant: Mutant, test: str) -> bool:
    """Whether a test fails with the change, and passes without it."""
    return outcome(mutant, [test]).word == KILLED and outcome(None, [test]).word == SURVIVES


def outcome(mutant: Mutant | None, tests: Sequence[str], without: Sequence[str] = ()) -> Fate:
    """Return what the tests, without some, do on a copy of the sources with this change, or with none.

    Raises
    ------
    RuntimeError
        If pytest finds no tests, or does not understand its arguments.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            (copy / "elboproof" / mutant.file).write_text(mutant.text, encoding="utf-8")
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
        options += ["-o", "faulthandler_exit_on_timeout=false"]  # limits of our own tell what has not ended
        options += [f"--deselect={test}" for test in without]
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        failing = Path(folder) / "failing"
        failing.touch()
        command = [sys.executable, "-c", _PYTEST, str(failing), *options, *tests]
        try:
            found = subprocess.run(  # noqa: S603 - own words
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                timeout=PATIENCE,
                check=False,
                text=True,
            )
        except subprocess.TimeoutExpired:
            return Fate(UNENDED, f"within {PATIENCE:g} s")
        names = failing.read_text(encoding="utf-8").splitlines()
    if found.returncode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(found.stdout + found.stderr)
    if found.returncode < 0:
        return Fate(UNENDED, f"stopped by signal {-found.returncode}")
    if found.returncode == pytest.ExitCode.OK:
        return Fate(SURVIVES)
    return Fate(KILLED, next(iter(names), f"exit {found.returncode}"))


def run(room: str, workers: int, seed: int = SEED) -> list[tuple[Mutant, Fate]]:
    """Return the mutants of a room and what became of them, with a line on standard error for each."""

    def one(mutant: Mutant) -> Fate:
        found = fate(mutant, ordered(mutant, ROOMS[room][1]))
        print(f"{found.word} {found.by}: {mutant.label}", file=sys.stderr, flush=True)
        return found

    chosen = drawn(room, seed)
    with ThreadPoolExecutor(workers) as pool:
        return list(zip(chosen, pool.map(one, chosen), strict=True))


def report(room: str, outcomes: Sequence[tuple[Mutant, Fate]]) -> str:
    """Return the score of a room, which tests killed, what ran out of time and what survives."""
    count = Counter(found.word for _, found in outcomes)
    head = f"{room}: {count[KILLED]} of {len(outcomes)} killed by a failing test"
    lines = [f"{head}, {count[UNENDED]} not ended, {count[SURVIVES]} survive"]
    for word in (KILLED, UNENDED, SURVIVES):
        lines += [f"  {word} {f.by}".rstrip() + f": {m.label}" for m, f in outcomes if f.word == word]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--room", choices=ROOMS, action="append", help="only this room (may be repeated)")
    parser.add_argument("--list", dest="list_only", action="store_true", help="list the mutants and run none")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time (default %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the draw (default %(default)s)")
    options = parser.parse_args()
    for room in options.room or ROOMS:
        if options.list_only:
            print(f"{room}:", *(f"  {mutant.label}" for mutant in drawn(room, options.seed)), sep="\n")
            continue
        print(report(room, run(room, options.workers, options.seed)), flush=True)


if __name__ == "__main__":
    main()

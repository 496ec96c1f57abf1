"""Claims as tests of pytest: ``verification/bilbo/rate.py::S1::name_of_the_check``.

Each check is an item of the file that defines it, so that it is selected, distributed and rerun like any other test.
It runs as ``elboproof verify`` runs it, in a process of its own with all its controls.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr

from elboproof.checking.claim import Check
from elboproof.checking.collect import Collection, UsageError, collect, select
from elboproof.checking.execute import job_of, run_check
from elboproof.checking.finding import Finding

_COLLECTION = pytest.StashKey[Collection]()


class DoesNotHold(AssertionError):  # noqa: N818  (what a check found, not a slip)
    """A check whose statement was not established, or not with all its controls."""


def folder_of(config: pytest.Config) -> Path:
    """Return the folder of the claims, seen from where pytest was started."""
    folder: str = config.getoption("elboproof_path")
    return (config.invocation_params.dir / folder).resolve()


def add_folder(config: pytest.Config) -> None:
    """Have the folder collected, unless the command line names it, or what lies in it or around it.

    Raises
    ------
    pytest.UsageError
        If there is no such folder.
    """
    folder = folder_of(config)
    if not folder.is_dir():
        given = config.getoption("elboproof_path")
        raise pytest.UsageError(f"--elboproof-path: got {given!r}; expected a folder with claim modules")
    named = [config.invocation_params.dir / argument.partition("::")[0] for argument in config.args]
    if not any(_meet(folder, path.resolve()) for path in named):
        config.args.append(str(folder))


def _meet(folder: Path, other: Path) -> bool:
    return folder == other or folder in other.parents or other in folder.parents


def claims_of_folder(path: Path, parent: pytest.Collector) -> "Claims | None":
    """Return the collector of the folder of claims; None of any other folder."""
    return Claims.from_parent(parent, path=path) if path.resolve() == folder_of(parent.config) else None


class Claims(pytest.Directory):
    """The folder of the claims, or one in it: its files are those that define checks."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield the folders and files, in the order of their names."""
        known = _collection(self.config).files.values()
        inside = sorted({file for file in known if self.path.resolve() in file.parents})
        for name, files in groupby(inside, key=lambda file: file.relative_to(self.path.resolve()).parts[0]):
            path = self.path / name
            kind = ClaimFile if [file.resolve() for file in files] == [path.resolve()] else Claims
            yield kind.from_parent(self, path=path)


class ClaimFile(pytest.File):
    """A file that defines checks."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield the statements that its checks decide."""
        collection = _collection(self.config)
        chosen, _ = select(collection, tier=self.config.getoption("elboproof_tier"))
        mine = [check for check in chosen if collection.files[check.id].resolve() == self.path.resolve()]
        for statement, checks in groupby(mine, key=lambda check: check.statement):
            yield Statement.from_parent(self, name=statement, checks=list(checks))


class Statement(pytest.Collector):
    """A statement of a claim, as far as one file decides it."""

    def __init__(self, checks: list[Check], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.checks = checks

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the checks."""
        for check in self.checks:
            yield CheckItem.from_parent(self, name=check.name, check=check)


class CheckItem(pytest.Item):
    """One check with its controls."""

    def __init__(self, check: Check, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.check = check

    def runtest(self) -> None:
        """Run the check; raise if it does not hold."""
        finding = Finding.from_json(
            run_check(job_of(self.check, _collection(self.config), _seed(self.config)))
        )
        if not finding.holds:
            raise DoesNotHold(f"{finding}\nstates: {finding.states}\non: {finding.domain}")

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        """Return what was found, without the lines of this file."""
        if isinstance(excinfo.value, DoesNotHold):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the file and the name of the check."""
        return self.path, None, self.check.id


def _seed(config: pytest.Config) -> int:
    return config.getoption("elboproof_seed", None) or 0


def _collection(config: pytest.Config) -> Collection:
    # The claim modules are imported once, in a process of their own; what is wrong with them is one error.
    if _COLLECTION not in config.stash:
        try:
            collection = collect(folder_of(config))
        except UsageError as error:
            raise pytest.Collector.CollectError(str(error)) from error
        collection.freeze_code()
        config.stash[_COLLECTION] = collection
    return config.stash[_COLLECTION]

"""Adapters from a user's file: it alone is imported, and what it raises is shown as its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from elboproof.audit.adapter import Adapter
from elboproof.audit.traces import trace_of
from elboproof.checking.collect import UsageError

NAME = "elboproof_audited"
"""Of the module that the file becomes."""


class BrokenFileError(Exception):
    """The file's own code raised an error, which is the cause of this one.

    Attributes
    ----------
    trace : str
        The traceback, from the file on.
    """

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.trace = trace


def adapters(place: str) -> list[Adapter]:
    """Return the adapters of ``FILE`` or ``FILE:NAME``, each named by its variable where it has no name.

    Raises
    ------
    UsageError
        If there is no such file, or no adapter in it.
    BrokenFileError
        If its code raises an error.
    """
    file, name = _split(place)
    module = _imported(file)
    found = {key: value for key, value in vars(module).items() if isinstance(value, Adapter)}
    if name is not None and name not in found:
        raise UsageError(f"{file}: no audit.Adapter called {name!r}; it has {', '.join(found) or 'none'}")
    chosen = found if name is None else {name: found[name]}
    if not chosen:
        raise UsageError(f"{file}: no audit.Adapter in it")
    return [one if one.name != "adapter" else replace(one, name=key) for key, one in chosen.items()]


def _split(place: str) -> tuple[Path, str | None]:
    head, colon, tail = place.rpartition(":")
    if colon and tail.isidentifier() and not Path(place).exists():
        return Path(head), tail
    return Path(place), None


def _imported(file: Path) -> ModuleType:
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    spec = spec_from_file_location(NAME, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file}: not a Python file")
    module = module_from_spec(spec)
    with beside(file):
        sys.modules[NAME] = module  # dataclasses and pickles of the file look for their module there
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:  # a file that ends its process would end the audit as passed
            raise BrokenFileError(f"{file}: {type(error).__name__}: {error}", trace_of(error)) from error
    return module


@contextmanager
def beside(place: str | Path) -> Iterator[None]:
    """Let a file import what lies beside it, as if it were run: at its top level, and while its loss runs."""
    file = _split(str(place))[0]
    folder, words = str(file.resolve().parent), sys.argv
    sys.path.insert(0, folder)
    sys.argv = [str(file)]  # a file that reads its options finds none, and not those of the audit
    try:
        yield
    finally:
        sys.argv = words
        if folder in sys.path:  # the file's own code may have taken it away
            sys.path.remove(folder)

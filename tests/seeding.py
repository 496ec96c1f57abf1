"""Bugs seeded into one function: a text of its source is replaced, everything else of its module stays as it is."""

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seeded:
    """A bug and the test that must fail by it.

    Attributes
    ----------
    owner
        The module or class that holds the function.
    name
        The function, method or property.
    old, new
        What is replaced in its source, where it must stand exactly once, and by what.
    caught_by
        Name of a test, a key of the table of tests.
    """

    owner: Any
    name: str
    old: str
    new: str
    caught_by: str


def _function(owner: Any, name: str) -> Any:
    found = inspect.getattr_static(owner, name)
    return found.fget if isinstance(found, property) else found


def changed(bug: Seeded) -> Any:
    """Return the function with the bug, in the live namespace of its module."""
    function = inspect.unwrap(_function(bug.owner, bug.name))
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: holds {bug.old!r} {source.count(bug.old)} times; expected once")
    module = sys.modules[function.__module__]
    made: dict[str, Any] = {}
    future = "from __future__ import annotations\n"  # a method's annotations need not be evaluated again
    exec(compile(future + source.replace(bug.old, bug.new), "<seeded>", "exec"), vars(module), made)  # noqa: S102 - of a test's own text
    found = made[bug.name]
    return found.fget if isinstance(found, property) else found


@contextmanager
def seeded(bug: Seeded) -> Iterator[None]:
    """Run with the bug: the code of the function itself is replaced, for whoever holds it already."""
    function, code = inspect.unwrap(_function(bug.owner, bug.name)), inspect.unwrap(changed(bug)).__code__
    before, function.__code__ = function.__code__, code
    try:
        yield
    finally:
        function.__code__ = before

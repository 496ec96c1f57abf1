"""Tables of seeded bugs: each bug is caught by named checks that the code itself passes.

A bug replaces a text in the source of one function (`Seeded`), or attributes (`Patched`, written `patched`). A table is
a dictionary of bugs beside a dictionary of checks; `falsification` makes its three tests.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol
from unittest.mock import patch

import pytest

Check = Callable[[], object]
CAUGHT: tuple[type[BaseException], ...] = (AssertionError, pytest.fail.Exception)
"""What a check raises that does not hold: an assertion, or an error that was expected and did not come."""


class Bug(Protocol):
    """A bug: a context, and the checks that must fail in it."""

    @property
    def caught_by(self) -> str | tuple[str, ...]:
        """Names of checks."""

    def seeded(self) -> AbstractContextManager[None]:
        """Have the bug within the context."""


@dataclass(frozen=True)
class Seeded:
    """A bug in the source of one function; everything else of its module stays as it is.

    Attributes
    ----------
    owner
        The module or class that holds the function.
    name
        The function, method or property.
    old, new
        What is replaced in its source, where it must stand exactly once, and by what.
    caught_by
        Names of checks.
    caches
        Caches that hold what the function returned; emptied on both sides.
    """

    owner: Any
    name: str
    old: str
    new: str
    caught_by: str | tuple[str, ...]
    caches: tuple[Any, ...] = ()

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Replace the code of the function itself, for whoever holds it already."""
        whole = function_of(self.owner, self.name)
        function, code = inspect.unwrap(whole), inspect.unwrap(changed(self)).__code__
        caches = (*self.caches, *([whole] if hasattr(whole, "cache_clear") else []))
        with emptied(caches):
            before, function.__code__ = function.__code__, code
            try:
                yield
            finally:
                function.__code__ = before


@dataclass(frozen=True)
class Patched:
    """Attributes that are something else.

    Attributes
    ----------
    changes
        (object, name of its attribute, what stands there instead).
    caught_by
        Names of checks.
    caches
        As of `Seeded`.
    """

    changes: tuple[tuple[object, str, object], ...]
    caught_by: str | tuple[str, ...]
    caches: tuple[Any, ...] = ()

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Have the attributes within the context."""
        with emptied(self.caches), ExitStack() as stack:
            for target, name, value in self.changes:
                stack.enter_context(patch.object(target, name, value))
            yield


def patched(
    *changes: tuple[object, str, object], by: str | tuple[str, ...], caches: tuple[Any, ...] = ()
) -> Patched:
    """Return a bug of attributes with the checks that catch it."""
    return Patched(changes, by, caches)


@contextmanager
def emptied(caches: tuple[Any, ...]) -> Iterator[None]:
    """Run without what was found before, and leave nothing that a bug has made."""
    for cache in caches:
        cache.cache_clear()
    try:
        yield
    finally:
        for cache in caches:
            cache.cache_clear()


def function_of(owner: Any, name: str) -> Any:
    """Return a function, or that of a method or property."""
    return _plain(inspect.getattr_static(owner, name))


def _plain(found: Any) -> Any:
    """Return the function of a method or property, cached or static ones among them."""
    if isinstance(found, property):
        return found.fget
    return found.func if isinstance(found, cached_property) else getattr(found, "__func__", found)


def changed(bug: Seeded) -> Any:
    """Return the function with the bug, in the live namespace of its module."""
    function = inspect.unwrap(function_of(bug.owner, bug.name))
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(bug.old) != 1:
        raise ValueError(f"{bug.name}: holds {bug.old!r} {source.count(bug.old)} times; expected once")
    module = sys.modules[function.__module__]
    made: dict[str, Any] = {}
    future = "from __future__ import annotations\n"  # a method's annotations need not be evaluated again
    exec(compile(future + source.replace(bug.old, bug.new), "<seeded>", "exec"), vars(module), made)  # noqa: S102 - of a test's own text
    return _plain(made[bug.name])


def checks_of(bug: Bug) -> tuple[str, ...]:
    """Return the names of the checks that catch a bug."""
    return (bug.caught_by,) if isinstance(bug.caught_by, str) else bug.caught_by


def falsification(
    checks: Mapping[str, Check],
    bugs: Mapping[str, Bug],
    caught: tuple[type[BaseException], ...] = CAUGHT,
    around: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> tuple[Callable[..., None], Callable[..., None], Callable[..., None]]:
    """Return the tests of a table: the code passes every check, each bug fails its own, and no check is idle.

    Parameters
    ----------
    caught
        What counts as a check's failure; any other error is one of the test.
    around
        A context for every check.
    """

    @pytest.mark.parametrize("name", checks)
    def passes(name: str) -> None:
        with around():
            checks[name]()

    @pytest.mark.parametrize(
        ("bug", "check"), [(bug, c) for bug, one in bugs.items() for c in checks_of(one)]
    )
    def catches(bug: str, check: str) -> None:
        with bugs[bug].seeded(), around(), pytest.raises(caught):
            checks[check]()

    def is_needed() -> None:
        assert {check for bug in bugs.values() for check in checks_of(bug)} == set(checks)

    return passes, catches, is_needed

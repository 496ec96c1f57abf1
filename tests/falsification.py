"""Seeded bugs: changes of attributes in which a check must fail that passes without them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import pytest

Check = Callable[[], object]
CAUGHT = (AssertionError, pytest.fail.Exception)
"""What a check raises that does not hold: an assertion, or an error that was expected and did not come."""


@dataclass(frozen=True)
class Mutant:
    """A bug and the checks that catch it.

    Attributes
    ----------
    changes
        (object, name of its attribute, what stands there instead).
    caught_by
        Names of checks.
    """

    changes: tuple[tuple[object, str, object], ...]
    caught_by: tuple[str, ...]

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Have the bug within the context."""
        with ExitStack() as stack:
            for target, name, value in self.changes:
                stack.enter_context(patch.object(target, name, value))
            yield


def mutant(*changes: tuple[object, str, object], by: str | tuple[str, ...]) -> Mutant:
    """Return a bug with the checks that catch it."""
    return Mutant(changes, (by,) if isinstance(by, str) else by)


def pairs(mutants: dict[str, Mutant]) -> list[tuple[str, str]]:
    """Return each bug with each check that catches it."""
    return [(bug, check) for bug, one in mutants.items() for check in one.caught_by]

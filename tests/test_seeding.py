"""The scaffold of seeded bugs: a bug is there within its context, for whoever holds the function, and gone after it."""

import importlib
import inspect
import sys
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.seeding import Seeded, changed, checks_of, falsification, function_of, patched

LEVEL = 3


@lru_cache
def raised(x: int) -> int:
    return x + LEVEL


class Box:
    @property
    def size(self) -> int:
        return 1 + 1

    @cached_property
    def volume(self) -> int:
        return 2 * 4

    @staticmethod
    def sides() -> int:
        return 6


HELD = raised


def _here() -> Any:
    return sys.modules[__name__]


def test_a_bug_reaches_whoever_holds_the_function_and_leaves_no_trace() -> None:
    assert HELD(1) == 4
    with Seeded(_here(), "raised", "+ LEVEL", "- LEVEL", "x").seeded():
        assert HELD(1) == -2
    assert HELD(1) == 4


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [("size", "1 + 1", "1 - 1", 0), ("volume", "2 * 4", "2 + 4", 6), ("sides", "6", "5", 5)],
)
def test_properties_and_static_methods_are_changed(name: str, old: str, new: str, found: int) -> None:
    def seen() -> int:
        value = getattr(Box(), name)
        return int(value() if callable(value) else value)

    before = seen()
    with Seeded(Box, name, old, new, "x").seeded():
        assert seen() == found
    assert seen() == before != found


@pytest.mark.parametrize(("old", "count"), [("no such text", 0), ("L", 2)])
def test_a_text_must_stand_exactly_once(old: str, count: int) -> None:
    with pytest.raises(ValueError, match=rf"raised: holds '{old}' {count} times; expected once"):
        changed(Seeded(_here(), "raised", old, "", "x"))


def test_attributes_are_put_back_and_caches_emptied() -> None:
    assert raised(2) == 5
    with patched((_here(), "LEVEL", 10), by="x", caches=(raised,)).seeded():
        assert raised(2) == 12
    assert raised(2) == 5


def _check() -> None:
    assert raised(0) == 3


def test_a_table_fails_where_a_bug_is_missed_or_a_check_idle() -> None:
    real = Seeded(_here(), "raised", "+ LEVEL", "- LEVEL", "check")
    none = Seeded(_here(), "raised", "x + LEVEL", "LEVEL + x", "check")
    passes, catches, needed = falsification({"check": _check}, {"real": real, "none": none})
    passes("check")
    catches("real", "check")
    needed()
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        catches("none", "check")
    with pytest.raises(AssertionError):
        falsification({"check": _check, "idle": _check}, {"real": real})[2]()


TABLES = sorted(path for path in Path(__file__).parent.glob("*/test_*falsification.py"))


@pytest.mark.parametrize("path", TABLES, ids=[f"{path.parent.name}/{path.name}" for path in TABLES])
def test_seeded_texts_stand_in_the_sources(path: Path) -> None:
    """The tables are run in the slow tier; that their texts are those of the sources is looked at here."""
    table = importlib.import_module(f"tests.{path.parent.name}.{path.stem}")
    bugs: dict[str, Any] = table.BUGS
    checks = getattr(table, "TESTS", None) or table.CHECKS
    for bug in bugs.values():
        assert set(checks_of(bug)) <= set(checks)
        if isinstance(bug, Seeded):
            assert (
                inspect.unwrap(changed(bug)).__code__
                != inspect.unwrap(function_of(bug.owner, bug.name)).__code__
            )

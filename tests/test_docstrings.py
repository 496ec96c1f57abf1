"""Docstrings of the public API: what is given, returned and raised is told, in numpydoc's sections.

The rules have the names of numpydoc's validation; ``RAISES`` is our own. Types stand in the signatures (no PR04), and
methods may say all in a sentence, so that of them only what they do say is held to PR02, PR03 and GL07.
"""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

import elboproof
from docs.reference import ROOMS
from elboproof import arguments

SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "Notes", "Examples")
"""In numpydoc's order, but that attributes of records stand where parameters stand."""
HELPERS = ("bad", "wrong_type", "require_positive", "require_count", "file_path")
"""Functions of `elboproof.arguments` that make an error, or raise one."""


def public() -> dict[str, Any]:
    """Return what is exported, each thing once."""
    found: dict[int, tuple[str, Any]] = {}
    for package in ("elboproof", *(f"elboproof.{room}" for room in ROOMS)):
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing):
                found.setdefault(id(thing), (f"{package}.{name}", thing))
    return dict(found.values())


PUBLIC = public()


def methods() -> dict[str, Any]:
    return {
        f"{name}.{method}": found
        for name, thing in PUBLIC.items()
        if isinstance(thing, type)
        for method, found in vars(thing).items()
        if method[0] != "_" and inspect.isfunction(found)
    }


METHODS = methods()


def sections(thing: object) -> dict[str, list[str]]:
    """Return the lines of each section, in the order in which they stand."""
    lines = (inspect.getdoc(thing) or "").split("\n")
    heads = [n for n, line in enumerate(lines[1:], 1) if line and set(line) == {"-"}]
    ends = [*(n - 1 for n in heads[1:]), len(lines)][: len(heads)]
    return {lines[n - 1]: lines[n + 1 : end] for n, end in zip(heads, ends, strict=True)}


def documented(lines: list[str]) -> list[str]:
    heads = [line.partition(" :")[0] for line in lines if line and line[0] != " "]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


def parameters(thing: Callable[..., Any]) -> list[str]:
    plain = isinstance(thing, type) and issubclass(thing, BaseException) and "__init__" not in vars(thing)
    return [] if plain else [name for name in inspect.signature(thing).parameters if name != "self"]


def says_nothing_of_return(thing: Callable[..., Any]) -> bool:
    return inspect.signature(thing).return_annotation not in (None, "None", NoReturn, "NoReturn")


def bodies(thing: Any) -> Iterator[ast.AST]:
    """Yield the code that runs in a call: of a class what makes an instance."""
    made = [vars(thing).get(name) for name in ("__init__", "__post_init__", "__new__")]
    for one in made if isinstance(thing, type) else [thing]:
        source = getattr(inspect.unwrap(one), "__code__", None) if one is not None else None
        if source is not None and source.co_filename.endswith(".py"):
            yield ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(one))))


def raises(thing: Any) -> bool:
    """Whether the code has a ``raise`` or asks something of an argument; what it calls beyond is not looked at."""
    for node in (node for body in bodies(thing) for node in ast.walk(body)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HELPERS:
            return True
    return False


def untold(thing: Any) -> list[str]:
    """Return what is missing or wrong."""
    found, wanted = sections(thing), parameters(thing)
    told = documented(found.get("Parameters", []))
    named = {*told, *documented(found.get("Attributes", []))}
    wrong = [f"PR01 {name} is not documented" for name in wanted if name not in named]
    if not isinstance(thing, type) and says_nothing_of_return(thing) and not {"Returns", "Yields"} & {*found}:
        wrong.append("RT01 no section Returns")
    if raises(thing) and "Raises" not in found:
        wrong.append("RAISES no section Raises")
    return wrong + misplaced(thing)


def misplaced(thing: Any) -> list[str]:
    """Return what is documented and is not there, or stands elsewhere than in the signature."""
    found, wanted = sections(thing), parameters(thing)
    told = documented(found.get("Parameters", []))
    wrong = [f"PR02 {name} is no parameter" for name in told if name not in wanted]
    if not wrong and told != [name for name in wanted if name in told]:
        wrong.append(f"PR03 documented in the order {', '.join(told)}")
    if list(found) != [name for name in SECTIONS if name in found]:
        wrong.append(f"GL07 sections in the order {', '.join(found)}")
    return wrong


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_tells_what_is_given_returned_and_raised(name: str) -> None:
    thing = PUBLIC[name]
    assert re.match(r"\S.*[.:]$", (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " "))
    assert untold(thing) == []


def test_what_methods_tell_is_there() -> None:
    assert len(METHODS) > 100
    assert {name: misplaced(method) for name, method in METHODS.items() if misplaced(method)} == {}
    assert [name for name, method in METHODS.items() if not inspect.getdoc(method)] == []


def test_methods_tell_what_they_raise() -> None:
    """In a section or, of those that do nothing else, in the sentence "Raise ..."."""
    silent = {name for name, method in METHODS.items() if raises(method) and "Raises" not in sections(method)}
    assert {name for name in silent if "Raise" not in (inspect.getdoc(METHODS[name]) or "")} == set()
    assert len(silent) < 10


def whole(first: int, second: int) -> int:
    """Return a sum.

    Parameters
    ----------
    first, second
        Numbers.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is odd.
    """
    if (first + second) % 2:
        raise ValueError
    return first + second


def test_every_rule_finds_what_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair is a change of a docstring that tells all, and what is said of it."""
    text = inspect.cleandoc(whole.__doc__ or "")  # from Python 3.13 on it is so by itself
    assert untold(whole) == []
    cases = {
        ("first, second\n", "first\n"): ["PR01 second is not documented"],
        ("first, second\n", "first, second, third\n"): ["PR02 third is no parameter"],
        ("first, second\n", "second, first\n"): ["PR03 documented in the order second, first"],
        ("Returns\n-------\nint\n", ""): ["RT01 no section Returns"],
        ("Raises\n------\nValueError\n    If it is odd.", ""): ["RAISES no section Raises"],
    }
    for (old, new), said in cases.items():
        assert text.count(old) == 1
        monkeypatch.setattr(whole, "__doc__", text.replace(old, new))
        assert untold(whole) == said
    middle = text.index("\nReturns\n")
    monkeypatch.setattr(
        whole, "__doc__", text.replace("Parameters\n---", "Raises\n---", 1) + "\n" + text[middle:]
    )
    assert "GL07" in " ".join(untold(whole))


def test_an_error_by_a_helper_is_seen() -> None:
    assert all(callable(getattr(arguments, name)) for name in HELPERS)
    assert raises(PUBLIC["elboproof.networks.mnist"])
    assert raises(PUBLIC["elboproof.networks.elbo_estimate"])
    assert not raises(elboproof.Bernoulli)

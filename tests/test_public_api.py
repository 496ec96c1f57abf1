"""The public API: complete, resolvable, and free to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import elboproof as ep
from elboproof import checking

HEAVY = ("numpy", "sympy", "torch", "flint", "scipy", "matplotlib", "rich", "sklearn")


def test_names_are_complete_and_resolve() -> None:
    assert list(ep.__all__) == sorted(ep._HOME)
    assert {"Bernoulli", "Enclosure", "Gaussian", "LatentModel", "OptimalDecoder"} <= set(ep.__all__)
    for name in ep.__all__:
        thing = getattr(ep, name)
        assert thing.__name__ == name
        assert thing.__module__.startswith("elboproof.")
        assert thing.__doc__


def test_the_stub_tells_type_checkers_of_the_names_that_there_are() -> None:
    """No type checker compares the stub with the package: these are all the names that it may have."""
    for package in (ep, checking):
        tree = ast.parse(Path(package.__file__ or "").with_suffix(".pyi").read_text())
        imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        names = [alias.name for node in imported for alias in node.names]
        assert sorted(names) == package.__all__
        assert [alias.asname for node in imported for alias in node.names] == names  # hence exported
        assert all(hasattr(package, name) for name in names)
        assert all(package._HOME[alias.name] == node.module for node in imported for alias in node.names)


def test_dir_shows_the_api() -> None:
    assert dir(ep) == sorted([*ep.__all__, "__version__"])


def test_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(
        AttributeError, match=r"no attribute 'LatentModl'; did you mean LatentModel\? It has .*LatentModel"
    ):
        ep.LatentModl  # type: ignore[attr-defined]  # noqa: B018


def _loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(run.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert _loaded_after("import elboproof") == set()
    assert {"numpy", "sympy"} <= _loaded_after("import elboproof; elboproof.LatentModel")  # the probe sees

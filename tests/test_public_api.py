"""The public API: complete, resolvable, and free to import."""

import subprocess
import sys

import pytest

import elboproof as ep

HEAVY = ("numpy", "sympy", "torch", "flint", "scipy", "matplotlib", "rich", "sklearn")


def test_names_are_complete_and_resolve() -> None:
    assert list(ep.__all__) == sorted(ep._HOME)
    assert {"Bernoulli", "Enclosure", "Gaussian", "LatentModel", "OptimalDecoder"} <= set(ep.__all__)
    for name in ep.__all__:
        thing = getattr(ep, name)
        assert thing.__name__ == name
        assert thing.__module__.startswith("elboproof.")
        assert thing.__doc__


def test_dir_shows_the_api() -> None:
    assert dir(ep) == sorted([*ep.__all__, "__version__"])


def test_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'LatentModl'; it has .*LatentModel"):
        ep.LatentModl  # noqa: B018


def _loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(run.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert _loaded_after("import elboproof") == set()
    assert {"numpy", "sympy"} <= _loaded_after("import elboproof; elboproof.LatentModel")  # the probe sees

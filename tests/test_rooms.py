"""Each room imports only what stands above it: the table of `tests.rooms`, held against the sources."""

import pytest

from tests.rooms import (
    INSIDE,
    MODULES,
    NARROWER,
    OUTSIDE,
    PAGE,
    ROOMS,
    SOURCE,
    imported,
    page,
    source_of,
    violations,
)


@pytest.mark.parametrize("name", INSIDE)
def test_a_file_imports_what_it_may(name: str) -> None:
    assert violations(name, source_of(name)) == set()


def test_every_room_is_in_the_picture() -> None:
    found = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__"} <= set(ROOMS)


def test_narrower_rooms_stay_below_what_they_import() -> None:
    for room, rooms in NARROWER.items():
        assert {name.partition(".")[0] for name in rooms} <= set(ROOMS[: ROOMS.index(room)]), room


def test_nothing_in_the_library_imports_what_uses_it() -> None:
    for name in MODULES:
        tops = {dotted.partition(".")[0] for dotted in imported(source_of(name))}
        assert not tops & OUTSIDE, name


def _graph() -> dict[str, set[str]]:
    """Return which module imports which when it runs, lazy imports included; those for type checkers never run."""
    dotted = {f"elboproof.{name[:-3].replace('/', '.').removesuffix('.__init__')}" for name in MODULES}
    graph = {}
    for name in INSIDE:
        module = f"elboproof.{name[:-3].replace('/', '.').removesuffix('.__init__')}"
        found = imported(source_of(name), types=False)
        graph[module] = {
            target for one in found for target in (one, one.rpartition(".")[0]) if target in dotted - {module}
        }
    return graph


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return a circle of imports, empty if there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            found = walk(target, [*path, node])
            if found:
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])


def test_no_imports_go_in_a_circle() -> None:
    assert circle(_graph()) == []


def test_the_page_of_the_rooms_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


BAD = {
    ("numbers/x.py", "from elboproof.model.likelihood import Gaussian"),
    ("numbers/x.py", "def f():\n    import elboproof.model"),
    ("model/x.py", "from elboproof.decoder import optimal"),
    ("model/x.py", "from elboproof import LatentModel"),
    ("checking/x.py", "from elboproof.numbers.balls import REAL_BALLS"),
    ("decoder/x.py", "from elboproof.checking import Claim"),
    ("decoder/x.py", "import verification.optimal_decoder"),
    ("decoder/x.py", "from ..model import quantities"),
    ("evidence/x.py", "from elboproof.posterior.elbo import elbo"),
    ("rechecking/x.py", "from elboproof.theorems.leaf_bounds import Leaf"),
    ("rechecking/x.py", "from elboproof.evidence.log_evidence import prove"),
    ("rechecking/x.py", "from elboproof.quadrature.gauss_legendre import nodes"),
    ("rechecking/x.py", "from elboproof.expectations.closed_forms import expectation"),
    ("rechecking/x.py", "from elboproof.posterior.elbo import elbo"),
    ("theorems/x.py", "from elboproof.rechecking.recheck import recheck"),
    ("statements.py", "from elboproof.theorems.polynomials import Box"),
    ("expansion/x.py", "from elboproof.posterior.gap import gap"),
}


@pytest.mark.parametrize(("name", "source"), sorted(BAD))
def test_violation_is_reported(name: str, source: str) -> None:
    assert violations(name, source)
    assert not violations(name, "import numpy\nfrom elboproof.arguments import bad")

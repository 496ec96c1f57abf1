"""Each room imports only what stands above it: the whole table, read from the sources.

`ROOMS` is the picture of the library, from the top down. A room imports rooms above it, less where `NARROWER` says so;
`FILES` holds what is ruled file by file.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "elboproof"
OUTSIDE = {"verification", "figures", "tests", "benchmarks"}

ROOMS = (
    "arguments",
    "shapes",
    "numbers",
    "checking",
    "model",
    "quadrature",
    "evidence",
    "expectations",
    "posterior",
    "expansion",
    "statements",
    "theorems",
    "rechecking",
    "decoder",
    "objectives",
    "commands",
    "cli",
)
"""Folders and single modules, from the top down."""

NARROWER = {
    "arguments": set(),
    "shapes": set(),
    "checking": {"arguments"},
    "statements": {"arguments", "numbers", "model"},
    "theorems": {"arguments", "numbers", "model", "quadrature", "evidence", "statements"},
    "rechecking": {"arguments", "numbers", "model", "statements"},
    "decoder": {"arguments", "shapes", "numbers"},
    "expansion": {"arguments", "numbers", "model"},
    "cli": {"arguments", "checking", "commands"},
}
"""Rooms that may import less than all above them. That of ``rechecking`` makes its independence a test."""

FILES = {
    "commands/figures.py": {"arguments", "checking"},
}
"""Files that may import less than their room."""


def may_import(name: str) -> set[str]:
    """Return the rooms that a file may import, its own included."""
    room = name.partition("/")[0].removesuffix(".py")
    above = set(ROOMS[: ROOMS.index(room)])
    return FILES.get(name, NARROWER.get(room, above - {"checking"} if room != "commands" else above)) | {room}


def imported(source: str) -> set[str]:
    """Return the dotted names that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def violations(name: str, source: str) -> set[str]:
    """Return what a file imports and may not."""
    allowed = may_import(name) | {"__version__"}
    wrong = set()
    for dotted in imported(source):
        top, _, rest = dotted.partition(".")
        inside = top == "elboproof" and rest.partition(".")[0] not in allowed
        if inside or top in OUTSIDE or dotted.startswith("."):
            wrong.add(dotted)
    return wrong


MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
INSIDE = [name for name in MODULES if name != "__init__.py"]


@pytest.mark.parametrize("name", INSIDE)
def test_a_file_imports_what_it_may(name: str) -> None:
    assert violations(name, (SOURCE / name).read_text(encoding="utf-8")) == set()


def test_every_room_is_in_the_picture() -> None:
    found = {
        path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__"} <= set(ROOMS)


def test_narrower_rooms_stay_below_what_they_import() -> None:
    for room, rooms in NARROWER.items():
        assert rooms <= set(ROOMS[: ROOMS.index(room)]), room


def test_nothing_in_the_library_imports_what_uses_it() -> None:
    for name in MODULES:
        tops = {dotted.partition(".")[0] for dotted in imported((SOURCE / name).read_text(encoding="utf-8"))}
        assert not tops & OUTSIDE, name


def _graph() -> dict[str, set[str]]:
    """Return which module imports which, lazy imports included."""
    dotted = {f"elboproof.{name[:-3].replace('/', '.').removesuffix('.__init__')}" for name in MODULES}
    graph = {}
    for name in INSIDE:
        module = f"elboproof.{name[:-3].replace('/', '.').removesuffix('.__init__')}"
        found = imported((SOURCE / name).read_text(encoding="utf-8"))
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

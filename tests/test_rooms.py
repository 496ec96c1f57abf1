"""Each room imports only what it may: the layering of the library, read from the sources."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "elboproof"
OUTSIDE = {"verification", "figures", "tests", "benchmarks"}
MAY_IMPORT = {
    "numbers": {"arguments"},
    "model": {"arguments", "numbers"},
    "checking": {"arguments", "numbers.precision"},  # of the numbers only the one door to their precision
    "decoder": {"arguments", "model", "numbers", "shapes"},
    "evidence": {"arguments", "model", "numbers", "shapes"},
    "posterior": {"arguments", "decoder", "evidence", "model", "numbers", "shapes"},
    "objectives": {"arguments", "model", "numbers"},
}


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


def violations(room: str, source: str) -> set[str]:
    """Return what a module of a room imports and may not."""
    allowed = MAY_IMPORT[room] | {room}
    wrong = set()
    for name in imported(source):
        top, _, rest = name.partition(".")
        known = rest.partition(".")[0] in allowed | {"__version__"}
        known |= any(rest.startswith(f"{module}.") for module in allowed if "." in module)
        inside = top == "elboproof" and not known
        if inside or top in OUTSIDE or name.startswith("."):
            wrong.add(name)
    return wrong


MODULES = sorted(path for room in MAY_IMPORT for path in (SOURCE / room).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[path.relative_to(SOURCE).as_posix() for path in MODULES])
def test_room_imports_what_it_may(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    assert violations(room, path.read_text(encoding="utf-8")) == set()


def test_every_room_is_listed() -> None:
    assert {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()} <= set(MAY_IMPORT)


def test_nothing_in_the_library_imports_what_uses_it() -> None:
    for path in SOURCE.rglob("*.py"):
        tops = {name.partition(".")[0] for name in imported(path.read_text(encoding="utf-8"))}
        assert not tops & OUTSIDE, path


BAD = {
    ("numbers", "from elboproof.model.likelihood import Gaussian"),
    ("numbers", "def f():\n    import elboproof.model"),
    ("model", "from elboproof.decoder import optimal"),
    ("model", "from elboproof import LatentModel"),
    ("checking", "from elboproof.numbers.balls import REAL_BALLS"),
    ("decoder", "from elboproof.checking import Claim"),
    ("decoder", "import verification.optimal_decoder"),
    ("decoder", "from ..model import quantities"),
}


@pytest.mark.parametrize(("room", "source"), sorted(BAD))
def test_violation_is_reported(room: str, source: str) -> None:
    assert violations(room, source)
    assert not violations(room, "import numpy\nfrom elboproof.arguments import bad")

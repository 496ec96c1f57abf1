"""The rooms of the library: who may import whom, and the page of the documents that shows it.

`ROOMS` is the picture, from the top down. A room imports rooms above it, less where `NARROWER` says so; `FILES` holds
what is ruled file by file. ``python -m tests.rooms`` writes ``docs/rooms.md``.
"""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "elboproof"
OUTSIDE = {"verification", "figures", "tests", "benchmarks"}

ROOMS = (
    "lazy",
    "arguments",
    "files",
    "frames",
    "arrays",
    "shapes",
    "printing",
    "plotting",
    "running",
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
    "networks",
    "diagnostics",
    "strategies",
    "audit",
    "commands",
    "cli",
    "__main__",
    "pytest_plugin",
)
"""Folders and single modules, from the top down."""

NARROWER = {
    "lazy": set(),
    "arguments": set(),
    "files": set(),
    "frames": {"arguments"},
    "arrays": {"arguments", "frames"},
    "shapes": set(),
    "plotting": {"arguments"},
    "printing": set(),
    "checking": {
        "lazy",
        "arguments",
        "files",
        "arrays",
        "numbers.precision",
    },  # of the numbers only the one door to their precision
    "expectations": {"arguments", "arrays", "shapes", "running", "numbers", "model", "quadrature"},
    "statements": {"arguments", "numbers", "model"},
    "theorems": {
        "arguments",
        "files",
        "arrays",
        "printing",
        "plotting",
        "running",
        "numbers",
        "model",
        "quadrature",
        "evidence",
        "expectations",
        "statements",
    },
    "rechecking": {"arguments", "arrays", "numbers", "model", "statements"},
    "decoder": {"arguments", "arrays", "shapes", "numbers"},
    "expansion": {"arguments", "arrays", "printing", "numbers", "model"},
    "audit": {"arguments", "printing", "checking", "networks", "diagnostics"},
    "strategies": {"arguments", "numbers", "model"},
    "cli": {"arguments", "files", "checking", "commands"},
    "__main__": {"cli"},
    "pytest_plugin": {"checking"},
}
"""Rooms that may import less than all above them. That of ``rechecking`` makes its independence a test."""

FILES = {
    "checking/vocabulary.py": set(),
    "commands/figures.py": {"arguments", "files", "checking"},
    "commands/report.py": {"checking"},
    "commands/show.py": {"checking"},
    "commands/verify.py": {"checking"},
    "commands/verify_run.py": {"files", "checking"},
}
"""Files that may import less than their room."""


def may_import(name: str) -> set[str]:
    """Return the rooms that a file may import, its own included."""
    room = name.partition("/")[0].removesuffix(".py")
    above = set(ROOMS[: ROOMS.index(room)])
    return FILES.get(name, NARROWER.get(room, above - {"checking"} if room != "commands" else above)) | {room}


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(source: str, *, types: bool = True) -> set[str]:
    """Return the dotted names that a module imports, wherever in it; without ``types`` none for type checkers."""
    names = set()
    tree = ast.parse(source)
    if not types:
        tree.body = [node for node in tree.body if not _for_types(node)]
    for node in ast.walk(tree):
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
        known = any(rest == one or rest.startswith(f"{one}.") for one in allowed)
        inside = top == "elboproof" and not known
        if inside or top in OUTSIDE or dotted.startswith("."):
            wrong.add(dotted)
    return wrong


MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
INSIDE = [name for name in MODULES if name != "__init__.py"]

PAGE = Path(__file__).parents[1] / "docs" / "rooms.md"
HEAD = """\
# The rooms of the library

Written by `python -m tests.rooms` from the table in `tests/rooms.py`, which `tests/test_rooms.py` holds the sources
to. A room imports only rooms above it, and no imports go in a circle.

| room | what it is for | imports | may import |
|---|---|---|---|
"""


def source_of(name: str) -> str:
    """Return the text of a file of the library."""
    return (SOURCE / name).read_text(encoding="utf-8")


def _files(room: str) -> list[str]:
    return [name for name in INSIDE if name == f"{room}.py" or name.startswith(f"{room}/")]


def _purpose(room: str) -> str:
    first = f"{room}.py" if f"{room}.py" in INSIDE else f"{room}/__init__.py"
    return (ast.get_docstring(ast.parse(source_of(first))) or "").partition("\n")[0]


def _imports(room: str) -> set[str]:
    dotted = {one for name in _files(room) for one in imported(source_of(name))}
    tops = {one.split(".")[1] for one in dotted if one.startswith("elboproof.")}
    return {top for top in tops if top in ROOMS} - {room}


def _listed(rooms: set[str]) -> str:
    return ", ".join(room for room in ROOMS if room in rooms) or "nothing"


def page() -> str:
    """Return ``docs/rooms.md``."""
    rows = [
        f"| `{room}` | {_purpose(room)} | {_listed(_imports(room))} | {_listed(may_import(f'{room}/x.py') - {room})} |"
        for room in ROOMS
        if _files(room)
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Which code a finding rests on, and what changes its digest."""

import subprocess
import sys
from pathlib import Path

import pytest

from elboproof.checking.code import Code, combined
from elboproof.checking.imports import Graph
from elboproof.checking.syntax import syntax_digest

SAME = [
    ("x = 1", "x = 1  # one"),
    ("x = 1", "# a comment\n\nx  =  (1)\n"),
    ("def f():\n    return 1", 'def f():\n    """Doc."""\n    return 1'),
    ('"""Module."""\nX = 1\n"""Of X."""', '"""Another."""\nX = 1'),
    ("class A:\n    'doc'\n    x = 1", "class A:\n    x = 1"),
    ("f(a,\n  b)", "f(a, b)"),
]
OTHER = [
    ("x = 1", "x = 2"),
    ("x = 1", "x = 1.0"),
    ("x = 1", "x = True"),
    ("x = 'a'", "x = b'a'"),
    ("a < b", "a <= b"),
    ("f(a, b)", "f(b, a)"),
    ("def f(a=1): pass", "def f(a=2): pass"),
    ("def f(*, a): pass", "def f(a): pass"),
    ("x: int = 1", "x = 1"),
    ("x = f'{a}'", "x = f'{a!r}'"),
    ("return_ = '''text'''", "return_ = '''other text'''"),
    ("x = -0.0", "x = 0.0"),
    ("if a:\n    b\nc", "if a:\n    b\n    c"),
    ("@d\ndef f(): pass", "def f(): pass"),
    ("not python (", "not python )"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_comments_docstrings_and_layout_change_no_digest(a: str, b: str) -> None:
    assert syntax_digest(a.encode()) == syntax_digest(b.encode())


@pytest.mark.parametrize(("a", "b"), OTHER)
def test_everything_else_changes_the_digest(a: str, b: str) -> None:
    assert syntax_digest(a.encode()) != syntax_digest(b.encode())


LAZY = """
from importlib import import_module
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from lib.room.far import far as far
    from lib.near import near as near
_HOME = {"far": "lib.room.far", "near": "lib.near"}
__version__ = "1"
def __getattr__(name):
    return getattr(import_module(_HOME[name]), name)
"""
TEXTS = {
    "lib": LAZY,
    "lib.near": "from lib import helper\nnear = 1",
    "lib.helper": "def f():\n    import lib.late",
    "lib.late": "",
    "lib.room": "",
    "lib.room.far": "from . import beside\nfrom ..near import near\nfar = 1",
    "lib.room.beside": "",
    "lib.short": LAZY.replace('"lib.room.far"', '"far"').replace(
        "    from lib.room.far import far as far\n", ""
    ),
    "lib.unused": "",
}
PACKAGES = frozenset({"lib", "lib.room", "user"})
ALL_LAZY = {"lib.near", "lib.helper", "lib.late", "lib.room", "lib.room.far", "lib.room.beside"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("import lib", {"lib"}),
        ("import lib as l\nl.near", {"lib", "lib.near", "lib.helper", "lib.late"}),
        ("import lib as l\ndef f():\n    return l.near(2).x", {"lib", "lib.near", "lib.helper", "lib.late"}),
        ("import lib as l\nl.far", ALL_LAZY | {"lib"}),
        ("import lib as l\nl.__version__", {"lib"}),
        ("import lib as l\ngetattr(l, 'x')", ALL_LAZY | {"lib"}),
        ("import lib as l\nl.not_in_the_table", ALL_LAZY | {"lib"}),
        ("from lib import near", {"lib", "lib.near", "lib.helper", "lib.late"}),
        ("from lib import *", ALL_LAZY | {"lib"}),
        ("def f():\n    from lib.room.far import far", ALL_LAZY | {"lib"}),
        ("import lib.room.beside\nlib.room.beside.x", {"lib", "lib.room", "lib.room.beside"}),
        ("name = 'lib.room.beside'", {"lib", "lib.room", "lib.room.beside"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lib.unused", set()),
        ("if TYPE_CHECKING:\n    x = 1\nelse:\n    import lib.late", {"lib", "lib.late"}),
        ("import numpy\nnumpy.near", set()),
        ("from . import sibling", {"user.sibling"}),
        ("from .sibling import x", {"user.sibling"}),
    ],
)  # fmt: skip
def test_imports_are_followed(text: str, expected: set[str]) -> None:
    texts = TEXTS | {"user": "", "user.module": text, "user.sibling": ""}
    graph = Graph({name: t.encode() for name, t in texts.items()}, PACKAGES)
    found = set(graph.closure(frozenset({"user.module"}))) - {"user", "user.module"}
    assert found == expected


STUBBED = {
    "lib": b"from lib.lazy import homes\n_HOME = homes(__file__)\ndef __getattr__(name):\n    ...\n",
    "lib.pyi": b"from lib.near import near as near\nfrom lib.room.far import far as far\n",
    "lib.lazy": b"",
} | {name: text.encode() for name, text in TEXTS.items() if name not in ("lib", "lib.short")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import lib", set()),
        ("import lib as l\nl.near", {"lib.near", "lib.helper", "lib.late"}),
        ("from lib import far", ALL_LAZY),
        ("import lib as l\nl.not_in_the_stub", ALL_LAZY),
    ],
)
def test_names_that_a_stub_tells_are_followed(text: str, expected: set[str]) -> None:
    """The stub itself is part of what the package is; what it imports is not run."""
    graph = Graph(STUBBED | {"user": text.encode()}, PACKAGES)
    found = set(graph.closure(frozenset({"user"}))) - {"user"}
    assert found == expected | {"lib", "lib.pyi", "lib.lazy"}


def test_a_name_that_moves_in_a_stub_changes_the_digest(tmp_path: Path) -> None:
    directory = claims(tmp_path)
    code = Code.read(directory)
    file = directory / "a_claim/second.py"
    before = code.of("a_claim", file)
    stub = code.texts["elboproof.pyi"].replace(b"posterior.gap import", b"posterior.elbo import")
    moved = Code(code.directory, {**code.texts, "elboproof.pyi": stub}, code.packages).of("a_claim", file)
    assert {name for name in before if moved.get(name) != before[name]} >= {"elboproof.pyi"}


def claims(tmp_path: Path) -> Path:
    directory = tmp_path / "verification"
    (directory / "a_claim").mkdir(parents=True)
    (directory / "_shared").mkdir()
    for name, text in {
        "a_claim/__init__.py": "claim = 1",
        "a_claim/first.py": "from . import claim\nfrom .._shared.tool import tool\n",
        "a_claim/second.py": "from . import claim\nimport elboproof as ep\nep.GaussianPosterior",
        "a_claim/registers.py": "from .factory import made\nimport elboproof.shapes",
        "a_claim/factory.py": "def made(): ...",
        "a_claim/data.csv": "1,2\n",
        "_shared/__init__.py": "",
        "_shared/tool.py": "from .constants import C\ndef tool():\n    return C",
        "_shared/constants.py": "C = 1  # one",
        "_shared/other.py": "D = 1",
        "b_claim.py": "claim = 2",
    }.items():
        (directory / name).write_text(text)
    return directory


def modules(directory: Path, claim: str, file: str) -> dict[str, str]:
    return Code.read(directory).of(claim, directory / file)


def test_a_check_rests_on_its_module_its_imports_its_data_and_the_runner(tmp_path: Path) -> None:
    directory = claims(tmp_path)
    first = modules(directory, "a_claim", "a_claim/first.py")
    own = {name for name in first if name.startswith("verification")}
    assert own == {
        "verification/a_claim/data.csv", "verification.a_claim", "verification.a_claim.first",
        "verification._shared", "verification._shared.tool", "verification._shared.constants",
    }  # fmt: skip
    assert {"elboproof.checking.worker", "elboproof.checking.guard", "elboproof.checking.verdict"} <= set(
        first
    )
    second = modules(directory, "a_claim", "a_claim/second.py")
    assert any("posterior" in name for name in second)
    assert not any("posterior" in name for name in first)


def test_a_function_that_another_module_made_brings_the_modules_that_may_have_registered_it(
    tmp_path: Path,
) -> None:
    directory = claims(tmp_path)
    assert "verification.a_claim.registers" in modules(directory, "a_claim", "a_claim/factory.py")
    outside = modules(directory, "a_claim", "../elsewhere.py")
    assert {"verification.a_claim.first", "verification.a_claim.second"} <= set(outside)
    assert set(modules(directory, "b_claim", "b_claim.py")) >= {"verification.b_claim"}


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("_shared/constants.py", "C = 2", True),
        ("_shared/constants.py", "C = 1  # uno", False),
        ("_shared/constants.py", '"""Constants."""\nC = 1', False),
        ("_shared/other.py", "D = 2", False),
        ("a_claim/second.py", "x = 3", False),
        ("a_claim/__init__.py", "claim = 3", True),
        ("a_claim/data.csv", "1,3\n", True),
        ("b_claim.py", "claim = 3", False),
    ],
)
def test_what_changes_the_digest_of_a_check(file: str, text: str, changes: bool, tmp_path: Path) -> None:
    directory = claims(tmp_path)
    before = combined(modules(directory, "a_claim", "a_claim/first.py"))
    (directory / file).write_text(text)
    assert (combined(modules(directory, "a_claim", "a_claim/first.py")) != before) is changes


def test_all_that_the_claims_load_when_they_are_imported_is_found() -> None:
    """The graph is read from the texts; here it is compared with what Python loads."""
    root = Path(__file__).parents[2] / "verification"
    code = Code.read(root)
    for claim in sorted(path.parent.name for path in root.glob("*/__init__.py")):
        if claim.startswith("_"):
            continue
        script = (
            "import sys\nfrom pathlib import Path\nfrom elboproof.checking import sources\n"
            f"sources.import_claim(Path({str(root)!r}), {claim!r})\n"
            "print(*[name for name in sys.modules if name.partition('.')[0] == 'elboproof'])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
        found: set[str] = set()
        for file in (root / claim).glob("*.py"):
            found |= set(code.of(claim, file))
        assert set(done.stdout.split()) <= found

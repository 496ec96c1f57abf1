"""Small bugs, drawn by operator and seed: one change of one place in the sources of a room that claims soundness.

Floats that only steer are no part of a proof: the files named in `STEERING`, and what stands in error messages, are
left out, and so are pictures.
"""

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "elboproof"

ROOMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "complex balls": (("numbers/ball_complex*.py", "numbers/ball_lift.py"), ("tests/numbers",)),
    "quadrature": (("quadrature/*.py",), ("tests/quadrature", "tests/evidence", "tests/expectations")),
    "evidence": (("evidence/*.py",), ("tests/evidence",)),
    "expectations": (
        ("expectations/*.py", "numbers/majorant*.py", "numbers/growth.py", "model/network_growth.py"),
        (
            "tests/expectations",
            "tests/numbers/test_majorants.py",
            "tests/model/test_network_growth.py",
            "tests/posterior",
        ),
    ),
    "posterior": (
        ("posterior/*.py", "numbers/krawczyk.py"),
        ("tests/numbers/test_krawczyk.py", "tests/posterior"),
    ),
    "expansion": (("expansion/*.py",), ("tests/expansion",)),
    "theorems": (("theorems/*.py",), ("tests/theorems", "tests/rechecking")),
    "rechecking": (("rechecking/*.py",), ("tests/rechecking", "tests/theorems")),
    "decoder": (
        (
            "decoder/bounds.py",
            "decoder/enclosing.py",
            "decoder/line.py",
            "decoder/smoothness.py",
            "decoder/two_points.py",
            "decoder/unequal.py",
        ),
        ("tests/decoder",),
    ),
}
"""Files of each room, and the tests that are to find its bugs."""
STEERING = (
    "evidence/floats.py",
    "evidence/forecast.py",
    "evidence/kinks.py",
    "evidence/pace.py",
    "evidence/start.py",
    "expansion/descent.py",
    "posterior/ascent.py",
    "posterior/critical_points.py",
    "theorems/steering.py",
)
"""Plain floats that a proof does not trust: a bug there costs time or digits. Cells pass through `forecast`, and none
may be lost: bugs of that stand in ``tests/evidence/test_falsification.py``."""
SEED = 1
EACH = 15
"""Mutants in each room."""


@dataclass(frozen=True)
class Mutant:
    """One change of one place.

    Attributes
    ----------
    file : str
        Below ``src/elboproof``.
    line : int
    operator : str
    before, after : str
        The source of the changed expression or statement.
    text : str
        The whole file, changed.
    """

    file: str
    line: int
    operator: str
    before: str
    after: str
    text: str

    @property
    def label(self) -> str:
        """What a table shows."""
        return f"`{self.file}:{self.line}` {self.operator}: `{self.before}` -> `{self.after}`"


Change = Callable[[ast.AST], ast.AST | None]


def _turned(node: ast.AST) -> ast.AST | None:
    """A comparison the other way round."""
    other = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
    if isinstance(node, ast.Compare) and type(node.ops[0]) in other:
        return ast.Compare(node.left, [other[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    return None


def _another_sign(node: ast.AST) -> ast.AST | None:
    """A sum for a difference, a quotient for a product, and back."""
    other = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
    if isinstance(node, ast.BinOp) and type(node.op) in other:
        return ast.BinOp(node.left, other[type(node.op)](), node.right)
    return None


def _lost_term(node: ast.AST) -> ast.AST | None:
    """One term of a sum, or one factor, lost."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        return node.left
    return None


_ENDS = {"upper": "lower", "lower": "upper", "abs_upper": "abs_lower", "abs_lower": "abs_upper"}
_CALLS = {
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "above": "below",
    "below": "above",
}


def _another_end(node: ast.AST) -> ast.AST | None:
    """The lower end for the upper one, the least for the greatest, and back."""
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("tape"):
        return None  # ``tape.lower`` writes an expression onto a tape
    if isinstance(node.func, ast.Attribute) and node.func.attr in _ENDS | _CALLS:
        name = (_ENDS | _CALLS)[node.func.attr]
        return ast.Call(ast.Attribute(node.func.value, name, ast.Load()), node.args, node.keywords)
    if isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        return ast.Call(ast.Name(_CALLS[node.func.id], ast.Load()), node.args, node.keywords)
    return None


def _no_margin(node: ast.AST) -> ast.AST | None:
    """A bound without its outward rounding or its absolute value."""
    names = {"upward", "downward", "library_upward", "library_downward", "nextafter", "abs"}
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return node.args[0] if name in names else None
    return None


def _another_number(node: ast.AST) -> ast.AST | None:
    """A float halved, an integer one less."""
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or node.value in (0, -1):
        return None
    if isinstance(node.value, float):
        return ast.Constant(node.value / 2)
    return ast.Constant(node.value - 1) if isinstance(node.value, int) else None


def _another_word(node: ast.AST) -> ast.AST | None:
    """``or`` for ``and`` and back; ``not`` lost."""
    if isinstance(node, ast.BoolOp):
        return ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None


def _lost_step(node: ast.AST) -> ast.AST | None:
    """A statement that adds something, lost."""
    return ast.Pass() if isinstance(node, ast.AugAssign) else None


OPERATORS: dict[str, Change] = {
    "comparison turned": _turned,
    "other sign": _another_sign,
    "term lost": _lost_term,
    "other end": _another_end,
    "margin lost": _no_margin,
    "other number": _another_number,
    "other word": _another_word,
    "step lost": _lost_step,
}


def _places(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those of messages, docstrings, annotations, decorators and constants of a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.arguments | ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id[:1].isupper()
        ):
            continue  # a type
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from (place for part in node.body for place in (part, *_places(part)))
            continue
        yield node
        yield from _places(node)


def _replaced(source: str, node: ast.AST, new: ast.AST) -> str:
    """Return the source with one expression or statement replaced, in parentheses where it is an expression."""
    lines = source.encode().split(b"\n")
    first, last = node.lineno - 1, node.end_lineno - 1  # type: ignore[attr-defined]
    text = ast.unparse(ast.fix_missing_locations(new))
    text = text if isinstance(new, ast.stmt) else f"({text})"
    head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]  # type: ignore[attr-defined]
    return b"\n".join([*lines[:first], head + text.encode() + tail, *lines[last + 1 :]]).decode()


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yield all mutants of a file."""
    source, name = file.read_text(encoding="utf-8"), file.relative_to(SOURCE).as_posix()
    tree = ast.parse(source)
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name != "__repr__"
    ]
    seen: set[int] = set()
    for node in (
        place for function in functions for part in function.body for place in (part, *_places(part))
    ):
        if id(node) in seen:
            continue
        seen.add(id(node))
        for operator, change in OPERATORS.items():
            new = change(node)
            if new is not None and not _of_text(node):
                text = _replaced(source, node, new)
                yield Mutant(name, node.lineno, operator, ast.unparse(node), ast.unparse(new), text)  # type: ignore[attr-defined]


def _of_text(node: ast.AST) -> bool:
    """Whether an expression joins strings, which prove nothing."""
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))


def drawn(room: str, seed: int = SEED, each: int = EACH) -> list[Mutant]:
    """Return the mutants of a room: operators in turn, places at random."""
    files = sorted({file for pattern in ROOMS[room][0] for file in SOURCE.glob(pattern)})
    left_out = {SOURCE / name for name in STEERING} | {*SOURCE.glob("*/*_plot.py")}
    pool: dict[str, list[Mutant]] = {operator: [] for operator in OPERATORS}
    for file in files:
        for mutant in mutants_of(file) if file not in left_out else ():
            pool[mutant.operator].append(mutant)
    rng = random.Random(f"{room} {seed}")  # noqa: S311 - a draw that anybody can repeat
    for found in pool.values():
        rng.shuffle(found)
    chosen: list[Mutant] = []
    while len(chosen) < each and any(pool.values()):
        chosen += [pool[operator].pop() for operator in OPERATORS if pool[operator]]
    return chosen[:each]

"""The digest of a source text by its syntax tree: comments, docstrings and layout do not change it."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from functools import cache

_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that follow from the others, or that no interpreter looks at."""


@cache
def parsed(text: bytes) -> ast.Module:
    """Return the syntax tree of a source text without its docstrings.

    Raises
    ------
    SyntaxError
        If the text is no Python.
    """
    # Texts below assignments go too: they document, and nothing reads them when the module runs.
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not is_text(statement)]
    return tree


def is_text(statement: ast.AST) -> bool:
    """Return whether a statement is a text alone: a docstring, or one below an assignment."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@cache
def syntax_digest(text: bytes) -> str:
    """Return the SHA-256 of the syntax tree of a source text; of the text itself if it is no Python.

    Fields that are empty are left out, because which empty fields there are differs between versions of
    Python. Where two versions parse a text differently, a record of the one is stale for the other.
    """
    try:
        tree = parsed(text)
    except (SyntaxError, ValueError):
        return hashlib.sha256(text).hexdigest()
    parts: list[str] = []
    _write(tree, parts.append)
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _write(node: object, write: Callable[[str], None]) -> None:
    # Written by hand rather than by ast.dump, whose text differs between versions of Python; brackets around
    # each node and list keep two trees from having one text.
    if isinstance(node, ast.AST):
        write(type(node).__name__)
        write("(")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == [] or name in _IGNORED:
                continue
            write(name)
            write("=")
            _write(value, write)
        write(")")
    elif isinstance(node, list):
        write("[")
        for one in node:
            _write(one, write)
            write(",")
        write("]")
    else:
        write(repr(node))


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the children of a node, without what stands under ``if TYPE_CHECKING`` and never runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and is_type_checking(child.test):
            yield from child.orelse
        else:
            yield child


def is_type_checking(test: ast.AST) -> bool:
    """Return whether a condition is ``TYPE_CHECKING``."""
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )

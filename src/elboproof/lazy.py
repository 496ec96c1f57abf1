"""The public names of a package, written once: as imports in the stub beside it, which type checkers read too."""

import ast
from pathlib import Path


def homes(file: str) -> dict[str, str]:
    """Return the module of each name that the stub beside a package's ``__init__.py`` imports."""
    tree = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in imports for alias in node.names}

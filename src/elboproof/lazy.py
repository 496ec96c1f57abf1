"""The public names of a package, written once: as imports in the stub beside it, which type checkers read too."""

import ast
from collections.abc import Sequence
from pathlib import Path


def homes(file: str) -> dict[str, str]:
    """Return the module of each name that the stub beside a package's ``__init__.py`` imports."""
    tree = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def not_there(name: str, package: str, names: Sequence[str], others: Sequence[str] = ()) -> AttributeError:
    """Return the error for a name that a package does not have.

    Parameters
    ----------
    name, package
        What was asked for, and of what.
    names
        What there is.
    others
        Packages with stubs in the package, where the name may be.
    """
    from difflib import get_close_matches  # here: it is needed for errors alone

    root = Path(__file__).parent
    places = [one for one in others if name in homes(str(root / one / "__init__.py"))]
    near = get_close_matches(name, names, 1)
    listed = f"t has {', '.join(names)}"
    hint = f"did you mean {near[0]}? I{listed}" if near else f"i{listed}"
    hint = f"from {package}.{places[0]} import {name}; i{listed}" if places else hint
    return AttributeError(f"module {package!r} has no attribute {name!r}; {hint}")

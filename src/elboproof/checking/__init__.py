"""Claims, checks, verdicts and the runner: everything about deciding statements, nothing about VAEs.

The names in ``__init__.pyi`` are all that the author of a claim module needs. They are imported when first used, so
that the command line answers before NumPy or SymPy are loaded.
"""

from importlib import import_module

from elboproof.lazy import homes, not_there

_HOME = homes(__file__)

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise not_there(name, "elboproof.checking", __all__)
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)

"""elboproof decides what is claimed about variational auto-encoders, with proofs where proofs are possible.

The complete public API is ``__init__.pyi``. Names are imported when they are first used, so that
``import elboproof`` and ``elboproof --help`` answer at once.
"""

from importlib import import_module

from elboproof.lazy import homes, not_there

__version__ = "0.1.0"

_HOME = homes(__file__)

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise not_there(name, "elboproof", __all__, ("checking",))
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

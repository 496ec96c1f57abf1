"""Copies of modules, compared by identity: names bound anew, added or removed, classes and functions patched.

Not seen: changes inside arrays, and inside containers other than constants of the library and of claims.
"""

import builtins
import operator
import os
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

MISSING: Any = object()

_KEPT = (bool, int, str, list, tuple, dict, set, type(None))
"""What other libraries count, switch and find out in their modules while they run; but pi is a float."""

_SWITCHES = frozenset({"torch.Storage"})
"""What libraries bind anew themselves when a setting changes that `elboproof.checking.state` compares."""

_IMMUTABLE = 1 << 8
"""Flag of types that cannot be changed: those written in C."""

Namespace = dict[str, Any]

Matters = Callable[[str, Any, Any], bool]
"""Whether it matters that a name had one value and has another; `MISSING` stands for none."""


class _Names:
    """A namespace as it was; of a module or of a class."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.before: Namespace = dict(vars(owner))
        self._values = list(self.before.values())

    def same(self) -> bool:
        """Return whether nothing was bound anew, added or removed.

        Lists compare their items by identity first and in C: a hundred thousand names take some
        milliseconds. A value that was replaced by an equal one changes no answer.
        """
        try:
            return [*vars(self.owner).values()] == self._values
        except Exception:  # noqa: BLE001  (arrays that are not the same cannot be compared so)
            return False

    def changes(self, place: str, matters: Matters) -> Iterator[str]:
        """Yield what changed and matters."""
        # By identity: an equal object in another's place can still behave differently, and comparing calls no
        # foreign code.
        now = vars(self.owner)
        for key, value in self.before.items():
            current = now.get(key, MISSING)
            if current is not value and matters(key, value, current):
                yield f"{place}.{key} was {'removed' if current is MISSING else 'bound anew'}"
        for key in [key for key in now if key not in self.before]:
            if matters(key, MISSING, now[key]):
                yield f"{place}.{key} was added"


class ModuleCopy:
    """A module as it was, with its classes.

    The insides of functions and what constants hold are kept for modules of the library and of claims only.
    """

    def __init__(self, name: str, module: ModuleType, *, own: bool) -> None:
        self.module, self.own, self.names = module, own, _Names(module)
        # Classes are looked at through the module that defines them; those of C cannot be patched.
        values = self.names.before.values()
        classes = [value for value in values if issubclass(type(value), type)]
        classes = [one for one in classes if not one.__flags__ & _IMMUTABLE]
        self.classes = [_Names(one) for one in classes if vars(one).get("__module__") == name]
        spaces = [self.names.before, *(one.before for one in self.classes)] if own else []
        functions = [f for space in spaces for f in space.values() if isinstance(f, FunctionType)]
        self._functions = [(f, _insides(f)) for f in functions if f.__module__ == name]
        constants = [
            (key, _content(value)) for key, value in self.names.before.items() if own and key.isupper()
        ]
        self._constants = [(key, content) for key, content in constants if content is not None]

    def same(self) -> bool:
        """Return whether nothing changed, whether it matters or not."""
        return self.names.same() and all(one.same() for one in self.classes) and not any(self._inside(""))

    def changes(self, name: str) -> Iterator[str]:
        """Yield what changed and matters."""
        yield from self.names.changes(name, _in_module(self.module, self.own))
        for one in self.classes:
            yield from one.changes(f"{name}.{one.owner.__qualname__}", _in_class(self.own))
        yield from self._inside(name)

    def _inside(self, name: str) -> Iterator[str]:
        for function, before in self._functions:
            if not _identical(_insides(function), before):
                yield f"{name}.{function.__qualname__} was changed inside"
        for key, content in self._constants:
            if not _identical(_content(self.names.before[key]) or (), content):
                yield f"{name}.{key} was changed inside"


def _in_module(module: ModuleType, own: bool) -> Matters:
    is_builtins = module is builtins
    lazy = vars(module).get("__getattr__")

    def matters(key: str, before: Any, now: Any) -> bool:
        # A library may keep counters and caches in its own module; to bind a function or a float of it anew
        # changes what it computes. In modules of claims and of elboproof everything matters.
        if f"{module.__name__}.{key}" in _SWITCHES:
            return False
        if key.startswith("__") and not (is_builtins and key in ("__import__", "__build_class__")):
            return False
        if before is MISSING:
            if isinstance(now, ModuleType) or (lazy is not None and _loads(lazy, key, now)):
                return False
            return own or is_builtins or hasattr(builtins, key) or not key.startswith("_")
        kept = key.startswith("_") or isinstance(before, _KEPT)
        return own or is_builtins or not kept or _is_code(before)

    return matters


def _in_class(own: bool) -> Matters:
    def matters(key: str, before: Any, now: Any) -> bool:
        # What Python itself adds to a class when it is first used is no patch.
        if key in (
            "__doc__",
            "__annotations__",
            "__slotnames__",  # copyreg remembers them at the first copy
            "__annotate__",
            "__abstractmethods__",
            "__static_attributes__",
        ):
            return False
        if key.startswith("_abc_") or (key == "__hash__" and before is MISSING):
            return False
        if not own and _wraps(now, before):
            return False
        return own or _is_code(before) or (before is MISSING and _is_code(now))

    return matters


def _wraps(now: object, before: object) -> bool:
    """Return whether a function only wraps the former one, by code of the same library: torch's optimisers do so."""
    if not isinstance(now, FunctionType) or getattr(now, "__wrapped__", MISSING) is not before:
        return False
    # By file and not by name: a claim can give its function any name and module, but hardly another file.
    file = now.__code__.co_filename
    library = sys.modules.get(getattr(before, "__module__", "").partition(".")[0])
    places = [str(place) for place in getattr(library, "__path__", ())]
    return any(file.startswith(f"{place}{os.sep}") for place in places)


def _loads(lazy: Callable[[str], object], key: str, value: object) -> bool:
    """Return whether a name was kept by the ``__getattr__`` of its module."""
    try:
        return lazy(key) is value
    except Exception:  # noqa: BLE001  (it does not know the name)
        return False


def _is_code(value: object) -> bool:
    return value is not MISSING and (callable(value) or hasattr(value, "__get__"))


def _insides(function: FunctionType) -> tuple[object, ...]:
    # Code, defaults and keyword defaults are all that a function's result can be changed by without binding it anew.
    keywords = function.__kwdefaults__ or {}
    return (function.__code__, function.__defaults__, *keywords.values())


def _content(value: object) -> tuple[object, ...] | None:
    """Return what a constant holds; None for what is not looked into."""
    if isinstance(value, list):
        return tuple(value)
    return (*value.keys(), *value.values()) if isinstance(value, dict) else None


def _identical(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    return len(a) == len(b) and all(map(operator.is_, a, b))

"""Notices what a check leaves behind: modules with names bound anew or patched classes, and the process's state.

A patch left behind would decide the checks that follow in the same process, and the check's own answer may rest
on it. All loaded modules are compared with a copy of their dictionaries, by identity. What importing a module
does is no effect of the check that happened to import it first: the copy is made anew after each import, except
for the modules of claims, whose import may change nothing but themselves.

Not seen: changes inside arrays and inside containers, other than constants of the library and of claims.
"""

import builtins
import gc
import operator
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any, cast

from elboproof.checking.state import changed, state

LIBRARY = __name__.partition(".")[0]
MISSING: Any = object()
UNWATCHED = frozenset({"sys", "warnings", "threading", "linecache", "__main__"})
"""Modules that change while a program runs; what matters in them is compared by `elboproof.checking.state`."""

_KEPT = (bool, int, str, list, tuple, dict, set, type(None))
"""What other libraries count, switch and find out in their modules while they run; but pi is a float."""

_SWITCHES = frozenset({"torch.Storage"})
"""What libraries bind anew themselves when a setting changes that `elboproof.checking.state` compares."""

_IMMUTABLE = 1 << 8
"""Flag of types that cannot be changed: those written in C."""

Namespace = dict[str, Any]
Effects = dict[str, list[str]]


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

    def changes(self, place: str, matters: "Matters") -> Iterator[str]:
        """Yield what changed and matters."""
        now = vars(self.owner)
        for key, value in self.before.items():
            current = now.get(key, MISSING)
            if current is not value and matters(key, value, current):
                yield f"{place}.{key} was {'removed' if current is MISSING else 'bound anew'}"
        for key in [key for key in now if key not in self.before]:
            if matters(key, MISSING, now[key]):
                yield f"{place}.{key} was added"


class _Copy:
    """A module as it was, with its classes.

    The insides of functions and what constants hold are kept for modules of the library and of claims only.
    """

    def __init__(self, name: str, module: ModuleType, *, own: bool) -> None:
        self.module, self.own, self.names = module, own, _Names(module)
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


class Guard:
    """Watches the modules of this process.

    Parameters
    ----------
    claims
        What the names of claim modules begin with.
    """

    def __init__(self, claims: str) -> None:
        self._claims = claims
        self._copies: dict[str, _Copy] = {}
        self._seen: dict[str, None] = {}
        self._depth = 0
        self._add(claims=True)
        sys.meta_path.insert(0, _Finder(self))
        self._state = state()

    def effects(self) -> Effects:
        """Return what changed since the last call: sentences on "modules" and on the "process"; no empty lists."""
        self._note()
        self._add(claims=True)
        # Without the made-up package of claims, whose name depends on where they lie.
        modules, self._seen = [re.sub(rf"{self._claims}\w*\.", "", one) for one in self._seen], {}
        found = {"modules": modules, "process": self._state_effects()}
        self.settled()
        return {kind: sentences for kind, sentences in found.items() if sentences}

    def _state_effects(self) -> list[str]:
        if changed(self._state, state()):
            gc.collect()  # generators that nobody holds any more restore what they had set
        return [f"{name}: changed" for name in changed(self._state, state())]

    def settled(self) -> None:
        """Take the state of the process as it is now for unchanged."""
        self._state = state()

    def execute(self, loader: Any, module: ModuleType) -> None:
        """Execute a module that is imported."""
        if module.__name__.startswith(self._claims):
            loader.exec_module(module)
            return
        if self._depth:
            loader.exec_module(module)
            return
        self._note(without=module)
        before = state(without=module.__name__)
        self._depth, done = 1, False
        try:
            loader.exec_module(module)
            done = True
        finally:
            self._depth = 0  # a module that failed is still in sys.modules, but not for long
            self._accept(without=None if done else module)
            now = state(without="" if done else module.__name__)
            # Only what the import changed: it may happen while a setting is changed for a moment.
            self._state |= {name: now.get(name) for name in changed(before, now)}
            self._state |= {name: now[name] for name in now.keys() - before.keys()}

    def _note(self, *, without: ModuleType | None = None) -> None:
        """Keep in mind what changed, and accept how it is now."""
        for name, copy in list(self._copies.items()):
            now = sys.modules.get(name)
            if now is not copy.module:
                self._seen[f"{name} was {'removed from' if now is None else 'replaced in'} sys.modules"] = (
                    None
                )
                del self._copies[name]
            elif not copy.same():
                self._seen |= dict.fromkeys(copy.changes(name))
                del self._copies[name]
        self._add(claims=False, without=without)

    def _accept(self, *, without: ModuleType | None) -> None:
        """Take the modules as they are now for unchanged."""
        for name, copy in list(self._copies.items()):
            if sys.modules.get(name) is not copy.module or not copy.same():
                del self._copies[name]
        self._add(claims=False, without=without)

    def _add(self, *, claims: bool, without: ModuleType | None = None) -> None:
        """Copy what is new; modules of claims only when nothing is being imported, as they may not be complete."""
        for name, module in list(sys.modules.items()):
            if (
                name in self._copies
                or name in UNWATCHED
                or not isinstance(module, ModuleType)
                or module is without
            ):
                continue
            of_claim = name.startswith(self._claims)
            if claims or not of_claim:
                own = of_claim or name.partition(".")[0] == LIBRARY
                self._copies[name] = _Copy(name, module, own=own)


Matters = Callable[[str, Any, Any], bool]
"""Whether it matters that a name had one value and has another; `MISSING` stands for none."""


def _in_module(module: ModuleType, own: bool) -> Matters:
    is_builtins = module is builtins
    lazy = vars(module).get("__getattr__")

    def matters(key: str, before: Any, now: Any) -> bool:
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
        if key in (
            "__doc__",
            "__annotations__",
            "__annotate__",
            "__abstractmethods__",
            "__static_attributes__",
        ):
            return False
        if key.startswith("_abc_") or (key == "__hash__" and before is MISSING):
            return False
        return own or _is_code(before) or (before is MISSING and _is_code(now))

    return matters


def _loads(lazy: Callable[[str], object], key: str, value: object) -> bool:
    """Return whether a name was kept by the ``__getattr__`` of its module."""
    try:
        return lazy(key) is value
    except Exception:  # noqa: BLE001  (it does not know the name)
        return False


def _is_code(value: object) -> bool:
    return value is not MISSING and (callable(value) or hasattr(value, "__get__"))


def _insides(function: FunctionType) -> tuple[object, ...]:
    keywords = function.__kwdefaults__ or {}
    return (function.__code__, function.__defaults__, *keywords.values())


def _content(value: object) -> tuple[object, ...] | None:
    """Return what a constant holds; None for what is not looked into."""
    if isinstance(value, list):
        return tuple(value)
    return (*value.keys(), *value.values()) if isinstance(value, dict) else None


def _identical(a: tuple[object, ...], b: tuple[object, ...]) -> bool:
    return len(a) == len(b) and all(map(operator.is_, a, b))


class _Finder(MetaPathFinder):
    """Finds modules as the finders after it do, and lets a guard execute them."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = cast(Any, _Loader(self._guard, spec.loader))
                return spec
        return None


class _Loader:
    """A loader that hands the execution to a guard, and everything else to the loader it stands for."""

    def __init__(self, guard: Guard, loader: Any) -> None:
        self._guard, self._loader = guard, loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return cast("ModuleType | None", self._loader.create_module(spec))

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader  # so that nobody meets this one
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._guard.execute(self._loader, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

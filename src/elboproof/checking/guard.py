"""Notices what a check leaves behind: modules with names bound anew or patched classes, and the process's state.

A patch left behind would decide the checks that follow in the same process, and the check's own answer may rest
on it. All loaded modules are compared with copies, see `elboproof.checking.module_copy`. What importing a module
does is no effect of the check that happened to import it first: the copies are made anew after each import, except
for the modules of claims, whose import may change nothing but themselves.
"""

import gc
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

from elboproof.checking.module_copy import ModuleCopy
from elboproof.checking.state import changed, state

LIBRARY = __name__.partition(".")[0]
UNWATCHED = frozenset({"sys", "warnings", "threading", "linecache", "__main__"})
"""Modules that change while a program runs; what matters in them is compared by `elboproof.checking.state`."""

Effects = dict[str, list[str]]


class Guard:
    """Watches the modules of this process.

    Parameters
    ----------
    claims
        What the names of claim modules begin with.
    """

    def __init__(self, claims: str) -> None:
        self._claims = claims
        self._copies: dict[str, ModuleCopy] = {}
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
        # Twice, because what a generator or a context manager holds back until it is collected is no effect.
        if changed(self._state, state()):
            gc.collect()  # generators that nobody holds any more restore what they had set
        return [f"{name}: changed" for name in changed(self._state, state())]

    def settled(self) -> None:
        """Take the state of the process as it is now for unchanged."""
        self._state = state()

    def execute(self, loader: Any, module: ModuleType) -> None:
        """Execute a module that is imported."""
        # A claim's import is not excused: what it does to other modules would act on every check of that process.
        if module.__name__.startswith(self._claims):
            loader.exec_module(module)
            return
        if self._depth:
            loader.exec_module(module)
            return
        # What changed before this import is noted now, as it would be accepted together with what the import does.
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
        # Copies of what changed are dropped, so that each change is told once and of the check that made it.
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
        # A copy of the dictionary: `vars` of some lazy modules imports others while they are looked at.
        modules: dict[str, Any] = dict(sys.modules)  # whatever a program put there
        for name in modules.keys() - self._copies.keys() - UNWATCHED:
            module = modules[name]
            if module is without or not isinstance(module, ModuleType):
                continue
            of_claim = name.startswith(self._claims)
            if claims or not of_claim:
                own = of_claim or name.partition(".")[0] == LIBRARY
                self._copies[name] = ModuleCopy(name, module, own=own)


class _Finder(MetaPathFinder):
    """Finds modules as the finders after it do, and lets a guard execute them."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        # This finder is the first, so that all others are asked in their own order and nothing is found differently.
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
        # Libraries ask a module's loader for its sources and data; they must meet the one they know.
        module.__loader__ = self._loader  # so that nobody meets this one
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._guard.execute(self._loader, module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

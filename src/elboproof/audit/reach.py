"""What a loss can reach: the objects whose state it may change, found by following closures and attributes."""

import functools
import inspect
import types
from collections.abc import Iterable, Iterator
from typing import Any

import torch

MOST_OBJECTS = 5000
"""Followed; beyond, a state that changes is seen by the check of states, and not put back."""

_FOREIGN = ("torch", "numpy", "builtins", "pyro", "lightning")
_ATOMS = (int, float, complex, bool, str, bytes, type(None), torch.Tensor, torch.Generator)


def reachable(roots: Iterable[Any]) -> list[Any]:
    """Return functions and objects with attributes that the roots refer to, each once, roots first."""
    found: dict[int, Any] = {}
    waiting = list(roots)
    while waiting and len(found) < MOST_OBJECTS:
        one = waiting.pop(0)
        if id(one) in found or isinstance(one, (*_ATOMS, type, types.ModuleType)):
            continue
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set):
            waiting += list(one)
        else:
            found[id(one)] = one
            waiting += _referred(one)
    return list(found.values())


def _referred(one: Any) -> Iterator[Any]:
    if isinstance(one, functools.partial):
        yield from (one.func, *one.args, *one.keywords.values())
    elif isinstance(one, types.MethodType):
        yield from (one.__self__, one.__func__)
    elif isinstance(one, types.FunctionType):
        yield from (cell.cell_contents for cell in cells_of(one))
        yield from (one.__globals__[name] for name in globals_of(one))
        yield from one.__defaults__ or ()
    elif not _foreign(one):
        yield from vars(one).values() if hasattr(one, "__dict__") else ()
    if isinstance(one, torch.nn.Module) and _own_forward(one):
        yield types.MethodType(type(one).forward, one)


def _own_forward(module: torch.nn.Module) -> bool:
    # looked up without being called: that of a scripted module is no function, and cannot be asked of its class
    forward = inspect.getattr_static(type(module), "forward", None)
    return isinstance(forward, types.FunctionType) and not type(module).__module__.startswith("torch.")


def _foreign(one: Any) -> bool:
    top = type(one).__module__.partition(".")[0]
    return top in _FOREIGN and not isinstance(one, torch.nn.Module)


def cells_of(function: types.FunctionType) -> Iterator[types.CellType]:
    """Yield the filled cells of a function's closure."""
    for cell in function.__closure__ or ():
        try:
            _ = cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
        yield cell


def globals_of(function: types.FunctionType) -> Iterator[str]:
    """Yield the global names that a function, or one defined in it, refers to."""
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        yield from (name for name in code.co_names if name in function.__globals__)
        codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]


def modules_of(objects: Iterable[Any]) -> list[torch.nn.Module]:
    """Return the modules among objects and in them, each once."""
    found: dict[int, torch.nn.Module] = {}
    for one in objects:
        if isinstance(one, torch.nn.Module):
            found |= {id(part): part for part in one.modules()}
    return list(found.values())


def functions_of(objects: Iterable[Any]) -> list[types.FunctionType]:
    """Return the Python functions among objects."""
    return [one for one in objects if isinstance(one, types.FunctionType)]

"""The state that a loss can change, taken and put back: attributes, buffers, closures, flags, random generators."""

import copy
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from elboproof.audit.reach import cells_of, functions_of, globals_of, modules_of

Restore = Callable[[], None]
_ATOMS = (int, float, complex, bool, str, bytes, type(None))
_PLAIN = (list, dict, set, deque, tuple, np.ndarray)


def snapshot(objects: Iterable[Any]) -> Restore:
    """Return a function that puts back what these objects, their modules and closures hold now, bitwise."""
    objects = list(objects)
    parts = [_attributes(one) for one in [*objects, *modules_of(objects)] if _has_attributes(one)]
    for function in functions_of(objects):
        parts += [_cell(cell) for cell in cells_of(function)]
        parts.append(_globals(function))
    parts += [_value(tensor) for tensor in _tensors(objects)]

    def restore() -> None:
        for part in parts:
            part()

    return restore


def _has_attributes(one: Any) -> bool:
    return hasattr(one, "__dict__") and not isinstance(one, type) and not callable_only(one)


def callable_only(one: Any) -> bool:
    """Return whether an object is a function, whose attributes are no state."""
    return type(one).__name__ in ("function", "method", "builtin_function_or_method", "partial")


def _attributes(one: Any) -> Restore:
    names = dict(vars(one))
    inner = [_value(value) for value in names.values()]

    def restore() -> None:
        here = vars(one)
        if here.keys() != names.keys() or any(here[name] is not value for name, value in names.items()):
            here.clear()
            here.update(names)
        for part in inner:
            part()

    return restore


def _cell(cell: Any) -> Restore:
    contents = cell.cell_contents
    inner = _value(contents)

    def restore() -> None:
        cell.cell_contents = contents
        inner()

    return restore


def _globals(function: Any) -> Restore:
    space = function.__globals__
    kept = {name: space[name] for name in globals_of(function)}
    inner = [_value(value) for value in kept.values() if not isinstance(value, type)]

    def restore() -> None:
        space.update(kept)
        for part in inner:
            part()

    return restore


def _nothing() -> None:
    return None


def _value(value: Any) -> Restore:
    """Return what puts back the contents of a value that can be changed in place."""
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, torch.Generator):
        return partial(_set_state, value, value.get_state())
    if isinstance(value, np.random.Generator):
        inner = copy.deepcopy(value.bit_generator.state)
        return lambda: setattr(value.bit_generator, "state", copy.deepcopy(inner))
    if isinstance(value, random.Random):
        plain = value.getstate()
        return lambda: value.setstate(plain)
    if isinstance(value, list | dict | deque | set):
        return _container(value)
    return _nothing


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)


def _tensor(value: torch.Tensor) -> Restore:
    version, kept, data, grad = value._version, value.detach().clone(), value.data, value.grad

    def restore() -> None:
        # `.data` shares storage and is what the caller's own tensor points to
        if value.data_ptr() != data.data_ptr():
            value.data = data
        if value._version != version or not torch.equal(value.detach(), kept):
            with torch.no_grad():
                value.detach().copy_(kept)
        if value.is_leaf and value.grad is not grad:
            value.grad = grad

    return restore


def _container(value: Any) -> Restore:
    if isinstance(value, dict):
        items = dict(value)
        inner = [_value(one) for one in items.values()]
    else:
        items = list(value)  # type: ignore[assignment]
        inner = [_value(one) for one in items]

    def restore() -> None:
        if (dict(value) if isinstance(value, dict) else list(value)) is not items:
            value.clear()
            _refill(value, items)
        for part in inner:
            part()

    return restore


def _refill(value: Any, items: Any) -> None:
    if isinstance(value, dict | set):
        value.update(items)
    else:
        value.extend(items)


def _tensors(objects: Iterable[Any]) -> Iterator[torch.Tensor]:
    return (one for one in objects if isinstance(one, torch.Tensor))


def _on_cuda() -> bool:
    initialized: Any = torch.cuda.is_initialized
    return bool(initialized())


@contextmanager
def kept_generators() -> Iterator[None]:
    """Put back the states of the global generators of torch, NumPy and Python on exit."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    of_devices = torch.cuda.get_rng_state_all() if _on_cuda() else []
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        if of_devices:
            torch.cuda.set_rng_state_all(of_devices)
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def generators_of(objects: Iterable[Any]) -> list[Any]:
    """Return the random generators that objects hold, in attributes, closures and globals."""
    objects = list(objects)
    held = [
        value for one in [*objects, *modules_of(objects)] for value in getattr(one, "__dict__", {}).values()
    ]
    for function in functions_of(objects):
        held += [cell.cell_contents for cell in cells_of(function)]
        held += [function.__globals__[name] for name in globals_of(function)]
    kinds = (torch.Generator, np.random.Generator, random.Random)
    return list({id(one): one for one in held if isinstance(one, kinds)}.values())


def seed_all(seed: int, own: Iterable[Any] = ()) -> None:
    """Seed the global generators and the user's own: a loss draws from whichever it likes."""
    for one in own:
        if isinstance(one, torch.Generator):
            one.manual_seed(seed)
        elif isinstance(one, random.Random):
            one.seed(seed)
        else:
            one.bit_generator.state = type(one.bit_generator)(seed).state
    # torch.manual_seed would keep, for each device that is not in use, a traceback of each call
    torch.default_generator.manual_seed(seed)
    if _on_cuda():
        torch.cuda.manual_seed_all(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)


@contextmanager
def as_written() -> Iterator[None]:
    """Run what was given to ``torch.compile`` as it is written.

    Taps are seen there at once; a graph would be compiled anew for each of them, and the user's own compiled graphs
    be given up for their number.
    """
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and its import takes a second
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def in_double(modules: Iterable[torch.nn.Module]) -> Iterator[None]:
    """Compute in float64: default dtype, parameters and buffers; put back the very tensors on exit."""
    before = torch.get_default_dtype()
    swapped: list[tuple[torch.Tensor, torch.Tensor, Any]] = []
    try:
        torch.set_default_dtype(torch.float64)
        for tensor in _floating(modules):
            swapped.append((tensor, tensor.data, tensor.grad))
            tensor.grad = None
            tensor.data = tensor.data.double()
        yield
    finally:
        torch.set_default_dtype(before)
        for tensor, data, grad in swapped:
            tensor.grad = None
            tensor.data = data
            tensor.grad = grad


def _floating(modules: Iterable[torch.nn.Module]) -> Iterator[torch.Tensor]:
    seen = set()
    for module in modules:
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and tensor.is_floating_point() and id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor

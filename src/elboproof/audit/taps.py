"""Replacing the encoder and the decoder while the loss runs, by attributes that are taken away again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch

Handler: TypeAlias = Callable[..., Any]
"""Called with the original as first argument, then with what the original would be called with."""

_MISSING = object()


def target(tap: Any) -> tuple[Any, str]:
    """Return the owner and the name of what a tap shadows; of a module its ``forward``."""
    return (tap, "forward") if isinstance(tap, torch.nn.Module) else (tap[0], tap[1])


@contextmanager
def shadowed(handlers: Mapping[int, tuple[Any, Handler]]) -> Iterator[None]:
    """Shadow each tap by its handler; on exit each instance has the attributes that it had before.

    Parameters
    ----------
    handlers
        Tap and handler by any key; one tap is shadowed once.
    """
    done: list[tuple[Any, str, Any]] = []
    try:
        for tap, handler in handlers.values():
            owner, name = target(tap)
            original = getattr(owner, name)
            done.append((owner, name, vars(owner).get(name, _MISSING)))
            _put(owner, name, _bound(handler, original))
        yield
    finally:
        for owner, name, before in reversed(done):
            _put_back(owner, name, before)


def _put(owner: Any, name: str, value: Any) -> None:
    # into the dictionary of the instance itself: __setattr__ of a module would look at what is put in, and that of a
    # frozen dataclass refuses
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:
        vars(owner)[name] = value


def _put_back(owner: Any, name: str, before: Any) -> None:
    if isinstance(owner, type):
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
    elif before is _MISSING:
        vars(owner).pop(name, None)
    else:
        vars(owner)[name] = before


def _bound(handler: Handler, original: Callable[..., Any]) -> Callable[..., Any]:
    def shadow(*arguments: Any, **keywords: Any) -> Any:
        return handler(original, *arguments, **keywords)

    return shadow

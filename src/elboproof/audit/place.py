"""Where a loss stands in the user's source."""

import functools
import inspect
import tokenize
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Place:
    """A function in a file.

    Attributes
    ----------
    file : str
        Absolute path.
    line, last_line : int
        Counted from 1.
    """

    file: str
    line: int
    last_line: int


def place_of(loss: Any) -> Place | None:
    """Return where a loss stands: a function, a method, a module's ``forward`` or another ``__call__``; else None."""
    function = _function(loss)
    try:
        file = inspect.getsourcefile(function)
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):  # typed at a prompt, built in, or compiled
        return None
    except (
        SyntaxError,
        tokenize.TokenError,
    ):  # compiled under the name of a file that is no Python, such as a page
        return None
    return None if file is None else Place(file, max(first, 1), max(first, 1) + len(lines) - 1)


def _function(loss: Any) -> Any:
    while isinstance(loss, functools.partial):
        loss = loss.func
    if isinstance(loss, torch.nn.Module):
        return inspect.getattr_static(type(loss), "forward", None)
    if inspect.isroutine(loss):
        return inspect.unwrap(loss)
    return type(loss).__call__

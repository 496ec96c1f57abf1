"""Checkpoints: written whole or not at all, and read without executing anything.

A process that is killed at any moment leaves the old checkpoint or the new one, see `elboproof.files`. It is read by
``torch.load(weights_only=True)``, which makes tensors and plain values only.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from elboproof.files import replace_content
from elboproof.networks.files import bad_file

MAGIC = b"PK\x03\x04"
"""How every archive begins, and so every file of torch."""
DIGEST = "digest"


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Put a state in the place of a file, at once; raises `NotWrittenError` if the system refuses."""
    # made in memory first: torch hides the reason for which a file cannot be written behind an error of its own
    whole = io.BytesIO()
    torch.save({**state, DIGEST: digest(state)}, whole)
    replace_content(path, whole.getbuffer())


def read(path: Path, name: str = "checkpoint") -> dict[str, Any]:
    """Return what `write` wrote.

    Raises
    ------
    ValueError
        If the file is no such state.
    """
    with path.open("rb") as file:
        archive = file.read(len(MAGIC)) == MAGIC
    if not archive:  # torch would read the formats of its past
        raise bad_file(name, path, "a file that this command wrote")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile file brings about, nothing was read
        raise bad_file(name, path, "a file that this command wrote, whole") from error
    if not isinstance(state, dict) or not isinstance(state.get("request"), dict):
        raise bad_file(name, path, "a file that this command wrote")
    if state.pop(DIGEST, None) != digest(state):
        raise bad_file(name, path, "a file that this command wrote, not changed since")
    return state


def digest(state: object) -> str:
    """Return the SHA-256 of tensors and plain values, whatever holds them.

    It has no key: what it shows is a file that was damaged, or edited by what knows nothing of it.
    """
    found = hashlib.sha256()
    for part in _parts(state):
        found.update(f"{len(part)}:".encode())  # ("ab", "c") is not ("a", "bc")
        found.update(part)
    return found.hexdigest()


def _parts(value: object) -> Iterator[bytes]:
    if isinstance(value, torch.Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        yield value.detach().cpu().contiguous().numpy().tobytes()
    elif isinstance(value, Mapping):
        yield f"mapping of {len(value)}".encode()
        for key in value:
            yield from _parts(key)
            yield from _parts(value[key])
    elif isinstance(value, list | tuple):
        yield f"sequence of {len(value)}".encode()
        for one in value:
            yield from _parts(one)
    else:
        yield f"{type(value).__name__} {value!r}".encode()


@contextmanager
def understood(path: Path, name: str = "checkpoint") -> Iterator[None]:
    """Raise ``ValueError`` where what a state says is used and is not what it should be."""
    try:
        yield
    except Exception as error:
        raise bad_file(name, path, "a file that this command wrote, not changed since") from error


def require_same(path: Path, found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise ``ValueError`` unless a checkpoint was made by the run that is asked for, naming the first difference."""
    for key in dict.fromkeys((*wanted, *found)):
        if found.get(key) != wanted.get(key):
            raise ValueError(
                f"checkpoint: got {path} of a run with {key} {found.get(key)}; expected {key} {wanted.get(key)}, or "
                "another file: a run goes on only as it began"
            )

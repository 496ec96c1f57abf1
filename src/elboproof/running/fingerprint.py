"""A digest of what a record says, the same in every process: files of rows are bound to it."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import sympy


def fingerprint(*records: object) -> str:
    """Return the SHA-256 digest of frozen records, expressions, numbers, texts, arrays and tuples of them.

    Raises
    ------
    TypeError
        If a part is of another kind, of which it is not known what makes two of them equal.
    """
    digest = hashlib.sha256()
    for part in _parts(tuple(records)):
        # the length before each part: ("ab", "c") is not ("a", "bc")
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, sympy.Basic):
        yield sympy.srepr(value).encode()
    elif value is None or isinstance(value, bool | int | float | str | Fraction | Enum):
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"array {value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, tuple | list):
        yield f"sequence {len(value)}".encode()
        for part in value:
            yield from _parts(part)
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"record {type(value).__name__}".encode()
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
    else:
        raise TypeError(f"fingerprint: got {type(value).__name__}; expected records of exact values")

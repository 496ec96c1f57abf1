"""NumPy arrays out of a pickle, without executing what it says.

A pickle may name any function and have it called. Here the few names are known with which NumPy's arrays are
written, and none of them leads to NumPy: they make plain records, which are looked at before an array is made of their
bytes.
Anything else is refused by its name.
"""

import math
import pickle
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad, shown

_TYPES = frozenset({"f4", "f8", "u1", "i4", "i8"})
_ORDERS = frozenset("<>|=")


class _Type:
    """What a pickle says of a dtype."""

    def __init__(self, name: object = None, *_: object) -> None:
        self._name, self._order = _text(name), "="

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self._order = _text(state[1])

    def dtype(self) -> np.dtype[Any]:
        if self._name not in _TYPES or self._order not in _ORDERS:
            raise pickle.UnpicklingError(f"an array of {shown(self._name)}")
        return np.dtype(f"{self._order}{self._name}")


def _text(value: object) -> str:
    # names of Python 2 are bytes
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


class _Array:
    """What a pickle says of an array."""

    def __init__(self, *_: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def array(self) -> NDArray[Any]:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise pickle.UnpicklingError("an array without contents")
        _, shape, kind, columns_first, contents = self.state
        sizes = isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape)
        if not sizes or not isinstance(kind, _Type) or not isinstance(contents, bytes) or columns_first:
            raise pickle.UnpicklingError("an array of another kind")
        dtype = kind.dtype()
        if len(contents) != math.prod(shape) * dtype.itemsize:
            raise pickle.UnpicklingError(f"an array {shape} of {len(contents)} bytes")
        return np.frombuffer(contents, dtype).reshape(shape)


def _encoded(text: object, coding: object = None) -> bytes:
    """Return bytes that Python 3 wrote as a text for Python 2."""
    if not isinstance(text, str) or coding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("a text of another coding")
    return text.encode("latin1")


_KNOWN = {
    ("_codecs", "encode"): _encoded,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        raise pickle.UnpicklingError(f"the name {module}.{name}")

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError(f"a reference to {shown(pid)}")


def read_arrays(file: IO[bytes], name: str) -> Any:
    """Return the arrays of a pickle of nested tuples, lists and arrays, nested as they are.

    Raises
    ------
    ValueError
        If the pickle names anything but NumPy's arrays, or is cut off. Nothing that it names was called.
    """
    try:
        found = _Restricted(file, encoding="bytes").load()  # not executed: see find_class
        return _opened(found)
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        IndexError,
        KeyError,
        MemoryError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        raise bad(
            name, str(error) or type(error).__name__, "a pickle of NumPy arrays and nothing else"
        ) from error


def _opened(value: object) -> Any:
    if isinstance(value, _Array):
        return value.array()
    if isinstance(value, tuple | list):
        return tuple(_opened(one) for one in value)
    raise pickle.UnpicklingError(f"a {type(value).__name__}")

"""Users' arrays: read as NumPy arrays whose numbers are all that they say; what is no such array is refused."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elboproof.arguments import bad, wrong_type
from elboproof.frames import frame_array, is_frame

if TYPE_CHECKING:
    import torch

FloatArray = NDArray[np.float64]
Shape = Sequence[int | str]
"""One entry per axis: an integer is a required length, a word is the name of a free one."""
RECTANGULAR = "numbers in a rectangular array"
_KNOWN_ARRAYS = (np.ndarray, np.memmap, np.matrix)
"""Kinds of arrays that say nothing about their entries but numbers; others hold units, records and the like."""
_DEEPEST = 64
"""Nested lists: as many axes as NumPy knows."""


def is_tensor(value: object) -> "TypeGuard[torch.Tensor]":
    """Return whether a value is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def require_dense(value: "torch.Tensor", name: str) -> None:
    """Raise ``TypeError`` if a tensor is sparse, nested, quantized, masked or complex."""
    torch = sys.modules["torch"]
    if (
        value.is_nested  # first: it has no layout that could be compared
        or value.layout != torch.strided
        or value.is_quantized
        or value.is_complex()
        or torch.masked.is_masked_tensor(value)
    ):
        raise wrong_type(name, value, "a dense tensor of real numbers, without masks and quantization")


def tensor_array(value: "torch.Tensor", name: str) -> NDArray[Any]:
    """Return the numbers of a tensor, without its graph; what NumPy does not know becomes float32, exactly.

    Raises
    ------
    TypeError
        If it is no dense tensor of real numbers, or its numbers cannot be looked at.
    """
    require_dense(value, name)
    try:
        here = value.detach().cpu().resolve_neg()
        wide = here.float() if here.is_floating_point() and here.element_size() < 4 else here
        array: NDArray[Any] = wide.numpy()
    except (RuntimeError, TypeError) as error:  # on "meta", under vmap
        raise wrong_type(name, value, "a tensor whose numbers can be looked at") from error
    return array


def unwrapped(value: object, name: str, depth: int = 0) -> Any:
    """Return a value, or its lists' entries, with arrays and tensors as plain NumPy arrays; the rest as it is.

    ``numpy.asarray`` would take what is under a mask for numbers, and drop units. All users' arrays come through here.

    Raises
    ------
    TypeError
        If a tensor is not dense and real, or an array is of a kind that says more than numbers.
    ValueError
        If an entry is masked, or lists are nested beyond any array.
    """
    # Any shape; [()] makes a number of an array without axes. Only arrays whose numbers are all that they say pass: a
    # mask, a unit or a matrix product of its own would be lost in silence. Lists are looked through entry by entry.
    if is_tensor(value):
        return tensor_array(value, name)[()]
    if isinstance(value, np.ma.MaskedArray):
        _require_unmasked(value, name)
        return np.asarray(value)[()]
    if isinstance(value, np.ndarray):
        if type(value) not in _KNOWN_ARRAYS:
            raise wrong_type(name, value, "a plain array, such as numpy.asarray(...) gives")
        return np.asarray(value)[()]
    if isinstance(value, list | tuple):
        return _unwrapped_list(value, name, depth)
    if is_frame(value):
        return frame_array(value, name)
    if hasattr(type(value), "__array__") and not isinstance(value, np.generic):
        return unwrapped(_foreign(value, name), name, depth)
    return value


def _unwrapped_list(value: list[Any] | tuple[Any, ...], name: str, depth: int) -> list[Any] | tuple[Any, ...]:
    if set(map(type, value)) <= {int, float, str}:  # most lists, and the long ones
        return value
    if depth == _DEEPEST:
        raise bad(re.sub(r"(\[\d+\])+$", "", name), value, f"{RECTANGULAR}, of at most {_DEEPEST} axes")
    return [unwrapped(entry, f"{name}[{k}]", depth + 1) for k, entry in enumerate(value)]


def _foreign(value: object, name: str) -> NDArray[Any]:
    """Return the array that another library's object says it is, with its mask if it has one."""
    try:
        return np.asanyarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise wrong_type(name, value, "numbers, or an array of them") from error


def _require_unmasked(array: "np.ma.MaskedArray[Any, Any]", name: str) -> None:
    mask = np.asarray(np.ma.getmaskarray(array))
    if mask.dtype.names is not None:
        raise wrong_type(name, array, "real numbers")
    if mask.any():
        place = "".join(f"[{int(i)}]" for i in np.argwhere(mask)[0])
        raise ValueError(f"{name}: got a masked entry at {name}{place}; expected numbers without a mask")


def plain_array(value: object, name: str, dtype: type[object] | None = None) -> NDArray[Any]:
    """Return ``value`` as a NumPy array, see `unwrapped`; its entries need not be numbers.

    Raises
    ------
    TypeError, ValueError
        As in `unwrapped`, or if the nesting is ragged or a collection is no array (a sparse matrix, a set).
    """
    if dtype is None and type(value) in (np.ndarray, float):  # thousands of balls a second
        return np.asarray(value)
    given = unwrapped(value, name)
    if isinstance(given, bytes | bytearray):  # NumPy would take the letters' codes
        raise wrong_type(name, value, "numbers, or an array of them")
    try:
        array = np.asarray(given, dtype=dtype)
    except ValueError as error:  # ragged nesting
        raise bad(name, value, RECTANGULAR) from error
    collection = any(hasattr(given, part) for part in ("__len__", "__iter__", "shape"))
    if array.ndim == 0 and array.dtype.kind == "O" and collection:
        raise wrong_type(name, value, "numbers, or an array of them")
    return array


def number_list(values: object, name: str, length: int) -> list[Any]:
    """Return the entries of a list or array of one length; sets and dictionaries have an order of their own.

    Raises
    ------
    TypeError, ValueError
        If it is no such sequence, has another length, or an entry is masked.
    """
    given = unwrapped(values, name)
    if isinstance(given, range) or getattr(
        values, "is_Matrix", False
    ):  # SymPy's matrices list all their entries
        given = list(values)  # type: ignore[call-overload]
    if not isinstance(given, list | tuple | np.ndarray):
        raise wrong_type(name, values, f"a sequence of {length} numbers")
    if len(given) != length:
        raise ValueError(f"{name}: got {len(given)} numbers; expected {length}")
    return list(given)


def finite_array(value: ArrayLike, name: str, shape: Shape) -> FloatArray:
    """Return a float64 copy of ``value``, of the shape asked, with every entry finite; raises as `float_array`."""
    return float_array(value, name, shape).astype(np.float64)


def float_array(value: ArrayLike, name: str, shape: Shape) -> NDArray[np.floating[Any]]:
    """Return ``value`` as an array of the shape asked, with every entry finite.

    float32 and float64 are not copied; other numbers become float64.

    Raises
    ------
    TypeError
        If the entries are not real numbers (strings and booleans are not).
    ValueError
        If the shape does not fit, an axis is empty, or an entry is masked, infinite, NaN, or rounded by float64.
    """
    # the checks before the conversion: what float64 would round, or make infinite, is refused and not changed
    array = real_array(value, name)
    require_shape(array, name, shape)
    require_finite(array, name)
    require_doubles(array, name)
    precision = np.float32 if array.dtype == np.float32 else np.float64
    return array.astype(precision, copy=False)


def real_array(value: ArrayLike, name: str, requirement: str = "real numbers") -> NDArray[Any]:
    """Return ``value`` as an array of integers or floats of any shape; they may be infinite or NaN.

    Raises
    ------
    TypeError, ValueError
        If the entries are not real numbers, or as in `plain_array`.
    """
    array = plain_array(value, name)
    if array.dtype.kind not in "fiu":
        raise wrong_type(name, value, requirement)
    return array


def require_shape(array: NDArray[np.generic], name: str, shape: Shape) -> None:
    """Raise unless an array has the shape asked, and no empty axis."""
    wanted = f"shape ({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''}) with no empty axis"
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits or 0 in array.shape:
        raise ValueError(f"{name}: got shape {array.shape}; expected {wanted}")


def require_finite(array: NDArray[np.generic], name: str) -> None:
    """Raise if an entry of an array is infinite or NaN, naming the first one."""
    _require_all(np.isfinite(array), array, name, "finite numbers")


def require_doubles(array: NDArray[Any], name: str) -> None:
    """Raise if float64 would round an entry of an array, naming the first one; NaN and infinities it has."""
    if array.dtype.itemsize < 8 or array.dtype == np.float64:
        return
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            kept = np.asarray((array.astype(np.float64) == array) | np.isnan(array))
    else:
        kept = np.array((array <= 2**53) & (array >= -(2**53)))
        kept[~kept] = [int(float(n)) == n for n in array[~kept].tolist()]
    _require_all(kept, array, name, "numbers that float64 holds exactly")


def _require_all(holds: NDArray[np.bool_], array: NDArray[Any], name: str, requirement: str) -> None:
    if not holds.all():
        index = tuple(int(i) for i in np.argwhere(~holds)[0])
        place = "".join(f"[{i}]" for i in index)
        raise ValueError(f"{name}: got {array[index]} at {name}{place}; expected {requirement}")

"""Tables of other libraries, read column by column: what is a column's own kind of number stays what it is.

A frame's own conversion to one array makes floats of integers that stand beside floats, and rounds them. Neither
pandas nor polars is needed: a frame is what has named columns and gives one by its name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad, wrong_type


def is_frame(value: object) -> bool:
    """Return whether a value is a table with named columns, as those of pandas and polars are."""
    return all(hasattr(value, part) for part in ("columns", "to_numpy", "__getitem__", "__array__"))


def frame_array(frame: Any, name: str) -> NDArray[Any]:
    """Return a table as an array (N, D): a row for each of its rows, in their order; names are not looked at.

    Columns of one type keep it, booleans and numbers of others become float64 where it holds them all, and what it does
    not hold stays as Python's own objects.

    Raises
    ------
    TypeError
        If a column is no sequence of plain entries.
    ValueError
        If two columns have one name, by which only both could be asked for.
    """
    names = list(frame.columns)
    if len(set(names)) < len(names):
        twice = next(one for k, one in enumerate(names) if one in names[:k])
        raise bad(f"{name}.columns", twice, "a different name for each column")
    columns = [_column(frame[one], f"{name}[{one!r}]") for one in names]
    if not columns:
        return np.empty((len(frame), 0))
    if len({column.dtype for column in columns}) == 1:
        return np.stack(columns, axis=1)
    if all(map(_held, columns)):
        return np.stack([column.astype(np.float64) for column in columns], axis=1)
    table = np.empty((len(columns[0]), len(columns)), dtype=object)
    for k, column in enumerate(columns):
        table[:, k] = column.tolist()
    return table


def _column(column: Any, name: str) -> NDArray[Any]:
    """Return the entries of one column (N,); those that are missing stay what stands there, and are no numbers."""
    try:
        array = np.asarray(column)
    except (ValueError, TypeError, RuntimeError) as error:
        raise wrong_type(name, column, "a column of numbers") from error
    if array.ndim != 1:
        raise bad(name, array.shape, "one entry for each row")
    return array


def _held(column: NDArray[Any]) -> bool:
    """Whether float64 holds every number of a column; booleans beside numbers are not numbers."""
    if column.dtype.kind not in "fiu":
        return False
    if column.dtype.kind == "f" and column.dtype.itemsize <= 8:
        return True
    return all(_exactly_double(number) for number in column.tolist())


def _exactly_double(number: Any) -> bool:
    return bool(float(number) == number) or number != number  # NaN, which is refused later and by its place

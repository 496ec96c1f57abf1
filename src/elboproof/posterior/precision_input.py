"""Reading precision matrices and weights: exactly, and refusing what is none, naming the entry."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arguments import bad
from elboproof.arrays import number_list, plain_array, require_finite, require_shape
from elboproof.numbers.exact import exact
from elboproof.numbers.symmetric import ldl, not_positive

Table = NDArray[Any]
"""Doubles, or exact numbers as objects, shape (N, d, d)."""


def read_precisions(precisions: Any) -> Table:
    """Return finite symmetric matrices: doubles if all are numbers of NumPy, else Fractions."""
    table = plain_array(precisions, "precisions")
    numeric = table.dtype.kind in "fiu" and not (table.dtype.kind == "f" and table.dtype.itemsize > 8)
    if isinstance(precisions, list | tuple) and numeric and np.abs(table).max(initial=0) > 2**53:
        numeric = False  # beside a float, NumPy has rounded integers of such a size
    if not numeric:  # read anew: NumPy would have made texts of the floats beside a text
        table = plain_array(precisions, "precisions", dtype=object)
    require_shape(table, "precisions", ("N", "d", "d"))
    if table.shape[1] != table.shape[2]:
        raise ValueError(f"precisions: got shape {table.shape}; expected square matrices, shape (N, d, d)")
    if numeric:
        require_finite(table, "precisions")
    doubles = numeric and (table.dtype.kind == "f" or np.abs(table.astype(np.float64)).max() <= 2**53)
    table = table.astype(np.float64) if doubles else _fractions(table)
    uneven = np.argwhere(table != table.transpose(0, 2, 1))
    if len(uneven):
        n, i, j = map(int, uneven[0])
        raise ValueError(
            f"precisions: got {table[n, i, j]} at precisions[{n}][{i}][{j}] and {table[n, j, i]} at "
            f"precisions[{n}][{j}][{i}]; expected symmetric matrices"
        )
    return table


def _fractions(table: Table) -> Table:
    entries = np.empty(table.shape, object)
    for place in np.ndindex(*table.shape):
        name = "precisions" + "".join(f"[{k}]" for k in place)
        entries[place] = exact(table[place], name)
    return entries


def read_weights(weights: Any, count: int) -> list[Fraction] | None:
    """Return weights that add up to 1, None for equal ones."""
    if weights is None:
        return None
    numbers = [exact(w, f"weights[{n}]") for n, w in enumerate(number_list(weights, "weights", count))]
    for n, w in enumerate(numbers):
        if w <= 0:
            raise bad(f"weights[{n}]", w, "a positive number")
    total = sum(numbers, Fraction(0))
    return [w / total for w in numbers]


def exact_rows(table: Table) -> list[list[list[Fraction]]]:
    """Return the matrices as fractions."""
    return [[[Fraction(entry) for entry in row] for row in matrix] for matrix in table.tolist()]


def positive_pivots(rows: list[list[Fraction]], n: int) -> list[Fraction]:
    """Return the exact pivots of ``precisions[n]``.

    Raises
    ------
    ValueError
        If one is not positive: the matrix is not positive definite.
    """
    pivots = ldl(rows)[1]
    k = not_positive(pivots)
    if k is not None:
        raise ValueError(
            f"precisions[{n}]: got a matrix whose pivot {k} is {_about(pivots[k])}; "
            "expected a positive definite one"
        )
    return pivots


def _about(pivot: Fraction) -> str:
    try:
        return f"{float(pivot):.6g}"
    except OverflowError:
        return "negative and beyond all doubles"

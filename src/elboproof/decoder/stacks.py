"""The covariances of an encoder, given as such or as the diagonals of diagonal ones."""

from typing import Any

import numpy as np

from elboproof.arguments import bad
from elboproof.arrays import is_tensor
from elboproof.decoder import gaussians, tensors
from elboproof.decoder.gaussians import Stack
from elboproof.decoder.tensors import Table


def stack_of(covariances: Any, variances: Any, points: int, dimensions: int) -> Stack:
    """Return covariances, or the diagonals of diagonal ones, as a stack; exactly one of both is given.

    Raises
    ------
    TypeError
        If both are given, or none, or one does not consist of real numbers.
    ValueError
        If a shape does not fit, or a diagonal is not positive.
    """
    if (covariances is None) == (variances is None):
        got = "neither of them" if variances is None else "both"
        raise TypeError(f"covariances and variances: got {got}; expected one of them, as a keyword")
    if variances is None:
        table = gaussians.real_table(covariances, "covariances", gaussians.ACCEPTED)
        return gaussians.covariance_stack(table, points, dimensions)
    rows = tensors.numbers(variances, "variances", ("N", "d"))
    if tuple(rows.shape) != (points, dimensions):
        raise ValueError(
            f"variances: got shape {tuple(rows.shape)}; expected (N, d) = ({points}, {dimensions}), one row per code"
        )
    if not (rows > 0).all():
        n, j = (int(k) for k in np.argwhere(~(tensors.plain(rows, "variances") > 0))[0])
        raise bad(f"variances[{n}][{j}]", float(rows[n, j]), "a positive variance, no logarithm of one")
    # a tensor keeps its graph
    return tensors.module_of(rows).einsum("nj,jk->njk", rows, _identity(rows, dimensions))


def _identity(like: Table, size: int) -> Table:
    if not is_tensor(like):
        return np.eye(size, dtype=like.dtype)
    return tensors.module_of(like).eye(size, dtype=like.dtype, device=like.device)

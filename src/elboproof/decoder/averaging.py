"""The decoder's average for many NumPy queries: at once, or in blocks, with care where blocks round too much."""

from typing import Any

import numpy as np

from elboproof.decoder import gaussians, per_query, streaming, tensors
from elboproof.decoder.gaussians import Gaussians
from elboproof.decoder.per_query import PAIRS
from elboproof.decoder.streaming import Float64s, Floats
from elboproof.shapes import Float, Float64


def average(
    g: Gaussians, data: Float[Floats, "N D"], z: Float64[Float64s, "Q d"]
) -> Float[np.ndarray[Any, Any], "Q D"]:
    """Return sum_i w_i(z) x_i, shape (Q, D)."""
    # few pairs at once; many in blocks, and again with care where the blocks' products round too much
    if len(z) * len(data) <= PAIRS:
        return (
            np.concatenate([per_query.weights(g, part) for part in per_query.parts(g, z)]).astype(data.dtype)
            @ data
        )
    result, accurate = streaming.average(g, data, z)
    rest = np.flatnonzero(~accurate)
    if rest.size:
        eps = float(np.finfo(data.dtype).eps)
        for queries, codes in streaming.candidates(g, eps, z[rest]):
            chosen = rest[queries]
            result[chosen] = _careful(gaussians.subset(g, codes), data, codes, z[chosen])
    return result


def _careful(g: Gaussians, data: Any, codes: Any, z: Any) -> Any:
    """Return the average over some of the codes, whose data are gathered a few megabytes at a time."""
    # n codes: weights (Q, n) in the data's precision, then (Q, rows) times (rows, D) a part at a time
    weights = np.concatenate(
        [per_query.weights(g, part).astype(data.dtype) for part in per_query.parts(g, z)]
    )
    total = np.zeros((len(z), data.shape[1]), data.dtype)
    for part in tensors.slices(len(codes), max(1, PAIRS // data.shape[1])):
        total += weights[:, part] @ data[codes[part]]
    return total

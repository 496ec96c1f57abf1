"""Data points as a network's likelihood takes them: thousands of latents may share a row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from elboproof.model.network_algebra import Arrays


class NetworkData:
    """The data columns as one matrix (D, Q) in their own shape, and which of its columns each point uses."""

    def __init__(self, algebra: Arrays, x: Sequence[Any], shape: tuple[int, ...]) -> None:
        # x is kept in its own shape: thousands of points may share a row, which is then taken by its number.
        own = algebra.shape(x)
        self.algebra, self.matrix = algebra, algebra.matrix(x, own)
        self.owner: Any = None
        if own != shape:
            owner = np.arange(int(np.prod(own))).reshape(own)
            self.owner = np.broadcast_to(owner, shape).flatten()

    def at(self, block: slice) -> Any:
        """Return the data of a block of points, (D, P)."""
        return self.algebra.taken(self.matrix, block if self.owner is None else self.owner[block])

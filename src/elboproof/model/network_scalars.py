"""What a network needs of balls of python-flint, one point at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elboproof.model.network_algebra import Arrays
from elboproof.model.networks import Affine


class Scalars(Arrays):
    """Balls of python-flint, one point at a time: object arrays (n, 1)."""

    def shape(self, values: Sequence[Any]) -> tuple[int, ...]:  # noqa: ARG002
        """Return (): there is one point."""
        return ()

    def matrix(self, columns: Sequence[Any], shape: tuple[int, ...]) -> Any:  # noqa: ARG002
        """Return numbers as a column."""
        return _objects(columns)

    def each_row(self, matrix: Any) -> list[Any]:
        """Return the numbers of a column."""
        return list(matrix[:, 0])

    def points(self, matrix: Any) -> tuple[int, ...]:  # noqa: ARG002
        """Return (): there is one point."""
        return ()

    def column(self, values: Any, like: Any) -> Any:  # noqa: ARG002
        """Return exact floats as a column."""
        from flint import arb

        return _objects([arb(float(value)) for value in values])

    def stacked(self, values: Sequence[Any], like: Any) -> Any:  # noqa: ARG002
        """Return numbers as a column."""
        return _objects(values)

    def affine(self, layer: Affine, h: Any, with_bias: bool) -> Any:
        """Return W h, plus b if asked."""
        from flint import acb, acb_mat, arb_mat

        # arb's own product of matrices: entries of W are floats and exact.
        kind = acb_mat if any(isinstance(value, acb) for value in h[:, 0]) else arb_mat
        product = kind(layer.weight.entries.tolist()) * kind(h.tolist())
        column = _objects([product[i, 0] for i in range(product.nrows())])
        return column + self.column(layer.bias, h) if with_bias else column

    def applied(self, function: Callable[..., Any], h: Any, options: dict[str, Any]) -> Sequence[Any]:
        """Return the values of a compiled function of one variable at every entry."""
        # One number after the other; the Taylor coefficients of all units stand together for each order.
        values = [function(t, **options) for t in h[:, 0]]
        return [_objects(column) for column in zip(*values, strict=True)]

    def repeated(self, value: Any, shape: tuple[int, ...]) -> Any:  # noqa: ARG002
        """Return the value of the only point."""
        return value

    def group_totals(self, h: Any, groups: Sequence[Sequence[int]]) -> Any:
        """Return the sums over the units of each group, (n, 1) -> (G, 1)."""
        return _objects([sum(h[list(group), 0]) for group in groups])

    def in_unit_interval(self, h: Any) -> Any:
        """Return real balls cut off at -1 and 1."""
        from flint import arb

        return _objects([_cut(t) if isinstance(t, arb) else t for t in h[:, 0]])

    def joined(self, parts: Sequence[Any]) -> Any:
        """Return the only point."""
        return parts[0]

    def shaped(self, value: Any, shape: tuple[int, ...]) -> Any:  # noqa: ARG002
        """Return the only number."""
        return value[0] if isinstance(value, np.ndarray) else value


def _cut(t: Any) -> Any:
    """Return the intersection of a real ball with [-1, 1], or the ball itself where that is within."""
    from flint import arb

    if abs(t) <= 1:
        return t
    low, high = t.lower(), t.upper()
    if not (t.is_finite() and low <= 1 and high >= -1):
        return arb(0, 1) if not t.is_finite() else t
    return (low if low > -1 else arb(-1)).union(high if high < 1 else arb(1))


def _objects(values: Sequence[Any]) -> Any:
    column = np.empty((len(values), 1), dtype=object)
    column[:, 0] = values
    return column

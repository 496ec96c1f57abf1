"""What a network needs of one number system: matrices of numbers with units as rows and points as columns.

The functions of one variable come from the system's ring; here are products with weights, columns of constants, sums
over units, and the way from separate arguments to matrices and back.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.model.networks import Affine
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.centred import Centred
from elboproof.numbers.duals import Dual


class Arrays:
    """NumPy float64, and what all systems of arrays share."""

    def shape(self, values: Sequence[Any]) -> tuple[int, ...]:
        """Return the common shape of columns."""
        # Columns of data may have fewer axes than points, and constants none.
        shapes = {self._shape_of(value) for value in values}
        return np.broadcast_shapes(*shapes)

    def _shape_of(self, value: Any) -> tuple[int, ...]:
        return np.shape(value)

    def matrix(self, columns: Sequence[Any], shape: tuple[int, ...]) -> Any:
        """Return columns of shapes that broadcast to ``shape`` as one matrix (n, P)."""
        # Units are rows and points columns, so that an affine map is W @ h for all points at once.
        return _rows(columns, shape)

    def each_row(self, matrix: Any) -> list[Any]:
        """Return the rows (P,) of a matrix."""
        return [matrix[k] for k in range(len(matrix))]

    def points(self, matrix: Any) -> tuple[int, ...]:
        """Return (P,), the shape of a row."""
        return tuple(matrix.shape[1:])

    def taken(self, matrix: Any, index: Any) -> Any:
        """Return some of the points."""
        return matrix[:, index]

    def rows(self, matrix: Any, index: Sequence[int]) -> Any:
        """Return some of the units, (n, P) -> (m, P)."""
        return matrix[list(index)]

    def units(self, matrix: Any, d: int) -> list[Any]:
        """Return the constant slopes of d inputs: unit vectors (d, 1)."""
        return [self.column([float(j == k) for j in range(d)], matrix) for k in range(d)]

    def column(self, values: Any, like: Any) -> Any:  # noqa: ARG002
        """Return exact floats as a column (n, 1)."""
        return np.asarray(values, dtype=np.float64)[:, None]

    def stacked(self, values: Sequence[Any], like: Any) -> Any:  # noqa: ARG002
        """Return numbers of the ring as a column (n, 1)."""
        return np.array(values)[:, None]

    def affine(self, layer: Affine, h: Any, with_bias: bool) -> Any:
        """Return W h, plus b if asked."""
        # (m, n) @ (n, P) + (m, 1). For balls the product's rounding is in `ExactMatrix`. Slopes take no bias:
        # it is a constant.
        product = layer.weight @ h
        return product + self.column(layer.bias, h) if with_bias else product

    def applied(self, function: Callable[..., Any], h: Any, options: dict[str, Any]) -> Sequence[Any]:
        """Return the values of a compiled function of one variable at every entry."""
        return function(h, **options)  # type: ignore[no-any-return]

    def square(self, h: Any) -> Any:
        """Return h^2."""
        return h * h

    def total(self, h: Any) -> Any:
        """Return the sums over units, (n, P) -> (P,)."""
        return h.sum(0)

    def group_totals(self, h: Any, groups: Sequence[Sequence[int]]) -> Any:
        """Return the sums over the units of each group, (n, P) -> (G, P)."""
        return self.matrix([self.total(self.rows(h, group)) for group in groups], self.points(h))

    def in_unit_interval(self, h: Any) -> Any:
        """Return numbers that are known to lie in [-1, 1]; enclosures of real ones without what is outside."""
        return h

    def joined(self, parts: Sequence[Any]) -> Any:
        """Return the points of several blocks in one array."""
        return np.concatenate(parts)

    def repeated(self, value: Any, shape: tuple[int, ...]) -> Any:
        """Return a value repeated to a shape."""
        return np.broadcast_to(value, shape)

    def shaped(self, value: Any, shape: tuple[int, ...]) -> Any:
        """Return the points in the arguments' shape."""
        return value.reshape(*shape) if shape else value.reshape(())


class Tensors(Arrays):
    """torch."""

    def _shape_of(self, value: Any) -> tuple[int, ...]:
        return tuple(value.shape)

    def matrix(self, columns: Sequence[Any], shape: tuple[int, ...]) -> Any:
        """Return columns as one matrix; autograd passes."""
        import torch

        like = next((column for column in columns if isinstance(column, torch.Tensor)), None)
        made = [
            column if isinstance(column, torch.Tensor) else torch.as_tensor(column).to(like)
            for column in columns
        ]
        return torch.stack([column.expand(shape).reshape(-1) for column in made])

    def column(self, values: Any, like: Any) -> Any:
        """Return floats in the dtype and on the device of ``like``."""
        import torch

        # a copy: torch shares no memory with arrays that cannot be written
        return torch.tensor(np.asarray(values), dtype=like.dtype, device=like.device)[:, None]

    stacked = column

    def affine(self, layer: Affine, h: Any, with_bias: bool) -> Any:
        """Return W h, plus b if asked."""
        import torch

        weight = torch.tensor(layer.weight.entries, dtype=h.dtype, device=h.device)
        return weight @ h + self.column(layer.bias, h) if with_bias else weight @ h

    def joined(self, parts: Sequence[Any]) -> Any:
        """Return the only block: autograd wants no copies."""
        return parts[0]

    def repeated(self, value: Any, shape: tuple[int, ...]) -> Any:
        """Return a value repeated to a shape."""
        return value.expand(shape)


class Balls(Arrays):
    """Arrays of float64 balls, complex rectangles, duals and centred forms of both."""

    def _shape_of(self, value: Any) -> tuple[int, ...]:
        if isinstance(value, Centred):
            return self._shape_of(value.dual)
        if isinstance(value, Dual):
            return self.shape([value.value, *value.partials])
        return tuple(value.shape)

    def matrix(self, columns: Sequence[Any], shape: tuple[int, ...]) -> Any:
        """Return columns as one matrix; all must be of one kind, but real balls may stand among rectangles."""
        # Every kind is taken apart into its arrays, each becomes a matrix by itself, and the kind is put
        # together again: no arithmetic, so nothing is rounded.
        first = next((c for c in columns if not isinstance(c, BallArray)), columns[0])
        if isinstance(first, Centred):
            centre = self.matrix([c.centre for c in columns], shape)
            offsets = [self.repeated(offset, shape).reshape(-1) for offset in first.offsets]
            return Centred(centre, self.matrix([c.dual for c in columns], shape), offsets)
        if isinstance(first, Dual):
            slopes = zip(*(c.partials for c in columns), strict=True)
            value = self.matrix([c.value for c in columns], shape)
            return Dual(value, [self.matrix(slope, shape) for slope in slopes])
        if isinstance(first, ComplexBallArray):
            rectangles = [ComplexBallArray.coerce(c) or c for c in columns]
            real = self.matrix([c.real for c in rectangles], shape)
            return ComplexBallArray(real, self.matrix([c.imag for c in rectangles], shape))
        mids, rads = [c.mid for c in columns], [c.rad for c in columns]
        return BallArray._of((_rows(mids, shape), _rows(rads, shape)))

    def each_row(self, matrix: Any) -> list[Any]:
        """Return the rows (P,) of a matrix; a centred form's offsets have no rows."""
        count = self._first(matrix).shape[0]
        return [_through(matrix, itemgetter(k), offsets=False) for k in range(count)]

    def points(self, matrix: Any) -> tuple[int, ...]:
        """Return (P,), the shape of a row."""
        return tuple(self._first(matrix).shape[1:])

    def _first(self, value: Any) -> Any:
        """Return one of the arrays that a matrix consists of."""
        if isinstance(value, Centred):
            return self._first(value.centre)
        return value.value if isinstance(value, Dual) else value

    def taken(self, matrix: Any, index: Any) -> Any:
        """Return some of the points."""
        return _through(matrix, lambda part: part[..., index])

    def rows(self, matrix: Any, index: Sequence[int]) -> Any:
        """Return some of the units."""
        return _through(matrix, lambda part: part[list(index)], offsets=False)

    def column(self, values: Any, like: Any) -> Any:  # noqa: ARG002
        """Return exact floats as a column of points."""
        return BallArray(np.asarray(values, dtype=np.float64)[:, None])

    def stacked(self, values: Sequence[Any], like: Any) -> Any:  # noqa: ARG002
        """Return balls of shape () as a column."""
        return BallArray.concatenate([value.reshape(1, 1) for value in values])

    def square(self, h: Any) -> Any:
        """Return h^2, nonnegative."""
        return h.square()

    def total(self, h: Any) -> Any:
        """Return the sums over units."""
        # The offsets of a centred form belong to the cell and not to its units: they are not summed.
        return _through(h, lambda part: part.sum(0), offsets=False)

    def in_unit_interval(self, h: Any) -> Any:
        """Return real balls, and the real values of duals and centred forms, cut off at -1 and 1; slopes stay."""
        if isinstance(h, Centred):
            return Centred(self.in_unit_interval(h.centre), self.in_unit_interval(h.dual), h.offsets)
        if isinstance(h, Dual):
            return Dual(self.in_unit_interval(h.value), h.slopes)
        return _cut(h) if isinstance(h, BallArray) else h  # complex numbers near the real line may be larger

    def joined(self, parts: Sequence[Any]) -> Any:
        """Return the points of several blocks in one array."""
        first = parts[0]
        if isinstance(first, Centred):
            offsets = [self.joined(column) for column in zip(*(p.offsets for p in parts), strict=True)]
            return Centred(
                self.joined([p.centre for p in parts]), self.joined([p.dual for p in parts]), offsets
            )
        if isinstance(first, Dual):
            slopes = zip(*(p.partials for p in parts), strict=True)
            return Dual(self.joined([p.value for p in parts]), [self.joined(slope) for slope in slopes])
        return type(first).concatenate(parts)

    def repeated(self, value: Any, shape: tuple[int, ...]) -> Any:
        """Return a value repeated to a shape."""
        if isinstance(value, ComplexBallArray):
            return ComplexBallArray(value.real.broadcast_to(shape), value.imag.broadcast_to(shape))
        if isinstance(value, BallArray):
            return value.broadcast_to(shape)
        return _through(value, lambda part: self.repeated(part, shape))

    def shaped(self, value: Any, shape: tuple[int, ...]) -> Any:
        """Return the points in the arguments' shape."""
        return _through(value, lambda part: part.reshape(*shape))


def _cut(h: BallArray) -> BallArray:
    """Return the intersection with [-1, 1], of balls that meet it."""
    low, high = h.lower(), h.upper()
    wide = (low < -1.0) | (high > 1.0)
    if not wide.any():
        return h
    # a ball that does not meet the interval, which only an empty box has, is kept
    meets = (low <= 1.0) & (high >= -1.0)
    cut = BallArray.between(
        np.where(meets, np.maximum(low, -1.0), -1.0), np.where(meets, np.minimum(high, 1.0), 1.0)
    )
    return BallArray.where(wide & meets, cut, h)


def _rows(columns: Sequence[Any], shape: tuple[int, ...]) -> FloatArray:
    """Return arrays as the rows of a matrix; 784 columns are common, so nothing is done twice for each."""
    # (D,) columns of shape -> (D, P).
    if any(np.shape(column) != shape for column in columns):
        columns = [np.broadcast_to(column, shape) for column in columns]
    return np.asarray(np.array(columns, dtype=np.float64).reshape(len(columns), -1))


def _through(value: Any, function: Callable[[Any], Any], *, offsets: bool = True) -> Any:
    """Apply a function to the arrays that a dual or a centred form consists of."""
    if isinstance(value, Dual):
        return Dual(function(value.value), [function(slope) for slope in value.partials])
    if isinstance(value, Centred):
        moved = [function(offset) for offset in value.offsets] if offsets else value.offsets
        return Centred(function(value.centre), _through(value.dual, function), moved)
    return function(value)

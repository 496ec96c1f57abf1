"""Evaluators on arrays: a model's decoder, energy and derivatives in floats of NumPy and torch.

The raw compiled functions (``Quantities.compiled``) return what the arithmetic gives; the evaluators' methods check
arguments and refuse values that are not finite, so that a pole is an error and not a number.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import wrong_type
from elboproof.arrays import FloatArray, finite_array, plain_array, require_dense, unwrapped
from elboproof.model import base_measures
from elboproof.model.quantities import Evaluator, not_finite
from elboproof.numbers.floating import FLOATING, TENSORS

if TYPE_CHECKING:
    import torch


class FloatingEvaluator(Evaluator):
    """NumPy float64. z has shape (..., d), x has shape (..., D); leading axes broadcast."""

    def decoder(self, z: ArrayLike, order: int = 0) -> FloatArray:
        """Return f(z) or its derivatives, shape (..., D) + (d,) * order.

        Raises
        ------
        TypeError, ValueError
            If z is not an array of finite numbers of shape (..., d), or f or a derivative is not finite there.
        """
        # values: (distinct derivatives * D, ...). index (d,) * order says which distinct derivative each entry
        # of the full tensor is; the axes of derivatives go last.
        index = self._index(order)
        order = index.ndim
        points = self._points(z, "z", self._d)
        values = self._run("decoder", order, points, None)
        parts = values.reshape(-1, self._outputs, *values.shape[1:])[index]
        return np.moveaxis(parts, [order, *range(order)], range(-order - 1, 0))

    def energy(self, z: ArrayLike, x: ArrayLike, order: int = 0) -> FloatArray:
        """Return U(z) = -log p(x, z) in nats, or its derivatives in z, shape (...) + (d,) * order.

        Raises
        ------
        TypeError, ValueError
            If z or x is not an array of finite numbers of the right shape, or a value is not finite there.
        """
        return self._of_data("energy", z, x, order)

    def log_likelihood(self, z: ArrayLike, x: ArrayLike, order: int = 0) -> FloatArray:
        """Return log p(x|z) in nats, or its derivatives in z, shape (...) + (d,) * order; raises as ``energy``."""
        return self._of_data("log_likelihood", z, x, order)

    def _of_data(self, quantity: str, z: ArrayLike, x: ArrayLike, order: int) -> FloatArray:
        index = self._index(order)
        order = index.ndim
        points = self._points(z, "z", self._d)
        data = self._points(self._support.numbers(unwrapped(x, "x")), "x", self._D)
        self._support.require_array(data, "x")
        # (distinct, ...) -> (...) + (d,) * order.
        parts = self._run(quantity, order, points, data)[index]
        parts = self._with_base(quantity, order, parts, list(np.moveaxis(data, -1, 0)), base_measures.FLOATS)
        return np.moveaxis(parts, range(order), range(-order, 0)) if order else parts

    def _points(self, value: ArrayLike, name: str, length: int) -> FloatArray:
        array = plain_array(value, name)
        axes = max(array.ndim, 1)
        return finite_array(array, name, (*(f"n{k}" for k in range(axes - 1)), length))

    def _run(self, quantity: str, order: int, z: FloatArray, x: FloatArray | None) -> FloatArray:
        # z (..., d) and x (..., D) are taken apart by columns; leading axes broadcast in the function, and
        # constant entries are spread over the common shape afterwards.
        function = self._quantities.compiled(quantity, order, FLOATING)
        self._require_inside(quantity, list(np.moveaxis(z, -1, 0)))
        shape = z.shape[:-1] if x is None else _common_shape(z, x)
        data = [None] * self._D if x is None else list(np.moveaxis(x, -1, 0))
        with np.errstate(all="ignore"):  # looked at below, where the error can name the point
            values = function(*np.moveaxis(z, -1, 0), *data)
        result = np.stack([np.broadcast_to(value, shape) for value in values])
        if not np.isfinite(result).all():
            place = tuple(np.argwhere(~np.isfinite(result))[0][1:])
            point = np.broadcast_to(z, (*shape, self._d))[place]
            raise not_finite(quantity, order, point.tolist(), "finite in float64")
        return result


def _common_shape(z: "FloatArray | torch.Tensor", x: "FloatArray | torch.Tensor") -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(tuple(z.shape[:-1]), tuple(x.shape[:-1]))
    except ValueError as error:
        shapes = f"{tuple(x.shape)} with z of shape {tuple(z.shape)}"
        raise ValueError(f"x: got shape {shapes}; expected leading axes that broadcast") from error


class TensorEvaluator(Evaluator):
    """torch. z has shape (..., d), x has shape (..., D); leading axes broadcast; autograd passes through.

    Under ``torch.func.vmap`` numbers cannot be looked at: what would be refused elsewhere comes back as it is.
    """

    def decoder(self, z: "torch.Tensor", order: int = 0) -> "torch.Tensor":
        """Return f(z) or its derivatives, shape (..., D) + (d,) * order."""
        index = self._index(order)
        order = index.ndim
        parts = self._run("decoder", order, self._points(z, "z", self._d), None)
        # parts: (..., distinct * D), because torch stacks last; every derivative's D entries stand together.
        stacked = parts.reshape(*parts.shape[:-1], -1, self._outputs).transpose(-1, -2)
        return stacked[..., index.reshape(-1)].reshape((*stacked.shape[:-1], *index.shape))

    def energy(self, z: "torch.Tensor", x: "torch.Tensor", order: int = 0) -> "torch.Tensor":
        """Return U(z) = -log p(x, z) in nats, or its derivatives in z, shape (...) + (d,) * order."""
        return self._of_data("energy", z, x, order)

    def log_likelihood(self, z: "torch.Tensor", x: "torch.Tensor", order: int = 0) -> "torch.Tensor":
        """Return log p(x|z) in nats, or its derivatives in z, shape (...) + (d,) * order."""
        return self._of_data("log_likelihood", z, x, order)

    def _of_data(self, quantity: str, z: "torch.Tensor", x: "torch.Tensor", order: int) -> "torch.Tensor":
        index = self._index(order)
        order = index.ndim
        points = self._points(z, "z", self._d)
        data = self._points(_counted(x, points) if self._support.whole else x, "x", self._D)
        self._require_inside(quantity, points.unbind(-1), surely=_surely)
        # Only where numbers can be looked at: under vmap and on "meta" the check is left out.
        if not self._support.everything and not _surely(self._support.holds(data.unbind(-1))):
            self._support.require_array(data.detach().cpu().double().numpy(), "x")
        parts = self._run(quantity, order, points, data)
        columns = [column[..., None] for column in data.unbind(-1)]  # beside the axis of derivatives
        parts = self._with_base(quantity, order, parts, columns, base_measures.TENSORS)
        result: torch.Tensor = parts[..., index.reshape(-1)].reshape((*parts.shape[:-1], *index.shape))
        return result

    def _points(self, value: "torch.Tensor", name: str, length: int) -> "torch.Tensor":
        import torch

        given: object = value
        floating = isinstance(given, torch.Tensor) and given.is_floating_point()
        if not floating or value.element_size() < 2:  # torch does not compute with eight bits
            raise wrong_type(name, value, "a floating-point tensor")
        require_dense(value, name)
        if value.ndim < 1 or value.shape[-1] != length or 0 in value.shape:
            raise ValueError(
                f"{name}: got shape {tuple(value.shape)}; expected (..., {length}) with no empty axis"
            )
        if not _surely(torch.isfinite(value)):
            raise ValueError(f"{name}: got infinite or NaN entries; expected finite numbers")
        return value

    def _run(self, quantity: str, order: int, z: "torch.Tensor", x: "torch.Tensor | None") -> "torch.Tensor":
        import torch

        # Columns (...) of z and x; autograd passes through every operation of the function.
        function = self._quantities.compiled(quantity, order, TENSORS)
        data = [None] * self._D if x is None else list(x.unbind(-1))
        shape = z.shape[:-1] if x is None else _common_shape(z, x)
        values = function(*z.unbind(-1), *data)
        like = torch.zeros((), dtype=z.dtype, device=z.device)  # a constant entry is a Python float
        result = torch.stack([(like + value).expand(shape) for value in values], dim=-1)
        if not _surely(torch.isfinite(result)):
            raise not_finite(quantity, order, z.detach().tolist(), f"finite in {z.dtype}")
        return result


def _counted(x: "torch.Tensor", like: "torch.Tensor") -> "torch.Tensor":
    """Return booleans, which count, as numbers of the kind of ``like``; other tensors as they are."""
    import torch

    given: object = x
    return x.to(like.dtype) if isinstance(given, torch.Tensor) and given.dtype is torch.bool else x


def _surely(truth: "torch.Tensor") -> bool:
    """Return whether all entries are true; true also where no number can be looked at: under vmap, on "meta"."""
    try:
        return bool(truth.all())
    except RuntimeError:
        return True

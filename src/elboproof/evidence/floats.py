"""The energy with its first two derivatives in plain float64: it steers the search and is never trusted."""

from contextlib import suppress
from functools import cached_property

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.integrand import Integrand
from elboproof.numbers.compiler import Compiled
from elboproof.numbers.floating import FLOATING
from elboproof.shapes import Float64

_STEP = 1e-5
"""Of the differences that stand for second derivatives where there are none."""

Derivatives = tuple[
    Float64[FloatArray, "*points"], Float64[FloatArray, "*points d"], Float64[FloatArray, "*points d d"]
]
"""U, its gradient and its Hessian."""


class FloatEnergy:
    """U, its gradient and its Hessian at many points; what overflows is infinite or NaN.

    Parameters
    ----------
    integrand
        What is integrated.

    Attributes
    ----------
    ends : (d, 2)
        Between which each coordinate lies.
    """

    def __init__(self, integrand: Integrand) -> None:
        self.d, self._quantities = integrand.latent_dim, integrand.quantities
        placement = integrand.placement
        self.ends = np.array((placement and placement.ends) or [(-np.inf, np.inf)] * self.d)
        self._value = self._quantities.compiled("energy", 0, FLOATING)
        self._curves: Compiled | None = None
        with suppress(ValueError):  # a kink, noticed here or at the first call
            self._curves = self._quantities.compiled_jet("energy", 2, FLOATING)

    @cached_property
    def _slopes(self) -> Compiled:
        """Only where there are no second derivatives: it takes long to compile."""
        return self._quantities.compiled_jet("energy", 1, FLOATING)

    @property
    def smooth(self) -> bool:
        """Whether second derivatives are known."""
        return self._curves is not None

    def values(
        self, z: Float64[FloatArray, "... d"], x: Float64[FloatArray, "... D"]
    ) -> Float64[FloatArray, "..."]:
        """Return U; leading axes broadcast."""
        return self._run(self._value, z, x)[..., 0]

    def jet(self, z: Float64[FloatArray, "*points d"], x: Float64[FloatArray, "*points D"]) -> Derivatives:
        """Return U, its gradient and its Hessian."""
        # The tape gives each distinct second derivative once; (..., 1 + d + d(d+1)/2) is laid out as (...),
        # (..., d), (..., d, d).
        d = self.d
        if self._curves is not None:
            try:
                parts = self._run(self._curves, z, x)
            except (IndexError, ValueError):
                self._curves = None
        if self._curves is None:
            parts = self._run(self._slopes, z, x)
            return parts[..., 0], parts[..., 1:], self._differences(z, x)
        if d == 1:
            return parts[..., 0], parts[..., 1:2], parts[..., 2:, None]
        rows, columns = np.triu_indices(d)
        hessian = np.empty((*z.shape, d))
        hessian[..., rows, columns] = hessian[..., columns, rows] = parts[..., 1 + d :]
        return parts[..., 0], parts[..., 1 : 1 + d], hessian

    def _run(self, function: Compiled, z: FloatArray, x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            # Arguments broadcast: z (..., d) beside x (..., D), and constants may come back as scalars.
            values = function(*[z[..., k] for k in range(self.d)], *[x[..., j] for j in range(x.shape[-1])])
        result = np.empty((*np.broadcast_shapes(z.shape[:-1], x.shape[:-1]), len(values)))
        for k, value in enumerate(values):
            result[..., k] = value
        return result

    def _differences(self, z: FloatArray, x: FloatArray) -> FloatArray:
        """Return central differences of the gradient, made symmetric, (*points, d, d)."""
        # Differences of the slopes, (*points, d) for each axis; across a kink they are huge, which
        # only steers.
        moved = [
            (self._run(self._slopes, z + _STEP * e, x) - self._run(self._slopes, z - _STEP * e, x))[..., 1:]
            for e in np.eye(self.d)
        ]
        matrix = np.stack(moved, -1) / (2 * _STEP)
        return np.asarray((matrix + np.swapaxes(matrix, -1, -2)) / 2)

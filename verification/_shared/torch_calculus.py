"""Values, slopes and second derivatives of a torch function of one float64 vector, and where optimisers stop on it."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Scalar: TypeAlias = Callable[[Any], Any]
"""From a torch vector of shape (n,) to a torch scalar, both float64."""


def value_and_slope(function: Scalar, vector: Array) -> tuple[float, Array]:
    """Return the function's value and its gradient, shape (n,)."""
    import torch

    leaf = torch.tensor(vector, requires_grad=True)
    value = function(leaf)
    (slope,) = torch.autograd.grad(value, leaf)
    return float(value.detach()), np.asarray(slope)


def hessian(function: Scalar, vector: Array) -> Array:
    """Return the second derivatives, shape (n, n)."""
    import torch

    matrix: Any = torch.func.hessian(function)(torch.tensor(vector))
    return np.asarray(matrix)


def steepest_way(function: Scalar, vector: Array) -> float:
    """Return the largest eigenvalue of the second derivatives: positive where a step in some direction goes up."""
    return float(np.linalg.eigvalsh(hessian(function, vector))[-1])


def climbed(function: Scalar, start: Array, **options: float) -> Array:
    """Return where SciPy's L-BFGS-B stops that maximises the function from a start; ``options`` are SciPy's."""
    from scipy.optimize import minimize

    def loss(vector: Array) -> tuple[float, Array]:
        value, slope = value_and_slope(function, vector)
        return -value, -slope

    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return found


def newton(function: Scalar, vector: Array, steps: int) -> Array:
    """Return the vector after Newton's steps on the gradient; directions in which nothing bends are left alone."""
    for _ in range(steps):
        slope = value_and_slope(function, vector)[1]
        vector = vector - np.linalg.lstsq(hessian(function, vector), slope, rcond=FLAT)[0]
    return vector


FLAT = 1e-10
"""Share of the largest singular value below which a direction counts as flat."""

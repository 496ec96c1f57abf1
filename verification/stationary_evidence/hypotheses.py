"""The side conditions of the claim, as predicates."""

from typing import Any

import numpy as np
from sympy import Symbol, sympify

from elboproof.checking import Hypothesis


def _definite(matrix: Any) -> bool:
    """A numeric matrix; a positive symbol; or a determinant written as a sum of squares and a positive number."""
    if hasattr(matrix, "is_positive"):
        return bool(matrix.is_positive)
    return bool((np.linalg.eigvalsh(np.atleast_2d(np.asarray(matrix, dtype=np.float64))) > 0).all())


def _affine(decoder: Any) -> bool:
    """Decoder entries and latents; no second derivative is left."""
    entries, latents = decoder
    return all(entry.diff(a, b) == 0 for entry in entries for a in latents for b in latents)


Z = Symbol("z", real=True)

positive_joint = Hypothesis(
    "positive joint density",
    "p(x, z) > 0 for every z",
    lambda values: all(value.is_positive for value in values),
    accepts=[lambda: ([Symbol("a", positive=True)],)],
    rejects=[lambda: ([Symbol("a", positive=True), Symbol("b", real=True)],)],
)
DEFINITE = ((1.0,), (np.eye(2),), (Symbol("a", positive=True),))
INDEFINITE = ((0.0,), (-np.eye(2),), (np.array([[1.0, 2.0], [2.0, 1.0]]),), (Symbol("a", real=True),))

definite = Hypothesis(
    "positive definite covariance",
    "the covariance is positive definite",
    _definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
affine_decoder = Hypothesis(
    "affine decoder",
    "f(z) = W z + b",
    _affine,
    accepts=[lambda: (([3 * Z + 1], [Z]),)],
    rejects=[lambda: (([Z, Z + Z**2 / 100], [Z]),)],
)
isolated_mode = Hypothesis(
    "isolated mode",
    "the Hessian of |x - f|^2 / 2 at the mode is positive definite",
    _definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
unit_speed = Hypothesis(
    "unit speed",
    "f'.f' = 1 along the curve",
    lambda speed: speed == 1 or bool(getattr(speed, "is_one", False)),
    accepts=[(1,), (sympify(1),)],
    rejects=[(2,), (1 + Z**2,)],
)
learned_variance = Hypothesis(
    "learned variance",
    "sigma^2 is a free positive parameter of the model",
    lambda variance: bool(variance > 0),
    accepts=[(0.5,)],
    rejects=[(0.0,), (-1.0,)],
)
learnable_scale = Hypothesis(
    "learnable latent scale",
    "the decoder can undo a scaling of the latents, as its first layer is linear",
    lambda scales: (
        all(scale.is_positive for scale in scales)
        if hasattr(scales[0], "is_positive")
        else bool((np.isfinite(scales) & (np.asarray(scales) != 0)).all())
    ),
    accepts=[(np.array([0.5, -2.0]),), ([Symbol("a", positive=True)],)],
    rejects=[(np.array([0.5, 0.0]),), (np.array([np.inf]),), ([Symbol("a", real=True)],)],
)

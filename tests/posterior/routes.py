"""ELBOs by routes that share nothing with the engine: mpmath's quadrature and Gauss-Hermite sums in NumPy."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray

DIGITS = 30


def number(value: Any) -> mpmath.mpf:
    """Return an exact number at the current precision."""
    exact = Fraction(value)
    return mpmath.mpf(exact.numerator) / exact.denominator


def by_mpmath(
    log_joint: Callable[[mpmath.mpf], mpmath.mpf], mean: object, variance: object, kink: object = None
) -> mpmath.mpf:
    """Return E_q[log p(x, z)] + H(q) for one latent, by tanh-sinh quadrature on 32 pieces, cut at a kink."""
    with mpmath.workdps(DIGITS):
        m, s = number(mean), mpmath.sqrt(number(variance))
        pieces = list(mpmath.linspace(-16, 16, 33))
        if kink is not None:
            pieces = sorted([*pieces, (number(kink) - m) / s])
        expected = mpmath.quad(lambda e: mpmath.npdf(e) * log_joint(m + s * e), pieces)
        return expected + (1 + mpmath.log(2 * mpmath.pi)) / 2 + mpmath.log(s)


def gaussian_joint(
    decoder: Callable[[mpmath.mpf], Sequence[mpmath.mpf]], x: Sequence[object], variance: object
) -> Callable[[mpmath.mpf], mpmath.mpf]:
    """Return log p(x, z) for a Gaussian likelihood."""

    def log_joint(z: mpmath.mpf) -> mpmath.mpf:
        v = number(variance)
        total = -z * z / 2 - mpmath.log(2 * mpmath.pi) / 2
        for value, f in zip(x, decoder(z), strict=True):
            total -= (number(value) - f) ** 2 / (2 * v) + mpmath.log(2 * mpmath.pi * v) / 2
        return total

    return log_joint


def by_hermite(
    log_joint: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    mean: Sequence[float],
    covariance: Any,
    points: int = 40,
) -> float:
    """Return the ELBO by a tensor Gauss-Hermite rule in float64; ``log_joint`` takes (P, d)."""
    d = len(mean)
    matrix = np.array(covariance, dtype=float)
    matrix = np.diag(matrix) if matrix.ndim == 1 else matrix
    factor = np.linalg.cholesky(matrix)
    nodes, weights = hermegauss(points)
    eps = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), -1).reshape(-1, d)
    grid = np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij"), -1).reshape(-1, d).prod(1)
    expected = grid @ log_joint(np.array(mean) + eps @ factor.T)
    return float(expected + d / 2 * (1 + np.log(2 * np.pi)) + np.log(np.diag(factor)).sum())

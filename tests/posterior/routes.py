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


def by_relu_moments(
    module: Any, x: Sequence[float], variance: float, mean: Sequence[float], variances: Sequence[float]
) -> mpmath.mpf:
    """Return the ELBO of a network Linear-ReLU-Linear at a diagonal q, from moments of rectified Gaussians.

    With r = relu(W z + b), a square (x_i - c_i - V_i r)^2 needs E[r_k] and E[r_k r_l]: the latter is the integral over
    h_k > 0 of h_k E[relu(h_l) | h_k], where the integrand is entire and of Gaussian decay. Kinks never meet a rule.
    """
    with mpmath.workdps(DIGITS):
        (w, b), (v, c) = (_layer(module[n]) for n in (0, 2))
        m, s = [number(value) for value in mean], [number(value) for value in variances]
        hidden = range(len(b))
        centre = [b[k] + mpmath.fdot(w[k], m) for k in hidden]
        spread = [
            [mpmath.fsum(p * q * t for p, q, t in zip(w[k], w[n], s, strict=True)) for n in hidden]
            for k in hidden
        ]
        first = [_rectified(centre[k], spread[k][k]) for k in hidden]
        second = [[_rectified_product(centre, spread, k, n) for n in hidden] for k in hidden]
        total = -mpmath.fsum((p**2 + t - 1 - mpmath.log(t)) / 2 for p, t in zip(m, s, strict=True))
        for value, row, offset in zip(x, v, c, strict=True):
            rest = number(value) - offset
            square = mpmath.fsum(row[k] * row[n] * second[k][n] for k in hidden for n in hidden)
            square += rest**2 - 2 * rest * mpmath.fdot(row, first)
            total -= square / (2 * number(variance)) + mpmath.log(2 * mpmath.pi * number(variance)) / 2
        return total


def _layer(linear: Any) -> tuple[list[list[mpmath.mpf]], list[mpmath.mpf]]:
    weight = [[number(value) for value in row] for row in linear.weight.tolist()]
    return weight, [number(value) for value in linear.bias.tolist()]


def _rectified(mean: mpmath.mpf, variance: mpmath.mpf) -> mpmath.mpf:
    """Return E[relu(h)]."""
    s = mpmath.sqrt(variance)
    return mean * mpmath.ncdf(mean / s) + s * mpmath.npdf(mean / s)


def _rectified_product(
    mean: Sequence[mpmath.mpf], spread: Sequence[Sequence[mpmath.mpf]], k: int, n: int
) -> mpmath.mpf:
    """Return E[relu(h_k) relu(h_n)]."""
    s = mpmath.sqrt(spread[k][k])
    if k == n:
        return (mean[k] ** 2 + s * s) * mpmath.ncdf(mean[k] / s) + mean[k] * s * mpmath.npdf(mean[k] / s)
    slope = spread[k][n] / spread[k][k]
    left = spread[n][n] - slope * spread[k][n]

    def integrand(e: mpmath.mpf) -> mpmath.mpf:
        h = mean[k] + s * e
        return mpmath.npdf(e) * h * _rectified(mean[n] + slope * s * e, left)

    start = -mean[k] / s
    return mpmath.quad(integrand, [start + step for step in (0, 1, 2, 4, 8, 16, 32)])

"""B <= A_n <= h B in Loewner's order: eigenvalues that LAPACK estimates, and the order that pivots prove."""

import math
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from flint import arb, arb_mat

from elboproof.arrays import FloatArray
from elboproof.numbers.outward import upward
from elboproof.posterior.precision_stacks import PrecisionStack

MARGINS = (1e-13, 1e-11, 1e-9, 1e-6, 1e-3)
"""Relative, of bounds of eigenvalues that LAPACK estimates: the first that is proved is taken."""


def bracket(stack: PrecisionStack, reference: FloatArray) -> tuple[float, float]:
    """Return proved numbers with low B < A'_n < high B; 0 and infinity where none is proved."""
    low, high = _estimates(stack, reference)
    for margin in MARGINS:
        bounds = low * (1 - margin), high * (1 + margin)
        if 0 < bounds[0] < bounds[1] < math.inf and stack.between(reference, *bounds):
            return bounds
    return 0.0, math.inf


def _estimates(stack: PrecisionStack, reference: FloatArray) -> tuple[float, float]:
    """Return about the least and the largest eigenvalue of B^-1 A'_n, over all n."""
    # the least is one over the largest one of B A'^-1: LAPACK is as accurate as the largest is large
    try:
        with np.errstate(all="ignore"):
            factor = np.linalg.cholesky(reference)
            root = np.linalg.inv(factor)
            high = np.linalg.eigvalsh(root @ stack.floats() @ root.T).max()
            low = 1 / np.linalg.eigvalsh(factor.T @ stack.inverses() @ factor).max()
    except np.linalg.LinAlgError:
        return 0.0, math.inf
    return float(low), float(high)


def loewner_ratio(stack: PrecisionStack, back: arb_mat) -> tuple[float, arb_mat]:
    """Return h, rounded up, and B in the user's coordinates with B <= A_n <= h B."""
    tried = _candidates(stack, back)
    spans = [_span(*_estimates(stack, B)) for B in tried]
    best = tried[int(np.argmin(spans))]
    low, high = bracket(stack, best)
    scale = arb(low) if low > 0 else arb(1)
    turn = back.inv()
    reference = (
        turn * (arb_mat([[arb(entry) for entry in row] for row in best.tolist()]) * scale) * turn.transpose()
    )
    return upward(high / low, roundings=1) if low > 0 else math.inf, reference


def _candidates(stack: PrecisionStack, back: arb_mat) -> list[FloatArray]:
    """Return the matrices B to try; where LAPACK finds none, there is one less."""
    found = []
    for make in CANDIDATES:
        with suppress(np.linalg.LinAlgError), np.errstate(all="ignore"):
            reference = make(stack, back)
            if np.isfinite(reference).all():
                found.append(reference)
    return found


def _span(low: float, high: float) -> float:
    return high / low if low > 0 else math.inf


def _whole_mean(stack: PrecisionStack, back: arb_mat) -> FloatArray:  # noqa: ARG001
    """Return the weighted mean, I in these coordinates."""
    return np.eye(back.nrows())


def _even_mean(stack: PrecisionStack, back: arb_mat) -> FloatArray:  # noqa: ARG001
    """Return the mean without weights."""
    return _even(stack.floats().mean(0))


def _middle(stack: PrecisionStack, back: arb_mat) -> FloatArray:  # noqa: ARG001
    """Return the geometric mean of M = E A' and the harmonic mean H, M^1/2 (M^-1/2 H M^-1/2)^1/2 M^1/2."""
    mean, inner = (_power(stack.floats().mean(0), exponent) for exponent in (0.5, -0.5))
    harmonic = _power(stack.inverses().mean(0), -1.0)
    return _even(mean @ _power(_even(inner @ harmonic @ inner), 0.5) @ mean)


def _user_identity(stack: PrecisionStack, back: arb_mat) -> FloatArray:  # noqa: ARG001
    """Return the user's I."""
    factor = np.array([[float(entry.mid()) for entry in row] for row in back.tolist()])
    scaled = factor / np.abs(factor).max()  # a multiple of I does as well
    return _even(scaled @ scaled.T)


CANDIDATES: tuple[Callable[[PrecisionStack, arb_mat], FloatArray], ...] = (
    _whole_mean,
    _even_mean,
    _middle,
    _user_identity,
)
"""Matrices B that are tried; each steers, and the order that it gives is proved afterwards."""


def _even(matrix: FloatArray) -> FloatArray:
    return np.asarray((matrix + matrix.T) / 2)


def _power(matrix: FloatArray, exponent: float) -> FloatArray:
    values, vectors = np.linalg.eigh(_even(matrix))
    return np.asarray((vectors * values**exponent) @ vectors.T)

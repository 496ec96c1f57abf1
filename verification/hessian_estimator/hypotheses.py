"""The side conditions of the claim, as predicates."""

from typing import Any

import numpy as np

from elboproof.checking import Hypothesis


def _definite(matrix: Any) -> bool:
    """A numeric matrix, a ball, a positive symbol; a symmetric matrix of symbols stands for the definite ones too."""
    if hasattr(matrix, "is_symmetric"):
        return bool(matrix.is_symmetric())
    if hasattr(matrix, "is_positive"):
        return bool(matrix.is_positive)
    if hasattr(matrix, "contains"):  # a ball
        return bool(matrix > 0)
    return bool((np.linalg.eigvalsh(np.atleast_2d(np.asarray(matrix, dtype=np.float64))) > 0).all())


FAR = 40
"""A function that grows like exp(z^2) has left exp(FAR) far behind there."""


def _slow(given: Any) -> bool:
    """A rate a of exp(a z) or a degree n of z^n that is finite; or a function, looked at far out on both sides."""
    if callable(given):
        from flint import acb

        return all(bool(abs(given(acb(z))) < acb(FAR).exp().real) for z in (-FAR, FAR))
    return getattr(given, "is_finite", True) is not False


def _smooth(entry: Any) -> bool:
    """A SymPy function, or the second derivative of one as a function of balls that is finite on a grid."""
    if hasattr(entry, "diff"):
        return bool(entry.is_real)
    from flint import acb

    return all(bool(entry(acb(z)).is_finite()) for z in range(-8, 9))


definite_covariance = Hypothesis(
    "positive definite covariance", "the covariance S of q is positive definite", _definite
)
slow_growth = Hypothesis(
    "slow growth",
    "g and its first two derivatives are bounded by C exp(c |z|), so that boundary terms vanish",
    lambda *given: all(_slow(one) for one in given),
)
smooth_decoder = Hypothesis(
    "twice differentiable decoder",
    "f has two continuous derivatives",
    lambda decoder: all(_smooth(entry) for entry in decoder),
)
constant_variance = Hypothesis(
    "constant likelihood variance",
    "p(x|z) = N(f(z), sigma^2 I) with one sigma^2 > 0",
    lambda variance: (
        bool(variance > 0) if not hasattr(variance, "is_positive") else bool(variance.is_positive)
    ),
)
fresh_noise = Hypothesis(
    "fresh noise", "each estimate uses noise of its own", lambda first, second: first is not second
)

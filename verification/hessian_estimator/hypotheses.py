"""The side conditions of the claim, as predicates."""

from math import inf
from typing import Any

import numpy as np
from sympy import ImmutableMatrix, Symbol

from elboproof.checking import Hypothesis


def _definite(matrix: Any) -> bool:
    """A numeric matrix, a ball, a positive symbol; a symmetric matrix of symbols stands for the definite ones too."""
    if hasattr(matrix, "is_symmetric"):
        return bool(matrix.is_symmetric()) and not any(entry.is_nonpositive for entry in matrix.diagonal())
    if hasattr(matrix, "is_positive"):
        return bool(matrix.is_positive)
    if hasattr(matrix, "contains"):  # a ball
        return bool(matrix > 0)
    return bool((np.linalg.eigvalsh(np.atleast_2d(np.asarray(matrix, dtype=np.float64))) > 0).all())


FAR = 200
"""A function that grows like exp(z^2 / 100) has left exp(FAR) far behind there."""


def _slow(given: Any) -> bool:
    """A rate a of exp(a z) or a degree n of z^n that is finite; or a function, looked at far out on both sides."""
    if callable(given):
        from flint import acb

        return all(bool(abs(given(acb(z))) < acb(FAR).exp().real) for z in (-FAR, FAR))
    return bool(getattr(given, "is_finite", True) is not False and given != inf)


def _smooth(entry: Any) -> bool:
    """A SymPy function, or the second derivative of one as a function of balls that is finite on a grid."""
    if hasattr(entry, "diff"):
        return bool(entry.is_real)
    from flint import acb

    return all(bool(entry(acb(z)).is_finite()) for z in range(-8, 9))


definite_covariance = Hypothesis(
    "positive definite covariance",
    "the covariance S of q is positive definite",
    _definite,
    accepts=[(np.eye(2),), (0.5,), (ImmutableMatrix([[2, 1], [1, 2]]),), (Symbol("s", positive=True),)],
    rejects=[
        (-np.eye(2),),
        (np.array([[1.0, 2.0], [2.0, 1.0]]),),
        (0.0,),
        (-ImmutableMatrix.eye(2),),
        (ImmutableMatrix([[1, 1], [0, 1]]),),
        (Symbol("s", real=True),),
    ],
)
slow_growth = Hypothesis(
    "slow growth",
    "g and its first two derivatives are bounded by C exp(c |z|), so that boundary terms vanish",
    lambda *given: all(_slow(one) for one in given),
    accepts=[(3.0,), (lambda z: z.tanh(), lambda z: 1 / z.cosh() ** 2), (lambda z: z**4,)],
    rejects=[(lambda z: (z * z / 100).exp(),), (lambda z: z.tanh(), lambda z: (z * z).exp()), (inf,)],
)
smooth_decoder = Hypothesis(
    "twice differentiable decoder",
    "f has two continuous derivatives",
    lambda decoder: all(_smooth(entry) for entry in decoder),
    accepts=[([lambda z: z.tanh()],), ([Symbol("f", real=True)],)],
    rejects=[([lambda z: z.tanh(), lambda z: 1 / z],), ([Symbol("f")],)],
)
constant_variance = Hypothesis(
    "constant likelihood variance",
    "p(x|z) = N(f(z), sigma^2 I) with one sigma^2 > 0",
    lambda variance: (
        bool(variance > 0) if not hasattr(variance, "is_positive") else bool(variance.is_positive)
    ),
    accepts=[(0.5,), (Symbol("v", positive=True),)],
    rejects=[(0.0,), (-1.0,), (Symbol("v", real=True),)],
)
NOISE = np.zeros(2)
fresh_noise = Hypothesis(
    "fresh noise",
    "each estimate uses noise of its own",
    lambda first, second: first is not second,
    accepts=[(NOISE, NOISE.copy())],
    rejects=[(NOISE, NOISE)],
)

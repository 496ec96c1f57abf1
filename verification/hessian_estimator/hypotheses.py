"""The side conditions of the claim, as predicates."""

from typing import Any

import numpy as np
from flint import acb
from sympy import DiracDelta, Expr, Function, Symbol, oo

from elboproof.checking import Hypothesis

from .._shared.predicates import DEFINITE, INDEFINITE, definite, positive

FAR = 1000
"""Functions are looked at here and twice as far out, on both sides."""
GRID = range(-8, 9)
Z = Symbol("z", real=True)


def _log_size(given: Any, z: int) -> float:
    """Return log max(e, |g(z)|), an upper bound."""
    size = abs(given(acb(z))).upper()
    return float(size.log()) if size > 3 else 1.0


def _slow(given: Any) -> bool:
    """A finite rate a of exp(a z) or degree n of z^n; or a function of balls.

    Where |g| <= C exp(c |z|), twice as far out log |g| is at most twice as large, up to log C; for exp(c z^2) it is
    four times as large.
    """
    if callable(given):
        return all(_log_size(given, 2 * z) <= 3 * _log_size(given, z) for z in (-FAR, FAR))
    if isinstance(given, Expr):
        return given.is_finite is not False and given.is_extended_real is not False
    return bool(np.isfinite(given))


def _smooth(entry: Any) -> bool:
    """A real SymPy expression without kinks; or the second derivative of one, a function of balls finite on a grid."""
    if isinstance(entry, Expr):
        latents = entry.free_symbols
        bends = [entry.diff(a, b) for a in latents for b in latents]
        return bool(entry.is_real) and not any(bend.has(DiracDelta) for bend in bends)
    return all(bool(entry(acb(z)).is_finite()) for z in GRID)


definite_covariance = Hypothesis(
    "positive definite covariance",
    "the covariance S of q is positive definite",
    definite,
    accepts=DEFINITE,
    rejects=INDEFINITE,
)
slow_growth = Hypothesis(
    "slow growth",
    "g and its first two derivatives are bounded by C exp(c |z|), so that boundary terms vanish",
    lambda *given: all(_slow(one) for one in given),
    accepts=[
        (3.0,),
        (Symbol("a", real=True),),
        (lambda z: z.tanh(), lambda z: 1 / z.cosh() ** 2),
        (lambda z: z**4,),
        (lambda z: (z / 2).exp(),),
    ],
    rejects=[
        (lambda z: (z * z / 100).exp(),),
        (lambda z: (z * z / 10_000).exp(),),
        (lambda z: z.tanh(), lambda z: (z * z).exp()),
        (np.inf,),
        (oo,),
    ],
)
smooth_decoder = Hypothesis(
    "twice differentiable decoder",
    "f has two continuous derivatives",
    lambda decoder: all(_smooth(entry) for entry in decoder),
    accepts=[([lambda z: z.tanh()],), ([Function("f", real=True)(Z), Z**3],)],
    rejects=[([lambda z: z.tanh(), lambda z: 1 / z],), ([Symbol("f")],), ([Z, abs(Z)],)],
)
constant_variance = Hypothesis(
    "constant likelihood variance",
    "p(x|z) = N(f(z), sigma^2 I) with one sigma^2 > 0",
    positive,
    accepts=[(0.5,), (Symbol("v", positive=True),)],
    rejects=[(0.0,), (-1.0,), (Symbol("v", real=True),)],
)
NOISE = np.arange(1.0, 4.0)
fresh_noise = Hypothesis(
    "fresh noise",
    "each estimate uses noise of its own: two draws agree in no place",
    lambda first, second: not (first == second).any(),
    accepts=[(NOISE, -NOISE)],
    rejects=[(NOISE, NOISE), (NOISE, NOISE.copy()), (NOISE, np.array([-1.0, -2.0, 3.0]))],
)

"""The side conditions of the claim, as predicates."""

from typing import Any

import sympy
from flint import arb
from sympy import Symbol

import elboproof as ep
from elboproof.checking import Hypothesis

from .._shared.balls import ball
from .._shared.predicates import positive

Z = Symbol("z", real=True)


def _affine(decoder: Any) -> bool:
    """Decoder entries and latents; no second derivative is left."""
    entries, latents = decoder
    return all(sympy.sympify(entry).diff(a, b) == 0 for entry in entries for a in latents for b in latents)


def _zero(residual: Any) -> bool:
    return all(sympy.simplify(entry) == 0 for entry in residual)


def _below_the_fold(variance: Any, product: Any) -> bool:
    """Balls or numbers sigma^2 and r rho."""
    return bool(arb(1).exp() * ball(variance) < 2 * ball(product))


def _steep(pitch: Any) -> bool:
    return bool(arb(1).exp() * ball(pitch) >= 1)


def _regular(decoder: Any) -> bool:
    """Whether ep.unit_speed accepts a curve."""
    try:
        ep.unit_speed(ep.LatentModel("z", list(decoder), ep.Gaussian(1)))
    except (ValueError, ep.Undecided):
        return False
    return True


def _smooth(entries: Any) -> bool:
    """Expressions that hold no kinks."""
    kinks = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside)
    return not any(sympy.sympify(entry).has(*kinks) for entry in entries)


affine_decoder = Hypothesis(
    "affine decoder",
    "f(z) = W z + b",
    _affine,
    accepts=[lambda: (([3 * Z + 1], [Z]),)],
    rejects=[lambda: (([Z, Z + Z**2 / 100], [Z]),)],
)
above_the_noise = Hypothesis(
    "eigenvalues above the noise",
    "lambda_j > sigma^2 for the d axes that are kept",
    lambda excess: positive(excess),
    accepts=[(0.1,), lambda: (Symbol("a", positive=True) ** 2,)],
    rejects=[(0,), lambda: (Symbol("a", real=True),)],
)
on_the_curve = Hypothesis(
    "x on the curve",
    "x = f(phi) for a latent phi",
    _zero,
    accepts=[lambda: ([Z - Z, sympy.sin(Z) ** 2 + sympy.cos(Z) ** 2 - 1],)],
    rejects=[lambda: ([Z - Z, sympy.Rational(1, 100)],)],
)
flat_prior = Hypothesis(
    "flat prior",
    "the prior's precision is 0: p(z) is flat on the line",
    lambda precision: bool(precision == 0),
    accepts=[(0,)],
    rejects=[(1,), ("1/100",)],
)
below_the_fold = Hypothesis(
    "below the fold",
    "sigma^2 < 2 r rho / e",
    _below_the_fold,
    accepts=[("9/100", 1), ("0.735", 1)],
    rejects=[("0.736", 1), (1, 1)],
)
steep = Hypothesis(
    "a steep helix",
    "c/r >= 1/e",
    _steep,
    accepts=[("0.368",), (1,)],
    rejects=[("0.367",), (0,)],
)
regular_curve = Hypothesis(
    "a regular curve of infinite length",
    "|f'| > 0 and |f'| >= c / (1 + |z|), proved by ep.unit_speed",
    _regular,
    accepts=[lambda: (["z", "z**2"],), lambda: (["asinh(z)"],)],
    rejects=[lambda: (["tanh(z)"],), lambda: (["z**2"],)],
)
smooth_metric = Hypothesis(
    "a smooth metric",
    "J'J is twice continuously differentiable",
    _smooth,
    accepts=[lambda: ([1 + Z**2],)],
    rejects=[lambda: ([1 + sympy.Abs(Z)],)],
)

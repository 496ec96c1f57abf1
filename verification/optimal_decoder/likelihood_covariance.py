"""S3: the best likelihood covariance for f* is the mean residual covariance."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from sympy import Expr, ImmutableMatrix, Matrix

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal, identity

from .._shared.balls import working_precision
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .integrals import BITS, Instance
from .moments import SymbolicLaw
from .real_data import ENCODERS, Encoded, encoded_digits


def residual_covariance(C: Matrix) -> Matrix:
    """R* = C."""
    return C


def half_of_it(C: Matrix) -> Matrix:
    """C / 2, as if the 1/2 of the exponent had no partner in the log determinant."""
    return C / 2


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the gradient in R of -1/2 log|R| - 1/2 tr(R^-1 C) is zero at R = C, C = E_q(z) Cov_q(x|z) or, "
        "at one z, Cov_q(x|z)"
    ),
    domain="every positive definite C of size 1, 2, 3",
    hypotheses=(definite_likelihood,),
    controls=(control("half the residual covariance", best=half_of_it),),
    tier="quick",
)
def stationary_at_the_residual_covariance(
    run: Run, *, best: Callable[[Matrix], Matrix] = residual_covariance
) -> Verdict:
    """Along every direction H the derivative is -1/2 tr(R^-1 H) + 1/2 tr(R^-1 H R^-1 C)."""
    parts = {}
    for size in (1, 2, 3):
        law = SymbolicLaw(size)
        run.assume(definite_likelihood, law.factor)
        C = ImmutableMatrix(law.metric)
        R = best(C)
        adjugate, determinant = R.adjugate(), R.det()
        directions = [_direction(size, j, k) for j in range(size) for k in range(j + 1)]
        slopes = [(adjugate * H * (adjugate * C - determinant * sympy.eye(size))).trace() for H in directions]
        parts[f"D = {size}"] = identity([sympy.expand(slope) for slope in slopes])
    return all_of(parts)


def _direction(size: int, j: int, k: int) -> Matrix:
    H = sympy.zeros(size)
    H[j, k] = H[k, j] = 1
    return H


def excess(t: Expr) -> Expr:
    """What an eigenvalue t of R^-1 C costs in nats beyond t = 1."""
    return (t - 1 - sympy.log(t)) / 2


def concave_excess(t: Expr) -> Expr:
    """The same with the logarithm's sign turned."""
    return (t - 1 + sympy.log(t)) / 2


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the loss against R = C is sum_j (t_j - 1 - log t_j)/2 over the eigenvalues t_j of R^-1 C: zero "
        "only at t = 1, so C is unique"
    ),
    domain="every t > 0",
    hypotheses=(definite_likelihood,),
    controls=(control("sign of the logarithm", cost=concave_excess),),
    tier="quick",
)
def cost_of_an_eigenvalue_is_convex(run: Run, *, cost: Callable[[Expr], Expr] = excess) -> Verdict:
    """Zero value and slope at 1, second derivative 1/(2 t^2) > 0 everywhere."""
    t = sympy.Symbol("t", positive=True)
    run.assume(definite_likelihood, ImmutableMatrix([[t]]))  # R^-1 C is similar to a definite matrix
    return all_of(
        {
            "value at 1": identity(cost(sympy.Integer(1))),
            "slope at 1": identity(cost(t).diff(t).subs(t, 1)),
            "second derivative": identity(cost(t).diff(t, 2) - 1 / (2 * t**2)),
        }
    )


def mean_square(C: Expr, D: Expr) -> Expr:
    """r* = tr C / D."""
    return C / D


def total_square(C: Expr, D: Expr) -> Expr:  # noqa: ARG001
    """Tr C: the sum over dimensions instead of the mean."""
    return C


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with R = r I the derivative of -(D/2) log r - tr(C)/(2 r) is zero at r* = tr(C)/D, and only there"
    ),
    domain="every D, every positive definite C",
    hypotheses=(definite_likelihood,),
    controls=(control("the sum over dimensions instead of the mean", best=total_square),),
    tier="quick",
)
def isotropic_optimum(run: Run, *, best: Callable[[Expr, Expr], Expr] = mean_square) -> Verdict:
    """D is a symbol here. r^2 times the derivative is linear in r, so its zero is unique."""
    D, r, trace = sympy.symbols("D r trace", positive=True)
    run.assume(definite_likelihood, ImmutableMatrix([[trace]]))
    slope = (-D / 2 * sympy.log(r) - trace / (2 * r)).diff(r)
    return all_of(
        {
            "zero": identity(slope.subs(r, best(trace, D))),
            "linear": identity(sympy.expand(slope * r**2).diff(r, 2)),
        }
    )


WIDTH = 1e-25
"""Half width asked. Reached: 1e-30; the entries of R* are about 0.3."""
BOUND = 20.0
"""Of |x - f*|^2 <= (1.5 + 1.5)^2 * 2 on the real line."""


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "E_q (x - f*)(x - f*)' = E_q(z) Cov_q(x|z), each entry integrated in both forms, equal within 1e-25"
    ),
    domain="3 points in R^2 with unequal variances, d = 1",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("raw second moments in place of the covariance", centred=False),),
    tier="quick",
)
def residual_covariance_is_the_conditional_one(run: Run, *, centred: bool = True) -> Verdict:
    """The left side samples x with z, the right side averages the covariance under the weights w(z)."""
    instance = Instance()
    run.assume(finite_moment, np.array(instance.data))
    run.assume(definite_encoder, np.array(instance.variances)[:, None, None])
    with working_precision(BITS):
        entries = ((0, 0), (0, 1), (1, 1))
        return all_of({f"R{j}{k}": ball_equal(_entry(instance, j, k, centred), WIDTH) for j, k in entries})


def _entry(instance: Instance, j: int, k: int, centred: bool) -> arb:
    def residual(i: int) -> Callable[[acb], acb]:
        def integrand(z: acb) -> acb:
            parts = instance.residual(i, instance.decoder.ball_values([acb(z)]))
            return parts[j] * parts[k]

        return integrand

    def conditional(_: int) -> Callable[[acb], acb]:
        return lambda z: _conditional_covariance(instance, z, j, k, centred)

    return instance.mean(residual, BOUND) - instance.mean(conditional, BOUND)


def _conditional_covariance(instance: Instance, z: acb, j: int, k: int, centred: bool) -> acb:
    """Cov_w(x_j, x_k) at z from the densities, apart from the decoder."""
    q = [instance.density(i, z) for i in range(len(instance.codes))]
    total = sum(q, acb(0))

    def average(values: list[float]) -> acb:
        return sum((w * arb(value) for w, value in zip(q, values, strict=True)), acb(0)) / total

    mixed = average([x[j] * x[k] for x in instance.data])  # products of dyadic numbers: exact
    product = average([x[j] for x in instance.data]) * average([x[k] for x in instance.data])
    return mixed - product if centred else mixed


RELATIVE = 1e-6
"""Of r. The one-dimensional search stops at 1e-10; worst distance seen 4e-9."""


def mean_squared_residual(encoded: Encoded, residual: Any) -> float:  # noqa: ARG001
    """r* from the sampled residuals of f*."""
    return float((residual**2).mean())


def mean_pixel_variance(encoded: Encoded, residual: Any) -> float:  # noqa: ARG001
    """The variance of the data, as if the decoder explained nothing."""
    return float(encoded.data.var(0).mean())


@claim.check(
    statement="S3",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the r that maximises the sampled ELBO of f*, found by a line search, is the mean squared residual"
    ),
    domain="1,797 digits, 64 pixels, 2-D codes from PCA and from a trained encoder, 20,000 samples",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("the data's variance", best=mean_pixel_variance),),
    time_limit=120,
)
def digits_have_the_mean_residual(
    run: Run, *, best: Callable[[Encoded, Any], float] = mean_squared_residual
) -> Verdict:
    """Scipy's normal density supplies the likelihood."""
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    parts = {}
    for name in ENCODERS:
        encoded = encoded_digits(name)
        run.assume(finite_moment, encoded.data)
        run.assume(definite_encoder, encoded.covariances)
        index, z = encoded.sample(run.rng, 20_000)
        residual = encoded.data[index] - encoded.decoder(z)

        def loss(log_r: float, residual: Any = residual) -> float:
            return -float(norm.logpdf(residual, scale=np.exp(log_r / 2)).sum(1).mean())

        found = float(np.exp(minimize_scalar(loss, bracket=(-4, -2), tol=1e-10).x))
        parts[name] = equal(best(encoded, residual) / found, 1.0, RELATIVE)
    return all_of(parts)

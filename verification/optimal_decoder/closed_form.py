"""S1: f*(z) = E_q[x|z] is the unique maximiser of the ELBO."""

from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, ImmutableMatrix

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, triangular
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .moments import SymbolicLaw
from .words import listed

SIZES = (1, 2, 3)
"""Data dimensions D of the symbolic check in moments."""


def posterior_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """f* = E[x|z]."""
    return law.mean


def prior_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """E[x]: what averaging with the prior's weights instead of w(z) would give; another vector."""
    return free_vector("nu", law.dimension)


def larger_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """1.001 E[x|z]."""
    return law.mean * sympy.Rational(1001, 1000)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E[(x-f)'P(x-f)] = E[(x-f*)'P(x-f*)] + |L'(f-f*)|^2 with P = LL' and f* = E_q[x|z], so f* is "
        "the unique minimiser"
    ),
    domain=f"every law of x given z with second moments, every positive definite P, D = {listed(SIZES)}",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(
        control("the prior's average of the data in place of the posterior mean", best=prior_mean),
        control("0.1 % more than the posterior mean", best=larger_mean),
    ),
    tier="quick",
)
def squares_complete(run: Run, *, best: Callable[[SymbolicLaw], ImmutableMatrix] = posterior_mean) -> Verdict:
    """Completing the square, in moments. |L'v|^2 = 0 only for v = 0, as L is triangular with a positive diagonal."""
    parts = {}
    for size in SIZES:
        law, f = SymbolicLaw(size), free_vector("f", size)
        run.assume(finite_moment, [*law.x])
        run.assume(definite_likelihood, law.factor)
        image = law.factor.T * (f - best(law))
        parts[f"D = {size}"] = identity(law.loss(f) - law.loss(best(law)) - (image.T * image)[0])
    return all_of(parts)


def log_density(u: ImmutableMatrix, factor: ImmutableMatrix) -> Expr:
    """Log N(z; m, S) for u = z - m and S^-1 = K K', up to the constant that all points share."""
    return -_square(factor.T * u) / 2 + sympy.Add(*(sympy.log(factor[j, j]) for j in range(factor.rows)))


def without_determinant(u: ImmutableMatrix, factor: ImmutableMatrix) -> Expr:
    """The exponent alone: wrong when covariances differ."""
    return -_square(factor.T * u) / 2


def covariance_as_precision(u: ImmutableMatrix, factor: ImmutableMatrix) -> Expr:
    """S used for S^-1 in the exponent."""
    return -_square(factor.inv() * u) / 2 + sympy.log(factor.det())


def _square(v: ImmutableMatrix) -> Expr:
    return (v.T * v)[0]


def proportional(q: Sequence[Expr]) -> list[Expr]:
    """w_i = q_i / sum_j q_j: the softmax of log q."""
    return [value / sum(q) for value in q]


def equal_weights(q: Sequence[Expr]) -> list[Expr]:
    """The prior's weights."""
    return [sympy.Rational(1, len(q)) for _ in q]


LATENTS, COUNTS = (1, 2, 3), (2, 3, 4)
"""Latent dimensions d, and numbers N of points in the symbolic check."""


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "(2 pi)^(d/2) q(z|x_i) = exp(-|K_i'(z-m_i)|^2/2 + log det K_i) with S_i^-1 = K_i K_i', and sum_i q_i (x_i - f) "
        "= (f* - f) sum_i q_i with f* = sum_i w_i x_i, w = softmax(log q): the gradient in f is zero at f* only"
    ),
    domain=(
        f"every z, m and positive definite S, d = {listed(LATENTS)}; N = {listed(COUNTS)} points, each component of x "
        "alone, every q_i > 0"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("weights without the determinant factor", refutes="density*", logit=without_determinant),
        control("S used for S^-1", refutes="density*", logit=covariance_as_precision),
        control("the prior's weights", refutes="average*", weights=equal_weights),
    ),
    tier="quick",
)
def stationary_at_the_weighted_mean(
    run: Run,
    *,
    logit: Callable[[ImmutableMatrix, ImmutableMatrix], Expr] = log_density,
    weights: Callable[[Sequence[Expr]], list[Expr]] = proportional,
) -> Verdict:
    """The sum of the q_i is positive. Components of x share the weights and nothing else."""
    parts, f = {}, sympy.Symbol("f", real=True)
    for d in LATENTS:
        u, K = free_vector("u", d), triangular("k", d)
        run.assume(definite_encoder, K)
        P = K * K.T
        density = sympy.exp(-(u.T * P * u)[0] / 2) * sympy.sqrt(P.det() / (2 * sympy.pi) ** d)
        parts[f"density, d = {d}"] = identity(
            (2 * sympy.pi) ** sympy.Rational(d, 2) * density - sympy.exp(logit(u, K))
        )
    for points in COUNTS:
        q, x = sympy.symbols(f"q:{points}", positive=True), free_vector("x", points)
        run.assume(finite_moment, [*x])
        average = sum(w * value for w, value in zip(weights(q), x, strict=True))
        gradient = sum(w * (value - f) for w, value in zip(q, x, strict=True))
        parts[f"average, N = {points}"] = identity(gradient - (average - f) * sum(q))
    return all_of(parts)

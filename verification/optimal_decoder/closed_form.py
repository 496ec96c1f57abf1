"""S1: f*(z) = E_q[x|z] is the unique maximiser of the ELBO."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_mat
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, for_all, identity

from .._shared.balls import working_precision
from .._shared.symbols import free_vector, triangular
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .moments import SymbolicLaw
from .words import listed


def posterior_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """f* = E[x|z]."""
    return law.mean


SIZES = (1, 2, 3)
"""Data dimensions D of the symbolic checks."""


def prior_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """E[x]: what averaging with the prior's weights instead of w(z) would give; another vector."""
    return free_vector("nu", law.dimension)


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
    controls=(control("the prior's average of the data in place of the posterior mean", best=prior_mean),),
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


Symbols = ImmutableMatrix


def log_density(u: Symbols, factor: Symbols) -> Expr:
    """Log N(z; m, S) for u = z - m and S^-1 = K K', up to the constant that all points share."""
    return -_square(factor.T * u) / 2 + sympy.Add(*(sympy.log(factor[j, j]) for j in range(factor.rows)))


def without_determinant(u: Symbols, factor: Symbols) -> Expr:
    """The exponent alone: wrong when covariances differ."""
    return -_square(factor.T * u) / 2


def covariance_as_precision(u: Symbols, factor: Symbols) -> Expr:
    """S used for S^-1 in the exponent."""
    return -_square(factor.inv() * u) / 2 + sympy.log(factor.det())


def _square(v: Symbols) -> Expr:
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
    logit: Callable[[Symbols, Symbols], Expr] = log_density,
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


Average = Callable[[Any, Any, Any, Sequence[float]], list[arb]]


def closed_form(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:
    """The decoder under test, in balls."""
    return ep.OptimalDecoder(codes, data, covariances).enclose(list(z), digits=25).balls


def _averaged(mass: Callable[[Any, Any, Sequence[float]], arb]) -> Average:
    """Return a decoder that averages with the given masses, written independently of the package."""

    def average(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:
        masses = [mass(m, S, z) for m, S in zip(codes, covariances, strict=True)]
        total = sum(masses, arb(0))
        return [
            sum((w * arb(x) for w, x in zip(masses, column, strict=True)), arb(0)) / total
            for column in data.T
        ]

    return average


def _quadratic(m: Any, S: Any, z: Sequence[float], inverse: bool = True) -> tuple[arb, arb]:
    """Return (z - m)' S^-1 (z - m) and det S as balls."""
    matrix = arb_mat([[arb(entry) for entry in row] for row in S.tolist()])
    shift = arb_mat([[arb(a) - arb(b)] for a, b in zip(z, m.tolist(), strict=True)])
    form = shift.transpose() * (matrix.inv() if inverse else matrix) * shift
    return form[0, 0], matrix.det()


def _exponent_alone(m: Any, S: Any, z: Sequence[float]) -> arb:
    return (-_quadratic(m, S, z)[0] / 2).exp()


def _covariance_for_precision(m: Any, S: Any, z: Sequence[float]) -> arb:
    form, determinant = _quadratic(m, S, z, inverse=False)
    return (-form / 2).exp() / determinant.sqrt()


def _one(m: Any, S: Any, z: Sequence[float]) -> arb:  # noqa: ARG001
    return arb(1)


DRAWS, POINTS, WIDE = 4, 5, 2
"""Instances for each d, points N and data dimension D of the instances in balls."""
SHARP = 1e-20
"""Half width asked of the gradient's balls. Reached: below 1e-24; the gradient of the controls exceeds 1e-3."""


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=f"sum_i q(z|x_i) (x_i - f*(z)) / sum_i q(z|x_i) = 0, enclosed within {SHARP:.0e}",
    domain=(
        f"{DRAWS} random instances for each d = {listed(LATENTS)}, N = {POINTS}, D = {WIDE}, "
        "covariances s AA' + 1e-4 I with a square Gaussian A and s in [0.01, 1]"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("weights without the determinant factor", average=_averaged(_exponent_alone)),
        control("S used for S^-1", average=_averaged(_covariance_for_precision)),
        control("prior-weighted average", average=_averaged(_one)),
    ),
    tier="quick",
)
def gradient_vanishes_at_exact_points(run: Run, *, average: Average = closed_form) -> Verdict:
    """The densities here are written out in balls, apart from the package's own."""
    parts = {}
    with working_precision(160):
        for k, d in product(range(DRAWS), LATENTS):
            codes, data, covariances = _random_instance(run.rng, d)
            run.assume(finite_moment, data)
            run.assume(definite_encoder, covariances)
            z = run.rng.normal(size=d).tolist()
            pairs = [_quadratic(m, S, z) for m, S in zip(codes, covariances, strict=True)]
            q = [(-form / 2).exp() / determinant.sqrt() for form, determinant in pairs]
            f = average(codes, data, covariances, z)
            for j, column in enumerate(data.T):
                terms = (w * (arb(x) - f[j]) for w, x in zip(q, column, strict=True))
                parts[f"d = {d}, instance {k}, x_{j}"] = ball_equal(
                    sum(terms, arb(0)) / sum(q, arb(0)), SHARP
                )
    return all_of(parts)


def _random_instance(rng: np.random.Generator, d: int, points: int = POINTS) -> tuple[Any, Any, Any]:
    roots = rng.normal(size=(points, d, d))
    scales = 10.0 ** rng.uniform(-2, 0, size=(points, 1, 1))
    covariances = roots @ roots.swapaxes(1, 2) * scales + 1e-4 * np.eye(d)
    return (
        rng.normal(size=(points, d)),
        rng.normal(size=(points, WIDE)),
        (covariances + covariances.swapaxes(1, 2)) / 2,
    )


MOST, EXAMPLES = 6, 100
"""Largest N, and the number, of the generated instances."""
NUMERIC = 1e-9
"""Of max |x|: softmax of log densities as large as 1e4 loses 1e4 * 2^-52 * N; worst case seen 2e-12."""


def float_closed_form(codes: Any, data: Any, covariances: Any, z: Any) -> Any:
    """The decoder under test, in float64."""
    return ep.OptimalDecoder(codes, data, covariances)(z)


def _softmax_average(codes: Any, data: Any, covariances: Any, z: Any, *, determinant: bool) -> Any:
    from scipy.special import softmax
    from scipy.stats import multivariate_normal

    logs = np.array([multivariate_normal(m, S).logpdf(z) for m, S in zip(codes, covariances, strict=True)])
    if not determinant:
        logs = logs + 0.5 * np.linalg.slogdet(covariances)[1]
    return softmax(logs) @ data


def _float_without_determinant(codes: Any, data: Any, covariances: Any, z: Any) -> Any:
    return _softmax_average(codes, data, covariances, z, determinant=False)


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states="OptimalDecoder is the average of the data under scipy's Gaussian densities",
    domain=f"{EXAMPLES} generated instances: N <= {MOST}, d = {listed(LATENTS)}, D = {WIDE}, full covariances, float64",
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("weights without the determinant factor", average=_float_without_determinant),),
)
def generated_instances_agree(run: Run, *, average: Callable[..., Any] = float_closed_form) -> Verdict:
    """Hypothesis draws the sizes and a seed; the instance follows from them."""

    def agrees(points: int, d: int, seed: int) -> bool:
        rng = np.random.default_rng(seed)
        codes, data, covariances = _random_instance(rng, d, points)
        run.assume(finite_moment, data)
        run.assume(definite_encoder, covariances)
        z = rng.normal(size=d)
        independent = _softmax_average(codes, data, covariances, z, determinant=True)
        return bool(
            np.abs(average(codes, data, covariances, z) - independent).max() <= NUMERIC * np.abs(data).max()
        )

    sizes, dimensions, seeds = st.integers(1, MOST), st.sampled_from(LATENTS), st.integers(0, 2**32 - 1)
    return for_all(sizes, dimensions, seeds, property=agrees, examples=EXAMPLES, seed=run.integer_seed)

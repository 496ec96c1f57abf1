"""S1: f*(z) = E_q[x|z] is the unique maximiser of the ELBO."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_mat
from hypothesis import strategies as st
from sympy import ImmutableMatrix

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal, identity, property_holds

from .._shared.balls import working_precision
from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .moments import SymbolicLaw
from .real_data import ENCODERS, encoded_digits, pointwise_minimiser


def posterior_mean(law: SymbolicLaw) -> ImmutableMatrix:
    """f* = E[x|z]."""
    return law.mean


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
    domain="every law of x given z with second moments, every positive definite P, D = 1, 2, 3",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(control("the prior's average of the data in place of the posterior mean", best=prior_mean),),
    tier="quick",
)
def squares_complete(run: Run, *, best: Callable[[SymbolicLaw], ImmutableMatrix] = posterior_mean) -> Verdict:
    """Completing the square, in moments. |L'v|^2 = 0 only for v = 0, as L is triangular with a positive diagonal."""
    parts = {}
    for size in (1, 2, 3):
        law, f = SymbolicLaw(size), free_vector("f", size)
        run.assume(finite_moment, [*law.x])
        run.assume(definite_likelihood, law.factor)
        image = law.factor.T * (f - best(law))
        parts[f"D = {size}"] = identity(law.loss(f) - law.loss(best(law)) - (image.T * image)[0])
    return all_of(parts)


def log_density(z: Any, mean: Any, variance: Any) -> Any:
    """Log N(z; m, s) up to the constant that all points share."""
    return -((z - mean) ** 2) / (2 * variance) - sympy.log(variance) / 2


def without_determinant(z: Any, mean: Any, variance: Any) -> Any:
    """The exponent alone: wrong when variances differ."""
    return -((z - mean) ** 2) / (2 * variance)


def variance_as_precision(z: Any, mean: Any, variance: Any) -> Any:
    """S used for S^-1."""
    return -variance * (z - mean) ** 2 / 2 + sympy.log(variance) / 2


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "sum_i q(z|x_i) (x_i - f) = 0 has the one solution f = sum_i w_i(z) x_i, w = softmax of the log "
        "densities"
    ),
    domain="N = 2, 3 points with symbolic data, codes and variances, d = D = 1",
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("weights without the determinant factor", logit=without_determinant),
        control("S used for S^-1", logit=variance_as_precision),
    ),
    tier="quick",
)
def stationary_at_the_weighted_mean(run: Run, *, logit: Callable[..., Any] = log_density) -> Verdict:
    """The derivative in f is linear with slope -sum_i q(z|x_i) < 0, so its zero is unique."""
    z = sympy.Symbol("z", real=True)
    parts = {}
    for size in (2, 3):
        x, m = free_vector("x", size), free_vector("m", size)
        s = sympy.symbols(f"s:{size}", positive=True)
        run.assume(finite_moment, [*x])
        for variance in s:
            run.assume(definite_encoder, ImmutableMatrix([[sympy.sqrt(variance)]]))
        masses = [sympy.exp(logit(z, m[i], s[i])) for i in range(size)]
        densities = [
            sympy.exp(-((z - m[i]) ** 2) / (2 * s[i])) / sympy.sqrt(2 * sympy.pi * s[i]) for i in range(size)
        ]
        weighted = sum(mass * value for mass, value in zip(masses, x, strict=True))
        # the derivative at f = weighted / sum(masses), times sum(masses) > 0
        slope = sum(q * (value * sum(masses) - weighted) for q, value in zip(densities, x, strict=True))
        parts[f"N = {size}"] = identity(sympy.expand(slope))
    return all_of(parts)


Average = Callable[[Any, Any, Any, Sequence[float]], list[arb]]


def closed_form(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:
    """The decoder under test, in balls."""
    return ep.OptimalDecoder(codes, data, covariances).enclose(list(z), digits=25).balls


def _weighted(logit: Callable[[arb, arb], arb]) -> Average:
    """Return a decoder that averages with exp(logit(S_i^-1 or S_i, ...)), written independently of the package."""

    def average(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:
        masses = [logit(*_quadratic(m, S, z)).exp() for m, S in zip(codes, covariances, strict=True)]
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


def _with_covariance_for_precision(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:
    """S used for S^-1 in the exponent."""
    masses = [
        (-_quadratic(m, S, z, inverse=False)[0] / 2).exp() / _quadratic(m, S, z)[1].sqrt()
        for m, S in zip(codes, covariances, strict=True)
    ]
    return [
        sum((w * arb(x) for w, x in zip(masses, c, strict=True)), arb(0)) / sum(masses, arb(0))
        for c in data.T
    ]


def _prior_weighted(codes: Any, data: Any, covariances: Any, z: Sequence[float]) -> list[arb]:  # noqa: ARG001
    """Every point counts the same."""
    return [sum((arb(x) for x in column), arb(0)) / len(data) for column in data.T]


SHARP = 1e-20
"""Half width asked of the gradient's balls. Reached: below 1e-24; the gradient of the controls exceeds 1e-3."""


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states="sum_i q(z|x_i) (x_i - f*(z)) / q(z) = 0, enclosed within 1e-20",
    domain=(
        "12 random instances, N = 5, D = 2, d = 1, 2, 3, full covariances with condition numbers up to 1e4"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("weights without the determinant factor", average=_weighted(lambda form, _: -form / 2)),
        control("S used for S^-1", average=_with_covariance_for_precision),
        control("prior-weighted average", average=_prior_weighted),
    ),
    tier="quick",
)
def gradient_vanishes_at_exact_points(run: Run, *, average: Average = closed_form) -> Verdict:
    """The densities here are written out in balls, apart from the package's own."""
    parts = {}
    with working_precision(160):
        for k in range(12):
            codes, data, covariances = _random_instance(run.rng, d=1 + k % 3)
            run.assume(finite_moment, data)
            run.assume(definite_encoder, covariances)
            z = run.rng.normal(size=codes.shape[1]).tolist()
            pairs = [_quadratic(m, S, z) for m, S in zip(codes, covariances, strict=True)]
            q = [(-form / 2).exp() / determinant.sqrt() for form, determinant in pairs]
            f = average(codes, data, covariances, z)
            for j, column in enumerate(data.T):
                terms = (w * (arb(x) - f[j]) for w, x in zip(q, column, strict=True))
                parts[f"instance {k}, x_{j}"] = ball_equal(sum(terms, arb(0)) / sum(q, arb(0)), SHARP)
    return all_of(parts)


def _random_instance(rng: np.random.Generator, d: int, points: int = 5) -> tuple[Any, Any, Any]:
    roots = rng.normal(size=(points, d, d))
    scales = 10.0 ** rng.uniform(-2, 0, size=(points, 1, 1))
    covariances = roots @ roots.swapaxes(1, 2) * scales + 1e-4 * np.eye(d)
    return (
        rng.normal(size=(points, d)),
        rng.normal(size=(points, 2)),
        (covariances + covariances.swapaxes(1, 2)) / 2,
    )


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
    domain="100 generated instances: N <= 6, d <= 3, D <= 3, full covariances, in float64",
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

    sizes, dimensions, seeds = st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**32 - 1)
    return property_holds(sizes, dimensions, seeds, property=agrees, examples=100, seed=run.integer_seed)


REAL_TOLERANCE = 1e-5
"""Of pixels in [0, 1]. L-BFGS stops at gradients of 1e-12; worst distance seen 3e-7; the controls are 0.05 off."""


def nearest_example(codes: Any, data: Any, covariances: Any, z: Any) -> Any:  # noqa: ARG001
    """The example whose code is nearest: the limit of small variances, not the optimum."""
    return data[((z[:, None] - codes) ** 2).sum(-1).argmin(1)]


@claim.check(
    statement="S1",
    role="confirms",
    method="numeric",
    relation="=",
    states="the numerical minimiser over x-hat of sum_i q(z|x_i) |x_i - x-hat|^2 is f*(z), all 64 pixels",
    domain=(
        "1,797 digits, 2-D codes from PCA (shared variance) and from a trained encoder (a covariance "
        "each), 20 latents"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("the nearest example in place of the average", average=nearest_example),),
    time_limit=120,
)
def digits_minimise_at_the_closed_form(
    run: Run, *, average: Callable[..., Any] = float_closed_form
) -> Verdict:
    """An optimiser that knows nothing of averages (L-BFGS) finds the same images."""
    parts = {}
    for name in ENCODERS:
        digits = encoded_digits(name)
        run.assume(finite_moment, digits.data)
        run.assume(definite_encoder, digits.covariances)
        z = digits.sample(run.rng, 20)[1]
        found = pointwise_minimiser(digits, z)
        parts[name] = equal(average(digits.codes, digits.data, digits.covariances, z), found, REAL_TOLERANCE)
    return all_of(parts)

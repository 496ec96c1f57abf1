"""S1 on drawn instances: the package's decoder in balls and in float64."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_mat
from hypothesis import strategies as st

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_equal, control, property_holds

from .._shared.balls import working_precision
from . import claim
from .hypotheses import definite_encoder, finite_moment
from .words import listed

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


LATENTS, DRAWS, POINTS, WIDE = (1, 2, 3), 4, 5, 2
"""Latent dimensions d, instances for each, points N and data dimension D of the instances in balls."""
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
    return property_holds(sizes, dimensions, seeds, property=agrees, examples=EXAMPLES, seed=run.integer_seed)

"""S7: with one shared covariance the optimal decoder is softmax attention."""

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr, ImmutableMatrix

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, control, equal, identity

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, finite_moment, shared_covariance
from .moments import SymbolicLaw
from .real_data import SHARED_VARIANCE, encoded_digits
from .words import listed


def attention_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """Z' S^-1 m - m' S^-1 m / 2; (z.m - |m|^2 / 2) / s^2 for S = s^2 I."""
    return (z.T * precision * m - m.T * precision * m / 2)[0]


def plain_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """Attention as usually written, without the keys' norms."""
    return (z.T * precision * m)[0]


def full_norm_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """The keys' norms without the 1/2."""
    return (z.T * precision * m - m.T * precision * m)[0]


LATENTS = (1, 2, 3)
"""Latent dimensions d of the symbolic check."""


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "log q(z|x_i) - log q(z|x_j) = logit_i - logit_j: query z, keys m_i, values x_i, logits z'S^-1 "
        "m - m'S^-1 m/2"
    ),
    domain=f"every positive definite shared S, every pair of points (hence every N), d = {listed(LATENTS)}",
    hypotheses=(definite_encoder, shared_covariance),
    controls=(
        control("without the keys' norms", logit=plain_logit),
        control("norms without the 1/2", logit=full_norm_logit),
    ),
    tier="quick",
)
def logits_are_attention(run: Run, *, logit: Callable[..., Expr] = attention_logit) -> Verdict:
    """A softmax depends on differences of logits only."""
    parts = {}
    for size in LATENTS:
        law = SymbolicLaw(size)  # its metric stands for S^-1
        run.assume(definite_encoder, law.factor)
        run.assume(shared_covariance, [law.metric, law.metric])
        z, first, second = (free_vector(name, size) for name in ("z", "m", "n"))
        logs = [-((z - m).T * law.metric * (z - m))[0] / 2 for m in (first, second)]
        theirs = logit(z, first, law.metric) - logit(z, second, law.metric)
        parts[f"d = {size}"] = identity(logs[0] - logs[1] - theirs)
    return all_of(parts)


def half_argument(mu: Expr, z: Expr, s: Expr) -> Expr:
    """Mu z / (2 s^2)."""
    return mu * z / (2 * s**2)


def whole_argument(mu: Expr, z: Expr, s: Expr) -> Expr:
    """Mu z / s^2."""
    return mu * z / s**2


def deviation_argument(mu: Expr, z: Expr, s: Expr) -> Expr:
    """Mu z / (2 s)."""
    return mu * z / (2 * s)


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="two points x = a -+ b/2 with codes -+ mu/2: f*(z) = a + (b/2) tanh(mu z / (2 s^2))",
    domain="all real a, b, mu, z, all s > 0",
    hypotheses=(finite_moment, shared_covariance),
    controls=(
        control("s^2 in place of 2 s^2", argument=whole_argument),
        control("the deviation in place of the variance", argument=deviation_argument),
    ),
    tier="quick",
)
def two_points_are_a_tanh(run: Run, *, argument: Callable[..., Expr] = half_argument) -> Verdict:
    """The smallest decoder there is."""
    a, b, mu, z = sympy.symbols("a b mu z", real=True)
    s = sympy.Symbol("s", positive=True)
    run.assume(finite_moment, [a, b])
    run.assume(shared_covariance, [s, s])
    masses = [sympy.exp(-((z - sign * mu / 2) ** 2) / (2 * s**2)) for sign in (-1, 1)]
    average = (masses[0] * (a - b / 2) + masses[1] * (a + b / 2)) / sum(masses)
    tanh = sympy.tanh(argument(mu, z, s)).rewrite(sympy.exp)
    return identity(average - a - b / 2 * tanh)


QUERIES, TOLERANCE = 200, 1e-10
"""Of pixels in [0, 1], in float64: logits of up to 1e3 lose 1e3 * 2^-52 * 1797; worst distance seen 2e-14."""


@claim.check(
    statement="S7",
    role="sharpens",
    method="numeric",
    relation="=",
    states=(
        "torch's scaled_dot_product_attention with the bias -|m|^2/(2 s^2) gives the decoder's images within "
        f"{TOLERANCE:.0e}"
    ),
    domain=f"1,797 digits, 64 pixels, PCA codes, {QUERIES} latents between codes, float64",
    hypotheses=(finite_moment, shared_covariance),
    controls=(control("without the bias", share=0.0), control("0.1 % less bias", share=0.999)),
)
def torch_attention_gives_the_digits(run: Run, *, share: float = 1.0) -> Verdict:
    """An independent implementation, written by the authors of torch."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    encoded = encoded_digits("PCA")
    run.assume(finite_moment, encoded.data)
    run.assume(shared_covariance, encoded.covariances)
    z = encoded.between(QUERIES)
    keys, values, queries = (torch.tensor(array)[None] for array in (encoded.codes, encoded.data, z))
    bias = -share * (keys[0] ** 2).sum(1) / (2 * SHARED_VARIANCE)
    mask = bias.expand(len(z), -1)[None]
    images: Any = scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, scale=1 / SHARED_VARIANCE
    )
    return equal(encoded.decoder(z), np.asarray(images[0]), TOLERANCE)


CODES, VALUES = (-2.5, -0.5, 1.0, 3.0), (-1.0, 0.5, -0.25, 1.0)
"""A small data set in one dimension; dyadic, so exact in balls."""
FIRST, SECOND = 1, 2
"""The two neighbours between which f* is compared with their tanh."""
VARIANCES = (0.5, 0.25, 0.125, 0.0625)
PLACES = 61
"""Latents between the neighbours, both ends included."""


def neighbour_gap() -> float:
    """Return the least (z - m_k)^2 - min_j (z - m_j)^2 for z between the neighbours j and all other codes k.

    Over [m_1, m_2] and for m_k to the right, (z - m_k)^2 - (z - m_2)^2 falls in z, so that m_2 is the worst z; m_1 is
    for m_k to the left. Sums and products of these dyadic numbers are exact.
    """
    low, high = CODES[FIRST], CODES[SECOND]
    return min((low - CODES[FIRST - 1]) ** 2, (CODES[SECOND + 1] - high) ** 2)


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "between two neighbouring codes |f*(z) - tanh formula| <= (N - 2) diam(x) exp(-gap/(2 s^2)), gap = "
        f"{neighbour_gap():g} the least squared distance from one of the two to another code"
    ),
    domain=(
        f"{len(CODES)} points on a line, s^2 = {listed(VARIANCES)}, {PLACES} evenly spaced latents between the two in "
        "the middle"
    ),
    hypotheses=(finite_moment, shared_covariance),
    controls=(
        control("s^2 in place of 2 s^2", divisor=1),
        control(
            "1.9 s^2 in place of 2 s^2",
            refutes=[f"s^2 = {variance}" for variance in VARIANCES[1:]],
            divisor=Fraction(19, 10),
        ),
    ),
    tier="quick",
)
def neighbours_make_a_tanh(run: Run, *, divisor: Fraction | int = 2) -> Verdict:
    """Each other code has at most exp(-gap/(2 s^2)) of the weight of the nearer neighbour: a tanh as s -> 0."""
    run.assume(finite_moment, np.array(VALUES))
    parts, series = {}, {}
    grid = np.linspace(CODES[0] - 0.5, CODES[-1] + 0.5, 241)
    with working_precision(100):
        for variance in VARIANCES:
            run.assume(shared_covariance, [variance] * len(CODES))
            decoder = ep.OptimalDecoder(np.array(CODES)[:, None], np.array(VALUES)[:, None], variance)
            errors = [
                abs(decoder.ball_values([arb(z)])[0] - _two_point_tanh(arb(z), variance, divisor))
                for z in np.linspace(CODES[FIRST], CODES[SECOND], PLACES)
            ]
            decay = (-arb(neighbour_gap()) / (2 * arb(variance))).exp()
            bound = (len(CODES) - 2) * (max(VALUES) - min(VALUES)) * decay
            parts[f"s^2 = {variance}"] = ball_at_most(reduce(arb.max, errors) - bound, 0)
            series[f"decoder, s^2 = {variance}"] = decoder(grid[:, None])[:, 0]
            series[f"tanh, s^2 = {variance}"] = [
                float(_two_point_tanh(arb(z), variance, divisor).mid()) for z in grid
            ]
    return all_of(parts).with_data(z=grid, codes=CODES, values=VALUES, **series)


def _two_point_tanh(z: arb, variance: float, divisor: Fraction | int) -> arb:
    a, b = arb(VALUES[FIRST] + VALUES[SECOND]) / 2, arb(VALUES[SECOND] - VALUES[FIRST])
    mu, centre = arb(CODES[SECOND] - CODES[FIRST]), arb(CODES[FIRST] + CODES[SECOND]) / 2
    return a + b / 2 * (mu * (z - centre) / (ball(divisor) * arb(variance))).tanh()

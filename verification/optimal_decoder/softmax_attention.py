"""S7: with one shared covariance the optimal decoder is softmax attention."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import arb
from sympy import Expr, ImmutableMatrix

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, control, equal, identity

from .._shared.balls import working_precision
from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, finite_moment, shared_covariance
from .moments import SymbolicLaw
from .real_data import SHARED_VARIANCE, encoded_digits


def attention_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """Z' S^-1 m - m' S^-1 m / 2; (z.m - |m|^2 / 2) / s^2 for S = s^2 I."""
    return (z.T * precision * m - m.T * precision * m / 2)[0]


def plain_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """Attention as usually written, without the keys' norms."""
    return (z.T * precision * m)[0]


def full_norm_logit(z: ImmutableMatrix, m: ImmutableMatrix, precision: ImmutableMatrix) -> Expr:
    """The keys' norms without the 1/2."""
    return (z.T * precision * m - m.T * precision * m)[0]


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "log q(z|x_i) - log q(z|x_j) = logit_i - logit_j: query z, keys m_i, values x_i, logits z'S^-1 "
        "m - m'S^-1 m/2"
    ),
    domain="every positive definite shared S, every pair of points (hence every N), d = 1, 2, 3",
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
    for size in (1, 2, 3):
        law = SymbolicLaw(size)  # its metric stands for S^-1
        run.assume(definite_encoder, law.factor)
        run.assume(shared_covariance, [law.metric, law.metric])
        z, first, second = (free_vector(name, size) for name in ("z", "m", "n"))
        logs = [-((z - m).T * law.metric * (z - m))[0] / 2 for m in (first, second)]
        theirs = logit(z, first, law.metric) - logit(z, second, law.metric)
        parts[f"d = {size}"] = identity(sympy.expand(logs[0] - logs[1] - theirs))
    return all_of(parts)


def half_argument(mu: Expr, z: Expr, s: Expr) -> Expr:
    """Mu z / (2 s^2)."""
    return mu * z / (2 * s**2)


def whole_argument(mu: Expr, z: Expr, s: Expr) -> Expr:
    """Mu z / s^2."""
    return mu * z / s**2


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="two points x = a -+ b/2 with codes -+ mu/2: f*(z) = a + (b/2) tanh(mu z / (2 s^2))",
    domain="all real a, b, mu, z, all s > 0",
    hypotheses=(finite_moment, shared_covariance),
    controls=(control("s^2 in place of 2 s^2", argument=whole_argument),),
    tier="quick",
)
def two_points_are_a_tanh(run: Run, *, argument: Callable[..., Expr] = half_argument) -> Verdict:
    """The smallest decoder there is; its steepest slope is b mu / (4 s^2)."""
    a, b, mu, z = sympy.symbols("a b mu z", real=True)
    s = sympy.Symbol("s", positive=True)
    run.assume(finite_moment, [a, b])
    run.assume(shared_covariance, [s, s])
    masses = [sympy.exp(-((z - sign * mu / 2) ** 2) / (2 * s**2)) for sign in (-1, 1)]
    average = (masses[0] * (a - b / 2) + masses[1] * (a + b / 2)) / sum(masses)
    tanh = sympy.tanh(argument(mu, z, s)).rewrite(sympy.exp)
    return identity(sympy.expand(sympy.numer(sympy.together(average - a - b / 2 * tanh))))


TOLERANCE = 1e-10
"""Of pixels in [0, 1], in float64: logits of up to 1e3 lose 1e3 * 2^-52 * 1797; worst distance seen 2e-14."""


@claim.check(
    statement="S7",
    role="sharpens",
    method="numeric",
    relation="=",
    states="torch's scaled_dot_product_attention with the bias -|m|^2/(2 s^2) gives the decoder's images",
    domain="1,797 digits, 64 pixels, PCA codes, 200 latents, float64",
    hypotheses=(finite_moment, shared_covariance),
    controls=(control("without the bias", bias=False),),
)
def torch_attention_gives_the_digits(run: Run, *, bias: bool = True) -> Verdict:
    """An independent implementation, written by the authors of torch."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    encoded = encoded_digits("PCA")
    run.assume(finite_moment, encoded.data)
    run.assume(shared_covariance, encoded.covariances)
    z = encoded.sample(run.rng, 200)[1]
    keys, values, queries = (torch.tensor(array)[None] for array in (encoded.codes, encoded.data, z))
    norms = (
        -(keys[0] ** 2).sum(1) / (2 * SHARED_VARIANCE)
        if bias
        else torch.zeros(len(keys[0]), dtype=torch.float64)
    )
    mask = norms.expand(len(z), -1)[None]
    images: Any = scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, scale=1 / SHARED_VARIANCE
    )
    return equal(encoded.decoder(z), np.asarray(images[0]), TOLERANCE)


CODES, VALUES = (-2.0, -0.5, 1.0, 2.0), (-1.0, 0.5, -0.25, 1.0)
"""A small data set in one dimension; dyadic, so exact in balls."""
MIDDLE = (1, 2)
"""The two neighbours between which the limit is taken."""
VARIANCES = (0.5, 0.25, 0.125, 0.0625)
NEIGHBOUR_GAP = 1.0
"""Of (z - m_k)^2 - min_j (z - m_j)^2 over z between the two neighbours and all other codes k; attained at z = 1."""


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        "between two neighbouring codes |f*(z) - tanh formula| <= 2 diam(x) exp(-1/(2 s^2)): a tanh in "
        "the limit s -> 0"
    ),
    domain="4 points on a line, s^2 = 1/2, 1/4, 1/8, 1/16, 61 latents between two of them",
    hypotheses=(finite_moment, shared_covariance),
    controls=(control("s^2 in place of 2 s^2", divisor=1),),
    tier="quick",
)
def neighbours_make_a_tanh(run: Run, *, divisor: int = 2) -> Verdict:
    """The other codes have at most exp(-1/(2 s^2)) of a neighbour's weight each; there are two of them."""
    run.assume(finite_moment, np.array(VALUES))
    parts, series = {}, {}
    grid = np.linspace(CODES[0] - 1, CODES[-1] + 1, 241)
    with working_precision(100):
        for variance in VARIANCES:
            run.assume(shared_covariance, [variance] * len(CODES))
            decoder = ep.OptimalDecoder(np.array(CODES)[:, None], np.array(VALUES)[:, None], variance)
            errors = [
                abs(decoder.ball_values([arb(z)])[0] - _two_point_tanh(arb(z), variance, divisor))
                for z in np.linspace(CODES[MIDDLE[0]], CODES[MIDDLE[1]], 61)
            ]
            bound = 2 * (max(VALUES) - min(VALUES)) * (-arb(NEIGHBOUR_GAP) / (2 * arb(variance))).exp()
            worst = max(errors, key=lambda ball: float(ball.mid()))
            parts[f"s^2 = {variance}"] = ball_at_most(worst - bound, 0)
            series[f"decoder, s^2 = {variance}"] = decoder(grid[:, None])[:, 0]
            series[f"tanh, s^2 = {variance}"] = [
                float(_two_point_tanh(arb(z), variance, divisor).mid()) for z in grid
            ]
    return all_of(parts).with_data(z=grid, codes=CODES, values=VALUES, **series)


def _two_point_tanh(z: arb, variance: float, divisor: int) -> arb:
    first, second = MIDDLE
    a, b = arb(VALUES[first] + VALUES[second]) / 2, arb(VALUES[second] - VALUES[first])
    mu, centre = arb(CODES[second] - CODES[first]), arb(CODES[first] + CODES[second]) / 2
    return a + b / 2 * (mu * (z - centre) / (divisor * arb(variance))).tanh()

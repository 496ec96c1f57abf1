"""S6, any codes and several latents: what the batch's moments do to the rate, in closed form and by enumeration."""

from collections.abc import Sequence
from itertools import combinations, pairwise, product
from math import log1p

import sympy
from flint import arb
from hypothesis import strategies as st
from sympy import Expr, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity, property_holds, tends_to

from .._shared.balls import working_precision
from .._shared.symbols import covariance, free_vector, normal_expectation, symmetric
from . import claim
from .hypotheses import definite_covariance, positive_variances, second_moments
from .rate import ONE

PAIRS = ((3, 1), (3, 2), (4, 2), (4, 3), (4, 4))
"""Numbers of codes N, and of a batch B."""


@claim.check(
    statement="S6",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "the batch's mean of Y = m^2 has the variance Var(Y)/B for batches drawn with replacement, and Var(Y)/B (N - "
        "B)/(N - 1) without: the leading bias -Var/(4 (s + E Y)^2) is that much smaller in an epoch, and 0 at B = N"
    ),
    domain=f"all codes, (N, B) = {', '.join(map(str, PAIRS))}, all batches enumerated",
    hypotheses=(second_moments,),
    controls=(
        control("(N - B + 1)/(N - 1) without replacement", refutes="without*", more=1),
        control("Var(Y)/(B - 1/2)", refutes="with replacement*", shift=Rational(1, 2)),
    ),
    tier="quick",
)
def an_epoch_has_the_smaller_bias(run: Run, *, more: int = 0, shift: Expr = 0 * ONE) -> Verdict:
    """E log(a + d) = log a - E d^2/(2 a^2) + ... for the deviation d of the batch's mean of Y, which has mean 0."""
    run.assume(second_moments, [0.0, 1.0])
    parts = {}
    for size, batch in PAIRS:
        y = [Symbol(f"y{n}", real=True) for n in range(size)]
        spread = _variance(y, list(product(range(size), repeat=1)))
        once = _variance(y, list(combinations(range(size), batch)))
        again = _variance(y, list(product(range(size), repeat=batch)))
        factor = Rational(size - batch + more, size - 1)
        parts[f"without, N = {size}, B = {batch}"] = identity(once - spread * factor / batch)
        parts[f"with replacement, N = {size}, B = {batch}"] = identity(again - spread / (batch - shift))
    return all_of(parts)


def _variance(y: Sequence[Expr], batches: Sequence[tuple[int, ...]]) -> Expr:
    """Return the variance of the mean over a batch, all batches equally likely."""
    means = [sympy.Add(*(y[n] for n in batch)) / len(batch) for batch in batches]
    middle = sympy.Add(*means) / len(means)
    return sympy.expand(sympy.Add(*((mean - middle) ** 2 for mean in means)) / len(means))


EXAMPLES = 60


@claim.check(
    statement="S6",
    role="confirms",
    method="property",
    relation=">=",
    states=(
        "the mean rate over all batches of B does not fall with B, with and without replacement; at B = N without "
        "replacement it is the rate"
    ),
    domain=f"{EXAMPLES} generated sets of 2 to 5 codes, B = 1 to 4, all batches enumerated, within 1e-12",
    hypotheses=(second_moments, positive_variances),
    controls=(
        control("it falls with B", refutes=["with", "without"], sign=-1),
        control("the mean of logarithms at B = N", refutes="all codes", each=True),
    ),
)
def rates_rise_for_any_codes(run: Run, *, sign: int = 1, each: bool = False) -> Verdict:
    """A reverse martingale and Jensen's inequality give it for every law; here it is counted."""
    run.assume(second_moments, [0.0])
    run.assume(positive_variances, 1.0)

    def rises(codes: list[int], tenths: int) -> dict[str, bool]:
        y, s = [(m / 4) ** 2 for m in codes], tenths / 10
        size = len(y)
        again = [_mean_rate(y, s, list(product(range(size), repeat=batch))) for batch in range(1, 5)]
        once = [_mean_rate(y, s, list(combinations(range(size), batch))) for batch in range(1, size + 1)]
        rate = sum(log1p(one / s) for one in y) / size / 2 if each else log1p(sum(y) / size / s) / 2
        return {
            "with": all(sign * (b - a) >= -1e-12 for a, b in pairwise(again)),
            "without": all(sign * (b - a) >= -1e-12 for a, b in pairwise(once)),
            "all codes": abs(once[-1] - rate) <= 1e-12,
        }

    codes = st.lists(st.integers(-20, 20), min_size=2, max_size=5)
    return property_holds(codes, st.integers(1, 30), property=rises, examples=EXAMPLES, seed=run.integer_seed)


def _mean_rate(y: Sequence[float], s: float, batches: Sequence[tuple[int, ...]]) -> float:
    return sum(log1p(sum(y[n] for n in batch) / len(batch) / s) / 2 for batch in batches) / len(batches)


@claim.check(
    statement="S6",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "for Gaussian codes m ~ N(0, V) and K = (S + V)^-1, E (m'Km)^2 - tr((KV)^2) = tr(R^2) + (tr R)^2, R = KV: a "
        "batch of B has the leading bias -(tr R^2 + (tr R)^2)/(4 B) under a full covariance, quadratic in d"
    ),
    domain="d = 1, 2; every symmetric K, every V as symbols",
    hypotheses=(definite_covariance,),
    controls=(
        control("2 tr(R^2), as if latents did not mix", refutes="d = 2", squared=0, trace=2),
        control("without (tr R)^2", squared=0),
    ),
    tier="quick",
)
def full_covariances_mix_latents(run: Run, *, squared: int = 1, trace: int = 1) -> Verdict:
    """With D the deviation of the batch's moments, log det(C + D) = log det C + tr(KD) - tr((KD)^2)/2 + ..."""
    parts = {}
    for d in (1, 2):
        K, V = symmetric("k", d), covariance("v", d)
        run.assume(definite_covariance, V)
        # moments of N(0, V) by Isserlis: E m_i m_j m_k m_l
        quartic = sympy.Add(
            *(
                K[i, j] * K[k, n] * (V[i, j] * V[k, n] + V[i, k] * V[j, n] + V[i, n] * V[j, k])
                for i, j, k, n in product(range(d), repeat=4)
            )
        )
        R = K * V
        stated = trace * (R * R).trace() + squared * R.trace() ** 2
        parts[f"d = {d}"] = identity(quartic - (R * R).trace() - stated)
    return all_of(parts)


@claim.check(
    statement="S6",
    role="confirms",
    method="symbolic",
    relation="=",
    states="E (m'Km)^2 = 2 tr((KV)^2) + (tr KV)^2 for m = L e, V = LL', by moments of the noise: the second route",
    domain="d = 2, L diagonal, every symmetric K",
    hypotheses=(definite_covariance,),
    controls=(control("tr((KV)^2) once", count=1),),
    tier="quick",
)
def the_fourth_moment_once_more(run: Run, *, count: int = 2) -> Verdict:
    """A rotation makes V diagonal."""
    K, noise = symmetric("k", 2), free_vector("e", 2)
    scales = [Symbol(f"l{k}", positive=True) for k in range(2)]
    factor = sympy.diag(*scales)
    run.assume(definite_covariance, factor * factor)
    m = factor * noise
    fourth = normal_expectation(((m.T * K * m)[0]) ** 2, noise)
    R = K * factor * factor
    return identity(fourth - count * (R * R).trace() - R.trace() ** 2)


BATCHES = (256, 512, 1024, 2048)
LATENTS = (1, 2, 3)


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "as the posterior variances vanish the bias of a full covariance is 1/2 [sum_{i=1}^d digamma((B - i + 1)/2) + "
        "d log(2/B)], and B times it tends to -d (d + 1)/4: within 0.2 d^3/B of it at these batches"
    ),
    domain=f"Gaussian codes, d = {', '.join(map(str, LATENTS))}, B = {', '.join(map(str, BATCHES))}",
    hypotheses=(positive_variances,),
    controls=(
        control("-d/2, as for d single latents", refutes=["d = 2", "d = 3"], linear=True),
        control("-d (d + 3)/4, that of a free mean", free=True),
    ),
)
def the_bias_grows_like_the_square_of_d(run: Run, *, linear: bool = False, free: bool = False) -> Verdict:
    """E log det of a Wishart matrix is a sum of digamma functions (Bartlett)."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(120):
        for d in LATENTS:
            limit = Rational(-d, 2) if linear else Rational(-d * (d + (3 if free else 1)), 4)
            values = [batch * _wishart_bias(batch, d) for batch in BATCHES]
            scales = [f"1/{batch}" for batch in BATCHES]
            stated = arb(int(limit.p)) / int(limit.q)
            parts[f"d = {d}"] = tends_to(scales, values, stated, order=1, factor=0.2 * d**3, quantity=1.0)
        return all_of(parts)


def _wishart_bias(batch: int, d: int) -> arb:
    digammas = sum(((arb(batch - i) / 2).digamma() for i in range(d)), arb(0))
    return (digammas + d * (arb(2) / batch).log()) / 2

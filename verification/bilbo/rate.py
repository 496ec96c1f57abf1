"""S1, S2, S3: the best prior of a kind, the rate at it, and the freedom of scale."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity, property_holds

from .._shared.symbols import free_vector, normal_expectation, symmetric, triangular
from . import claim
from .hypotheses import definite_covariance, positive_variances, second_moments

HALF, ONE, TWO = Rational(1, 2), Rational(1), Rational(2)
SIZES = (2, 3)
SIZES_TEXT = " and ".join(map(str, SIZES))
Mean = Callable[[list[Expr]], Expr]


def second_moment(codes: list[Expr]) -> Expr:
    """E m^2."""
    return sympy.Add(*(m**2 for m in codes)) / len(codes)


def variance(codes: list[Expr]) -> Expr:
    """Var m."""
    return second_moment(codes) - (sympy.Add(*codes) / len(codes)) ** 2


def divergence(m: Expr, s: Expr, log_s: Expr, v: Expr, log_v: Expr, centre: Expr | int = 0) -> Expr:
    """Return KL(N(m, s) || N(c, v)) as E[log q - log p] over z = m + sqrt(s) e, from the densities.

    The logarithms of s and v stand as symbols of their own; log 2 pi cancels.
    """
    (e,) = noise = free_vector("e", 1)
    z = m + sympy.sqrt(s) * e
    difference = -(e**2) / 2 - log_s / 2 + (z - centre) ** 2 / (2 * v) + log_v / 2
    return normal_expectation(difference, noise)


def mean_divergence(
    codes: list[Expr], s: Expr, log_s: Expr, v: Expr, log_v: Expr, centre: Expr | int = 0
) -> Expr:
    """Return the average of KL(N(m_n, s) || N(c, v)) over the codes."""
    return sympy.Add(*(divergence(m, s, log_s, v, log_v, centre) for m in codes)) / len(codes)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E KL(N(m, s) || N(0, v)) = 1/2 [log(E m^2 + s) - log s] + KL(N(0, E m^2 + s) || N(0, v)) for every v: the "
        "best prior is v = E m^2 + s, and there the rate is half the logarithm of (E m^2 + s)/s = 1 + E m^2 / s"
    ),
    domain=f"all codes m_n, not centred, all s, v > 0, N = {SIZES_TEXT}; latents add up, so d = 1 stands for any d",
    hypotheses=(positive_variances,),
    controls=(
        control("the codes' variance for their second moment", refutes="*", moment=variance),
        control("without 1/2", refutes="rate and rest*", half=ONE),
        control("s^2 for s, a variance used as a deviation", refutes="*", power=2),
    ),
    tier="quick",
)
def the_best_centred_prior(
    run: Run, *, moment: Mean = second_moment, half: Expr = HALF, power: int = 1
) -> Verdict:
    """KL(N(0, a) || N(0, v)) >= 0 with equality at v = a only, so the rate is the minimum."""
    s, v = sympy.symbols("s v", positive=True)
    log_s, log_v, log_best = sympy.symbols("ls lv lb", real=True)
    run.assume(positive_variances, s, v)
    parts = {}
    for size in SIZES:
        codes = list(free_vector("m", size))
        best = moment(codes) + s**power
        total = mean_divergence(codes, s, log_s, v, log_v)
        rest = divergence(sympy.Integer(0), best, log_best, v, log_v)
        parts[f"rate and rest, N = {size}"] = identity(total - half * (log_best - log_s) - rest)
        # the slope in v, with d log v = dv / v, vanishes at the best prior
        slope = total.diff(v) + total.diff(log_v) / v
        parts[f"slope, N = {size}"] = identity(slope.subs(v, best))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="with a free mean c the best prior is N(E m, Var m + s), and the rate 1/2 [log(Var m + s) - log s]",
    domain=f"all codes, all s, v > 0 and c, N = {SIZES_TEXT}, d = 1",
    hypotheses=(positive_variances,),
    controls=(
        control("the second moment for the variance", moment=second_moment),
        control("twice the mean as the centre", refutes="rate and rest*", share=TWO),
    ),
    tier="quick",
)
def the_best_prior_with_a_mean(run: Run, *, moment: Mean = variance, share: Expr = ONE) -> Verdict:
    """E KL(N(m, s) || N(c, v)) = rate + KL(N(E m, Var m + s) || N(c, v)) for every c and v."""
    s, v = sympy.symbols("s v", positive=True)
    log_s, log_v, log_best = sympy.symbols("ls lv lb", real=True)
    c = Symbol("c", real=True)
    run.assume(positive_variances, s, v)
    parts = {}
    for size in SIZES:
        codes = list(free_vector("m", size))
        mean, best = share * sympy.Add(*codes) / size, moment(codes) + s
        total = mean_divergence(codes, s, log_s, v, log_v, c)
        rest = divergence(mean, best, log_best, v, log_v, c)
        parts[f"rate and rest, N = {size}"] = identity(total - HALF * (log_best - log_s) - rest)
    return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "with full covariances, E[tr(V^-1 (S + mm'))] = tr(V^-1 V*) with V* = S + E mm', and the slope of E KL(N(m, S) "
        "|| N(0, V)) along every direction H of V vanishes at V*: the rate is 1/2 [log det V* - log det S]"
    ),
    domain="d = 2, S = LL' and H symmetric, all codes, N = 2",
    hypotheses=(definite_covariance,),
    controls=(
        control("the codes' covariance for their second moments", centred=True),
        control("S without the codes", refutes="slope*", codes_count=0),
    ),
    tier="quick",
)
def the_best_full_prior(run: Run, *, centred: bool = False, codes_count: int = 1) -> Verdict:
    """E KL = 1/2 [tr(V^-1 (S + E mm')) - d + log det V - log det S]; d log det V = tr(V^-1 H)."""
    factor, direction = triangular("l", 2), symmetric("h", 2)
    S = factor * factor.T
    run.assume(definite_covariance, S)
    codes = [free_vector(f"m{n}", 2) for n in range(2)]
    middle = (codes[0] + codes[1]) / 2
    true = S + (codes[0] * codes[0].T + codes[1] * codes[1].T) / 2
    best = S + codes_count * (true - S) - (middle * middle.T if centred else ImmutableMatrix.zeros(2, 2))
    # along V + t H: d/dt tr(V^-1 C) = -tr(V^-1 H V^-1 C), d/dt log det V = tr(V^-1 H); V^-1 = adj V / det V, and the
    # slope times 2 (det V)^2 is a polynomial
    adjugate, determinant = best.adjugate(), best.det()
    slope = -(adjugate * direction * adjugate * true).trace() + determinant * (adjugate * direction).trace()
    noise = free_vector("e", 2)
    moments = [
        normal_expectation(((m + factor * noise) * (m + factor * noise).T)[i, j], noise)
        for m in codes
        for i in range(2)
        for j in range(2)
    ]
    second = [(moments[k] + moments[k + 4]) / 2 for k in range(4)]
    return all_of(
        {
            "slope at the best prior": identity(slope),
            "second moments of z": identity([a - b for a, b in zip(second, best, strict=True)]),
        }
    )


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "scaling m by c, s and v by c^2 changes no divergence; with v = 1 the posterior variance is 1/(1 + E m^2 / s): "
        "the encoder's scale is free, so one variance may be set to 1"
    ),
    domain="all m, c > 0, s, v > 0; d = 1; the decoder f(z/c) has the likelihood of f(z)",
    hypotheses=(positive_variances,),
    controls=(
        control("s scaled by c", refutes="divergence", power=1),
        control("1/(1 + 2 E m^2 / s)", refutes="normalised", snr=TWO),
    ),
    tier="quick",
)
def the_scale_is_free(run: Run, *, power: int = 2, snr: Expr = ONE) -> Verdict:
    """The class of decoders must be closed under rescaling of its input: a first layer that is linear is enough."""
    s, v, c = sympy.symbols("s v c", positive=True)
    log_s, log_v, log_c = sympy.symbols("ls lv lc", real=True)
    m = Symbol("m", real=True)
    run.assume(positive_variances, s, v, c)
    plain = divergence(m, s, log_s, v, log_v)
    scaled = divergence(c * m, c**power * s, log_s + power * log_c, c**2 * v, log_v + 2 * log_c)
    best = m**2 + s
    return all_of(
        {
            "divergence": identity(plain - scaled),
            "normalised": identity(s / best - 1 / (1 + snr * m**2 / s)),
        }
    )


INSTANCES = 50
CLOSE = 1e-9
"""The search stops at slopes of 1e-8: the rate is flat there to 1e-15; float64 sums."""


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "elboproof.objectives.bilbo is the mean log likelihood less the least mean divergence, by torch.distributions, "
        f"that SciPy finds over the variances of the prior, within {CLOSE:g} nats"
    ),
    domain=f"{INSTANCES} generated batches of 2 to 8 codes, d = 1 to 3, posterior variances in [0.01, 10], float64",
    hypotheses=(positive_variances, second_moments),
    controls=(
        control("the variance given as a deviation", deviation=True),
        control("codes centred first", centred=True),
    ),
)
def the_loss_is_the_least_divergence(run: Run, *, deviation: bool = False, centred: bool = False) -> Verdict:
    """The public reference implementation has this rate, too: 1/2 sum log1p(E m^2 / E s)."""
    run.assume(positive_variances, 0.01, 10.0)
    run.assume(second_moments, [0.0])

    def agrees(codes: list[list[float]], log_s: float) -> dict[str, bool]:
        m, s = np.array(codes), np.full(len(codes[0]), np.exp(log_s))
        used = m - m.mean(0) if centred else m
        rate = -_bilbo(used, s**2 if deviation else s)
        return {"rate": abs(rate - _least_divergence(m, s)) <= CLOSE * (1 + rate)}

    size = st.integers(1, 3)
    number = st.integers(-50, 50).map(lambda k: k / 10)
    batch = size.flatmap(lambda d: st.lists(st.lists(number, min_size=d, max_size=d), min_size=2, max_size=8))
    log_variance = st.integers(-46, 23).map(lambda k: k / 10)
    return property_holds(batch, log_variance, property=agrees, seed=run.integer_seed, examples=INSTANCES)


def _bilbo(m: Any, s: Any) -> float:
    """Return `objectives.bilbo` without its likelihood: data that are met exactly, at variance 1/(2 pi)."""
    import torch

    from elboproof import objectives

    x = torch.zeros(len(m), 1, dtype=torch.float64)
    value = objectives.bilbo(
        x, x, torch.tensor(m), posterior_variance=torch.tensor(s), variance=1 / (2 * np.pi)
    )
    return float(value.mean())


def _least_divergence(m: Any, s: Any) -> float:
    """Return the least mean KL to N(0, diag v), by torch.distributions and a search over each log v."""
    import torch
    from scipy.optimize import minimize_scalar
    from torch.distributions import Normal, kl_divergence

    def latent(codes: Any, variance: float) -> float:
        q = Normal(torch.tensor(codes), float(np.sqrt(variance)))

        def cost(log_v: float) -> float:
            return float(kl_divergence(q, Normal(0.0, float(np.exp(log_v / 2)))).mean())

        top = float(np.log(np.square(codes).max() + variance))
        found = minimize_scalar(
            cost, bounds=(float(np.log(variance)) - 1, top + 1), method="bounded", options={"xatol": 1e-8}
        )
        return float(found.fun)

    return sum(latent(m[:, j], s[j]) for j in range(m.shape[1]))

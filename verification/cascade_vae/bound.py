"""S1: the bound of a cascade, its gap, and what a second stage does to the first one's bound."""

from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Rational

from elboproof.checking import Run, Verdict, all_of, ball_positive, control, identity

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .hypotheses import positive_probabilities, positive_variances

HALF = Rational(1, 2)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "log p(x) = E_q1[log p(x|z) + ELBO_2(z)] + H(q_1) + KL(q_1 || p(z|x)) + E_q1 KL(q_2(.|z) || p(u|z)), so that "
        "the cascade is a lower bound"
    ),
    domain="all tables of two first and two second codes and one x: p(u, z), p(x|z), q_1, q_2 with positive entries",
    hypotheses=(positive_probabilities,),
    controls=(
        control("without H(q_1)", entropy=0),
        control("the second divergence not averaged over z", averaged=0),
        control("q_2 for another z", crossed=1),
    ),
    tier="quick",
)
def the_bound_and_its_gap(run: Run, *, entropy: int = 1, averaged: int = 1, crossed: int = 0) -> Verdict:
    """Logarithms of products are written as sums; q_1 = (t, 1 - t), q_2(.|z) = (r_z, 1 - r_z)."""
    w = [sympy.symbols(f"w{z}_:2", positive=True) for z in range(2)]  # p(u, z), indexed [z][u]
    likelihood, (t, *r) = sympy.symbols("c:2", positive=True), sympy.symbols("t r:2", positive=True)
    run.assume(positive_probabilities, *w[0], *w[1], *likelihood)
    log = sympy.log
    first, second = (t, 1 - t), [(one, 1 - one) for one in r]
    p_z = [sympy.Add(*row) for row in w]
    evidence = sympy.Add(*(c * p for c, p in zip(likelihood, p_z, strict=True)))
    bound, gap, inner = sympy.Integer(0), sympy.Integer(0), []
    for z in range(2):
        q = second[1 - z if crossed else z]
        elbo_2 = sympy.Add(*(a * (log(p) - log(a)) for a, p in zip(q, w[z], strict=True)))
        bound += first[z] * (log(likelihood[z]) + elbo_2 - entropy * log(first[z]))
        own = second[z]
        inner.append(
            sympy.Add(*(a * (log(a) - log(p) + log(p_z[z])) for a, p in zip(own, w[z], strict=True)))
        )
        gap += first[z] * (log(first[z]) - log(likelihood[z]) - log(p_z[z]) + log(evidence))
    gap += first[0] * inner[0] + first[1] * inner[1] if averaged else inner[0]
    return identity(log(evidence) - bound - gap)


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "the same in a linear-Gaussian cascade, u ~ N(0, 1), z|u ~ N(a u, r), x|z ~ N(b z, s), q_1 = N(m, v), q_2 = "
        "N(g z + h, k): the gap is KL(N(m, v) || N(b x pi/s, pi)) + E KL(N(g z + h, k) || N(a z/t, r/t)), t = a^2 + r, "
        "1/pi = 1/t + b^2/s"
    ),
    domain="every a, b, g, h, m, x and r, s, v, k > 0, in one dimension each",
    hypotheses=(positive_variances,),
    controls=(
        control("the second divergence at z = m", averaged=0),
        control("pi without the likelihood", posterior=0),
        control("without 1/2 before log v", half=Rational(1)),
    ),
    tier="quick",
)
def the_gaussian_cascade(run: Run, *, averaged: int = 1, posterior: int = 1, half: Expr = HALF) -> Verdict:
    """Logarithms of variances and of 2 pi stand as symbols; log pi = log t + log s - log(b^2 t + s)."""
    a, b, g, h, m, x = sympy.symbols("a b g h m x", real=True)
    r, s, root_v, root_k = sympy.symbols("r s sv sk", positive=True)
    names = "lr ls lv lk lt lx l2pi"
    lr, ls, lv, lk, lt, lx, l2pi = sympy.symbols(names, real=True)
    v, k, t = root_v**2, root_k**2, a**2 + r
    run.assume(positive_variances, r, s, v, k)
    e = free_vector("e", 2)
    z = m + root_v * e[0]
    u = g * z + h + root_k * e[1]

    def log_normal(residual: Expr, variance: Expr, log_variance: Expr) -> Expr:
        return -(residual**2) / (2 * variance) - (log_variance + l2pi) / 2

    stages = log_normal(x - b * z, s, ls) + log_normal(z - a * u, r, lr) - u**2 / 2 - l2pi / 2
    bound = normal_expectation(stages, e) + half * lv + l2pi / 2 + HALF + (lk + l2pi + 1) / 2
    pi = 1 / (1 / t + posterior * b**2 / s)
    first = _divergence(m - b * x * pi / s, v, pi, lt + ls - lx - lv)
    apart = g * z + h - a * z / t
    if not averaged:
        apart = apart.subs(e[0], 0)
    second = normal_expectation(_divergence(apart, k, r / t, lr - lt - lk), e)
    return identity(log_normal(x, b**2 * t + s, lx) - bound - first - second)


def _divergence(apart: Expr, variance: Expr, of: Expr, log_ratio: Expr) -> Expr:
    """Return KL of two Gaussians whose means are apart; log_ratio = log(of / variance)."""
    return (variance / of + apart**2 / of - 1 + log_ratio) / 2


@claim.check(
    statement="S1",
    role="sharpens",
    method="symbolic",
    relation=">=",
    states=(
        "replacing the prior N(0, 1) of the first stage by a second stage whose marginal is N(0, t), with its exact "
        "posterior, changes the bound by 1/2 (M - M/t - log t), M = E_q1 z^2: 0 at t = 1, largest at t = M. So a "
        "second stage that is optimised does not lower the bound if t = 1 lies in its family"
    ),
    domain="every M, t > 0; centred Gaussian marginals",
    hypotheses=(positive_variances,),
    controls=(
        control("log t without its half", refutes=["change", "slope"], half=Rational(1)),
        control("the largest at t = 2 M", refutes="slope", times=2),
        control("0 at t = 2", refutes="nested", at=2),
    ),
    tier="quick",
)
def a_nested_second_stage(run: Run, *, half: Expr = HALF, times: int = 1, at: int = 1) -> Verdict:
    """E log N(z; 0, t) - E log N(z; 0, 1); log t stands as a symbol, with d log t = dt/t."""
    M, t, log_t = sympy.symbols("M t lt", positive=True)
    run.assume(positive_variances, M, t)
    change = (M - M / t) / 2 - half * log_t
    densities = (-M / t - log_t) / 2 - (-M) / 2
    slope = change.diff(t) + change.diff(log_t) / t
    return all_of(
        {
            "change": identity(change - densities),
            "slope": identity(slope.subs(t, times * M)),
            "nested": identity(change.subs({t: at, log_t: 0})),
        }
    )


LOSS = Fraction(9, 100)


@claim.check(
    statement="S1",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "a second stage can lower the bound: where the first stage's codes have E_q1 z^2 = 1, the stage z|u ~ N(u, 1), "
        "u ~ N(0, 1), with its exact posterior, whose marginal is N(0, 2), loses more than 0.09 nats"
    ),
    domain="one latent; the family has one member",
    hypotheses=(positive_variances,),
    controls=(
        control("codes with E z^2 = 2, for which it is right", moment=2),
        control("more than 0.1 nats", loss=Fraction(1, 10)),
    ),
    tier="quick",
)
def a_second_stage_that_is_not_nested(run: Run, *, moment: int = 1, loss: Fraction = LOSS) -> Verdict:
    """The change is 1/2 (M - M/2 - log 2)."""
    run.assume(positive_variances, moment)
    with working_precision(100):
        change = (arb(moment) - arb(moment) / 2 - arb(2).log()) / 2
        return ball_positive(-change - ball(loss))

"""S6, S7: the best smoother never looks at b2, and the loss that it leaves: a belief against an earlier one, pushed."""

from collections.abc import Sequence

import sympy
from sympy import Expr, Symbol

from elboproof.checking import Run, Verdict, all_of, control, identity

from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .hypotheses import positive_laws, positive_noise, positive_weights
from .one_step import STATES, simplex, weights

STATES_TEXT = " and ".join(map(str, STATES))


def divergence(first: Sequence[Expr], second: Sequence[Expr]) -> Expr:
    """Return KL(first || second) over finitely many states, in nats."""
    return sympy.Add(*(p * (sympy.log(p) - sympy.log(q)) for p, q in zip(first, second, strict=True)))


def gaussian_divergence(mean: Expr, variance: Expr, other: Expr, wider: Expr) -> tuple[Expr, Expr]:
    """Return KL(N(mean, variance) || N(other, wider)) as (r, a), KL = r + log(a)/2."""
    return ((variance + (mean - other) ** 2) / wider - 1) / 2, wider / variance


@claim.check(
    statement="S6",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "for any q_S, KL(q_S || p_B(.|b1)) - E_q_S log p_T(z2|.) = KL(q_S || q*) - log Z with q* = p_B(z1|b1) "
        "p_T(z2|z1)/Z: the best smoother is q*, which does not depend on b2 or x2"
    ),
    domain=(
        f"all positive laws over {STATES_TEXT} states; scalar Gaussian beliefs, jumps N(A z1, Q) and smoothers with "
        "any means and variances"
    ),
    hypotheses=(positive_laws, positive_noise),
    controls=(
        control("the belief itself for q*", refutes=["* states", "rational", "logarithm"], told=0),
        control("the transition squared in q*", told=2),
    ),
    tier="quick",
)
def best_smoother(run: Run, *, told: int = 1) -> Verdict:
    """Logarithms of Gaussians are compared apart from what is rational: what stands in log(.)/2 is a product."""
    parts = {}
    for size in STATES:
        q, early = simplex("q", size), simplex("f", size)
        run.assume(positive_laws, q, early)
        jump = [Symbol(f"t{i}", positive=True) for i in range(size)]
        weights = [p * t**told for p, t in zip(early, jump, strict=True)]
        total = sympy.Add(*weights)
        left = divergence(q, early) - sympy.Add(*(a * sympy.log(t) for a, t in zip(q, jump, strict=True)))
        best = [one / total for one in weights]
        # each log(w/Z) is written as log w - log Z, so that one logarithm of a sum is left, with sum q = 1
        right = sympy.Add(
            *(
                a * (sympy.log(a) - sympy.log(p) - told * sympy.log(t) + sympy.log(total))
                for a, p, t in zip(q, early, jump, strict=True)
            )
        )
        parts[f"{size} states"] = identity(left - right + sympy.log(total))
        parts[f"{size} states, q* is a law"] = identity(sympy.Add(*best) - told)
    return all_of(parts | _gaussian_smoother(run, told))


def _gaussian_smoother(run: Run, told: int) -> dict[str, Verdict]:
    m, z2, a, mu = sympy.symbols("m z2 A mu", real=True)
    p, s, noise = sympy.symbols("P s Q", positive=True)
    run.assume(positive_noise, p, s, noise)
    # q* by completing the square in z1, and Z = N(z2; A m, A^2 P + Q)
    precision = 1 / p + told * a**2 / noise
    mean = (m / p + told * a * z2 / noise) / precision
    prior, prior_log = gaussian_divergence(mu, s, m, p)
    fit = ((z2 - a * mu) ** 2 + a**2 * s) / noise / 2  # and log(2 pi Q)/2
    best, best_log = gaussian_divergence(mu, s, mean, 1 / precision)
    pushed = a**2 * p + noise
    evidence = (z2 - a * m) ** 2 / pushed / 2  # and log(2 pi pushed)/2
    return {
        "rational": identity(prior + fit - best - evidence),
        "logarithm": identity(prior_log * noise - best_log * pushed),
    }


@claim.check(
    statement="S7",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with the best smoother the mean loss is KL(p_B(.|b2) || p_TB(.|b1)) - E log p_D(x2|z2), p_TB(z2|b1) = sum "
        "p_T(z2|z1) p_B(z1|b1): the belief at t2 is the target of the belief at t1 pushed forward, which is a belief "
        "several steps ahead; whatever the beliefs are"
    ),
    domain=(
        f"all positive weights over {STATES_TEXT} states, laws among them; scalar Gaussian beliefs N(m1, P1) and "
        "N(m2, P2), jumps N(A z1, Q)"
    ),
    hypotheses=(positive_weights, positive_noise),
    controls=(
        control("the divergence turned round", turned=True),
        control(
            "the belief at t1 that is not pushed", refutes=["* states", "rational", "logarithm"], pushed=False
        ),
    ),
    tier="quick",
)
def target_and_pushed_belief(run: Run, *, turned: bool = False, pushed: bool = True) -> Verdict:
    """The mean over z2 ~ p_B(.|b2) of what S6 leaves, -log Z = -log p_TB(z2|b1), and of log p_B(z2|b2)."""
    parts = {}
    for size in STATES:
        early, late = weights("f", size), weights("g", size)
        laws = [weights(f"t{i}_", size) for i in range(size)]
        run.assume(positive_weights, early, late, *laws)
        ahead = [sympy.Add(*(early[i] * laws[i][j] for i in range(size))) for j in range(size)]
        loss = _loss_with_best_smoother(early, late, laws, ahead)
        told = ahead if pushed else early
        parts[f"{size} states"] = identity(
            loss - (divergence(told, late) if turned else divergence(late, told))
        )
    return all_of(parts | _gaussian_target(run, turned, pushed))


def _loss_with_best_smoother(
    early: Sequence[Expr], late: Sequence[Expr], laws: Sequence[Sequence[Expr]], ahead: Sequence[Expr]
) -> Expr:
    """Return the mean of log q*(z1|z2) - log p_B(z1|b1) + log p_B(z2|b2) - log p_T(z2|z1), sums over states."""
    terms = []
    for j, target in enumerate(late):
        for i, start in enumerate(early):
            q = start * laws[i][j] / ahead[j]
            log_q = sympy.log(start) + sympy.log(laws[i][j]) - sympy.log(ahead[j])
            terms.append(target * q * (log_q - sympy.log(start) + sympy.log(target) - sympy.log(laws[i][j])))
    return sympy.Add(*terms)


def _gaussian_target(run: Run, turned: bool, pushed: bool) -> dict[str, Verdict]:
    m1, m2, a = sympy.symbols("m1 m2 A", real=True)
    p1, p2, q = sympy.symbols("P1 P2 Q", positive=True)
    run.assume(positive_noise, p1, p2, q)
    noise = free_vector("e", 1)
    ahead = a**2 * p1 + q
    root = Symbol("s", positive=True)  # P2 = s^2
    z2 = m2 + root * noise[0]
    gain = a * p1 / ahead
    mean, variance = m1 + gain * (z2 - a * m1), p1 * q / ahead
    # KL(q* || p_B) and -log p_T in closed form given z2, log p_B(z2|b2) = -e^2/2 - log(2 pi P2)/2
    prior, prior_log = gaussian_divergence(mean, variance, m1, p1)
    fit = ((z2 - a * mean) ** 2 + a**2 * variance) / q / 2
    loss = normal_expectation(sympy.expand(prior + fit - noise[0] ** 2 / 2), noise).subs(root, sympy.sqrt(p2))
    told = (a * m1, ahead) if pushed else (m1, p1)
    pair = ((*told, m2, p2)) if turned else ((m2, p2, *told))
    stated, stated_log = gaussian_divergence(*pair)
    return {
        "rational": identity(loss - stated),
        "logarithm": identity(prior_log * q / p2 - stated_log),
    }

"""S4: a jump that is not told how far it goes learns the mixture of all, and one Gaussian for them costs."""

from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr

from elboproof.checking import (
    Route,
    Run,
    Verdict,
    all_of,
    ball_positive,
    control,
    identity,
    routes_agree,
)

from .._shared.balls import Function, Line, ball, working_precision
from . import claim
from .hypotheses import positive_laws, positive_noise, stable
from .one_step import STATES, simplex
from .smoothers import STATES_TEXT, divergence, gaussian_divergence
from .spaces import INSTANCE, A, Q, R, Space, steady


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "for jumps Delta with probabilities w, E KL(p(z2|z1, Delta) || p_T(z2|z1)) is that to the mixture plus "
        "KL(mixture || p_T): the best p_T that does not know Delta is the mixture; among Gaussians it is the one of "
        "the mixture's mean and variance, by the same identity"
    ),
    domain=f"two jumps; all positive laws over {STATES_TEXT} states; Gaussians with any means and variances",
    hypotheses=(positive_laws, positive_noise),
    controls=(
        control("equal shares for w", refutes=["* states", "rational"], equal=True),
        control("the mean of the variances alone", refutes="rational", between=0),
        control("the logarithm of the second term turned round", refutes="logarithm", sign=-1),
    ),
    tier="quick",
)
def mixture_is_the_best_jump(run: Run, *, equal: bool = False, between: int = 1, sign: int = 1) -> Verdict:
    """Cross entropies to a Gaussian know only mean and variance."""
    parts = {}
    share = simplex("w", 2)
    used = [sympy.Rational(1, 2)] * 2 if equal else share
    for size in STATES:
        laws, other = [simplex(f"t{k}_", size) for k in range(2)], simplex("p", size)
        run.assume(positive_laws, share, other, *laws)
        mixture = [sympy.Add(*(w * law[j] for w, law in zip(used, laws, strict=True))) for j in range(size)]
        cost = sympy.Add(*(w * divergence(law, other) for w, law in zip(share, laws, strict=True)))
        least = sympy.Add(*(w * divergence(law, mixture) for w, law in zip(share, laws, strict=True)))
        parts[f"{size} states"] = identity(cost - least - divergence(mixture, other))
    return all_of(parts | _moments(run, share, used, between, sign))


def _moments(run: Run, share: list[Expr], used: list[Expr], between: int, sign: int) -> dict[str, Verdict]:
    means, variances = sympy.symbols("m0:2", real=True), sympy.symbols("s0:2", positive=True)
    m, s = sympy.Symbol("m", real=True), sympy.Symbol("s", positive=True)
    run.assume(positive_noise, *variances, s)
    mean = sum(w * one for w, one in zip(used, means, strict=True))
    spread = sum(w * (one - mean) ** 2 for w, one in zip(used, means, strict=True))
    variance = sum(w * one for w, one in zip(used, variances, strict=True)) + between * spread

    def rational(centre: Expr, width: Expr) -> Expr:
        pairs = zip(share, means, variances, strict=True)
        return sympy.Add(*(w * gaussian_divergence(a, v, centre, width)[0] for w, a, v in pairs))

    last, last_log = gaussian_divergence(mean, variance, m, s)
    # each logarithm is log(width / own variance)/2, and those of the own variances stand on both sides
    return {
        "rational": identity(rational(m, s) - rational(mean, variance) - last),
        "logarithm": identity(s / variance - last_log**sign),
    }


JUMPS = (1, 2, 4)
SHARE = Fraction(1, len(JUMPS))
BITS, WIDTH, PIECES = 120, 1e-12, 4
LEAST = "0.06"


def _matched(space: Space, z: acb, between: int) -> tuple[acb, acb]:
    """Return the mean and variance of z2 given z1, over equally likely jumps."""
    share = ball(SHARE)
    slope = sum((space.a**jump for jump in JUMPS), arb(0)) * share
    spread = sum((space.a ** (2 * jump) for jump in JUMPS), arb(0)) * share - slope**2
    within = sum((space.noise(jump) for jump in JUMPS), arb(0)) * share
    return slope * z, within + between * spread * z * z


def _cost(space: Space, between: int) -> arb:
    """Return E 1/2 log Var(z2|z1) - 1/2 E log Q_Delta, z1 from the stationary law; the moments match."""
    inner = _mean(lambda z: _matched(space, z, between)[1].log() / 2)
    return inner - sum((space.noise(jump).log() for jump in JUMPS), arb(0)) * ball(SHARE) / 2


def _divergences(space: Space) -> arb:
    """Return the mean of the divergences in closed form, Gaussian by Gaussian."""

    def mean_divergence(z: acb) -> acb:
        mean, variance = _matched(space, z, 1)
        total = acb(0)
        for jump in JUMPS:
            noise = space.noise(jump)
            total += (noise + (space.a**jump * z - mean) ** 2) / variance - 1 + (variance / noise).log()
        return total * ball(SHARE) / 2

    return _mean(mean_divergence)


def _mean(function: Function) -> arb:
    """Return E of a function of z1 ~ N(0, V), V rational."""
    q, a = Fraction(Q), Fraction(A)
    return Line(Fraction(0), q / (1 - a * a)).expectation(function, pieces=PIECES)


@claim.check(
    statement="S4",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "a Gaussian p_T(z2|z1) that is not told Delta costs E KL(p(z2|z1, Delta) || p_T) = E 1/2 log Var(z2|z1) - 1/2 "
        f"E log Q_Delta at its best, with the mean and variance of the mixture given z1: more than {LEAST} nats per "
        "pair"
    ),
    domain=(
        f"scalar state space, {INSTANCE}, z1 from its stationary law, Delta = {', '.join(map(str, JUMPS))} equally "
        "likely"
    ),
    hypotheses=(positive_noise, stable),
    controls=(control("without the spread of A^Delta", between=0),),
)
def untold_jump_costs(run: Run, *, between: int = 1) -> Verdict:
    """By entropies, and by divergences."""
    run.assume(positive_noise, Fraction(Q), Fraction(R))
    run.assume(stable, Fraction(A))
    with working_precision(BITS):
        space = steady(A, Q, R)
        cost = _cost(space, between)
        return all_of(
            {
                "cost": routes_agree(cost, Route("the divergences, integrated", _divergences(space)), WIDTH),
                "more": ball_positive(cost - ball(LEAST)),
            }
        )

"""S3, S8: what one update makes of the belief at t1, as temporal-difference learning does of a value."""

from fractions import Fraction
from itertools import pairwise

import sympy
from sympy import Expr

from elboproof.checking import Run, Verdict, all_of, ball_positive, control, identity, tends_to

from .._shared.balls import working_precision
from .._shared.symbols import free_vector, normal_expectation
from . import claim
from .hypotheses import positive_laws, positive_noise, positive_weights, stable
from .one_step import STATES, simplex, weights
from .smoothers import STATES_TEXT, divergence
from .spaces import INSTANCE, A, Q, R, steady

BITS = 256


@claim.check(
    statement="S3",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with everything else held, E KL(q_S || p_B(.|b1)) over what follows b1 is E KL(q_S || a) + KL(a || p_B), a = "
        "E q_S: the best belief at t1 is the aggregate of the smoothers, and with q_S = p(z1|z2, x_<=t1) and z2 ~ "
        "p(z2|x_<=t1) that is the filter p(z1|x_<=t1), for every jump"
    ),
    domain=f"all positive laws over {STATES_TEXT} states; scalar Gaussians N(m, P) with jumps N(A z1, Q)",
    hypotheses=(positive_laws, positive_noise),
    controls=(
        control("the smoothers unweighted", refutes=["* states", "filter, *"], weighted=False),
        control("z2 from a law with 1.02 times the variance", refutes="variance", wider=Fraction(102, 100)),
        control("z2 from a law off by A", refutes="mean", shift=1),
    ),
    tier="quick",
)
def aggregate_is_the_best_belief(
    run: Run, *, weighted: bool = True, wider: Fraction = Fraction(1), shift: int = 0
) -> Verdict:
    """The first is Pythagoras's identity for divergences; the second Bayes's rule, summed over z2."""
    parts = {}
    for size in STATES:
        belief, early, share = (simplex(name, size) for name in "pfw")
        smooth = [simplex(f"q{j}_", size) for j in range(size)]
        laws = [simplex(f"t{i}_", size) for i in range(size)]
        run.assume(positive_laws, belief, early, share, *smooth, *laws)
        mixed = share if weighted else [sympy.Rational(1, size)] * size
        aggregate = [sympy.Add(*(mixed[j] * smooth[j][i] for j in range(size))) for i in range(size)]
        whole = sympy.Add(*(share[j] * divergence(smooth[j], belief) for j in range(size)))
        spread = sympy.Add(*(share[j] * divergence(smooth[j], aggregate) for j in range(size)))
        parts[f"{size} states"] = identity(whole - spread - divergence(aggregate, belief))
        ahead = [sympy.Add(*(early[i] * laws[i][j] for i in range(size))) for j in range(size)]
        law = ahead if weighted else [sympy.Rational(1, size)] * size
        mean = sympy.Add(*(law[j] * early[0] * laws[0][j] / ahead[j] for j in range(size)))
        parts[f"filter, {size}"] = identity(mean - early[0])
    m, p, a, q = _gaussian_symbols(run)
    new_mean, new_variance = updated((m, p), (m + shift, wider * p), a, q)
    return all_of(parts | {"mean": identity(new_mean - m), "variance": identity(new_variance - p)})


def _gaussian_symbols(run: Run) -> tuple[Expr, Expr, Expr, Expr]:
    m = sympy.Symbol("m", real=True)
    p, a, q = sympy.symbols("P A Q", positive=True)
    run.assume(positive_noise, p, q)
    return m, p, a, q


def updated(belief: tuple[Expr, Expr], truth: tuple[Expr, Expr], a: Expr, q: Expr) -> tuple[Expr, Expr]:
    """Return mean and variance of E q*(.|z2), z2 = A z1 + N(0, Q) with z1 from the truth; by moments."""
    (m, p), (m0, p0) = belief, truth
    noise = free_vector("e", 2)
    r0, rq = sympy.symbols("r0 rq", positive=True)  # roots of the variances
    z2 = a * (m0 + r0 * noise[0]) + rq * noise[1]
    gain = a * p / (a**2 * p + q)
    mean = m + gain * (z2 - a * m)
    first = normal_expectation(mean, noise)
    second = normal_expectation(mean**2, noise) - first**2 + p * q / (a**2 * p + q)
    roots = {r0: sympy.sqrt(p0), rq: sympy.sqrt(q)}
    return first.subs(roots), second.subs(roots)


@claim.check(
    statement="S8",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with z2 drawn from the truth given b1, one update of a wrong belief N(m, P) at t1 to the aggregate of q* "
        "multiplies m - m0 by 1 - g and P - P0 by 1 - g^2, N(m0, P0) the exact belief, g = A^2 P/(A^2 P + Q): a step "
        "towards the target, like a temporal difference"
    ),
    domain=(
        "scalar Gaussian beliefs and truths with any means and variances, N(A z1, Q); A^Delta and Q_Delta for jumps"
    ),
    hypotheses=(positive_noise,),
    controls=(
        control("(1 - g)^2 for the variance", refutes="variance", squared=False),
        control("g = A^2 P/(A^2 P + 2 Q)", noise=2),
    ),
    tier="quick",
)
def update_steps_towards_the_target(run: Run, *, squared: bool = True, noise: int = 1) -> Verdict:
    """The mean of q* over a Gaussian z2 is Gaussian again: two moments are all of it."""
    m, p, a, q = _gaussian_symbols(run)
    m0 = sympy.Symbol("m0", real=True)
    p0 = sympy.Symbol("P0", positive=True)
    mean, variance = updated((m, p), (m0, p0), a, q)
    g = a**2 * p / (a**2 * p + noise * q)
    factor = 1 - g**2 if squared else (1 - g) ** 2
    return all_of(
        {
            "mean": identity(mean - m0 - (m - m0) * (1 - g)),
            "variance": identity(variance - p0 - (p - p0) * factor),
        }
    )


@claim.check(
    statement="S8",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "the update is a step of EM for the weights p of the mixture p_TB = sum p_i T_i: KL(target || p_TB) falls by "
        "exactly KL(p' || p) + E_target KL(q*_p || q*_p') >= 0"
    ),
    domain=f"all positive weights over {STATES_TEXT} states, laws among them; p' the aggregate of q* under any target",
    hypotheses=(positive_weights,),
    controls=(
        control("KL(p || p')", turned=True),
        control("without the second divergence", second=0),
    ),
    tier="quick",
)
def update_is_a_step_of_em(run: Run, *, turned: bool = False, second: int = 1) -> Verdict:
    """Logarithms are of p_i, T_ij and three sums: expanded, each coefficient vanishes."""
    parts = {}
    for size in STATES:
        p, target = weights("p", size), weights("g", size)
        laws = [weights(f"t{i}_", size) for i in range(size)]
        run.assume(positive_weights, p, target, *laws)
        states = range(size)
        ahead = [sympy.Add(*(p[i] * laws[i][j] for i in states)) for j in states]
        new = [sympy.Add(*(target[j] * p[i] * laws[i][j] / ahead[j] for j in states)) for i in states]
        # the sums have names for their logarithms, and positive symbols in place of what they are inside them
        log_new, log_ahead, log_later = (
            sympy.symbols(f"{name}0:{size}", real=True) for name in ("n", "a", "l")
        )
        log_p = [sympy.log(one) for one in p]
        gain = sympy.Add(*(target[j] * (log_later[j] - log_ahead[j]) for j in states))
        moved = sympy.Add(*(new[i] * (log_new[i] - log_p[i]) for i in states))
        if turned:
            moved = sympy.Add(*(p[i] * (log_p[i] - log_new[i]) for i in states))
        inner = sympy.Add(
            *(
                target[j] * p[i] * laws[i][j] / ahead[j]
                * (log_p[i] - log_ahead[j] - log_new[i] + log_later[j])
                for i in states for j in states
            )
        )  # fmt: skip
        parts[f"{size} states"] = identity(gain - moved - second * inner)
    return all_of(parts)


FAR = (4, 8, 16, 32)
FACTOR = 0.15
"""g A^(-2 Delta) is P/(V - A^(2 Delta) (V - P)): 0.0877 A^(2 Delta) off P/V at first, 0.144 at 4 steps."""


@claim.check(
    statement="S8",
    role="limits",
    method="certified",
    relation="limit",
    states=(
        "far targets teach slowly: over a jump an update multiplies the mean's error by 1 - g_Delta, which tends to 1 "
        f"like A^(2 Delta); g_Delta A^(-2 Delta) tends to P/V, within {FACTOR} A^(2 Delta) at these jumps"
    ),
    domain=f"scalar state space in its steady state, {INSTANCE}, Delta = {', '.join(map(str, FAR))}",
    hypotheses=(positive_noise, stable),
    controls=(
        control("P/(V + R)", refutes="share", seen=1),
        control("factors that fall", refutes="slower*", sign=-1),
    ),
)
def far_targets_teach_slowly(run: Run, *, seen: int = 0, sign: int = 1) -> Verdict:
    """V = Q/(1 - A^2) is the state's variance."""
    run.assume(positive_noise, Fraction(Q), Fraction(R))
    run.assume(stable, Fraction(A))
    with working_precision(BITS):
        space = steady(A, Q, R)
        powers = {jump: space.a ** (2 * jump) for jump in FAR}
        gains = {jump: powers[jump] * space.belief / space.pushed(jump) for jump in FAR}
        limit = space.belief / (space.stationary + seen * space.r)
        shares = [gains[jump] / powers[jump] for jump in FAR]
        scales = [Fraction(A) ** (2 * jump) for jump in FAR]
        parts = {"share": tends_to(scales, shares, limit, order=1, factor=FACTOR)}
        for near, far in pairwise(FAR):
            parts[f"slower at {far} than at {near}"] = ball_positive(sign * (gains[near] - gains[far]))
        return all_of(parts)

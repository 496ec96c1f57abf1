"""S1: with exact beliefs and a jump of one step the loss is -log p(x_t | x_1, ..., x_{t-1}) at every draw."""

from collections.abc import Callable

import numpy as np
import sympy
from sympy import Expr, Symbol

from elboproof.checking import Run, Verdict, all_of, control, equal, identity

from . import claim
from .hypotheses import positive_laws, positive_noise
from .kalman import Array, Law, LinearSpace, drawn_space

STATES = (2, 3)


def simplex(name: str, size: int) -> list[Expr]:
    """Return positive probabilities that sum to 1, as symbols."""
    weights = sympy.symbols(f"{name}0:{size}", positive=True)
    return [weight / sympy.Add(*weights) for weight in weights]


def weights(name: str, size: int) -> list[Expr]:
    """Return positive symbols."""
    return list(sympy.symbols(f"{name}0:{size}", positive=True))


def bayes(likelihood: Expr, prior: Expr, evidence: Expr) -> Expr:
    """Return the density of a belief that saw x."""
    return likelihood * prior / evidence


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "for any state space model: with the exact beliefs p_B(z1|b1) = p(z1|x_<t), p_B(z2|b2) = p(z2|x_<=t), the true "
        "p_T and p_D and q_S = p(z1|z2, x_<t), the integrand p_D p_B p_T/(p_B' q_S) telescopes by Bayes's rule to "
        "p(x_t|x_<t), whatever z1 and z2 are: it has no variance"
    ),
    domain=(
        "a jump of one step; densities with undetermined values, their normalisers among them, and all laws over "
        f"{' and '.join(map(str, STATES))} states with their normalisers as sums"
    ),
    hypotheses=(positive_laws,),
    controls=(
        control("a belief at t that did not see x_t", belief=lambda likelihood, prior, evidence: prior),  # noqa: ARG005
        control(
            "a belief at t without its normaliser",
            belief=lambda likelihood, prior, evidence: likelihood * prior,  # noqa: ARG005
        ),
    ),
    tier="quick",
)
def one_step_integrand_is_constant(
    run: Run, *, belief: Callable[[Expr, Expr, Expr], Expr] = bayes
) -> Verdict:
    """F = sum_i f_i T_i is the pushed belief, and c = sum_j D_j F_j the evidence; integrals for sums in general."""
    f, jump, seen, pushed, evidence = sympy.symbols("f T D F c", positive=True)
    smoother = f * jump / pushed
    parts = {"densities": identity(seen * f * jump / (belief(seen, pushed, evidence) * smoother) - evidence)}
    for size in STATES:
        laws = [simplex(f"t{i}_", size) for i in range(size)]
        early, likelihood = simplex("f", size), [Symbol(f"d{j}", positive=True) for j in range(size)]
        run.assume(positive_laws, early, *laws)
        ahead = [sympy.Add(*(early[i] * laws[i][j] for i in range(size))) for j in range(size)]
        total = sympy.Add(*(d * one for d, one in zip(likelihood, ahead, strict=True)))
        i, j = 0, size - 1  # any pair: the symbols of one are those of another, renamed
        smooth = early[i] * laws[i][j] / ahead[j]
        late = belief(likelihood[j], ahead[j], total)
        parts[f"{size} states"] = identity(likelihood[j] * early[i] * laws[i][j] / (late * smooth) - total)
    return all_of(parts)


LENGTH, SPACES, DRAWS = 6, 5, 4
EXACT = 1e-9
"""In nats: worst seen 2e-13; each false neighbour is off by more than 0.1."""


def loss_at(
    space: LinearSpace,
    beliefs: tuple[Law, Law],
    seen: Array,
    jump: int,
    rng: np.random.Generator,
    *,
    square: float = 0.5,
    sign: int = 1,
) -> float:
    """Return the loss at one draw of z2 and z1, with q_S = p(z1|z2, b1), in NumPy alone."""
    early, late = beliefs
    power, noise = space.jump(jump)
    z2 = late.draw(rng)
    smooth = early.given(power, noise, z2)
    z1 = smooth.draw(rng)
    divergence = sign * (smooth.log_density(z1) - early.log_density(z1))
    transition = late.log_density(z2, square) - Law(power @ z1, noise).log_density(z2)
    return divergence + transition - Law(space.c @ z2, space.r).log_density(seen)


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "with exact beliefs by Kalman's filter every draw of the loss is -log p(x_t|x_<t), and the sum over t of the "
        "losses is -log p(x_1, ..., x_T); the evidence is that of the joint Gaussian, without a filter"
    ),
    domain=(
        f"{SPACES} drawn state spaces of 2 latents and 3 outputs with full matrices, a sequence of {LENGTH} each, "
        f"{DRAWS} draws per time, within {EXACT:g} nats"
    ),
    hypotheses=(positive_noise,),
    controls=(
        control("beliefs that did not see their own x", late=False),
        control("log p_B(z2|b2) without its -eps^2/2", square=0.0),
        control("the divergence with its sign turned", sign=-1),
        control("pairs two steps apart", jump=2),
    ),
)
def one_step_losses_add_up(
    run: Run, *, late: bool = True, square: float = 0.5, sign: int = 1, jump: int = 1
) -> Verdict:
    """The first observation has no pair and comes as log p(x_1)."""
    pairs, sums = [], []
    for _ in range(SPACES):
        space = drawn_space(run.rng)
        run.assume(positive_noise, *np.linalg.eigvalsh(space.q), *np.linalg.eigvalsh(space.r))
        x = space.sequence(run.rng, LENGTH)
        beliefs = space.beliefs(x)
        total = -space.log_joint(x[:1])
        for t in range(jump + 1, LENGTH + 1):
            early = beliefs[t - 1 - jump]
            target = beliefs[t - 1] if late else beliefs[t - 2].mapped(space.a, space.q)
            losses = [
                loss_at(space, (early, target), x[t - 1], jump, run.rng, square=square, sign=sign)
                for _ in range(DRAWS)
            ]
            pairs += [(loss, -space.log_next(x, t)) for loss in losses]
            total += losses[0]
        sums.append((total, -space.log_joint(x)))
    return all_of({"each pair": agree(pairs), "their sum": agree(sums)}).at_drawn_points()


def agree(pairs: list[tuple[float, float]]) -> Verdict:
    """Decide that the numbers of each pair are equal, within EXACT."""
    first, second = np.array(pairs).T
    return equal(first, second, EXACT)

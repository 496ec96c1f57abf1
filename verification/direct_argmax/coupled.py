"""S8 and S5: two coupled latents, exactly: the law of perturb and MAP, its gradient, and single flips."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy
from flint import arb

from elboproof.checking import (
    Hypothesis,
    Route,
    Run,
    Verdict,
    all_of,
    ball_equal,
    ball_positive,
    control,
    identity,
    routes_agree,
    tends_to,
)

from .._shared.balls import ball, constant, working_precision
from .._shared.predicates import positive
from . import claim
from .bias import BITS
from .hypotheses import positive_step
from .pair import Four, Pair, antiderivative, masses

attractive = Hypothesis(
    "an attractive pair",
    "c > 0 and b_1 + b_2 + c is not 0, where the closed form has a removable singularity",
    lambda pair: positive(pair.coupling) and pair.first + pair.second + pair.coupling != 0,
    accepts=[(Pair(Fraction(0), Fraction(0), Fraction(1)),)],
    rejects=[(Pair(Fraction(0), Fraction(0), Fraction(0)),), (Pair(Fraction(-1), Fraction(0), Fraction(1)),)],
)

Masses = Callable[[Any, Any, Any, Callable[[Any], Any]], Four]


def without_segment(B: Any, D: Any, C: Any, log: Callable[[Any], Any]) -> Four:
    """Return the law with int_{-c}^0 left out of P(1,1)."""
    _, second, first, _ = masses(B, D, C, log)
    both = B / (1 + B) * D * C / (1 + D * C)
    return 1 - first - second - both, second, first, both


def uncoupled_first(B: Any, D: Any, C: Any, log: Callable[[Any], Any]) -> Four:
    """Return the law with the coupling forgotten in P(1,0)."""
    _, second, _, both = masses(B, D, C, log)
    first = B / (1 + B) / (1 + D)
    return 1 - first - second - both, second, first, both


@claim.check(
    statement="S8",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "with one Gumbel for each value of each latent, E f(z) has the gradient that direct optimisation estimates: "
        "d/dt E[d_p h(z)] under h + t f is d_p E f(z) under h, for every pair of the directions z_1, z_2 and z_1 z_2 "
        "of h and f, though the law of z is not softmax(h)"
    ),
    domain="two binary latents, every b_1, b_2 and c > 0; the law in closed form, with its antiderivative",
    hypotheses=(attractive,),
    controls=(
        control(
            "the segment across which both latents change left out", refutes="coupling*", law=without_segment
        ),
        control(
            "the coupling forgotten in P(1,0)", refutes=["z_1, z_2", "coupling, z_1"], law=uncoupled_first
        ),
        control("without the slope of 1 + k y", refutes="antiderivative", sloped=0),
    ),
    tier="quick",
)
def the_gradient_identity(run: Run, *, law: Masses = masses, sloped: int = 1) -> Verdict:
    """Both are second derivatives of E max(h + noise), which do not depend on their order; here by the closed form."""
    run.assume(attractive, PAIR)
    B, D, C, y = sympy.symbols("B D C y", positive=True)
    k = D * C
    integrand = B * k * y / ((B + y) ** 2 * (1 + k * y) ** sloped)
    _, second, first, both = law(B, D, C, sympy.log)
    one, two = first + both, second + both  # E z_1, E z_2; both is E z_1 z_2
    return all_of(
        {
            "antiderivative": identity(antiderivative(B, k, y, sympy.log).diff(y) - integrand),
            "z_1, z_2": identity(D * one.diff(D) - B * two.diff(B)),
            "coupling, z_1": identity(C * one.diff(C) - B * both.diff(B)),
            "coupling, z_2": identity(C * two.diff(C) - D * both.diff(D)),
        }
    )


PAIR = Pair(Fraction(1, 5), Fraction(-1, 10), Fraction(1))
VALUES = Pair(Fraction(3, 10), Fraction(-1, 5), Fraction(1))
"""f(z) in the same form: f(1,1) - f(0,0) = 1.1."""
TEXT = "b = (1/5, -1/10), c = 1, f = 3/10 z_1 - 1/5 z_2 + z_1 z_2"
COUPLINGS = (1, 2)
APART = {1: "2/25", 2: "7/100"}
"""Total variation distance that is exceeded."""


@claim.check(
    statement="S8",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "with one Gumbel for each value of each latent the arg max does not follow softmax(h): for h = z_1 z_2 and 2 "
        "z_1 z_2 the total variation distance exceeds 2/25 and 7/100, and (1,1) is too probable; so density and "
        "KL of such samples are not those of softmax(h)"
    ),
    domain="two binary latents, c = 1 and 2; the law by closed form, P(0,0) by its own integral too",
    hypotheses=(attractive,),
    controls=(
        control("a distance 5 % larger", refutes="distance*", more=Fraction(21, 20)),
        control("(1,1) is not probable enough", refutes="both*", sign=-1),
        control("the segment left out of (0,0)", refutes="P(0,0)*", segment=0),
    ),
    tier="quick",
)
def samples_do_not_follow_softmax(
    run: Run, *, more: Fraction = Fraction(1), sign: int = 1, segment: int = 1
) -> Verdict:
    """Softmax needs an independent Gumbel for each configuration."""
    parts = {}
    with working_precision(BITS):
        for c in COUPLINGS:
            pair = Pair(Fraction(0), Fraction(0), Fraction(c))
            run.assume(attractive, pair)
            law, gibbs = pair.law(), pair.gibbs()
            distance = sum((abs(p - q) for p, q in zip(law, gibbs, strict=True)), arb(0)) / 2
            parts[f"distance, c = {c}"] = ball_positive(distance - ball(more * Fraction(APART[c])))
            parts[f"both, c = {c}"] = ball_positive(sign * (law[3] - gibbs[3]))
            own = pair.none() if segment else pair.none() - pair.borders()[2]
            parts[f"P(0,0), c = {c}"] = routes_agree(law[0], Route("acb.integral", own), 1e-40)
        return all_of(parts)


SCALES = tuple(f"1/{2**k}" for k in range(9, 13))


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="limit",
    states=(
        "on coupled latents single flips (z_1 perturbed with z_2 held at its value in the arg max) do not estimate the "
        "gradient: as eps -> 0 their mean tends to the gradient less f(1,1) - f(0,0) times the density on the segment "
        "where both latents change together, which is more than 3/10 of the gradient here; the joint arg max's mean "
        "tends to the gradient"
    ),
    domain=f"{TEXT}; eps = {', '.join(SCALES)}; exact means by integrals over regions of the plane",
    hypotheses=(attractive, positive_step),
    controls=(
        control("single flips with the joint moves", refutes="single flips", joint=1),
        control("the joint arg max without them", refutes=["joint arg max", "gradient"], moves=0),
        control("more than 31/100", refutes="share", share=Fraction(31, 100)),
    ),
)
def single_flips_miss_joint_moves(
    run: Run, *, joint: int = 0, moves: int = 1, share: Fraction = Fraction(3, 10)
) -> Verdict:
    """The gradient in b_1 of E f is the sum over borders of the density times the change of f."""
    run.assume(attractive, PAIR)
    with working_precision(BITS):
        f00, f01, f10, f11 = map(ball, VALUES.values())
        low, high, across = PAIR.borders()
        flips, both = low * (f10 - f00) + high * (f11 - f01), across * (f11 - f00)
        z_1 = PAIR.law()[2] + PAIR.law()[3]
        single, whole = [], []
        for step in map(Fraction, SCALES):
            run.assume(positive_step, step)
            law = PAIR.moved(step, VALUES).law()
            single.append((PAIR.flipped(step, VALUES) - z_1) / ball(step))
            whole.append((law[2] + law[3] - z_1) / ball(step))
        gradient = flips + moves * both
        return all_of(
            {
                "gradient": ball_equal(gradient - _slope(), 1e-25),
                "single flips": tends_to(SCALES, single, flips + joint * both, order=1, factor=0.2),
                "joint arg max": tends_to(SCALES, whole, gradient, order=1, factor=0.2),
                "share": ball_positive(both - ball(share) * (flips + both)),
            }
        )


def _slope() -> arb:
    """Return dE f/db_1 = B dE f/dB, differentiated by SymPy from the closed form."""
    B, D, C = symbols = sympy.symbols("B D C", positive=True)
    law = masses(B, D, C, sympy.log)
    mean = sympy.Add(
        *(sympy.Rational(f.numerator, f.denominator) * p for f, p in zip(VALUES.values(), law, strict=True))
    )
    fields = PAIR.first, PAIR.second, PAIR.coupling
    point = [sympy.exp(sympy.Rational(one.numerator, one.denominator)) for one in fields]
    slope = symbols[0] * mean.diff(symbols[0])
    return constant(slope.subs(dict(zip(symbols, point, strict=True))))

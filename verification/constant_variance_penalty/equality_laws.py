"""S2: the laws at which Specht's bound is attained, also by matrices that do not commute."""

import sympy
from flint import arb
from sympy import Expr, Rational

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, ball_positive, control

from .._shared.balls import ball, constant, working_precision
from . import claim
from .hypotheses import loewner_ratio
from .laws import EXTREMAL, LINES, ball_matrix, theta
from .specht import BITS, HALF, Bound, half_kantorovich, hoeffding, log_kantorovich, log_specht

WIDTH = 1e-30
SHARED_BY_HALF = ("numbers*", "multiples*", "three*", "four planes*")
"""Four diagonals share at most a third each: there P(h) = 1/2 is no law."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="=",
    states=f"P* = (d/2) log Specht(h) within {WIDTH:.0e} nats at laws with E Pi = theta I: {', '.join(EXTREMAL)}",
    domain="d = 1, 2, 3; B = I and B = C'C; projections that commute and that do not",
    hypotheses=(loewner_ratio,),
    controls=(
        control("Kantorovich's constant, a bound that is not sharp", bound=log_kantorovich),
        control("(log h)^2 / 8, .7 % larger at h = 2", bound=hoeffding),
        control("log((1 + h) / (2 sqrt h)), which is no bound", bound=half_kantorovich),
        control(
            "P(h) = 1/2 for the extremal law",
            refutes=SHARED_BY_HALF,
            share=lambda _: HALF,
        ),
        control("P(h) = 1/4 for the extremal law", share=lambda _: Rational(1, 4)),
    ),
    tier="quick",
)
def equality_laws(run: Run, *, bound: Bound = log_specht, share: Bound = theta) -> Verdict:
    """A share that is no law's is left out: the part is missing then."""
    parts = {}
    for name, case in EXTREMAL.items():
        p = share(case.h)
        if p * case.dimension > case.projections[0].trace():
            continue
        law = case.law(p)
        run.assume(loewner_ratio, law.matrices, case.turn.T * case.turn, case.h)
        with working_precision(BITS):
            difference = law.penalty() - case.dimension * constant(bound(case.h)) / 2
        parts[name] = ball_equal(difference, WIDTH)
    return all_of(parts)


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="<",
    states=(
        "the laws of lines at 0, 60 and 120 degrees do not commute: ||P Q - Q P|| > .4 in Frobenius' norm for each two "
        "of the projections, and their mean is I / 2"
    ),
    domain="three projections of rank 1, d = 2",
    hypotheses="none",
    controls=(
        control("the same line thrice", lines=(LINES[0],) * 3),
        control(
            "lines at 0, 90 and 0 degrees",
            refutes=("0 and 2", "mean", "0 and 1", "1 and 2"),
            lines=(LINES[0], sympy.eye(2) - LINES[0], LINES[0]),
        ),
    ),
    tier="quick",
)
def lines_do_not_commute(run: Run, *, lines: tuple[sympy.ImmutableMatrix, ...] = LINES) -> Verdict:  # noqa: ARG001
    """Otherwise a proof for numbers, coordinate by coordinate, would do."""
    parts = {}
    with working_precision(BITS):
        P = [ball_matrix(line) for line in lines]
        for i, j in ((0, 1), (1, 2), (0, 2)):
            bracket = P[i] * P[j] - P[j] * P[i]
            size = sum((x * x for x in bracket.entries()), arb(0))
            parts[f"{i} and {j}"] = ball_positive(size - ball("4/25"))
        mean = sum(P[1:], P[0]) * (arb(1) / 3)
        parts["mean"] = all_equal(mean.entries(), [HALF, 0, 0, HALF])
    return all_of(parts)


def all_equal(balls: list[arb], numbers: list[Expr | int]) -> Verdict:
    """Decide that each ball is about its number: the largest distance is."""
    away = [abs(one - constant(sympy.sympify(number))) for one, number in zip(balls, numbers, strict=True)]
    return ball_at_most(max(away, key=lambda one: float(one.upper())), WIDTH)

"""S3 on instances: the sandwich, matrices that do not commute, and the orders of the remainders."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from flint import arb, arb_mat
from sympy import Expr, ImmutableMatrix, Rational

import elboproof as ep
from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, ball_slope, control

from .._shared.balls import ball, constant, spanned, working_precision
from . import claim
from .hypotheses import definite_precisions, unit_spectrum
from .laws import ball_matrix
from .second_order import share

BITS = 200


def _matrix(*rows: Sequence[Expr | int | str]) -> ImmutableMatrix:
    return ImmutableMatrix([[Rational(entry) for entry in row] for row in rows])


TRIPLE = (_matrix([1]), _matrix([2]), _matrix(["3/2"]))
PAIR = (_matrix([2, 1], [1, 2]), _matrix([1, 0], [0, 3]))
Matrices = tuple[ImmutableMatrix, ...]


def deviations(matrices: Matrices) -> list[arb_mat]:
    """Return X_n = Abar^-1 (A_n - Abar)."""
    balls = [ball_matrix(A) for A in matrices]
    mean = sum(balls[1:], balls[0]) * (arb(1) / len(balls))
    return [mean.inv() * (A - mean) for A in balls]


def quarter_term(matrices: Matrices) -> arb:
    """Return (1/4) E tr X^2."""
    return _mean([(X * X).trace() for X in deviations(matrices)]) / 4


def commuting_term(matrices: Matrices) -> arb:
    """Return (1/4) E tr(Abar^-2 (A - Abar)^2): the same if the matrices commute."""
    balls = [ball_matrix(A) for A in matrices]
    mean = sum(balls[1:], balls[0]) * (arb(1) / len(balls))
    inverse = mean.inv()
    return _mean([(inverse * inverse * (A - mean) * (A - mean)).trace() for A in balls]) / 4


def penalty(matrices: Matrices) -> arb:
    """Return P* of equal weights."""
    balls = [ball_matrix(A) for A in matrices]
    mean = sum(balls[1:], balls[0]) * (arb(1) / len(balls))
    return (mean.det().log() - _mean([A.det().log() for A in balls])) / 2


def _mean(values: Sequence[arb]) -> arb:
    return sum(values, arb(0)) / len(values)


PLACES = Fraction(1, 10**9)
"""Of the sandwich's ends, which are stated to ten places."""
ENDS = ("triple: lower end", "triple: upper end", "triple: above", "triple: below")
HALVED = (
    "*: term",
    "triple: lower end",
    "triple: upper end",
    "triple: below",
    "*: library's term",
    "*sandwich",
)
CLOSE, LIBRARY = Fraction(1, 10**24), Fraction(1, 10**12)


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "A = 1, 2, 3/2: the quarter term is 1/54 and C(4/3)/54, C(2/3)/54 are .0152170870, .0240439249, around P*; "
        "[[2, 1], [1, 2]] and diag(1, 3): P* = (1/2) log(7/6) and the quarter term is 1/14; "
        "ep.constant_variance_penalty gives all of these"
    ),
    domain="these matrices, equal weights; exact values within 1e-24, the library's within 1e-12",
    hypotheses=(definite_precisions,),
    controls=(
        control(
            "tr(Abar^-2 (A - Abar)^2)", refutes=("pair: term", "pair: library's term"), term=commuting_term
        ),
        control("C(al) and C(be) exchanged", refutes=ENDS, ends=("2/3", "4/3")),
        control("(1/2) log(8/7)", refutes="pair: penalty", ratio="8/7"),
        control("the term halved", refutes=HALVED, factor=2),
    ),
    tier="quick",
)
def instances(
    run: Run,
    *,
    term: Callable[[Matrices], arb] = quarter_term,
    ends: tuple[str, str] = ("4/3", "2/3"),
    ratio: str = "7/6",
    factor: int = 1,
) -> Verdict:
    """The pair does not commute."""
    run.assume(definite_precisions, TRIPLE[0])
    for A in PAIR:
        run.assume(definite_precisions, A)
    triple, pair = (ep.constant_variance_penalty([A.tolist() for A in law]) for law in (TRIPLE, PAIR))
    with working_precision(BITS):
        three, two = term(TRIPLE) / factor, term(PAIR) / factor
        low, high = (constant(share(Rational(end))) * three for end in ends)
        value = penalty(TRIPLE)
        return all_of(
            {
                "triple: term": ball_at_most(abs(three - ball("1/54")), CLOSE),
                "triple: lower end": ball_at_most(abs(low - ball("0.0152170870")), PLACES),
                "triple: upper end": ball_at_most(abs(high - ball("0.0240439249")), PLACES),
                "triple: above": ball_positive(value - low),
                "triple: below": ball_positive(high - value),
                "triple: library's sandwich": ball_at_most(
                    abs(arb(float(triple.sandwich.lower)) - low), LIBRARY
                ),
                "pair: term": ball_at_most(abs(two - ball("1/14")), CLOSE),
                "pair: library's term": ball_at_most(abs(spanned(pair.second_order) - two), LIBRARY),
                "pair: penalty": ball_at_most(abs(spanned(pair.penalty) - ball(ratio).log() / 2), LIBRARY),
            }
        )


SCALES = tuple(Fraction(1, 100 * 2**k) for k in range(4))
WITHIN = (0.15, 0.08, 0.05)


@claim.check(
    statement="S3",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "A_n = Abar + e D_n: P* - (1/4) E tr X^2 falls like e^3, and P* - (1/4) E tr X^2 + (1/6) E tr X^3 like e^4, "
        f"slopes within {', '.join(map(str, WITHIN))} step by step; P*'s distance from the quarter term is below (1/6) "
        "E ||X||^3 / (1 - ||X||) d"
    ),
    domain="three matrices that do not commute, d = 2; e = 1/100, 1/200, 1/400, 1/800",
    hypotheses=(unit_spectrum,),
    controls=(
        control("+ for the cubic term", refutes="two terms", sign=1),
        control("1/5 for 1/6", refutes="two terms", sixth="1/5"),
        control("the quarter term doubled", refutes=("one term", "two terms", "remainder"), factor=2),
    ),
    tier="quick",
)
def remainders_fall(run: Run, *, sign: int = -1, sixth: str = "1/6", factor: int = 1) -> Verdict:
    """Frobenius' norm bounds every eigenvalue."""
    moves = (_matrix([2, 1], [1, 0]), _matrix([1, -2], [-2, 1]), _matrix([-3, 1], [1, -1]))
    first, second, margins = [], [], []
    with working_precision(BITS):
        for e in SCALES:
            scale = Rational(e.numerator, e.denominator)
            matrices = tuple(ImmutableMatrix(_matrix([2, 0], [0, 1]) + scale * D) for D in moves)
            X = deviations(matrices)
            norms = [sum((x * x for x in (one * one).entries()), arb(0)).sqrt().sqrt() for one in X]
            run.assume(unit_spectrum, norms)
            left = penalty(matrices) - factor * quarter_term(matrices)
            cubic = _mean([(one * one * one).trace() for one in X]) * ball(sixth)
            first.append(abs(left))
            second.append(abs(left - sign * cubic))
            margins.append(_mean([2 * n**3 / (1 - n) for n in norms]) / 6 - abs(left))
        return all_of(
            {
                "one term": ball_slope(SCALES, first, 3, WITHIN),
                "two terms": ball_slope(SCALES, second, 4, WITHIN),
                "remainder": ball_positive(min(margins, key=lambda one: float(one.lower()))),
            }
        )

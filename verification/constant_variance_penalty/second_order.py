"""S3: the penalty to second order, its series, the remainder, and the sandwich that holds for all deviations."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import sympy
from flint import arb, arb_mat
from sympy import Expr, ImmutableMatrix, Rational, Symbol

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    ball_slope,
    control,
    identity,
)

from .._shared.balls import ball, constant, spanned, working_precision
from .._shared.symbols import symmetric
from . import claim
from .hypotheses import definite_precisions, unit_spectrum
from .laws import ball_matrix

SIZES = (1, 2, 3)
ORDER = 4
BITS = 200
HALF, THIRD = Rational(1, 2), Rational(1, 3)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="order",
    states=(
        "log|I + e X| = e tr X - e^2 tr X^2 / 2 + e^3 tr X^3 / 3 - e^4 tr X^4 / 4 + O(e^5); with E X = 0, P* = (1/4) "
        "E tr X^2 - (1/6) E tr X^3 + (1/8) E tr X^4 - ..."
    ),
    domain=f"every symmetric X, d = {', '.join(map(str, SIZES))}, as power series to e^{ORDER}",
    hypotheses="none",
    controls=(
        control("+ for the cubic term of P*", refutes="*: order 3", sign=1),
        control("tr(X)^2 for tr(X^2)", refutes=("d = 2: order 2", "d = 3: order 2"), squared=True),
        control("1/2 for 1/4", refutes="*: order 2", quarter=HALF),
        control("1/4 for 1/8", refutes="*: order 4", eighth=Rational(1, 4)),
        control("no mean", refutes="*: order 1", mean=1),
    ),
    tier="quick",
)
def series_of_the_penalty(
    run: Run,  # noqa: ARG001
    *,
    sign: int = -1,
    squared: bool = False,
    quarter: Expr = Rational(1, 4),  # noqa: B008
    eighth: Expr = Rational(1, 8),  # noqa: B008
    mean: int = 0,
) -> Verdict:
    """The determinant is a polynomial in e; its logarithm is taken as a series. -(1/2) log|I + e X| is averaged."""
    e = Symbol("e")
    parts = {}
    for d in SIZES:
        X = symmetric("x", d)
        rest = sympy.Poly((ImmutableMatrix.eye(d) + e * X).det() - 1, e)
        log = sympy.Poly(0, e)
        for k in range(1, ORDER + 1):
            log = log + sympy.Poly(Rational((-1) ** (k + 1), k), e) * rest**k
        traces = [(X**k).trace() for k in range(1, ORDER + 1)]
        if squared:
            traces[1] = X.trace() ** 2
        # the first order is -tr(X) / 2, whose mean is 0
        stated = (-traces[0] / 2 + mean, quarter * traces[1], sign * traces[2] / 6, eighth * traces[3])
        for k, term in enumerate(stated, 1):
            parts[f"d = {d}: order {k}"] = identity(-log.coeff_monomial(e**k) / 2 - term)
    return all_of(parts)


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "for 0 <= x < 1, r(x) = x^3 / (3 (1 - x)) - (-log(1 - x) - x - x^2 / 2) has r(0) = 0 and r' = x^3 / (3 (1 - "
        "x)^2) >= 0, and |log(1 + t) - t + t^2 / 2| is at most -log(1 - |t|) - |t| - t^2 / 2, as their terms are "
        "|t|^k / k with signs: so |P* - (1/4) E tr X^2| <= (1/6) E sum of |x_j|^3 / (1 - |x_j|)"
    ),
    domain="every eigenvalue x_j of X with |x_j| < 1",
    hypotheses=(unit_spectrum,),
    controls=(
        control("x^3 / 4", refutes="slope", third=Rational(1, 4)),
        control("without the quadratic term", refutes="slope", square=0),
        control("terms t^k / (k + 1)", refutes="terms", shift=1),
        control("from r(0) = 1", refutes="at 0", start=1),
    ),
    tier="quick",
)
def remainder(
    run: Run,
    *,
    third: Expr = THIRD,
    square: int = 1,
    shift: int = 0,
    start: int = 0,
) -> Verdict:
    """P* is (1/2) E sum of (x - log(1 + x)), as E sum of x is 0."""
    x, t = Symbol("x", positive=True), Symbol("t")
    run.assume(unit_spectrum, [HALF])
    r = start + third * x**3 / (1 - x) + sympy.log(1 - x) + x + square * x**2 / 2
    log = sympy.Poly(sympy.series(sympy.log(1 + t), t, 0, 8).removeO(), t)
    terms = [log.coeff_monomial(t**k) - Rational((-1) ** (k + 1), k + shift) for k in range(1, 8)]
    return all_of(
        {
            "at 0": identity(r.subs(x, 0)),
            "slope": identity(r.diff(x) - x**3 / (3 * (1 - x) ** 2)),
            "terms": identity(terms),
        }
    )


def share(t: Expr) -> Expr:
    """C(t) = 2 (t - 1 - log t) / (t - 1)^2."""
    return 2 * (t - 1 - sympy.log(t)) / (t - 1) ** 2


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "C(t) = 2 (t - 1 - log t) / (t - 1)^2 is the integral of 2 (1 - r) / (1 + r (t - 1))^2 over r in [0, 1], whose "
        "integrand has a slope in t of -4 r (1 - r) / (1 + r (t - 1))^3 <= 0: C falls, C(1) = 1; P* is the mean of "
        "(1/4) C(t) (t - 1)^2 over the eigenvalues t of Abar^-1 A, so that C(be) <= P* / ((1/4) E tr X^2) <= C(al)"
    ),
    domain="every t > 0; every law whose eigenvalues t lie in [al, be]",
    hypotheses="none",
    controls=(
        control("2 (t - 1 - log t) / (t - 1)", refutes=("integral", "penalty", "at 1"), power=1),
        control("without the 2", refutes=("integral", "penalty", "at 1"), two=1),
        control("a slope without r", refutes="slope", r_power=0),
        control("the integrand halved", refutes=("antiderivative", "slope"), weight=1),
    ),
    tier="quick",
)
def sandwich(
    run: Run,  # noqa: ARG001
    *,
    power: int = 2,
    two: int = 2,
    r_power: int = 1,
    weight: int = 2,
) -> Verdict:
    """The antiderivative in r is differentiated, and its values at the ends subtracted."""
    t, r = sympy.symbols("t r", positive=True)
    C = two * (t - 1 - sympy.log(t)) / (t - 1) ** power
    integrand = weight * (1 - r) / (1 + r * (t - 1)) ** 2
    a = t - 1
    primitive = -2 * sympy.log(1 + r * a) / a**2 - 2 * (1 + 1 / a) / (a * (1 + r * a))
    ends = primitive.subs(r, 1) - primitive.subs(r, 0)
    at_one = [sympy.limit(C, t, 1) - 1]
    return all_of(
        {
            "antiderivative": identity(primitive.diff(r) - integrand),
            "integral": identity(ends - C),
            "slope": identity(integrand.diff(t) + 4 * r**r_power * (1 - r) / (1 + r * a) ** 3),
            "penalty": identity((t - 1 - sympy.log(t)) / 2 - C * (t - 1) ** 2 / 4),
            "at 1": identity(at_one),
        }
    )


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

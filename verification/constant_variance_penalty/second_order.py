"""S3: the penalty to second order, its series, the remainder, and the sandwich that holds for all deviations."""

import sympy
from sympy import Expr, ImmutableMatrix, Rational, Symbol

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    control,
    identity,
)

from .._shared.symbols import symmetric
from . import claim
from .hypotheses import unit_spectrum

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

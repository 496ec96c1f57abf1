"""S2: Stein's estimator E_eps[(eps eps' - I) g(m + L eps)] = L' E_q[Hess g] L."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Rational

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import along, direction, free_vector, generating_function, precision, triangular
from . import claim
from .hypotheses import definite_covariance, slow_growth
from .integrals import ASIDE, BITS, CURVES, FUNCTIONS, GAUSSIANS, LINES, WIDTH, WITHIN, Curve

ONE = Rational(1)
DIMENSIONS = (1, 2, 3)
D_TEXT = f"d = {', '.join(map(str, DIMENSIONS))}"


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states="E_eps[(eps eps' - I) g(m + L eps)] = L' Hess g L, averaged over q = N(m, L L'), for g = exp(a'z)",
    domain=f"symbols for the rate a, the mean m and the Cholesky factor L, {D_TEXT}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("without -I", shift=Rational(0)),
        control("-I/2", shift=Rational(1, 2)),
        control("L Hess g L'", turned=True, refutes=["d = 2", "d = 3"]),
    ),
    tier="quick",
)
def exponentials_of_symbolic_rate(run: Run, *, shift: Expr = ONE, turned: bool = False) -> Verdict:
    """E[eps eps' exp(t'eps)] is the Hessian in t of E[exp(t'eps)] = exp(t't/2), here at t = L'a."""
    parts = {}
    for size in DIMENSIONS:
        L, a, m = triangular("l", size), free_vector("a", size), free_vector("m", size)
        t, z = free_vector("t", size), free_vector("z", size)
        run.assume(definite_covariance, L * L.T)
        run.assume(slow_growth, *a)
        generating = sympy.exp((t.T * t)[0] / 2)
        weighted = sympy.hessian(generating, list(t)) - shift * sympy.eye(size) * generating
        at = dict(zip(t, L.T * a, strict=True))
        probed = sympy.exp((a.T * m)[0]) * weighted.subs(at, simultaneous=True)
        g = sympy.exp((a.T * z)[0])
        bend = (sympy.hessian(g, list(z)) / g).applyfunc(sympy.cancel)
        left = L if turned else L.T
        parts[f"d = {size}"] = identity(probed - left * bend * left.T * generating_function(a, m, L * L.T))
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "Stein's weight is Price's score: d log N(z; m, S) along H = 1/2 tr(H P (uu' - S) P), u = z - m, P = S^-1; and "
        "uu' - S = L (eps eps' - I) L' for u = L eps, S = L L'"
    ),
    domain=f"every positive definite S and symmetric H, every z and m, {D_TEXT}; before any expectation is taken",
    hypotheses=(definite_covariance,),
    controls=(
        control("without -I", shift=Rational(0)),
        control("-I/2", shift=Rational(1, 2)),
    ),
    tier="quick",
)
def estimator_is_the_score(run: Run, *, shift: Expr = ONE) -> Verdict:
    """In the precision, log N = log det P / 2 - u'Pu / 2 + constant; as S moves along H, P does along -P H P (S1).

    The score is multiplied by det P, so that it is a polynomial. E_q[g score] is the derivative of E_q[g] along H.
    """
    parts = {}
    for size in DIMENSIONS:
        P, H, u = precision(size), direction(size), free_vector("u", size)
        run.assume(definite_covariance, P)
        determinant, change = P.det(method="berkowitz"), -P * H * P
        score = along(determinant, P, change) / 2 - determinant * (u.T * change * u)[0] / 2
        weight = P * u * u.T * P - shift * P
        parts[f"score, d = {size}"] = identity(score - determinant * (H * weight).trace() / 2)
        L, eps = triangular("l", size), free_vector("e", size)
        run.assume(definite_covariance, L * L.T)
        spread = (L * eps) * (L * eps).T - L * L.T
        parts[f"noise, d = {size}"] = identity(spread - L * (eps * eps.T - shift * sympy.eye(size)) * L.T)
    return all_of(parts)


def stein_weight(eps: acb) -> acb:
    """eps^2 - 1."""
    return eps * eps - 1


NOT_ODD = ("*, N([!0]*", "sigmoid*", "(1/2*")
"""Parts in which E[eps^2 g] is surely not s E_q[g'']: both are 0 for odd g at N(0, 1)."""


def raw_weight(eps: acb) -> acb:
    """eps^2: without -I."""
    return eps * eps


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=f"E_eps[(eps^2 - 1) g(m + sqrt(s) eps)] = s E_q[g''], both sides integrated in balls, equal within {WITHIN}",
    domain=f"g = {FUNCTIONS}; q = {GAUSSIANS}",
    hypotheses=(definite_covariance, slow_growth),
    controls=(
        control("E_q[g''] at a mean 1/100 aside", aside=ASIDE),
        control("without -I", weight=raw_weight, refutes=NOT_ODD),
    ),
    tier="quick",
)
def saturating_functions(
    run: Run, *, weight: Callable[[acb], acb] = stein_weight, aside: Fraction = Fraction(0)
) -> Verdict:
    """The noise is integrated as N(0, 1), the Hessian over q: two integrals over different variables."""
    parts = {}
    with working_precision(BITS):
        for name, made in CURVES.items():
            g = made()
            run.assume(slow_growth, g.value, g.slope, g.bend)
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                right = Line(line.mean + aside, line.variance)
                defect = _probed(line, g, weight) - ball(line.variance) * right.expectation(g.bend)
                parts[f"{name}, {line}"] = ball_equal(defect, WIDTH)
    return all_of(parts)


def _probed(line: Line, g: Curve, weight: Callable[[acb], acb]) -> arb:
    m, s = ball(line.mean), ball(line.variance)
    return Line(Fraction(0), Fraction(1)).expectation(lambda eps: weight(eps) * g.value(m + s.sqrt() * eps))

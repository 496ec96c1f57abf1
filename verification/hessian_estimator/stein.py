"""S2: Stein's estimator E_eps[(eps eps' - I) g(m + L eps)] = L' E_q[Hess g] L."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import Line, ball, working_precision
from .._shared.symbols import direction, free_vector, triangular
from . import claim
from .hypotheses import definite_covariance, slow_growth
from .integrals import BITS, CURVES, LINES, WIDTH, Curve


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states="both sides for g = exp(a'z) with symbols a; their coefficients of a^n are those for every polynomial",
    domain="every rate a, mean m and Cholesky factor L, d = 1, 2, 3",
    hypotheses=(definite_covariance, slow_growth),
    controls=(control("without -I", shift=0), control("+I", shift=-1)),
    tier="quick",
)
def exponentials_of_symbolic_rate(run: Run, *, shift: int = 1) -> Verdict:
    """E[eps eps' exp(t'eps)] is the Hessian in t of exp(t't/2), here at t = L'a."""
    parts = {}
    for size in (1, 2, 3):
        L, a, t = triangular("l", size), free_vector("a", size), free_vector("t", size)
        run.assume(definite_covariance, L * L.T)
        run.assume(slow_growth, sum(a))
        generating = sympy.exp((t.T * t)[0] / 2)
        probed = sympy.hessian(generating, list(t)) / generating - shift * sympy.eye(size)
        at = dict(zip(t, L.T * a, strict=True))
        stated = L.T * (a * a.T) * L  # Hess exp(a'z) = a a' exp(a'z)
        parts[f"d = {size}"] = identity(
            [sympy.expand(e) for e in probed.subs(at, simultaneous=True) - stated]
        )
    return all_of(parts)


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "tr(H S^-1 (E[(z-m)(z-m)' g] - S E[g]) S^-1) / 2 is the derivative of E_q[g] along H: Stein's estimator is "
        "Price's"
    ),
    domain="every g with an expectation, every S and H, d = 1, 2, 3",
    hypotheses=(definite_covariance,),
    controls=(control("without -I", shift=0),),
    tier="quick",
)
def estimator_is_the_score(run: Run, *, shift: int = 1) -> Verdict:
    """The score of S along H, d log N = 1/2 (u'P H P u - tr(P H)), with u = L eps and P = S^-1, L'PL = I.

    So E[g d log N] = 1/2 tr(H P L E[(eps eps' - I) g] L'P): an identity before any expectation is taken.
    """
    parts = {}
    for size in (1, 2, 3):
        L, eps = triangular("l", size), free_vector("e", size)
        run.assume(definite_covariance, L * L.T)
        back, H = L.inv(), direction(size)
        P = back.T * back
        u = L * eps
        score = ((u.T * P * H * P * u)[0] - (P * H).trace()) / 2
        weights = eps * eps.T - shift * sympy.eye(size)
        probed = (H * back.T * weights * back).trace() / 2
        parts[f"d = {size}"] = identity(sympy.cancel(sympy.together(sympy.expand(score - probed))))
    return all_of(parts)


def stein_weight(eps: acb) -> acb:
    """eps^2 - 1."""
    return eps * eps - 1


def raw_weight(eps: acb) -> acb:
    """eps^2: without -I."""
    return eps * eps


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states="E_eps[(eps^2 - 1) g(m + sqrt(s) eps)] = s E_q[g''], both sides integrated in balls, equal within 1e-25",
    domain="tanh z, tanh 3z, sigmoid z and a squared residual of tanh z; 4 Gaussians on the line",
    hypotheses=(definite_covariance, slow_growth),
    controls=(control("without -I", weight=raw_weight),),
    tier="quick",
)
def saturating_functions(run: Run, *, weight: Callable[[acb], acb] = stein_weight) -> Verdict:
    """The noise is integrated as N(0, 1), the Hessian over q: two integrals over different variables."""
    parts = {}
    with working_precision(BITS):
        for name, made in CURVES.items():
            g = made()
            run.assume(slow_growth, g.value, g.slope, g.bend)
            for line in LINES:
                run.assume(definite_covariance, ball(line.variance))
                parts[f"{name}, N({line.mean}, {line.variance})"] = ball_equal(
                    _defect(line, g, weight), WIDTH
                )
    return all_of(parts)


def _defect(line: Line, g: Curve, weight: Callable[[acb], acb]) -> arb:
    m, s = ball(line.mean), ball(line.variance)
    noise = Line(Fraction(0), Fraction(1))
    probed = noise.expectation(lambda eps: weight(eps) * g.value(m + s.sqrt() * eps))
    return probed - s * line.expectation(g.bend)

"""S3: the second derivative, ||D^2 f*|| <= diam(x) diam(S^-1 m)^2 / (6 sqrt 3), sharp."""

from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Rational, sqrt

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity

from .._shared.balls import ball, constant, working_precision
from . import claim
from .hypotheses import shared_covariance, two_pairs
from .partitions import cumulant
from .points import Points

P, MU, NU, T, S0, S1 = sympy.symbols("p mu nu t s0 s1", positive=True)
SHARP, HALF = 1 / (6 * sqrt(3)), Rational(1, 2)


def kappa() -> Expr:
    """Return kappa_3(X, H, H): X = 1 with probability p, then H = mu -+ s1, and nu -+ s0 otherwise, V = s^2."""
    weights = [P / 2, P / 2, (1 - P) / 2, (1 - P) / 2]
    h = [MU - S1, MU + S1, NU - S0, NU + S0]
    third: Expr = cumulant(weights, [[1, 1, 0, 0], h, h])
    return third


@claim.check(
    statement="S3",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "kappa_3(X, H, H) = pq[(q-p)(mu-nu)^2 + V_1 - V_0] for X = 1 with probability p = 1-q and X = 0 otherwise; "
        "with V_1 <= mu(1-mu), V_0 >= 0, nu = 0 or 1 (convex in nu for p <= 1/2) it is at most pq t(1-2pt), t = mu "
        "or 1-mu: for p >= 1/4 at most q/8 <= 3/32 (the gap is a square), for p < 1/4 at most pq(1-2p), which falls "
        "short of 1/(6 sqrt 3) by 2 (p-p0)^2 (1/2 + 1/sqrt 3 - p), p0 = (3-sqrt 3)/6; for p > 1/2 at most pq/4 <= "
        "1/16: with the polarisation of symmetric forms (Banach) ||D^2 f*|| <= diam(x) diam(S^-1 m)^2/(6 sqrt 3)"
    ),
    domain="X, H in [0, 1]; kappa_3 is linear in X, so that X = 0 or 1 suffices",
    hypotheses="none",
    controls=(
        control("1/12 for 1/(6 sqrt 3)", refutes=("below 1/4", "above*"), bound=Rational(1, 12)),
        control("p - q for q - p", refutes="kappa", sign=-1),
        control("ends with 1 - p for 1 - 2p", refutes=("nu = *", "between*"), slope=1),
    ),
    tier="quick",
)
def third_cumulants(run: Run, *, bound: Expr = SHARP, sign: int = 1, slope: int = 2) -> Verdict:
    """Each remainder is a product of factors with a sign on the range named; two numbers are compared by squares."""
    del run
    q, p0 = 1 - P, (3 - sqrt(3)) / 6
    upper = P * q * ((q - P) * (MU - NU) ** 2 + MU * (1 - MU))
    ends = P * q * T * (1 - slope * P * T)
    return all_of(
        {
            "kappa": identity(kappa() - P * q * (sign * (q - P) * (MU - NU) ** 2 + S1**2 - S0**2)),
            "nu = 0": identity(upper.subs(NU, 0) - ends.subs(T, MU)),
            "nu = 1": identity(upper.subs(NU, 1) - ends.subs(T, 1 - MU)),
            "between 1/4 and 1/2": identity(q / 8 - ends - q * (1 - 4 * P * T) ** 2 / 8),
            "below 1/4": identity(bound - P * q * (1 - 2 * P) - 2 * (P - p0) ** 2 * (HALF + 1 / sqrt(3) - P)),
            "above 3/32": identity(bound**2 - Rational(3, 32) ** 2 - Rational(13, 27648)),
            "above 1/16": identity(bound**2 - Rational(1, 16) ** 2 - Rational(37, 6912)),
        }
    )


PAIR = Points(("1/4", "7/4"), ("-1/2", "5/8"), ("3/8", "3/8"))
WITHIN = 1e-30


@claim.check(
    statement="S3",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "|f*''| = diam(x) diam(m)^2/(6 sqrt 3 s^4) where the weights are (3 -+ sqrt 3)/6, and 0 where they are equal"
    ),
    domain="x = 1/4, 7/4, m = -1/2, 5/8, s^2 = 3/8",
    hypotheses=(two_pairs, shared_covariance),
    controls=(
        control("1/12 for 1/(6 sqrt 3)", refutes="weights*", bound=Rational(1, 12)),
        control("1/(6 sqrt 3.01)", refutes="weights*", bound=1 / (6 * sqrt(Rational(301, 100)))),
        control("the bound reached at equal weights", refutes="equal*", middle=Fraction(1, 12)),
    ),
    tier="quick",
)
def two_points_reach_it(run: Run, *, bound: Expr = SHARP, middle: Fraction | int = 0) -> Verdict:
    """1/12 passes at equal weights, where D^2 f* = 0: hence the other place."""
    run.assume(two_pairs, (PAIR.codes, PAIR.data))
    run.assume(shared_covariance, PAIR.variances)
    with working_precision(160):
        stated = constant(bound)
        (x0, x1), (m0, m1), s = PAIR.x(), [ball(m) for m in PAIR.codes], ball(PAIR.variances[0])
        scale = abs(x1 - x0) * ((m1 - m0) / s) ** 2
        parts = {}
        for sign in (-1, 1):
            w = (3 + sign * arb(3).sqrt()) / 6
            z = (m0 + m1) / 2 + s / (m1 - m0) * (w / (1 - w)).log()
            second = 2 * PAIR.taylor(z, 2)[2]
            parts[f"weights (3 {'+' if sign > 0 else '-'} sqrt 3)/6"] = ball_equal(
                abs(second) - stated * scale, WITHIN
            )
        parts["equal weights"] = ball_equal(
            2 * PAIR.taylor((m0 + m1) / 2, 2)[2] - ball(middle) * scale, WITHIN
        )
        return all_of(parts)

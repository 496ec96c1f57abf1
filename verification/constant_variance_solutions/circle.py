r"""S2, the circle f = r (cos z, sin z) with a prior flat on the line: Lambert's function.

For x = rho (cos phi, sin phi) and q = N(m, s), as E_q[e^(iz)] = e^(im - s/2),

    ELBO = -(r^2 + rho^2 - 2 r rho e^(-s/2) cos(m - phi)) / (2 v) + (log s) / 2 + a constant,      v = sigma^2.
"""

from fractions import Fraction
from itertools import pairwise

import sympy
from flint import acb, arb
from sympy import Expr, Rational, Symbol

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    ball_slope,
    control,
    identity,
)

from .._shared.balls import ball, spanned, working_precision
from . import claim
from .hypotheses import below_the_fold, flat_prior, on_the_curve
from .roots import root_between

M, S, PHI, Z = (Symbol(name, real=True) for name in ("m", "s", "phi", "z"))
R, RHO, V = sympy.symbols("r rho v", positive=True)
HALF, FULL = Rational(1, 2), sympy.Integer(1)
FORTY_EIGHTH = Fraction(1, 48)


def elbo(rate: Expr) -> Expr:
    """Return the ELBO without its constant; ``rate`` is 1/2."""
    damping = sympy.exp(-rate * S)
    square = R**2 + RHO**2 - 2 * R * RHO * damping * sympy.cos(M - PHI)
    return -square / (2 * V) + sympy.log(S) / 2


@claim.check(
    statement="S2",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "at m = phi the ELBO's slopes are 0 in m and (1 - (r rho / v) s e^(-s/2)) / (2 s) in s, which vanishes where "
        "w = -s/2 has w e^w = -v / (2 r rho); there the second derivatives are -1/s, 0 and (s - 2) / (4 s^2), so a "
        "maximum for s < 2; s e^(-s/2) rises up to s = 2, where it is 2/e, so the branch exists for v <= 2 r rho / e"
    ),
    domain="every r, rho, phi, v = sigma^2 and s; a prior flat on the line",
    hypotheses=(flat_prior,),
    controls=(
        control("e^-s for e^(-s/2)", refutes=("slope in s", "Lambert", "bends", "fold*"), rate=FULL),
        control("m = phi + 1", refutes="slope in m", shift=1),
    ),
    tier="quick",
)  # fmt: skip
def branch_of_the_circle(run: Run, *, rate: Expr = HALF, shift: int = 0) -> Verdict:
    """Calculus; at the stationary s, e^(-s/2) is put in as v / (r rho s)."""
    run.assume(flat_prior, 0)
    L = elbo(rate)
    slope = (1 - R * RHO / V * S * sympy.exp(-S / 2)) / (2 * S)
    place = {M: PHI + shift}
    w = -S / 2
    lambert = -(2 * R * RHO / V) * (w * sympy.exp(w) + V / (2 * R * RHO))
    stationary = {sympy.exp(-rate * S): V / (R * RHO * S)}
    bends = [L.diff(M, 2) + 1 / S, L.diff(M, S), L.diff(S, 2) - (S - 2) / (4 * S**2)]
    product = S * sympy.exp(-rate * S)
    return all_of(
        {
            "slope in m": identity(L.diff(M).subs(place)),
            "slope in s": identity(L.diff(S).subs(M, PHI) - slope),
            "Lambert": identity(-2 * S * L.diff(S).subs(M, PHI) - lambert),
            "bends": identity([bend.subs(M, PHI).subs(stationary) for bend in bends]),
            "fold, slope": identity(product.diff(S) - (1 - S / 2) * sympy.exp(-S / 2)),
            "fold, value": identity(product.subs(S, 2) - 2 * sympy.exp(-1)),
        }
    )


BITS = 120
WIDTH = 1e-25
"""Of variances below 1, enclosed by two routes."""
EXPECTED = 1e-8
"""Of 1/s, at most 100: ten digits of E_q[cos z]."""
INSTANCES = (("9/100", "4/5"), ("9/100", "1"), ("9/100", "6/5"), ("1/100", "1"))
"""sigma^2 and rho, r = 1."""
LISTED = "; ".join(f"({v}, {rho})" for v, rho in INSTANCES)


def by_lambert(v: str, rho: str) -> arb:
    """-2 W_0(-v / (2 rho)), r = 1."""
    return -2 * (-ball(v) / (2 * ball(rho))).lambertw()


def by_signs(v: str, rho: str, rate: str) -> arb:
    """The root of 1 - (rho / v) s e^(-rate s) in (0, 2), by changes of sign."""
    return root_between(
        lambda s: 1 - ball(rho) / ball(v) * s * (-ball(rate) * s).exp(), arb(0), 1 / ball(rate)
    )


@claim.check(
    statement="S2",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "the root of 1/s = (rho / sigma^2) e^(-s/2), enclosed by changes of sign, is -2 W_0(-sigma^2 / (2 rho)) within "
        f"{WIDTH:g}; E_q[cos z] of ep.expectation at that s gives the same equation within {EXPECTED:g}"
    ),
    domain=f"r = 1, (sigma^2, rho) = {LISTED}",
    hypotheses=(flat_prior, below_the_fold),
    controls=(
        control("e^-s for e^(-s/2)", refutes="*, Lambert", rate="1"),
        control("x on the circle for x off it", refutes=("*4/5, Lambert", "*6/5, Lambert"), ignored=True),
        control("E_q[cos z] for half of s", refutes="*, E_q", share=Fraction(1, 2)),
    ),
    tier="quick",
)  # fmt: skip
def lambert_is_the_root(
    run: Run, *, rate: str = "1/2", ignored: bool = False, share: Fraction = Fraction(1)
) -> Verdict:
    """Values at sigma = .3: .1194 (rho = .8), .0943 (1), .0780 (1.2)."""
    run.assume(flat_prior, 0)
    parts = {}
    for v, rho in INSTANCES:
        run.assume(below_the_fold, v, rho)
        name = f"sigma^2 = {v}, rho = {rho}"
        with working_precision(BITS):
            s = by_lambert(v, "1" if ignored else rho)
            parts[f"{name}, Lambert"] = ball_equal(s - by_signs(v, rho, rate), WIDTH)
            near = Fraction(float(s.mid()))
        mean = ep.expectation("cos(z)", ep.GaussianPosterior(0, near * share))
        with working_precision(BITS):
            off = 1 / ball(near) - ball(rho) / ball(v) * spanned(mean)  # at a double next to the root
            parts[f"{name}, E_q"] = ball_at_most(abs(off), EXPECTED)
    return all_of(parts)


FAR = 10**10
"""A variance at which the flat prior's ELBO exceeds that of the branch."""


@claim.check(
    statement="S2",
    role="limits",
    method="certified",
    relation="<",
    states=(
        f"the branch is a local maximum only: at s = {FAR:.0e} the ELBO is larger; the other real branch, s = -2 W_-1, "
        "has s > 2 and is a minimum in s"
    ),
    domain="r = rho = 1, sigma^2 = 9/100; a prior flat on the line",
    hypotheses=(flat_prior, below_the_fold),
    controls=(
        control("s = 10 for it", refutes="larger", far=10),
        control("W_0 for W_-1", refutes=("beyond 2", "minimum"), branch=0),
    ),
)
def branch_is_not_the_best(run: Run, *, far: int = FAR, branch: int = -1) -> Verdict:
    """ELBO = e^(-s/2) / v + (log s) / 2 there, without constants."""
    run.assume(flat_prior, 0)
    run.assume(below_the_fold, "9/100", "1")
    with working_precision(BITS):
        v = ball("9/100")
        s, other = by_lambert("9/100", "1"), -2 * (-v / 2).lambertw(branch)
        level = [(-t / 2).exp() / v + t.log() / 2 for t in (s, arb(far))]
        return all_of(
            {
                "larger": ball_positive(level[1] - level[0]),
                "beyond 2": ball_positive(other - 2),
                "minimum": ball_positive((-other / 2).exp() / (4 * v) - 1 / (2 * other**2)),
            }
        )


VARIANCES = ("9/100", "1/100", "1/400", "1/10000", "1/1000000")
"""sigma = .3, .1, .05, .01, .001."""
LAW = VARIANCES[1::2] + VARIANCES[4:]
WITHIN = (0.02, 0.001)
"""Of the slope 3 in sigma^2: 0.0044 and 0.00004 were seen."""


def circle_gap(v: arb, rate: str, evidence: arb) -> arb:
    """Return log int exp(cos z / v) - e^(-rate s) / v - log(2 pi e s) / 2 at the branch, r = rho = 1."""
    s = -2 * (-v / 2).lambertw()
    return evidence.log() + 1 / v - (-ball(rate) * s).exp() / v - (2 * arb.pi() * arb(1).exp() * s).log() / 2


def by_bessel(v: arb) -> arb:
    """2 pi e^(-1/v) I_0(1/v)."""
    return 2 * arb.pi() * (1 / v).bessel_i(0) * (-1 / v).exp()


def by_integral(v: arb) -> arb:
    """The integral of exp((cos z - 1) / v) over a period, in halves where its peak is resolved."""

    def integrand(z: acb, _: bool) -> acb:
        return (-2 * (z / 2).sin() ** 2 / v).exp()

    cut = 40 * v.sqrt()
    ends = [arb(0), cut if cut < arb.pi() else arb.pi(), arb.pi()]
    return 2 * sum((acb.integral(integrand, a, b).real for a, b in pairwise(ends)), arb(0))


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="order",
    states=(
        "with a prior flat on the circle the gap at the branch is log(2 pi I_0(1/sigma^2)) - e^(-s/2) / sigma^2 - "
        "log(2 pi e s) / 2, the same with the integral of exp(cos z / sigma^2), and |gap - sigma^4 / 48| has the "
        f"slopes 3 in sigma^2 (within {', '.join(map(str, WITHIN))}), step by step"
    ),
    domain=f"r = rho = 1; sigma^2 = {', '.join(VARIANCES)}, slopes at {', '.join(LAW)}",
    hypotheses=(below_the_fold, on_the_curve),
    controls=(
        control("1/47 for 1/48", refutes="law", factor=Fraction(1, 47)),
        control("e^-s for e^(-s/2)", refutes=("law",), rate="1"),
        control("I_1 for I_0", refutes="routes, *", order=1),
    ),
)  # fmt: skip
def gap_of_the_circle(
    run: Run, *, factor: Fraction = FORTY_EIGHTH, rate: str = "1/2", order: int = 0
) -> Verdict:
    """Gaps: 2.06e-4 (sigma = .3), 2.126e-6 (.1), 1.309e-7 (.05)."""
    run.assume(on_the_curve, [sympy.cos(PHI) ** 2 + sympy.sin(PHI) ** 2 - 1])
    parts: dict[str, Verdict] = {}
    left, gaps = [], []
    with working_precision(200):
        for text in VARIANCES:
            run.assume(below_the_fold, text, 1)
            v = ball(text)
            mass = by_bessel(v) if order == 0 else 2 * arb.pi() * (1 / v).bessel_i(order) * (-1 / v).exp()
            parts[f"routes, sigma^2 = {text}"] = ball_at_most(abs(mass / by_integral(v) - 1), 1e-25)
            gap = circle_gap(v, rate, by_bessel(v))
            gaps.append(float(gap.mid()))
            if text in LAW:
                left.append(abs(gap - ball(factor) * v * v))
        parts["law"] = ball_slope(LAW, left, 3, WITHIN)
    sigmas = [float(Fraction(v)) ** 0.5 for v in VARIANCES]
    return all_of(parts).with_data(**{"circle/sigma": sigmas, "circle/gap": gaps})

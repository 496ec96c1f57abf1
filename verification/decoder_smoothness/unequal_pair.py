"""S5, d = 1: two points with equal codes and unequal variances are as steep as one likes."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Rational, exp, log, sqrt

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    control,
    identity,
    tends_to,
)

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import isotropic
from .points import Points

QUARTER = Rational(1, 4)
E, F, Z = sympy.symbols("e f z", positive=True)
"""The variances s_1^2 = e < s_2^2 = f, and z > 0."""


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "x = 0, 1, m = 0, 0, variances e < f, Dl = 1/e - 1/f: at z*^2 = log(f/e)/Dl the weights are equal and f*' = "
        "(1/4) sqrt(2 log(s_2/s_1) Dl) with log(s_2/s_1) = log(f/e)/2, although diam(m) = 0; the first pole is at "
        "z^2 = z*^2 + 2 pi i/Dl"
    ),
    domain="all 0 < e < f",
    hypotheses=(isotropic,),
    controls=(
        control("without the determinants", refutes=("logit", "weights"), determinants=0),
        control("the deviations' ratio for the variances'", refutes=("weights", "slope*"), ratio=2),
        control("1/8 for 1/4", refutes="slope*", quarter=Rational(1, 8)),
        control("pi for 2 pi in the pole", refutes="pole", turn=1),
    ),
    tier="quick",
)
def slope_of_a_narrow_and_a_wide_point(
    run: Run, *, determinants: int = 1, ratio: int = 1, quarter: Expr = QUARTER, turn: int = 2
) -> Verdict:
    """The logit of w_2 is (Dl z^2 - log(f/e))/2; a logistic function of it has a quarter of its slope at 0."""
    run.assume(isotropic, [E, F])
    Dl = 1 / E - 1 / F
    logit = Dl * Z**2 / 2 - determinants * (log(F) - log(E)) / 2
    terms = [exp(-(Z**2) / (2 * one)) / sqrt(one) for one in (E, F)]
    place2 = (log(F) - log(E)) / Dl / ratio
    slope = Dl * Z / 4
    return all_of(
        {
            "logit": identity(exp(-logit) - terms[0] / terms[1]),
            "weights": identity(logit.subs(Z**2, place2)),
            "slope squared": identity(
                (slope**2).subs(Z**2, place2) - quarter**2 * 2 * ((log(F) - log(E)) / 2) * Dl
            ),
            "pole": identity(
                logit.subs(Z**2, (log(F) - log(E)) / Dl + turn * sympy.pi * sympy.I / Dl) - sympy.pi * sympy.I
            ),
        }
    )


NARROW = {
    "1/10": "1.32038548030933306196874",
    "1/100": "5.73732587044707642800003",
    "1/10000": "78.6723520155297719884908",
    "1/100000000": "10929.8409823585638859759",
}
"""e, and the slope for v = 1 to be reproduced."""
BITS, WITHIN = 160, 1e-25


def closed_slope(e: arb, f: arb) -> arb:
    """(1/4) sqrt(2 log(s_2/s_1) Dl)."""
    return (((f / e).log()) * (1 / e - 1 / f)).sqrt() / 4


def with_the_average(e: arb, f: arb) -> arb:
    """The same with 1/v for Dl, v the average variance."""
    return (((f / e).log()) * 2 / (e + f)).sqrt() / 4


def without_the_two(e: arb, f: arb) -> arb:
    """(1/4) sqrt(log(s_2/s_1) Dl)."""
    return closed_slope(e, f) / arb(2).sqrt()


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "variances e and 2 - e, so v = 1: the slope of f* at z* is 1.32038548030933306196874, "
        "5.73732587044707642800003, 78.6723520155297719884908, 10929.8409823585638859759 for e = .1, .01, 1e-4, "
        "1e-8, the formula and the Taylor coefficient agreeing; it exceeds sqrt(v/e)/4, so no bound by diam(x), "
        "diam(m) and v exists, diam(x) diam(m)/(4 min s^2) = 0 included. OptimalDecoder.lipschitz_bound is at least "
        "the slope where tanh(-h/2) = 1/(2(H - h)), h the log ratio and H its maximum, and within 1e-9 of it"
    ),
    domain="x = 0, 1, m = 0, 0, e = .1, .01, 1e-4, 1e-8",
    hypotheses=(isotropic,),
    controls=(
        control("the average variance in place of Dl", refutes=("formula*", "digits*"), slope=with_the_average),
        control("without the 2", refutes=("formula*", "digits*"), slope=without_the_two),
        control("bounded by diam(x) diam(m)/(4 min s^2)", refutes="exceeds*", share=-1),
        control("the supremum at z*", refutes="supremum*", steepest=False),
        control("a bound smaller by 1 %", refutes="bound*", scale=Fraction(99, 100)),
    ),
    tier="quick",
)  # fmt: skip
def slopes_without_a_bound(
    run: Run,
    *,
    slope: Callable[[arb, arb], arb] = closed_slope,
    share: int = 1,
    steepest: bool = True,
    scale: Fraction | int = 1,
) -> Verdict:
    """z* and the steepest place are balls; the derivatives there come from power series."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for narrow, digits in NARROW.items():
            e, f = ball(narrow), 2 - ball(narrow)
            run.assume(isotropic, [Fraction(narrow), 2 - Fraction(narrow)])
            points = Points(("0", "1"), ("0", "0"), (narrow, str(2 - Fraction(narrow))))
            stated, place = slope(e, f), ((f / e).log() / (1 / e - 1 / f)).sqrt()
            found = points.taylor(place, 1)[1]
            parts[f"formula, e = {narrow}"] = ball_equal(found - stated, WITHIN * 1e6)
            size = ball("1e-18") if narrow != "1/100000000" else ball("1e-17")
            parts[f"digits, e = {narrow}"] = ball_equal(stated + size * arb(0, 1) - ball(digits), 1e-16)
            parts[f"exceeds, e = {narrow}"] = ball_positive(share * (found - (1 / e).sqrt() / 4))
            bound = arb(_decoder(narrow).lipschitz_bound())
            best = _steepest_place(e, f)
            parts[f"bound, e = {narrow}"] = ball_at_most(points.taylor(best, 1)[1] / (bound * ball(scale)), 1)
            z = best if steepest else place
            parts[f"supremum, e = {narrow}"] = ball_at_most(bound / points.taylor(z, 1)[1], 1 + 1e-9)
    return all_of(parts)


def _decoder(narrow: str) -> ep.OptimalDecoder:
    e = float(Fraction(narrow))
    return ep.OptimalDecoder([[0.0], [0.0]], [[0.0], [1.0]], [e, 2 - e])


def _steepest_place(e: arb, f: arb) -> arb:
    """Return z with s = -h, tanh(s/2) = 1/(2(H + s)), by a fixed-point iteration: it is only a place to look at."""
    Dl, H, s = 1 / e - 1 / f, (f / e).log() / 2, arb(0)
    for _ in range(80):
        s = (2 * (1 / (2 * (H + s))).atanh() if H + s > 0.51 else arb(1)).mid()
    return (2 * (H + s) / Dl).sqrt().mid()


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="limit",
    states=("over (1/4) sqrt(log(2v/e)/e) the slope tends to 1 as e -> 0: within e at these e"),
    domain="v = 1, e = 1e-1, 1e-2, 1e-4, 1e-8, 1e-16",
    hypotheses=(isotropic,),
    controls=(
        control("without the logarithm", power=0),
        control("1/e for its root", order=Fraction(1)),
    ),
    tier="quick",
)
def slope_tends_to_infinity(run: Run, *, power: int = 1, order: Fraction = Fraction(1, 2)) -> Verdict:
    """log((2v - e)/e) (1/e - 1/(2v - e)) = (log(2v/e)/e) (1 + O(e))."""
    scales = ["1/10", "1/100", "1/10000", "1/100000000", "1/10000000000000000"]
    with working_precision(BITS):
        values = []
        for narrow in scales:
            e = ball(narrow)
            run.assume(isotropic, [Fraction(narrow), 2 - Fraction(narrow)])
            law = ((2 / e).log().sqrt() if power else arb(1)) / e ** ball(order) / 4
            values.append(closed_slope(e, 2 - e) / law)
        return tends_to(scales, values, Fraction(1), order=1, factor=1.0)


def the_first_pole(radius: arb, tube: arb) -> arb:  # noqa: ARG001
    """Its distance."""
    return radius


def the_average_tube(radius: arb, tube: arb) -> arb:  # noqa: ARG001
    """Pi v/|m_1 - m_2|."""
    return tube


def one_percent_less(radius: arb, tube: arb) -> arb:  # noqa: ARG001
    """0.99 of the distance."""
    return radius * 99 / 100


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "with unequal variances the tube of the average variance has poles in it: the first pole of two points on "
        "the line, at distance sqrt((sqrt(H^2 + pi^2) - H)/Dl), lies below pi v/|m_1 - m_2|, v the average "
        "variance; OptimalDecoder.analytic_radius is that distance, rounded down"
    ),
    domain="m = 0, mu with variances 1/5 and 9/5, mu = 1/2, 1, 2: v = 1",
    hypotheses=(isotropic,),
    controls=(
        control("the larger variance as that of the tube", refutes="pole*", H=lambda H: H / 2),
        control("the average variance's tube as the exact one", refutes="* least", claimed=the_average_tube),
        control("1 % less", refutes=("*most", "zero*"), claimed=one_percent_less),
        control("the tube of the average variance free of poles", refutes="below*", sign=-1),
    ),
    tier="quick",
)
def poles_in_the_average_tube(
    run: Run,
    *,
    H: Callable[[arb], arb] = lambda H: H,
    claimed: Callable[[arb, arb], arb] = the_first_pole,
    sign: int = 1,
) -> Verdict:
    """H is the largest log ratio; at the pole (z - z*)^2 = 2 (H - i pi)/Dl."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for mu in ("1/2", "1", "2"):
            e, f, m = ball("1/5"), ball("9/5"), ball(mu)
            run.assume(isotropic, [Fraction(1, 5), Fraction(9, 5)])
            Dl, top = 1 / e - 1 / f, H((f / e).log() / 2 + m * m / (2 * (f - e)))
            centre = (0 / e - m / f) / Dl
            radius = (((top * top + arb.pi() ** 2).sqrt() - top) / Dl).sqrt()
            stated = claimed(radius, arb.pi() / m)
            z = centre + (acb(2 * top / Dl, -2 * arb.pi() / Dl)).sqrt()
            terms = Points(("0", "1"), ("0", mu), ("1/5", "9/5")).terms(z)
            parts[f"pole, mu = {mu}"] = ball_equal(abs(sum(terms, acb(0))) / abs(terms[0]), WITHIN)
            parts[f"zero, mu = {mu}"] = ball_equal(abs(z.imag) - stated, WITHIN)
            parts[f"below, mu = {mu}"] = ball_positive(sign * (arb.pi() / m - radius))
            decoder = ep.OptimalDecoder([[0.0], [float(Fraction(mu))]], [[0.0], [1.0]], [0.2, 1.8])
            below = 1 - arb(decoder.analytic_radius()) / stated
            parts[f"analytic_radius, mu = {mu}, at most"] = ball_at_most(-below, 1e-15)
            parts[f"analytic_radius, mu = {mu}, at least"] = ball_at_most(below, 1e-13)
    return all_of(parts)

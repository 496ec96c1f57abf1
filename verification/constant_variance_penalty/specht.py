"""S2: the sharp bound by Specht's ratio, its proof in steps, its equality laws, and what is not sharp or false."""

from collections.abc import Callable

import sympy
from flint import arb
from sympy import Expr, Integer, Rational, Symbol

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    control,
    identity,
)

from .._shared.balls import ball, constant, working_precision
from . import claim
from .hypotheses import definite_precisions
from .laws import theta

HALF, ONE = Rational(1, 2), Integer(1)
BITS = 140
Bound = Callable[[Expr], Expr]


def chord(h: Expr) -> Expr:
    """Return the slope c = log h / (h - 1) of the chord of log over [1, h]."""
    return sympy.log(h) / (h - 1)


def log_specht(h: Expr) -> Expr:
    """Return log Specht(h) = c - 1 - log c."""
    return chord(h) - 1 - sympy.log(chord(h))


def log_kantorovich(h: Expr) -> Expr:
    """Return log of Kantorovich's (1 + h)^2 / (4 h)."""
    return 2 * sympy.log(1 + h) - sympy.log(4 * h)


def half_kantorovich(h: Expr) -> Expr:
    """Return log((1 + h) / (2 sqrt h)), which is no bound."""
    return log_kantorovich(h) / 2


def hoeffding(h: Expr) -> Expr:
    """Return (log h)^2 / 8."""
    return sympy.log(h) ** 2 / 8


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "with c = log h / (h - 1), log x - c (x - 1) is 0 at 1 and h and bends down: log|A| >= c (tr A - d); and "
        "log l - c (l - 1) bends down and has slope 0 at l = 1/c, with the value c - 1 - log c = log Specht(h) = "
        "y coth y - 1 + log(sinh y / y), y = log(h) / 2; so log|E A| - E log|A| <= d log Specht(h)"
    ),
    domain="every h > 1; B = I, which a congruence reaches (S1); eigenvalues of A and of E A as one symbol",
    hypotheses="none",
    controls=(
        control("the tangent's slope c = 1", refutes="chord at h", slope=lambda _: ONE),
        control("Kantorovich's log", refutes=("largest value", "hyperbolic form"), bound=log_kantorovich),
        control("half of it", refutes=("largest value", "hyperbolic form"), bound=half_kantorovich),
        control("the largest value at l = c", refutes=("largest value", "slope"), inverse=-1),
        control("the logarithm halved", refutes=("bends", "chord at h", "slope"), scale=HALF),
        control("from x - 2", refutes=("chord at 1", "chord at h", "largest value"), start=2),
    ),
    tier="quick",
)
def chords_and_tangents(
    run: Run,  # noqa: ARG001
    *,
    slope: Bound = chord,
    bound: Bound = log_specht,
    inverse: int = 1,
    scale: Expr = ONE,
    start: int = 1,
) -> Verdict:
    """E log|A| is a mean of sums over eigenvalues, and log|E A| such a sum: nothing has to commute."""
    h, x, y = sympy.symbols("h x y", positive=True)
    c = slope(h)

    def above(value: Expr) -> Expr:
        return scale * sympy.log(value) - c * (value - start)

    place = c**-inverse
    sinh, cosh = (sympy.exp(2 * y) - 1) / (2 * sympy.exp(y)), (sympy.exp(2 * y) + 1) / (2 * sympy.exp(y))
    hyperbolic = y * cosh / sinh - 1 + sympy.log(sinh / y)
    in_y = sympy.expand_log(bound(h).subs(h, sympy.exp(2 * y)) - hyperbolic, force=True)
    return all_of(
        {
            "chord at 1": identity(above(ONE)),
            "chord at h": identity(above(h)),
            "bends": identity(above(x).diff(x, 2) + x**-2),
            "slope": identity(above(x).diff(x).subs(x, place)),
            "largest value": identity(sympy.expand_log(above(place) - bound(h), force=True)),
            "hyperbolic form": identity(in_y),
        }
    )


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "y coth y - 1 <= y^2 / 3, term by term of y cosh y - sinh y and (y^2 / 3) sinh y: the ratio of the terms of "
        "order 2k + 1 is 3 / (2k + 1) <= 1; integrated, log(sinh y / y) <= y^2 / 6; so log Specht(h) <= u^2 / 8, "
        "u = log h, and it is u^2 / 8 - u^4 / 576 + ..."
    ),
    domain="every h > 1; every k >= 1",
    hypotheses="none",
    controls=(
        control("y^2 / 4 for y^2 / 3", refutes=("terms", "integral"), third=Rational(1, 4)),
        control("u^2 / 16", refutes="order 2", eighth=Rational(1, 16)),
        control("the next term with the other sign", refutes="order 4", sign=-1),
    ),
    tier="quick",
)
def simple_bound(
    run: Run,  # noqa: ARG001
    *,
    third: Expr = Rational(1, 3),  # noqa: B008
    eighth: Expr = Rational(1, 8),  # noqa: B008
    sign: int = 1,
) -> Verdict:
    """The terms are multiplied by (2k + 1)!; (log(sinh y / y))' is (y coth y - 1) / y <= y / 3."""
    k = Symbol("k", positive=True, integer=True)
    y, u, t = sympy.symbols("y u t", positive=True)
    mine = (2 * k + 1) - 1  # (2k + 1)! times 1 / (2k)! - 1 / (2k + 1)!
    theirs = third * (2 * k + 1) * (2 * k)  # (2k + 1)! times third / (2k - 1)!
    # log Specht in u = log h: h = 1 + g, with series in u that SymPy takes of sums of exponentials
    half = u / 2
    shape = sum(half ** (2 * j) / sympy.factorial(2 * j + 1) for j in range(4))  # sinh(half) / half
    cosine = sum(half ** (2 * j) / sympy.factorial(2 * j) for j in range(4))
    series = sympy.series(cosine / shape - 1 + sympy.log(shape), u, 0, 6).removeO()
    polynomial = sympy.Poly(sympy.expand(series), u)
    return all_of(
        {
            "terms": identity(mine - 3 / (2 * k + 1) * theirs),
            "integral": identity(sympy.integrate(third * t, (t, 0, y)) - y**2 / 6),
            "order 2": identity(polynomial.coeff_monomial(u**2) - eighth),
            "order 4": identity(polynomial.coeff_monomial(u**4) + sign * Rational(1, 576)),
        }
    )


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="<",
    states=(
        "the prior helps: if b I <= Hess <= b h' I for the likelihood's part, then A = I + Hess has the ratio h = "
        "(1 + b h') / (1 + b), and h' - h = (h' - 1) / (1 + b) > 0; log Specht rises, its slope in h being "
        "(1 - c) (c - 1/h) / (c (h - 1)) with 1/h < c < 1, as log h > 1 - 1/h: h - 1 - log h and log h - 1 + 1/h are 0 "
        "at 1 and rise"
    ),
    domain="every b > 0 and h' > 1",
    hypotheses="none",
    controls=(
        control("a prior of precision 0", refutes="ratio", prior=0),
        control("a slope without c in the denominator", refutes="slope", power=0),
        control("log h > 1 - 1/h^2", refutes="below c", square=2),
        control("c < 1/2", refutes="above c", top=2),
    ),
    tier="quick",
)
def prior_helps(
    run: Run,  # noqa: ARG001
    *,
    prior: int = 1,
    power: int = 1,
    square: int = 1,
    top: int = 1,
) -> Verdict:
    """A smaller h is a smaller bound only because the bound rises."""
    b, g, h = sympy.symbols("b g h", positive=True)
    raised = 1 + g  # h', above 1
    ratio = (prior + b * raised) / (prior + b)
    c = chord(h)
    slope = (1 - c) * (c - 1 / h) / (c**power * (h - 1))
    first, second = sympy.log(h) - 1 + h**-square, h - 1 - top * sympy.log(h)
    return all_of(
        {
            "ratio": identity(raised - ratio - g / (1 + b)),
            "slope": identity(sympy.simplify(log_specht(h).diff(h) - slope)),
            "below c": identity([first.subs(h, 1), first.diff(h) - (h - 1) / h**2]),
            "above c": identity([second.subs(h, 1), second.diff(h) - (h - 1) / h]),
        }
    )


STATED = {
    "3/2": "0.01025174568713171853634048",
    "2": "0.02983005057080481821483564",
    "4": "0.1170380745315627909676368",
    "10": "0.3095174600993565517168605",
    "100": "1.057228547446112547038398",
}
"""Nats for each latent dimension, (1/2) log Specht(h)."""
PLACES, LIBRARY = 1e-23, 1e-11
STEP = Rational(1, 1000)
"""Of theta, to either side: the two-point law there has a smaller penalty."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        f"(1/2) log Specht(h) is {', '.join(STATED.values())} nats for h = {', '.join(STATED)}, within {PLACES:.0e}, "
        "as c - 1 - log c, by hyperbolic functions, and as the penalty of the two-point law of theta, which is less at "
        f"theta +- {STEP}; ep.constant_variance_penalty bounds that law by the same within {LIBRARY:.0e}"
    ),
    domain=f"d = 1, h = {', '.join(STATED)}",
    hypotheses=(definite_precisions,),
    controls=(
        control("half of Kantorovich's log", refutes=("*: c", "*: library"), bound=half_kantorovich),
        control("(log h)^2 / 8", refutes=("*: c", "*: library"), bound=hoeffding),
        control("P(h) = 1/2", refutes=("*: two points", "*: less below"), share=lambda _: HALF),
        control("P(h) = 1/5", refutes=("*: two points", "*: less above"), share=lambda _: Rational(1, 5)),
        control("y = log h", refutes="*: hyperbolic", y=sympy.log),
    ),
    tier="quick",
)
def values_by_three_forms(
    run: Run,
    *,
    bound: Bound = log_specht,
    share: Bound = theta,
    y: Bound = lambda h: sympy.log(h) / 2,
) -> Verdict:
    """The two-point law is maximal in its share: its penalty is concave there, so smaller at both sides suffices."""
    parts = {}
    for name, stated in STATED.items():
        h = Rational(name)
        p, z = share(h), y(h)
        found = ep.constant_variance_penalty([[["1"]], [[name]]])
        run.assume(definite_precisions, [[[1.0]], [[float(h)]]])
        with working_precision(BITS):
            value = ball(stated)
            forms = {
                "c": constant(bound(h)) / 2,
                "hyperbolic": (
                    constant(z) * constant(z).coth() - 1 + (constant(z).sinh() / constant(z)).log()
                )
                / 2,
                "two points": two_points(h, p),
            }
            for form, number in forms.items():
                parts[f"h = {name}: {form}"] = ball_at_most(abs(number - value), PLACES)
            for side, place in (("above", p + STEP), ("below", p - STEP)):
                parts[f"h = {name}: less {side}"] = ball_positive(two_points(h, p) - two_points(h, place))
            parts[f"h = {name}: library"] = ball_at_most(abs(forms["c"] - arb(found.specht_bound)), LIBRARY)
    return all_of(parts)


def two_points(h: Expr, share: Expr) -> arb:
    """Return the penalty (1/2) (log(1 + p (h - 1)) - p log h) of the law of 1 and h with P(h) = p."""
    p, top = constant(share), constant(h)
    return ((1 + p * (top - 1)).log() - p * top.log()) / 2

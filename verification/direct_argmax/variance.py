"""S4: the variance, exactly and for small steps, and what is gained and lost by the step."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Rational

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    ball_slope,
    control,
    identity,
    tends_to,
)

from .._shared.balls import ball, working_precision
from . import claim
from .bias import BITS
from .hypotheses import positive_step, positive_weights, rising_values
from .laws import TOY, TOY_TEXT, Categories, both_sides, dot, norm, shares, total, unchanged

SIZES = (2, 3, 4)
HALF, ONE = Rational(1, 2), Rational(1)


@claim.check(
    statement="S4",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "d/d eps P(z_eps != z_opt) = G/2 at eps = 0, with G = E |f - f'| of two independent draws, and G for the two "
        "sides: as |e_j - e_i|^2 = 2, the variance 2 P(!=)/h^2 - |mean|^2, h = eps or 2 eps, is G/eps and G/(2 eps) "
        "to leading order"
    ),
    domain=f"every a and f; K = {', '.join(map(str, SIZES))} categories",
    hypotheses=(positive_weights, rising_values),
    controls=(
        control("the variance of f for G", refutes="*", spread="variance"),
        control("G in place of G/2", refutes="one side*", half=ONE),
        control("G/2 for two sides", refutes="two sides*", whole=HALF),
    ),
    tier="quick",
)
def it_grows_like_the_inverse_step(
    run: Run, *, spread: str = "gini", half: Expr = HALF, whole: Expr = ONE
) -> Verdict:
    """u_k = exp(eps f_k), so that du_k/d eps = f_k at u = 1; f_k = f_0 + c_1 + ... + c_k with positive c."""
    parts = {}
    for size in SIZES:
        w, u = (sympy.symbols(f"{name}:{size}", positive=True) for name in "wu")
        steps = sympy.symbols(f"c:{size}", positive=True)
        f = [sympy.Add(*steps[: k + 1]) for k in range(size)]
        run.assume(positive_weights, w)
        run.assume(rising_values, f)
        s = shares(w)
        G = 2 * sympy.Add(*(s[i] * s[k] * (f[k] - f[i]) for k in range(size) for i in range(k)))
        if spread == "variance":
            G = 2 * sympy.Add(*(s[i] * s[k] * (f[k] - f[i]) ** 2 for k in range(size) for i in range(k)))
        # of two sides du/d eps enters the weights too; at u = 1 all are those of one side
        for name, given, factor in (("one side", (w, u), half), ("two sides", both_sides(w, u), whole)):
            moved = 1 - total(unchanged(*given))
            slope = sympy.Add(*(x * moved.diff(y) for x, y in zip(f, u, strict=True)))
            parts[f"{name}, K = {size}"] = identity(slope.subs(dict.fromkeys(u, 1)) - factor * G)
    return all_of(parts)


SCALES = tuple(f"1/{2**k}" for k in range(5, 10))


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "the variance falls like 1/eps (slopes within 0.02 of -1 between these steps), and eps times it stays within "
        "eps of G, and of G/2 with two sides"
    ),
    domain=f"{TOY_TEXT}; eps = {', '.join(SCALES)}; the exact variance",
    hypotheses=(positive_step,),
    controls=(
        control("Gumbels of their own: 1/eps^2", refutes="slope*", fresh=True),
        control("2 % more", refutes="limit*", share=Fraction(51, 50)),
    ),
    tier="quick",
)
def variance_has_this_order(run: Run, *, fresh: bool = False, share: Fraction = Fraction(1)) -> Verdict:
    """With Gumbels of their own P(z_eps != z_opt) = 1 - sum s_i s_i'."""
    steps = list(map(Fraction, SCALES))
    for step in steps:
        run.assume(positive_step, step)
    parts = {}
    with working_precision(BITS):
        G = ball(share) * TOY.gini()
        for name, two_sided in (("one side", False), ("two sides", True)):
            values = [(_fresh if fresh else TOY.variance)(step, two_sided) for step in steps]
            scaled = [ball(step) * value for step, value in zip(steps, values, strict=True)]
            parts[f"slope, {name}"] = ball_slope(SCALES, values, -1, [0.02] * 4)
            limit = G / 2 if two_sided else G
            parts[f"limit, {name}"] = tends_to(SCALES, scaled, limit, order=1, factor=1.0)
        return all_of(parts)


def _fresh(step: Fraction, two_sided: bool) -> arb:
    """Return the variance of the estimator whose arg maxima have Gumbels of their own."""
    ahead, behind = shares(TOY.weights(step)), shares(TOY.weights(-step if two_sided else 0))
    h, mean = ball(2 * step if two_sided else step), TOY.mean(step, two_sided)
    found: arb = 2 * (1 - dot(ahead, behind)) / h**2 - dot(mean, mean)
    return found


def error(given: Categories, step: Fraction, samples: Fraction | int, two_sided: bool) -> arb:
    """Return the mean squared error |bias|^2 + variance/M of the average of M samples."""
    bias = given.bias(step, two_sided)
    found: arb = dot(bias, bias) + given.variance(step, two_sided) / ball(samples)
    return found


def best_step(given: Categories, samples: Fraction | int, two_sided: bool) -> arb:
    """Return (2 G/(M |B|^2))^(1/3), or (9 G/(2 M |C|^2))^(1/5)."""
    G, M = given.gini(), ball(samples)
    if two_sided:
        return (9 * G / (2 * M * norm(given.third()) ** 2)) ** (arb(1) / 5)
    return (2 * G / (M * norm(given.curvature()) ** 2)) ** (arb(1) / 3)


def rational(number: arb) -> Fraction:
    """Return a fraction near a ball, good to six digits."""
    return Fraction(float(number.mid())).limit_denominator(10**9)


Way = Callable[[Expr, Expr, Expr], Expr]


@claim.check(
    statement="S4",
    role="sharpens",
    method="symbolic",
    relation="=",
    states=(
        "eps^2 |B|^2/4 + G/(M eps) is least at eps = (2 G/(M |B|^2))^(1/3), and eps^4 |C|^2/36 + G/(2 M eps) at "
        "(9 G/(2 M |C|^2))^(1/5): the squared errors are 3/4 (2 G |B|/M)^(2/3) and 5/36 |C|^2 eps^4 there"
    ),
    domain="every G, M, |B|, |C| > 0: the leading terms of the error, for many samples",
    hypotheses=(positive_step,),
    controls=(
        control("1/M for both variances", refutes="two sides*", half=ONE),
        control("bias eps |B|", refutes="one side*", lead=ONE),
    ),
    tier="quick",
)
def the_best_step_of_the_leading_terms(run: Run, *, half: Expr = HALF, lead: Expr = HALF) -> Verdict:
    """Both are sums of a rising and a falling power, with one stationary point."""
    G, M, b, c, eps = sympy.symbols("G M b c eps", positive=True)
    run.assume(positive_step, eps)
    one = lead**2 * eps**2 * b**2 + G / (M * eps)
    two = eps**4 * c**2 / 36 + half * G / (M * eps)
    # M that makes a given eps the best: powers stay whole
    first, second = 2 * G / (eps**3 * b**2), 9 * G / (2 * eps**5 * c**2)
    return all_of(
        {
            "one side, slope": identity(one.diff(eps).subs(M, first)),
            "two sides, slope": identity(two.diff(eps).subs(M, second)),
            # (3/4)^3 (2 G b/M)^2 is the cube of the value
            "one side, value": identity(
                one.subs(M, first) ** 3 - Rational(27, 64) * (2 * G * b / first) ** 2
            ),
            "two sides, value": identity(two.subs(M, second) - Rational(5, 36) * c**2 * eps**4),
        }
    )


MANY = (10**6, 10**9)
"""Samples."""
NEAR = {False: {10**6: "1/50", 10**9: "1/200"}, True: {10**6: "1/50", 10**9: "1/50"}}
"""How far from the formula the exact best step may be, as a share."""


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        "the exact error has a local minimum within 2 % of these steps at M = 10^6 samples, and within 0.5 % (one "
        "side) or 2 % (two sides) at 10^9"
    ),
    domain=f"{TOY_TEXT}; the exact mean squared error",
    hypotheses=(positive_step,),
    controls=(
        control("steps 5 % larger", times=Fraction(21, 20)),
        control("steps 5 % smaller", times=Fraction(19, 20)),
    ),
)
def the_best_step_for_many_samples(run: Run, *, times: Fraction = Fraction(1)) -> Verdict:
    """At both ends of the interval the error is larger than in its middle, so that its minimum is inside."""
    parts = {}
    with working_precision(BITS):
        for two_sided, name in ((False, "one side"), (True, "two sides")):
            for samples in MANY:
                middle = times * rational(best_step(TOY, samples, two_sided))
                run.assume(positive_step, middle)
                share = Fraction(NEAR[two_sided][samples])
                inside = error(TOY, middle, samples, two_sided)
                ends = [error(TOY, middle * (1 + way * share), samples, two_sided) for way in (-1, 1)]
                rise = min((end - inside for end in ends), key=lambda one: float(one.mid()))
                parts[f"{name}, M = {samples:g}"] = ball_positive(rise)
        return all_of(parts)


FEW = (1, 10)
FAR = Fraction(1000)


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation="<",
    states=(
        "for few samples there is no such step: at M = 1 and 10 the error with eps = 32 is below that of the formula's "
        "step and of eps = 1/10, 1, 3; at eps = 1000 it is within 1 % of |gradient|^2, the error of returning 0"
    ),
    domain=f"{TOY_TEXT}; one side; the exact mean squared error",
    hypotheses=(positive_step,),
    controls=(
        control("a thousand samples", refutes="below*", samples=1000),
        control("within 1 % of half of |gradient|^2", refutes="zero*", share=Fraction(1, 2)),
    ),
)
def few_samples_want_no_estimate(run: Run, *, samples: int = 1, share: Fraction = Fraction(1)) -> Verdict:
    """An estimate of which nothing is left has no variance, and the squared gradient as its error."""
    parts = {}
    with working_precision(BITS):
        gradient = TOY.gradient()
        for few in FEW:
            M = few * samples
            far = error(TOY, Fraction(32), M, False)
            steps = [Fraction(1, 10), Fraction(1), Fraction(3), rational(best_step(TOY, M, False))]
            for step in steps:
                run.assume(positive_step, step)
            least = min((error(TOY, step, M, False) for step in steps), key=lambda one: float(one.mid()))
            parts[f"below, M = {few}"] = ball_positive(least - far)
            ratio = error(TOY, FAR, M, False) / dot(gradient, gradient)
            parts[f"zero, M = {few}"] = ball_at_most(abs(ratio - ball(share)), 0.01)
        return all_of(parts)

"""S4, S5: the rate bounds the information of the code; what unequal posterior variances change."""

from collections.abc import Callable
from fractions import Fraction

import sympy
from flint import acb, arb
from sympy import Expr, Symbol

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    control,
    identity,
)

from .._shared.balls import Line, ball, working_precision
from .._shared.two_codes import PIECES, information, rate
from . import claim
from .hypotheses import positive_variances
from .rate import HALF, ONE, SIZES, SIZES_TEXT, divergence, second_moment

BITS = 140
CODES = (Fraction(1), Fraction(2), Fraction(3))
"""mu of the codes +-mu, posterior variance 1."""
WITHIN = 1e-20


def excess(mu: Fraction) -> arb:
    """Return KL(q(z) || N(0, 1 + mu^2)) of the aggregate q(z), from the two densities."""
    # q(z) = (N(z; mu, 1) + N(z; -mu, 1))/2 is even, so E over q(z) is E over N(mu, 1). There log q(z) = -(z - mu)^2/2 -
    # log 2 pi / 2 + log((1 + exp(-2 mu z))/2), and log p(z) = -z^2/(2 v) - log(2 pi v)/2
    centre, v = ball(mu), ball(1 + mu * mu)

    def difference(z: acb) -> acb:
        log_q = -(z - centre) * (z - centre) / 2 + ((1 + (-2 * centre * z).exp()) / 2).log(analytic=True)
        return log_q + z * z / (2 * v) + v.log() / 2

    return Line(mu, Fraction(1)).expectation(difference, 1000, PIECES)


Measure = Callable[[Fraction], arb]
CURVE = tuple(Fraction(k, 4) for k in range(1, 17))


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "the rate 1/2 log(1 + mu^2) is the information I(x; z) of the codes +-mu plus KL(q(z) || fitted prior), both "
        f"integrated, within {WITHIN:g} nats"
    ),
    domain=f"two codes +-mu with posterior variance 1, mu = {', '.join(map(str, CODES))}",
    hypotheses=(positive_variances,),
    controls=(
        control("the rate alone is the information", excess_of=lambda _: arb(0)),
        control("the information's cap log 2 for the information", information_of=lambda _: arb(2).log()),
    ),
)
def information_and_excess(
    run: Run, *, information_of: Measure = information, excess_of: Measure = excess
) -> Verdict:
    """E KL(q_n || p) = E KL(q_n || q(z)) + KL(q(z) || p)."""
    run.assume(positive_variances, 1.0)
    with working_precision(BITS):
        parts = {
            f"mu = {mu}": ball_equal(rate(mu) - information_of(mu) - excess_of(mu), WITHIN) for mu in CODES
        }
        return all_of(parts).with_data(
            mu=[float(mu) for mu in CURVE],
            rate=[float(rate(mu).mid()) for mu in CURVE],
            information=[float(information(mu).mid()) for mu in CURVE],
            cap=[float(arb(2).log())],
        )


@claim.check(
    statement="S4",
    role="sharpens",
    method="certified",
    relation=">",
    states=(
        "the rate exceeds the information by more than 1/2 log(1 + mu^2) - log 2 and by more than 0, and that bound "
        "grows without limit; at mu = 2 and 3 the rate exceeds log 2, which no information of two codes does"
    ),
    domain=f"two codes +-mu with posterior variance 1, mu = {', '.join(map(str, CODES))}",
    hypotheses=(positive_variances,),
    controls=(
        control("the rate is at most the information", refutes="excess*", sign=-1),
        control("the rate is at most log 2", refutes="beyond log 2*", beyond=-1),
    ),
)
def the_rate_is_above_the_information(run: Run, *, sign: int = 1, beyond: int = 1) -> Verdict:
    """I <= log N for N codes, so the excess is at least the rate less log N."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(BITS):
        for mu in CODES:
            parts[f"excess, mu = {mu}"] = ball_positive(sign * (rate(mu) - information(mu)))
            if mu > 1:
                parts[f"beyond log 2, mu = {mu}"] = ball_positive(beyond * (rate(mu) - arb(2).log()))
        return all_of(parts)


@claim.check(
    statement="S5",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "if the posterior variances s_n vary, E KL(N(m, s_n) || fitted prior) exceeds the rate with their mean by 1/2 "
        "[log E s - E log s] > 0: BILBO with the mean variance is no lower bound then"
    ),
    domain=f"all codes and all s_n > 0, N = {SIZES_TEXT}, d = 1; positive unless all s_n are equal (Jensen)",
    hypotheses=(positive_variances,),
    controls=(
        control("without 1/2", half=ONE),
        control("the logarithm of the mean twice", swapped=True),
    ),
    tier="quick",
)
def unequal_variances_cost(run: Run, *, half: Expr = HALF, swapped: bool = False) -> Verdict:
    """The logarithms of s_n, of their mean and of the fitted variance stand as symbols."""
    parts = {}
    for size in SIZES:
        codes = [Symbol(f"m{n}", real=True) for n in range(size)]
        s = [Symbol(f"s{n}", positive=True) for n in range(size)]
        logs = [Symbol(f"l{n}", real=True) for n in range(size)]
        log_mean, log_best = sympy.symbols("lm lb", real=True)
        run.assume(positive_variances, *s)
        best = second_moment(codes) + sympy.Add(*s) / size
        each = (divergence(m, v, w, best, log_best) for m, v, w in zip(codes, s, logs, strict=True))
        total = sympy.Add(*each) / size
        rate_of_mean = (log_best - log_mean) / 2
        stated = half * (log_mean - (log_mean if swapped else sympy.Add(*logs) / size))
        parts[f"N = {size}"] = identity(total - rate_of_mean - stated)
    return all_of(parts)


RATIOS = ("3/2", "2", "4", "10")


@claim.check(
    statement="S5",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "with s_n in [a, a h] the excess 1/2 [log E s - E log s] is at most 1/2 [c - 1 - log c], c = log h/(h - 1) "
        "(Specht's ratio), and two values a, a h with the share 1/log h - 1/(h - 1) of the larger one reach it"
    ),
    domain=f"h = {', '.join(RATIOS)}; all laws on 64 shares of a and a h; the extremal law within 1e-25",
    hypotheses=(positive_variances,),
    controls=(
        control("shares of 1/2 as the extremal law", refutes="reached*", share=lambda _: arb(1) / 2),
        control(
            "log((1 + h)/(2 sqrt h)), which laws of equal shares reach", refutes="bounded*", kantorovich=True
        ),
    ),
)
def specht_bounds_the_excess(
    run: Run, *, share: Callable[[arb], arb] | None = None, kantorovich: bool = False
) -> Verdict:
    """The two inequalities are those of `chord_and_tangent`."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(BITS):
        for text in RATIOS:
            h = ball(text)
            c = h.log() / (h - 1)
            bound = ((1 + h) / (2 * h.sqrt())).log() if kantorovich else c - 1 - c.log()
            extremal = (share or (lambda r: 1 / r.log() - 1 / (r - 1)))(h)
            specht = c - 1 - c.log()
            parts[f"reached, h = {text}"] = ball_equal(_spread(h, extremal) - specht, 1e-25)
            worst = max((_spread(h, arb(k) / 64) - bound for k in range(1, 64)), key=lambda b: float(b.mid()))
            parts[f"bounded, h = {text}"] = ball_at_most(worst, 0)
        return all_of(parts)


def _spread(h: arb, p: arb) -> arb:
    """Return log E s - E log s for s = h with probability p, else 1."""
    return (1 + p * (h - 1)).log() - p * h.log()


@claim.check(
    statement="S5",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "log t - c (t - 1) is 0 at t = 1 and at t = h, its second derivative -1/t^2 < 0: it is not negative between, "
        "so E log s >= c (E s - 1). c y - 1 - log(c y) has slope 0 at y = 1/c, where it is 0, its second derivative "
        "1/y^2 > 0: so log E s <= c E s - 1 - log c. The difference is Specht's bound"
    ),
    domain="every h > 1, c = log h/(h - 1), every t in [1, h], every y > 0: hence every law of s on [a, a h]",
    hypotheses=(positive_variances,),
    controls=(
        control("c = 1/h", refutes="chord at h", slope=lambda h: 1 / h),
        control("the tangent at 1", refutes="tangent's slope", touch=lambda _: ONE),
        control("log(1 + t) for log t", logarithm=lambda t: sympy.log(1 + t)),
    ),
    tier="quick",
)
def chord_and_tangent(
    run: Run,
    *,
    slope: Callable[[Expr], Expr] = lambda h: sympy.log(h) / (h - 1),
    touch: Callable[[Expr], Expr] = lambda c: 1 / c,
    logarithm: Callable[[Expr], Expr] = sympy.log,
) -> Verdict:
    """Signs of second derivatives decide on which side of chord and tangent the logarithm lies."""
    h, c, t = sympy.symbols("h c t", positive=True)
    run.assume(positive_variances, h, c, t)
    chord, tangent = logarithm(t) - slope(h) * (t - 1), c * t - 1 - sympy.log(c) - logarithm(t)
    return all_of(
        {
            "chord at 1": identity(chord.subs(t, 1)),
            "chord at h": identity(chord.subs(t, h)),
            "chord is concave": identity(chord.diff(t, 2) + 1 / t**2),
            "tangent's slope": identity(tangent.diff(t).subs(t, touch(c))),
            "tangent's value": identity(tangent.subs(t, 1 / c)),
            "tangent is convex": identity(tangent.diff(t, 2) - 1 / t**2),
        }
    )

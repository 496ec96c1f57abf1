"""S4, d = 1: the strip without poles, by winding numbers; exact for two codes and for three."""

from collections.abc import Callable
from fractions import Fraction

from flint import acb, arb

import elboproof as ep
from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    control,
    tends_to,
)

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import shared_covariance, two_pairs
from .points import Points
from .winding import zeros_inside

BITS = 128
REACH = 12
"""Half length of the rectangles: beyond, one term is more than the sum of the others (checked)."""
WITHIN = 1e-20


def points(codes: tuple[str, ...], variance: str) -> Points:
    """Return codes with different data and one variance."""
    return Points(tuple(range(len(codes))), codes, (variance,) * len(codes))


SETS = {
    "two codes": points(("-1", "1"), "1"),
    "three codes": points(("-1", "0", "1"), "1"),
    "five codes": points(("-1", "-1/2", "1/4", "3/4", "5/4"), "1/3"),
}


def relative_denominator(data: Points, z: acb) -> acb:
    """Return D(z) exp(z^2/(2 s^2)), which has the zeros of D: sum of exp((z m - m^2/2)/s^2)."""
    s = ball(data.variances[0])
    return sum(((((z - ball(m) / 2) * ball(m)) / s).exp() for m in data.codes), acb(0))


def width(data: Points) -> arb:
    """Return pi s^2 / diam(m)."""
    codes = [Fraction(m) for m in data.codes]
    return arb.pi() * ball(data.variances[0]) / ball(max(codes) - min(codes))


def count(data: Points, height: arb) -> arb:
    """Return how many zeros of the denominator there are with |Im z| < height and |Re z| < REACH."""
    return zeros_inside(lambda z: relative_denominator(data, z), acb(-REACH, -height), acb(REACH, height))


def dominated(data: Points, reach: arb) -> arb:
    """Return the sum of the other terms over the outermost one at -reach and reach, the larger; beyond it falls."""
    found = arb(0)
    for z in (-reach, reach):
        sizes = [abs(term.real) for term in data.terms(acb(z))]
        largest = sizes[0] if z < 0 else sizes[-1]
        found = found.max((sum(sizes, arb(0)) - largest) / largest)
    return found


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "the denominator has no zero with |Im z| <= 0.999 pi s^2/diam(m), by the argument principle on rectangles "
        "and a dominant term beyond; for two codes it has two zeros with |Im z| <= 1.001 pi s^2/diam(m)"
    ),
    domain="d = 1, two, three and five codes",
    hypotheses=(shared_covariance,),
    controls=(
        control("a strip wider by 1 %", refutes="two codes", share=Fraction(101, 100)),
        control("a strip 2.3 times as wide", refutes=tuple(SETS), share=Fraction(23, 10)),
        control("half width pi s^2/(2 diam) as the exact width", refutes="the first*", exact=Fraction(1, 2)),
        control("a reach of 1/4", refutes="dominant*", reach=Fraction(1, 4)),
    ),
)
def no_zero_in_the_strip(
    run: Run,
    *,
    share: Fraction = Fraction(999, 1000),
    exact: Fraction | int = 1,
    reach: Fraction | int = REACH,
) -> Verdict:
    """Conjugate zeros come in pairs, so that a count of 2 is one pair."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for name, data in SETS.items():
            run.assume(shared_covariance, data.variances)
            parts[name] = ball_equal(count(data, width(data) * ball(share)), 1e-6)
            parts[f"dominant term, {name}"] = ball_at_most(dominated(data, ball(reach)), 0.5)
        pair = SETS["two codes"]
        wider = count(pair, width(pair) * ball(exact) * ball(Fraction(1001, 1000)))
        parts["the first pair of two codes"] = ball_equal(wider - 2, 1e-6)
    return all_of(parts)


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "two codes: f* has poles at mid + i (2k+1) pi s^2/(m_2 - m_1), the first of them on the boundary of the "
        "strip, and OptimalDecoder.analytic_radius is that distance, rounded down by less than 1e-13 of it"
    ),
    domain="m = -1/2, 5/8, s^2 = 3/8, k = 0, 1, 2",
    hypotheses=(two_pairs, shared_covariance),
    controls=(
        control("a strip wider by 1 %", refutes=("pole*", "* least"), share=Fraction(101, 100)),
        control("half of the width", refutes=("pole*", "* most"), share=Fraction(1, 2)),
    ),
    tier="quick",
)
def poles_of_two_codes(run: Run, *, share: Fraction | int = 1) -> Verdict:
    """At a zero of the denominator of two terms the numerator is (x_1 - x_2) times one of them."""
    pair = Points(("1/4", "7/4"), ("-1/2", "5/8"), ("3/8", "3/8"))
    run.assume(two_pairs, (pair.codes, pair.data))
    run.assume(shared_covariance, pair.variances)
    parts = {}
    with working_precision(BITS):
        m = [ball(code) for code in pair.codes]
        step = width(pair) * ball(share)
        for k in range(3):
            z = acb((m[0] + m[1]) / 2, (2 * k + 1) * step)
            terms = pair.terms(z)
            parts[f"pole {k}"] = ball_equal(abs(sum(terms, acb(0))) / abs(terms[0]), WITHIN)
        decoder = ep.OptimalDecoder([[-0.5], [0.625]], [[0.25], [1.75]], 0.375)
        below = 1 - arb(decoder.analytic_radius()) / step
        parts["analytic_radius, at most"] = ball_at_most(-below, 0)
        parts["analytic_radius, at least"] = ball_at_most(below, 1e-13)
    return all_of(parts)


SCALES = ("1/10", "1/30", "1/100", "1/300")
"""1/s, against which the exact width over s^2 tends to 2 pi/3."""
EXACT = "2.539868106131846249464157"
"""To be reproduced."""


def exact_strip(variance: arb) -> arb:
    """s^2 arccos(-exp(1/(2 s^2))/2): where 1 + 2 exp(-1/(2 s^2)) cos(y/s^2) = 0."""
    return variance * (-(1 / (2 * variance)).exp() / 2).acos()


@claim.check(
    statement="S4",
    role="limits",
    method="certified",
    relation="=",
    states=(
        "for codes -1, 0, 1 and s^2 = 1 the strip is wider than pi/2: the first pole is i arccos(-sqrt(e)/2) = "
        "2.539868106131846249464157 i, a zero of the denominator with the residual 0 and the only one up to 1.001 "
        "of its height in the upper half plane, none being below 0.999 of it; analytic_radius is that number, "
        "rounded down. Over s^2 it tends to 2 pi/3 as s grows"
    ),
    domain="codes -1, 0, 1; s^2 = 1, and s = 10, 30, 100, 300 for the limit",
    hypotheses=(shared_covariance,),
    controls=(
        control("pi/2 claimed as exact for three codes on a line",
                refutes=("residual", "digits", "wider*", "one up to"),
                strip=lambda s: arb.pi() * s / 2),
        control("a strip wider by 1 %", refutes=("residual", "digits", "none below", "analytic_radius, at least"),
                strip=lambda s: exact_strip(s) * 101 / 100),
        control("a strip narrower by 1 %", refutes=("residual", "digits", "one up to", "analytic_radius, at most"),
                strip=lambda s: exact_strip(s) * 99 / 100),
        control("pi/2 for 2 pi/3 as the limit", refutes="limit", limit=Fraction(1, 2)),
        control("a numerator that vanishes with the denominator", refutes="a pole", numerator=0),
    ),
)  # fmt: skip
def exact_strip_of_three_codes(
    run: Run,
    *,
    strip: Callable[[arb], arb] = exact_strip,
    limit: Fraction = Fraction(2, 3),
    numerator: int = 1,
) -> Verdict:
    """Phases strictly inside (0, pi) add to more than those of two codes at its ends do."""
    data = SETS["three codes"]
    run.assume(shared_covariance, data.variances)
    with working_precision(BITS):
        y = strip(arb(1))
        zero = acb(0, y)
        decoder = ep.OptimalDecoder([[-1.0], [0.0], [1.0]], [[0.0], [1.0], [2.0]], 1.0)
        below = 1 - arb(decoder.analytic_radius()) / y
        top = sum((t * x for t, x in zip(data.terms(zero), data.x(), strict=True)), acb(0))
        values = [strip(1 / ball(h) ** 2) * ball(h) ** 2 for h in SCALES]
        return all_of(
            {
                "residual": ball_equal(abs(relative_denominator(data, zero)), WITHIN),
                "digits": ball_equal(y + arb(0, 1e-24) - ball(EXACT), 2e-24),
                "none below": ball_equal(count(data, y * ball(Fraction(999, 1000))), 1e-6),
                "one up to": ball_equal(count(data, y * ball(Fraction(1001, 1000))) - 2, 1e-6),
                "analytic_radius, at most": ball_at_most(-below, 0),
                "analytic_radius, at least": ball_at_most(below, 1e-13),
                "a pole": ball_positive(abs(top) * numerator),
                "wider than 1.001 pi/2": ball_positive(y - ball("1.001") * arb.pi() / 2),
                "limit": tends_to(SCALES, values, arb.pi() * ball(limit), order=2, factor=1.0),
            }
        )

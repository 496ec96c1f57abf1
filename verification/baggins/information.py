"""S7: BILBO + BAGGINS of all data is a lower bound of what the noised data's law gains over their own Gaussian."""

from fractions import Fraction
from math import isqrt

import sympy
from flint import arb
from sympy import Expr

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_positive,
    control,
    identity,
)

from .._shared.balls import Line, ball, working_precision
from .._shared.two_codes import information
from . import claim
from .hypotheses import positive_bits, positive_variances

BITS = (1, 2, 4)
CODES = tuple(map(Fraction, ("1/2", "1", "3/2", "2", "5/2", "3")))
PRECISION = 140


def gain(bits: int) -> arb:
    """Return 1/2 log(2 pi e (1 + lambda)) - h(y), y = +-1 + noise of variance lambda = 1/(4^b - 1)."""
    # h(y) = h(noise) + I(x; y): 1/2 log(2 pi e lambda) + I of codes +-1/sqrt(lambda) in unit noise; and
    # (1 + lambda)/lambda = 4^b. The square root of 4^b - 1 is irrational: two fractions around it, as I grows with mu
    low = Fraction(isqrt((4**bits - 1) * 10**40), 10**20)
    around = information(low).union(information(low + Fraction(1, 10**20)))
    return bits * arb(2).log() - around


def objective(bits: int, code: Fraction) -> arb:
    """Return BILBO + BAGGINS of the data +-1: codes +-m, posterior variance 1, the optimal decoder tanh(m z)."""
    m = ball(code)
    # (1 - tanh)^2 <= 4
    r = Line(code, Fraction(1)).expectation(lambda z: (1 - (m * z).tanh()) ** 2, 4, 8)
    rate = ball(1 + code * code).log() / 2
    value: arb = bits * arb(2).log() - (1 + r * (4**bits - 1)).log() / 2 - rate
    return value


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "BILBO + BAGGINS of the optimal decoder at each code is at most b log 2 - I, the exact gain of the noised "
        "data's law over its own Gaussian; and positive at the best code for 2 bits and more"
    ),
    domain=(
        f"data +-1, b = {', '.join(map(str, BITS))}, codes +-m, m = {', '.join(map(str, CODES))}; decoder tanh(m z), "
        "posterior variance 1"
    ),
    hypotheses=(positive_variances, positive_bits),
    controls=(
        control("at most 0, as for Gaussian data", refutes=["bounded, 2 bits", "bounded, 4 bits"], share=0),
        control("at most 1/4 of the gain", refutes="bounded*", share=Fraction(1, 10), least=-1),
        control("negative", refutes="positive*", sign=-1),
    ),
)
def two_points_bound_the_objective(
    run: Run, *, share: Fraction | int = 1, sign: int = 1, least: int = 0
) -> Verdict:
    """q(z|x) is a valid posterior for y = x + noise, too: Jensen's inequality at each y, averaged over the noise."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(PRECISION):
        for bits in BITS:
            run.assume(positive_bits, bits)
            values = [objective(bits, code) for code in CODES]
            best = max(values, key=lambda one: float(one.mid()))
            bound = ball(Fraction(share)) * gain(bits) + least * 1
            parts[f"bounded, {bits} bits"] = ball_at_most(best - bound, 0)
            if bits > 1:
                parts[f"positive, {bits} bits"] = ball_positive(sign * best)
        return all_of(parts)


@claim.check(
    statement="S7",
    role="sharpens",
    method="symbolic",
    relation="<=",
    states=(
        "for Gaussian data of variance v, codes a x with posterior variance 1 and a decoder w z: (r + lambda v)(1 + "
        "a^2 v) - (1 + lambda) v = (w (1 + a^2 v) - a v)^2 + lambda a^2 v^2 >= 0, so the objective is at most 0"
    ),
    domain="every v, lambda > 0, every a and w; one dimension, linear networks",
    hypotheses=(positive_variances,),
    controls=(
        control("without the posteriors' noise", noise=0),
        control("the bound without lambda a^2 v^2", extra=0),
    ),
    tier="quick",
)
def gaussian_data_give_nothing(run: Run, *, noise: int = 1, extra: int = 1) -> Verdict:
    """The objective is 1/2 log of (1 + lambda) v over (r + lambda v)(1 + a^2 v), r = v (1 - w a)^2 + w^2."""
    v, lam = sympy.symbols("v lam", positive=True)
    a, w = sympy.symbols("a w", real=True)
    run.assume(positive_variances, v)
    r: Expr = v * (1 - w * a) ** 2 + noise * w**2
    left = (r + lam * v) * (1 + a**2 * v) - (1 + lam) * v
    return identity(left - (w * (1 + a**2 * v) - a * v) ** 2 - extra * lam * a**2 * v**2)


VARIANCES = (1, 9)


@claim.check(
    statement="S7",
    role="limits",
    method="certified",
    relation="<=",
    states=(
        "in the isotropic mode independent Gaussian data of unequal variances give more than 0: their bound 1/2 sum_j "
        "log((1 + lambda) vbar/(v_j + lambda vbar)) lies within 0.001 of 0.504, and a linear network reaches 0.4955 "
        "within 0.0001, coding the larger dimension only"
    ),
    domain=f"two dimensions, variances {VARIANCES[0]} and {VARIANCES[1]}, 4 bits",
    hypotheses=(positive_variances, positive_bits),
    controls=(
        control("lambda of 2 bits", refutes="*", bits=2),
        control("the bound is reached", refutes="reached", stated="5039/10000"),
        control("a bound of 1/2", refutes="bound", bound="1/2"),
    ),
)
def unequal_variances_are_a_gain(
    run: Run, *, bits: int = 4, stated: str = "4955/10000", bound: str = "504/1000"
) -> Verdict:
    """r_1 = v_1 = 1 (no code), r_2 = 10 lambda + 1 by the stationary point of the objective in r_2."""
    run.assume(positive_variances, *map(float, VARIANCES))
    run.assume(positive_bits, bits)
    with working_precision(PRECISION):
        lam = 1 / arb(4**bits - 1)
        total = arb(sum(VARIANCES))
        mean = total / 2
        limit = sum((((1 + lam) * mean / (v + lam * mean)).log() / 2 for v in VARIANCES), arb(0))
        second = lam * total + 1
        value = (
            2 * bits * arb(2).log()
            - (1 + (1 + second) / (lam * total)).log()
            - (VARIANCES[1] / second).log() / 2
        )
        return all_of(
            {
                "bound": ball_at_most(abs(limit - ball(bound)), Fraction(1, 1000)),
                "reached": ball_at_most(abs(value - ball(stated)), Fraction(1, 10000)),
            }
        )

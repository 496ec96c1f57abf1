"""S2: the van Trees bound for f = sinh z, where x is a real number: the mean variance is enclosed by cells of x."""

from fractions import Fraction
from functools import lru_cache

from flint import acb, arb

from elboproof.checking import Run, Verdict, ball_positive, control

from .._shared.balls import Line, ball, working_precision
from . import claim
from .hypotheses import positive_parameters

BITS = 64
PRIOR = Line(Fraction(0), Fraction(1))
VARIANCE, CELL, LAST = Fraction(1, 10), Fraction(1, 16), 8
SLACK = Fraction(1, 12)
TOLERANCE = 1e-7


def _moments(centre: arb, side: int) -> tuple[arb, arb, arb]:
    """Return the integrals of 1, z, z^2 with N(z) and a bound of p(x|z) over a cell: below for side 1, above for -1.

    With r = c - sinh z, h the cell's half width and e = `SLACK`: (1 - e) r^2 - (1/e - 1) h^2 <= (x - sinh z)^2 <= (1 +
    e) r^2 + (1/e + 1) h^2 for every x of the cell.
    """
    half, twice = ball(CELL / 2), 2 * ball(VARIANCE)
    share, shift = ball(1 + side * SLACK), side * ball(1 / SLACK + side) * half * half
    norm = (arb.pi() * twice).sqrt()

    def moment(power: int) -> arb:
        def weighted(z: acb) -> acb:
            off = centre - z.sinh()
            return z**power * (-(share * off * off + shift) / twice).exp() / norm

        return PRIOR.expectation(weighted, tolerance=TOLERANCE)

    return moment(0), moment(1), moment(2)


@lru_cache
def mean_variance() -> arb:
    """Return a ball around E Var(z|x), x = sinh z + noise.

    p(x) Var(z|x) = (N_0 N_2 - N_1^2)/N_0 with N_k the integral of z^k N(z) p(x|z). Its numerator is half the double
    integral of (z - z')^2 and two weights, so that it grows with the weights, as the denominator does.
    """
    low = high = arb(0)
    for k in range(int(LAST / CELL)):
        centre = ball(CELL * k + CELL / 2)
        small, large = _moments(centre, 1), _moments(centre, -1)
        low += _numerator(small) / large[0]
        high += _numerator(large) / small[0]
    both_sides = 2 * ball(CELL)
    return (both_sides * low).union(both_sides * high + _beyond())


def _numerator(moments: tuple[arb, arb, arb]) -> arb:
    return moments[0] * moments[2] - moments[1] * moments[1]


def _beyond() -> arb:
    """Bound the part with |x| > 8 by E (z - asinh x)^2 there.

    |z - asinh x| is at most the noise, and at most noise/4 if that is below 4: asinh has a slope below 1/4 beyond 4.
    The noise is below 4 but for 12 deviations, where E[e^2; |e| > 12] < 1e-29; |x| > 8 needs |sinh z| > 7 or noise > 1.
    """
    chance = (ball(7).asinh() / arb(2).sqrt()).erfc() + (1 / (2 * ball(VARIANCE)).sqrt()).erfc()
    kurtosis = arb(3).sqrt()  # E[e^2; event] <= sqrt(E e^4 P(event))
    return ball(VARIANCE) * (kurtosis * chance.sqrt() / 16 + arb(10) ** -29)


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation=">",
    states=(
        "van Trees for f = sinh z: E Var(z|x) exceeds S* = 1/(1 + E cosh^2(z)/sigma^2) = 1/(1 + (e^2 + 1)/(2 "
        "sigma^2)), by more than half of S*"
    ),
    domain=f"sigma^2 = {VARIANCE}; E Var(z|x) is enclosed over {int(2 * LAST / CELL)} cells of x and beyond them",
    hypotheses=(positive_parameters,),
    controls=(control("the metric at the prior's mean: 1/(1 + 1/sigma^2)", at_mean=True),),
    tier="full",
)
def variance_of_a_real_datum(run: Run, *, at_mean: bool = False) -> Verdict:
    """S* is .0233; floats give .0545 for the variance."""
    run.assume(positive_parameters, VARIANCE)
    with working_precision(BITS):
        square = arb(1) if at_mean else (arb(2).exp() + 1) / 2
        bound = 1 / (1 + square / ball(VARIANCE))
        return ball_positive(mean_variance() - (1 if at_mean else ball("3/2")) * bound)

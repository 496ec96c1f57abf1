"""S5, its limits: under Laplace and Student-t likelihoods another decoder is better than f*.

At one z of one small instance, exactly. Two decoders that are continuous in z differ in the same sense nearby, so what
is better at one z is better on a set of positive measure under q(z).

Student-t with nu degrees of freedom and scale c has -log p(x|f) = (nu + 1)/2 log(lambda + (x - f)^2) + constant with
lambda = nu c^2, so all of them are one family with a single parameter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import prod

from flint import arb, arb_poly

from elboproof.checking import Run, Verdict, all_of, ball_equal, ball_positive, control

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import definite_encoder, finite_moment
from .words import listed

BITS = 120
CODES, VARIANCE = (-1, 0, 1), Fraction(1, 2)
DATA, LATENT = (-1, 0, 4), Fraction(1, 4)
ONE_EXAMPLE = (
    f"x = {listed(DATA)} with codes {listed(CODES)} and the shared variance {VARIANCE}, at z = {LATENT}"
)


@dataclass(frozen=True)
class Average:
    """The examples under the weights w(z) at one latent z, as balls, with f* = sum_i w_i x_i."""

    weights: list[arb]
    mean: arb

    @classmethod
    def at(cls, z: Fraction) -> "Average":
        """Return it for the instance of this module."""
        masses = [ball(-((z - m) ** 2) / (2 * VARIANCE)).exp() for m in CODES]
        weights = [mass / sum(masses, arb(0)) for mass in masses]
        return cls(weights, _total(w * x for w, x in zip(weights, DATA, strict=True)))

    def of(self, g: Callable[[arb], arb]) -> arb:
        """Return sum_i w_i g(x_i)."""
        return _total(w * g(arb(x)) for w, x in zip(self.weights, DATA, strict=True))


def _total(terms: Iterable[arb]) -> arb:
    return sum(terms, arb(0))


MEDIAN = 0
"""The weighted median at the latent: less than half of the weight lies on either side, as the check shows."""
THRESHOLD = Fraction("7.5387873328")
"""Of nu c^2, within `WITHIN`."""
WITHIN = Fraction(1, 10**10)


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "the weighted median has a larger expected log likelihood than f* under Laplace likelihoods of every scale, "
        "and under Student-t ones with nu degrees of freedom and scale c if and only if nu c^2 < lambda*, lambda* = "
        f"{float(THRESHOLD)} within {float(WITHIN):.0e}"
    ),
    domain=ONE_EXAMPLE,
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("z = 3/5 for 1/4", refutes=("*median", "Laplace", "one*", "better*"), latent=Fraction(3, 5)),
        control("|r|^(3/2) for |r|", refutes="Laplace", power=Fraction(3, 2)),
        control("lambda* 1e-8 larger", refutes="better*", stated=THRESHOLD + Fraction(1, 10**8)),
        control("lambda* 1e-8 smaller", refutes="worse*", stated=THRESHOLD - Fraction(1, 10**8)),
    ),
    tier="quick",
)
def heavy_tails_prefer_the_median(
    run: Run,
    *,
    latent: Fraction = LATENT,
    power: Fraction = Fraction(1),
    stated: Fraction = THRESHOLD,
) -> Verdict:
    """Nu = 30 and c = 1 is on the other side: f* is the better one there.

    G(l) = sum_i w_i log((l + a_i)/(l + b_i)), a_i = (x_i - f*)^2, b_i = (x_i - median)^2, has the sign of the median's
    gain. It falls from +infinity (one b_i is 0) to 0 at infinity. G' times all l + a_j, l + b_j is a polynomial whose
    coefficients are negative but for the leading one: by Descartes' rule G' has one positive zero and turns from
    negative to positive there. So G falls below 0, rises to 0 and has exactly one zero, lambda*.
    """
    run.assume(finite_moment, list(DATA))
    run.assume(definite_encoder, [[float(VARIANCE)]])
    with working_precision(BITS):
        average = Average.at(latent)
        middle, half = DATA.index(MEDIAN), arb(1) / 2
        sides = (
            _total(average.weights[:middle]),
            _total(average.weights[middle + 1 :]),
        )
        p = ball(power)
        spread = average.of(lambda x: abs(x - average.mean) ** p) - average.of(lambda x: abs(x - MEDIAN) ** p)
        *lower, leading = _slope_numerator(average).coeffs()
        return all_of(
            {
                "0 is the weighted median": ball_positive(half - _largest(sides)),
                "Laplace": ball_positive(spread),
                "one change of sign": ball_positive(-_largest([*lower, -leading])),
                "better below": ball_positive(_median_gain(average, ball(stated - WITHIN))),
                "worse above": ball_positive(-_median_gain(average, ball(stated + WITHIN))),
            }
        )


def _largest(balls: Iterable[arb]) -> arb:
    return reduce(arb.max, balls)


def _median_gain(average: Average, parameter: arb) -> arb:
    """Return G at a parameter l = nu c^2: (nu + 1)/2 times it are the nats gained."""
    return average.of(
        lambda x: ((parameter + (x - average.mean) ** 2) / (parameter + (x - MEDIAN) ** 2)).log()
    )


def _slope_numerator(average: Average) -> arb_poly:
    """Return G'(l) times all l + a_j and l + b_j: sum_i w_i (b_i - a_i) prod_{j != i} (l + a_j)(l + b_j)."""
    squares = [((x - average.mean) ** 2, arb(x - MEDIAN) ** 2) for x in DATA]
    pairs = [arb_poly([a, 1]) * arb_poly([b, 1]) for a, b in squares]
    terms = [w * (b - a) for w, (a, b) in zip(average.weights, squares, strict=True)]
    return _without_one(terms, pairs)


def _without_one(terms: Sequence[arb], factors: Sequence[arb_poly]) -> arb_poly:
    """Return sum_i terms_i prod_{j != i} factors_j."""
    total = arb_poly([0])
    for i, term in enumerate(terms):
        total += term * prod((factor for j, factor in enumerate(factors) if j != i), start=arb_poly([1]))
    return total


SHARP = 1e-25
"""Half width asked of the coefficient that is zero; reached: 1e-34."""


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation="<",
    states=(
        "the expected log likelihood of x has a negative slope in f at f* under Laplace likelihoods of every scale and "
        "Student-t ones of every scale and every number of degrees of freedom: f* is optimal for none of them"
    ),
    domain=ONE_EXAMPLE,
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("z = 3/5 for 1/4", refutes=("Laplace", "*of the slope"), latent=Fraction(3, 5)),
        control("0.001 beside f*", refutes="*cancels", shift=Fraction(1, 1000)),
    ),
    tier="quick",
)
def heavy_tails_move_the_optimum(
    run: Run, *, latent: Fraction = LATENT, shift: Fraction = Fraction(0)
) -> Verdict:
    """With d_i = x_i - f* Student's slope is (nu + 1) sum_i w_i d_i / (l + d_i^2), l = nu c^2 > 0.

    Times all l + d_j^2 it is a polynomial in l whose leading coefficient is sum_i w_i d_i = 0; the two
    others are negative.
    Laplace's slope is sum_i w_i sign(d_i) / scale.
    """
    run.assume(finite_moment, list(DATA))
    run.assume(definite_encoder, [[float(VARIANCE)]])
    with working_precision(BITS):
        average = Average.at(latent)
        d = [x - average.mean - ball(shift) for x in DATA]
        terms = [w * one for w, one in zip(average.weights, d, strict=True)]
        constant, linear, leading = _without_one(terms, [arb_poly([one**2, 1]) for one in d]).coeffs()
        signs = _total(w * one.sgn() for w, one in zip(average.weights, d, strict=True))
        return all_of(
            {
                "Laplace": ball_positive(-signs),
                "Student-t: leading coefficient cancels": ball_equal(leading, SHARP),
                "Student-t: linear coefficient of the slope": ball_positive(-linear),
                "Student-t: constant coefficient of the slope": ball_positive(-constant),
            }
        )

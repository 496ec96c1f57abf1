"""S5: the training data's own aggregate posterior as a prior: best on them, and worse than N(0, 1) on a datum held out.

Codes N(+-1, s) of two training data, N(c, s) of one that was held out. log q(z) = log N(z; 1, s) - log 2 + log(1 +
exp(-2 z/s)), so that with u = (z - c)/sqrt(s)

    KL(N(c, s) || q) = log 2 + (1 - c)^2/(2 s) - E log(1 + exp(-2 (c + sqrt(s) u)/s)).
"""

from fractions import Fraction
from itertools import pairwise

from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_positive, control

from .._shared.balls import CUTOFF, ball, working_precision
from . import claim
from .hypotheses import positive_variance

BITS = 100
VARIANCES = ("1/5", "1/20", "1/100")
PIECES = 56
"""Of the line: the logarithm has branch points beside it."""


def to_training(c: Fraction | int, s: arb) -> arb:
    """Return KL(N(c, s) || q), q of the two training codes."""
    root = s.sqrt()

    def integrand(u: acb, analytic: bool) -> acb:
        return (-u * u / 2).exp() * (1 + (-2 * (ball(c) + root * u) / s).exp()).log(analytic=analytic)

    cuts = [arb(CUTOFF) * (2 * k - PIECES) / PIECES for k in range(PIECES + 1)]
    inner = sum((acb.integral(integrand, a, b).real for a, b in pairwise(cuts)), arb(0))
    # log(1 + exp(t)) <= log 2 + |t| <= 1 + 2 (1 + |u|)/s
    tail = (2 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp()) * (5 / s)
    mean = (inner + tail * arb(0, 1)) / (2 * arb.pi()).sqrt()
    return arb(2).log() + (1 - ball(c)) ** 2 / (2 * s) - mean


def to_unit(c: Fraction | int, s: arb) -> arb:
    """Return KL(N(c, s) || N(0, 1))."""
    return (ball(c) ** 2 + s - 1 - s.log()) / 2


@claim.check(
    statement="S5",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "the prior q(z) of the training data gains 0.24 nats or more over N(0, 1) on these and leaves a rate of at "
        "most log N; on a datum whose code lies between theirs it loses more than 1/(2 s) - sqrt(2/(pi s)) - (s - 1 "
        "- log s)/2 nats against N(0, 1): without bound as s falls"
    ),
    domain=f"training codes N(-1, s) and N(1, s), held out N(0, s); s = {', '.join(VARIANCES)}",
    hypotheses=(positive_variance,),
    controls=(
        control("a datum held out with a training code", refutes="loss*", place=1),
        control("the gain on the held-out datum", refutes="gain*", own=0),
        control("a rate of at most 0.95 log N", refutes="rate*", most="95/100"),
        control("without the root", refutes="loss*", root=0),
    ),
)
def the_training_prior_overfits(
    run: Run, *, place: int = 0, own: int = 1, most: str = "1", root: int = 1
) -> Verdict:
    """By symmetry one training code stands for both."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for text in VARIANCES:
            s = ball(text)
            run.assume(positive_variance, Fraction(text))
            left = to_training(own, s)
            loss = to_training(place, s) - to_unit(place, s)
            # log cosh t <= |t|, and E |t| = sqrt(2/(pi s)): the bound holds for every s
            least = 1 / (2 * s) - root * (2 / (arb.pi() * s)).sqrt() - to_unit(0, s)
            parts |= {
                f"gain, s = {text}": ball_positive(to_unit(own, s) - left - ball("24/100")),
                f"rate, s = {text}": ball_at_most(left - ball(most) * arb(2).log(), 0),
                f"loss, s = {text}": ball_positive(loss - least),
            }
        return all_of(parts)

"""S2: every decoder f loses ELBO(f*) - ELBO(f) = 1/2 E_q(z) ||f - f*||^2 in the metric of R^-1."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, identity, mean_equals

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .integrals import BITS, Instance
from .moments import SymbolicLaw
from .real_data import ENCODERS, PIXEL_VARIANCE, Array, Encoded, encoded_digits

HALF = Fraction(1, 2)


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="E[log p(x|f*)] - E[log p(x|f)] = 1/2 (f-f*)' R^-1 (f-f*) at every z; entropies and prior cancel",
    domain="every law of x given z with second moments, every positive definite R, D = 1, 2, 3",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(control("without the 1/2", factor=Fraction(1)), control("1/3 for 1/2", factor=Fraction(1, 3))),
    tier="quick",
)
def pointwise_identity(run: Run, *, factor: Fraction = HALF) -> Verdict:
    """Pythagoras at one z. The determinant of R is the same on both sides."""
    parts = {}
    for size in (1, 2, 3):
        law, f = SymbolicLaw(size), free_vector("f", size)
        run.assume(finite_moment, [*law.x])
        run.assume(definite_likelihood, law.factor)
        gain = (law.loss(f) - law.loss(law.mean)) / 2
        distance = (f - law.mean).T * law.metric * (f - law.mean)
        parts[f"D = {size}"] = identity(gain - distance[0] * factor.numerator / factor.denominator)
    return all_of(parts)


Decoder = Callable[[acb], Sequence[acb]]


def waves(z: acb) -> Sequence[acb]:
    """A rival decoder with |f| <= 1 on the real line."""
    return [z.sin(), (2 * z).tanh()]


def constant(z: acb) -> Sequence[acb]:  # noqa: ARG001
    """The decoder that ignores z."""
    return [acb(0.25), acb(0.25)]


def steep(z: acb) -> Sequence[acb]:
    """A rival that is steeper than f*."""
    return [(4 * z).tanh(), -(z * z / -2).exp()]


RIVALS = {"waves": waves, "constant": constant, "steep": steep}
WIDTH = 1e-25
"""Half width asked of the difference of the two sides. Reached: 1e-30; the sides themselves are about 1 nat."""
LOSS_BOUND = 100.0
"""Of every integrand on the real line: |x - f|^2 <= (1.5 + 1)^2 * 2, eigenvalues of R^-1 below 6."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "ELBO(f*) - ELBO(f) = 1/2 E_q(z) ||f - f*||^2_{R^-1}, both sides integrated apart, equal within "
        "1e-25 nats"
    ),
    domain="3 points in R^2 with unequal variances, d = 1, full R, three rival decoders",
    hypotheses=(finite_moment, definite_encoder, definite_likelihood),
    controls=(control("without the 1/2", factor=Fraction(1)),),
    tier="quick",
)
def both_sides_are_proved_equal(run: Run, *, factor: Fraction = HALF) -> Verdict:
    """The left side is a sum of expectations over the q_i, the right side one expectation over their mixture."""
    instance = Instance()
    run.assume(finite_moment, np.array(instance.data))
    run.assume(definite_encoder, np.array(instance.variances)[:, None, None])
    run.assume(definite_likelihood, np.array(instance.likelihood))
    with working_precision(BITS):
        return all_of(
            {name: ball_equal(_difference(instance, f, factor), WIDTH) for name, f in RIVALS.items()}
        )


def _difference(instance: Instance, f: Decoder, factor: Fraction) -> arb:
    def optimal(z: acb) -> Sequence[acb]:
        return instance.decoder.ball_values([acb(z)])

    def gain(i: int) -> Callable[[acb], acb]:
        def integrand(z: acb) -> acb:
            theirs, ours = instance.residual(i, f(z)), instance.residual(i, optimal(z))
            return (instance.quadratic(theirs) - instance.quadratic(ours)) / 2

        return integrand

    def distance(_: int) -> Callable[[acb], acb]:
        return lambda z: instance.quadratic([a - b for a, b in zip(f(z), optimal(z), strict=True)])

    return instance.mean(gain, LOSS_BOUND) - ball(factor) * instance.mean(distance, LOSS_BOUND)


SAMPLES = 40_000
"""Half width 1 nat at a false-alarm rate of 2.5e-7, against sides of some 18 nats."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="statistical",
    relation="=",
    states=(
        "ELBO(f*) - ELBO(f) - 1/2 E_q(z) |f - f*|^2 / r = 0 nats, by sampling (x, z) from the data and "
        "the encoder"
    ),
    domain=(
        "1,797 digits, 64 pixels, r = 0.05, 2-D codes from PCA and from a trained encoder, f = the "
        "data's mean image"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(control("without the 1/2", factor=1.0), control("0.6 for 1/2", factor=0.6)),
    tests=2,
    time_limit=240,
)
def digits_obey_pythagoras(run: Run, *, factor: float = 0.5) -> Verdict:
    """With f the mean image, the distance is the variance that the decoder explains: some 18 nats after halving."""
    parts = {}
    for name in ENCODERS:
        encoded = encoded_digits(name)
        run.assume(finite_moment, encoded.data)
        run.assume(definite_encoder, encoded.covariances)
        samples = _deviations(encoded, run.rng, factor)
        parts[name] = mean_equals(samples, 0.0, _bounds(encoded, factor), run.false_alarm)
    return all_of(parts)


def _deviations(encoded: Encoded, rng: np.random.Generator, factor: float) -> Array:
    index, z = encoded.sample(rng, SAMPLES)
    f = encoded.data.mean(0)
    optimal = encoded.decoder(z)
    x = encoded.data[index]
    gain = (((x - f) ** 2).sum(1) - ((x - optimal) ** 2).sum(1)) / 2
    deviations: Array = (gain - factor * ((f - optimal) ** 2).sum(1)) / PIXEL_VARIANCE
    return deviations


def _bounds(encoded: Encoded, factor: float) -> tuple[float, float]:
    """x, f and f* lie in the hull of the data, so every squared distance is at most the squared diameter."""
    largest = encoded.squared_diameter / PIXEL_VARIANCE
    return -(0.5 + factor) * largest, 0.5 * largest

"""S2: every decoder f loses ELBO(f*) - ELBO(f) = 1/2 E_q(z) ||f - f*||^2 in the metric of R^-1."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import sympy
from flint import acb, arb

from elboproof.checking import Run, Verdict, all_of, ball_equal, control, equal, identity

from .._shared.balls import ball, working_precision
from .._shared.symbols import free_vector
from . import claim
from .hypotheses import definite_encoder, definite_likelihood, finite_moment
from .integrals import BITS, Instance
from .moments import SymbolicLaw
from .real_data import ENCODERS, PIXEL_VARIANCE, encoded_digits
from .words import listed

HALF, NEARLY_HALF = Fraction(1, 2), Fraction(501, 1000)
SIZES = (1, 2, 3)
"""Data dimensions D of the symbolic check."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="symbolic",
    relation="=",
    states="E[log p(x|f*)] - E[log p(x|f)] = 1/2 (f-f*)' R^-1 (f-f*) with p = N(f, R) and f* = E[x]",
    domain=f"every law of x (given any z) with second moments, every positive definite R, D = {listed(SIZES)}",
    hypotheses=(finite_moment, definite_likelihood),
    controls=(control("without the 1/2", factor=Fraction(1)), control("0.501 for 1/2", factor=NEARLY_HALF)),
    tier="quick",
)
def pointwise_identity(run: Run, *, factor: Fraction = HALF) -> Verdict:
    """Pythagoras at one z. What the ELBO has besides, entropy and prior, does not depend on the decoder."""
    parts = {}
    for size in SIZES:
        law, f = SymbolicLaw(size), free_vector("f", size)
        run.assume(finite_moment, [*law.x])
        run.assume(definite_likelihood, law.factor)
        gain = law.log_likelihood(law.mean) - law.log_likelihood(f)
        distance = (f - law.mean).T * law.metric * (f - law.mean)
        parts[f"D = {size}"] = identity(gain - distance[0] * sympy.Rational(factor))
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
LARGEST_RIVAL = 1
"""Of |f_j| on the real line, for all rivals."""
WIDTH = 1e-25
"""Half width asked of the difference of the two sides. Reached: 1e-30; the sides themselves are about 1 nat."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "ELBO(f*) - ELBO(f) = 1/2 E_q(z) ||f - f*||^2_{R^-1}, both sides integrated apart, equal within "
        f"{WIDTH:.0e} nats"
    ),
    domain=f"3 points in R^2 with unequal variances, d = 1, full R; f: {listed(RIVALS)}",
    hypotheses=(finite_moment, definite_encoder, definite_likelihood),
    controls=(
        control("without the 1/2", factor=Fraction(1)),
        control("1e-20 more than 1/2", factor=HALF + Fraction(1, 10**20)),
    ),
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

    bound = instance.loss_bound(max(LARGEST_RIVAL, instance.largest))
    return instance.mean(gain, bound) - ball(factor) * instance.mean(distance, bound)


PRECISE = 1e-3
"""Of the distance. Four Gauss nodes per axis miss the gain by 4e-4 of it, the grid by less than 1e-6."""


@claim.check(
    statement="S2",
    role="sharpens",
    method="numeric",
    relation="=",
    states=(
        "ELBO(f*) - ELBO(f) = 1/2 E_q(z) |f - f*|^2 / r within 0.1 %: the gain by Gauss's rule under each image's "
        "q(z|x_i), the distance by the trapezoidal rule under q(z)"
    ),
    domain=(
        f"1,797 digits, 64 pixels, r = {PIXEL_VARIANCE}, 2-D codes from PCA and from a trained encoder, f = the "
        "data's mean image"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("without the 1/2", factor=1.0),
        control("0.501 for 1/2", factor=float(NEARLY_HALF)),
    ),
    time_limit=240,
)
def digits_obey_pythagoras(run: Run, *, factor: float = 0.5) -> Verdict:
    """With f the mean image the distance is what the decoder explains of the variance: some 18 and 25 nats.

    The left side knows which image belongs to a latent and the right side does not.
    """
    parts = {}
    for name in ENCODERS:
        encoded = encoded_digits(name)
        run.assume(finite_moment, encoded.data)
        run.assume(definite_encoder, encoded.covariances)
        f = encoded.data.mean(0)
        z, masses = encoded.aggregate_grid
        gain = ((encoded.data - f) ** 2).sum(1).mean() - encoded.optimal_mean_square
        distance = float(masses @ ((encoded.decoder_in_singles(z) - f) ** 2).sum(1))
        parts[name] = equal(gain / 2 / (factor * distance), 1.0, PRECISE)
    return all_of(parts)

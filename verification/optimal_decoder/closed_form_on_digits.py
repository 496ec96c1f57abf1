"""S1 on real data: an optimiser that knows nothing of averages finds the closed form."""

from collections.abc import Callable
from typing import Any

import numpy as np

from elboproof.checking import Run, Verdict, all_of, control, equal

from . import claim
from .hypotheses import definite_encoder, finite_moment
from .real_data import ENCODERS, Array, Encoded, encoded_digits, pointwise_minimiser

LATENTS = 20
TOLERANCE = 1e-9
"""Of pixels in [0, 1]. L-BFGS stops at gradients of 1e-12 and the loss has the Hessian 2 I; worst seen 1e-15."""


def optimal(encoded: Encoded, z: Array) -> Array:
    """f*: the decoder under test."""
    return np.asarray(encoded.decoder(z))


def nearest_example(encoded: Encoded, z: Array) -> Array:
    """The example whose code is nearest: the limit of small variances, not the optimum."""
    images: Array = encoded.data[((z[:, None] - encoded.codes) ** 2).sum(-1).argmin(1)]
    return images


def with_more_noise(encoded: Encoded, z: Array) -> Array:
    """f* of the encoder whose deviations are 1 % larger."""
    return np.asarray(encoded.with_noise(1.01).decoder(z))


@claim.check(
    statement="S1",
    role="confirms",
    method="numeric",
    relation="=",
    states=(
        "the minimiser over x-hat of sum_i q(z|x_i) |x_i - x-hat|^2 that L-BFGS finds is f*(z), all 64 pixels, within "
        f"{TOLERANCE:.0e}"
    ),
    domain=(
        "1,797 digits, 2-D codes from PCA (shared variance) and from a trained encoder (a covariance "
        f"each), {LATENTS} latents between codes"
    ),
    hypotheses=(finite_moment, definite_encoder),
    controls=(
        control("the nearest example in place of the average", decode=nearest_example),
        control("the weights of an encoder with 1 % larger deviations", decode=with_more_noise),
    ),
    time_limit=120,
)
def digits_minimise_at_the_closed_form(
    run: Run, *, decode: Callable[[Encoded, Array], Any] = optimal
) -> Verdict:
    """The densities are scipy's."""
    parts = {}
    for name in ENCODERS:
        digits = encoded_digits(name)
        run.assume(finite_moment, digits.data)
        run.assume(definite_encoder, digits.covariances)
        z = digits.between(LATENTS)
        parts[name] = equal(decode(digits, z), pointwise_minimiser(digits, z), TOLERANCE)
    return all_of(parts)

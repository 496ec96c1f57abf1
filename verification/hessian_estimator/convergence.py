"""S4: the mean of n single-sample estimates approaches s E_q[g''] with an error that falls like n^(-1/2)."""

import numpy as np
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, control, equal

from .._shared.balls import working_precision
from . import claim
from .estimator import FUNCTION, LINE, loss, standard_noise
from .hypotheses import definite_covariance, fresh_noise, slow_growth
from .integrals import BITS, CURVES

Array = NDArray[np.float64]

DOUBLINGS = 11
REPEATS = 1024
SLOPE_TOLERANCE = 0.1
"""Of the slope -1/2: over 100 seeds it scatters by 0.017, the biased one around -0.277 by 0.011."""
SHOWN = 120
"""Probes that a figure shows."""


@claim.check(
    statement="S4",
    role="confirms",
    method="numeric",
    relation="order",
    states="the root mean square error of the mean of n probes (eps^2 - 1) g(m + sqrt(s) eps) falls like n^(-1/2)",
    domain=f"g = {FUNCTION}, q = N(3/10, 1/4); n = 1, 2, ..., 1024, each 1,024 times; s E_q[g''] known from balls",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(
        control("without -1: the error ends at the bias", shift=0.0),
        control("one noise for all probes", drops=(fresh_noise,), reuse=True),
    ),
)
def errors_fall_like_the_root(run: Run, *, shift: float = 1.0, reuse: bool = False) -> Verdict:
    """The slope of a least squares line; what is recorded shows the biased estimate beside it."""
    run.assume(definite_covariance, float(LINE.variance))
    with working_precision(BITS):
        g = CURVES[FUNCTION]()
        run.assume(slow_growth, g.value, g.slope, g.bend)
        exact = float(LINE.expectation(g.bend)) * float(LINE.variance)
    noise = standard_noise(run.rng, REPEATS << (DOUBLINGS - 1)).reshape(REPEATS, -1)
    first = noise[:, 0]
    run.assume(fresh_noise, first, first if reuse else noise[:, 1])
    if reuse:
        noise = np.broadcast_to(first[:, None], noise.shape)
    counts = [2**k for k in range(DOUBLINGS)]
    errors, biased = (_errors(noise, counts, exact, s) for s in (shift, 0.0))
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    z = np.linspace(-1.7, 2.3, 201)
    eps = noise[0, :SHOWN]
    return equal(slope, -0.5, SLOPE_TOLERANCE).with_data(
        n=counts, error=errors, expected=_deviation() / np.sqrt(counts), biased=biased, z=z, g=loss(z), exact=[exact],
        probe_z=float(LINE.mean) + float(LINE.variance) ** 0.5 * eps, weight=eps**2 - 1,
    )  # fmt: skip


def _deviation() -> float:
    """Return the standard deviation of one probe, by Gauss and Hermite's rule, for the figure's line."""
    eps, weights = np.polynomial.hermite_e.hermegauss(120)
    probes = (eps**2 - 1) * loss(float(LINE.mean) + float(LINE.variance) ** 0.5 * eps)
    weights = weights / weights.sum()
    return float(np.sqrt(weights @ probes**2 - (weights @ probes) ** 2))


def _errors(noise: Array, counts: list[int], exact: float, shift: float) -> Array:
    """Return the root mean square over the repeats, for each n."""
    probes = (noise**2 - shift) * loss(float(LINE.mean) + float(LINE.variance) ** 0.5 * noise)
    means = np.cumsum(probes, axis=1)[:, np.array(counts) - 1] / counts
    errors: Array = np.sqrt(((means - exact) ** 2).mean(axis=0))
    return errors

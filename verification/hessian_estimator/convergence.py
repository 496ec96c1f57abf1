"""S4: the mean of n single-sample estimates approaches s E_q[g''] with an error that falls like n^(-1/2)."""

from fractions import Fraction
from typing import Any

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from elboproof.checking import Run, Verdict, ball_slope, control

from .._shared.balls import Line, ball, working_precision
from . import claim
from .estimator import FUNCTION, LINE, MEAN, SCALE, loss, standard_noise
from .hypotheses import definite_covariance, fresh_noise, slow_growth
from .integrals import BITS, CURVES, Curve

Array = NDArray[np.float64]

COUNTS = tuple(2**k for k in range(11))
REPEATS = 1024
"""Of each mean that a figure shows."""
WITHIN = 1e-20
"""Of the slope -1/2: what the radii leave open is below 1e-25."""
SHOWN = 120
"""Probes that a figure shows."""


@claim.check(
    statement="S4",
    role="confirms",
    method="certified",
    relation="order",
    states=(
        "the root mean square error of the mean of n probes X = (eps^2 - 1) g(m + sqrt(s) eps) around s E_q[g''], by "
        f"E X, E X^2 and E X X' in balls, falls like n^(-1/2): each slope on log axes is -1/2 within {WITHIN:g}"
    ),
    domain=f"g = {FUNCTION}, q = {LINE}; n = {', '.join(map(str, COUNTS))}",
    hypotheses=(definite_covariance, slow_growth, fresh_noise),
    controls=(
        control("without -1: the error ends at the bias", shift=0),
        control("1 % of the bias", shift=Fraction(99, 100)),
        control("one noise for all probes", drops=(fresh_noise,), shared=Fraction(1)),
        control("probes of which a thousandth is shared", drops=(fresh_noise,), shared=Fraction(1, 1000)),
    ),
)
def errors_fall_like_the_root(
    run: Run, *, shift: Fraction | int = 1, shared: Fraction = Fraction(0)
) -> Verdict:
    """A drawn series is recorded for a figure, with that of the biased estimate; it decides nothing.

    For n probes with the same law and E X_i X_j = C for i != j, of which E X = c is not assumed, the mean square is
    (E X^2 + (n - 1) C) / n - 2 c E X + c^2.
    """
    run.assume(definite_covariance, LINE.variance)
    with working_precision(BITS):
        g = CURVES[FUNCTION]()
        run.assume(slow_growth, g.value, g.slope, g.bend)
        exact = ball(LINE.variance) * LINE.expectation(g.bend)
        first, second = (_moment(g, power, shift) for power in (1, 2))
        both = first**2 + ball(shared) * (second - first**2)
        errors = [((second + (n - 1) * both) / n - 2 * exact * first + exact**2).sqrt() for n in COUNTS]
        verdict = ball_slope(COUNTS, errors, -0.5, WITHIN)
    noise = standard_noise(run.rng, REPEATS * COUNTS[-1]).reshape(REPEATS, -1)
    run.assume(fresh_noise, noise[:, 0], noise[:, 0] if shared else noise[:, 1])
    return verdict.with_data(**_shown(noise, float(exact)), expected=_expected(g))


def _moment(g: Curve, power: int, shift: Fraction | int) -> arb:
    """Return E X^power."""
    m, scale = ball(LINE.mean), ball(LINE.variance).sqrt()

    def probe(eps: acb) -> acb:
        return (eps * eps - ball(shift)) * g.value(m + scale * eps)

    return Line(Fraction(0), Fraction(1)).expectation(lambda eps: probe(eps) ** power)


def _expected(g: Curve) -> Array:
    """Return the standard deviation of one probe over sqrt(n), for the figure's line."""
    with working_precision(BITS):
        first, second = (_moment(g, power, 1) for power in (1, 2))
        deviation = (second - first**2).sqrt()
    return np.asarray(float(deviation) / np.sqrt(COUNTS))


def _shown(noise: Array, exact: float) -> dict[str, Any]:
    """Return what a figure draws: errors of drawn means, a few probes, and g."""
    z, eps = np.linspace(-1.7, 2.3, 201), noise[0, :SHOWN]
    return {
        "n": COUNTS, "error": _errors(noise, exact, 1.0), "biased": _errors(noise, exact, 0.0), "z": z, "g": loss(z),
        "exact": [exact], "probe_z": MEAN + SCALE * eps, "weight": eps**2 - 1,
    }  # fmt: skip


def _errors(noise: Array, exact: float, shift: float) -> Array:
    """Return the root mean square over the repeats, for each n."""
    probes = (noise**2 - shift) * loss(MEAN + SCALE * noise)
    means = np.cumsum(probes, axis=1)[:, np.array(COUNTS) - 1] / np.array(COUNTS)
    errors: Array = np.sqrt(((means - exact) ** 2).mean(axis=0))
    return errors

"""Three data under the prior N(0, 1): a stationary encoder, its optimal decoder, and the terms of its ELBO.

The stationary point is proved by Krawczyk's test (`_shared.three_encoders`); its terms are integrals over the codes
that the test encloses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from flint import acb, arb

from .._shared.balls import CUTOFF, ball, working_precision
from .._shared.three_data import DATA
from .._shared.three_encoders import GROWTH, VALUE_BITS, Codes, definite, proved

Integrand = Callable[[int, acb, bool], acb]

STARTS = {
    "1/10": (-1.12152464737, -0.077229120979, 1.19875376835, -1.728101002, -3.31937258413, -2.46028486777),
    "26/100": (
        -1.00452022411,
        -0.204757654617,
        1.20927787873,
        -1.30140309260,
        -2.33701675443,
        -2.13795813199,
    ),
    "28/100": (
        -0.98735505405,
        -0.223312624420,
        1.21066767846,
        -1.27244118122,
        -2.22666690001,
        -2.10775119932,
    ),
    "3/10": (-0.96967438307, -0.242191306770, 1.21186568984, -1.24726535647, -2.11962766486, -2.07871520461),
    "1/2": (-0.79786418326, -0.406787516726, 1.20465169999, -1.15311002106, -1.30988564525, -1.82482116791),
    "1": (-0.67321200256, -0.421667945880, 1.09487994844, -0.97725635339, -0.68516006934, -1.23833011113),
}
"""sigma^2: m_n and log s_n of the best encoder that searches found; they steer, and no proof depends on them."""
TOLERANCE = 2.0**-60
"""At which the integrator may stop; its balls hold in any case."""


@dataclass(frozen=True)
class Terms:
    """Of the mean ELBO, in nats; `least_pivot` is positive only if the stationary point is a local maximum."""

    elbo: arb
    reconstruction: arb
    information: arb
    aggregate_kl: arb
    least_pivot: arb


@lru_cache
def unit_prior(variance: str) -> Terms:
    """Return the terms at the stationary point next to the start; reconstruction is E log p(x|z)."""
    found = proved(variance, STARTS[variance])
    with working_precision(VALUE_BITS):
        v = ball(variance)
        fit = -squared_error(found.codes) / (2 * v) - (2 * arb.pi() * v).log() / 2
        known = information(found.codes)
        return Terms(found.elbo, fit, known, mean_kl(found.codes) - known, definite(found.hessian))


def mean_kl(codes: Codes) -> arb:
    """Return the mean KL(q_n || N(0, 1))."""
    pairs = zip(codes.means, codes.logs, strict=True)
    return sum((m**2 + t.exp() - 1 - t for m, t in pairs), arb(0)) / 6


def squared_error(codes: Codes) -> arb:
    """Return the mean of E_n (x_n - f(z))^2, f the optimal decoder."""
    weights, x = codes.weights(), [ball(datum) for datum in DATA]

    def error(n: int, z: acb, _: bool) -> acb:
        w = weights(z)
        return sum((w[j] * (x[n] - x[j]) for j in range(3) if j != n), acb(0)) ** 2

    return mean_over_codes(codes, error)


def information(codes: Codes) -> arb:
    """Return I(x; z) = mean of E_n log(3 w_n(z))."""
    logs = codes.log_weights()
    return arb(3).log() + mean_over_codes(codes, lambda n, z, analytic: logs(z, analytic)[n])


def mean_over_codes(codes: Codes, g: Integrand) -> arb:
    """Return the mean over n of E_n g(n, z), |g| <= GROWTH (1 + u^4); codes may be balls."""
    total = arb(0)
    for n, (m, t) in enumerate(zip(codes.means, codes.logs, strict=True)):
        scale = (t / 2).exp()

        def integrand(u: acb, analytic: bool, n: int = n, m: arb = m, scale: arb = scale) -> acb:
            return (-u * u / 2).exp() * g(n, m + scale * u, analytic)

        total += acb.integral(integrand, -CUTOFF, CUTOFF, abs_tol=arb(TOLERANCE), rel_tol=arb(TOLERANCE)).real
    tail = 6 * arb(CUTOFF) ** 4 * (-(arb(CUTOFF) ** 2) / 2).exp() * GROWTH
    return (total + tail * arb(0, 1)) / (2 * arb.pi()).sqrt() / 3

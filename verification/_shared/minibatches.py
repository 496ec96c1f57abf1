"""Means of log(1 + c u) over u ~ chi^2_B, B even, in two routes: what batches of Gaussian numbers make of a rate."""

from flint import acb, arb

REACH = 400
"""chi-squares are integrated up to B + REACH: beyond lies less than 1e-40 of what counts."""


def rate(snr: arb) -> arb:
    """Return 1/2 log(1 + v/s)."""
    return (1 + snr).log() / 2


def mean_rate(batch: int, snr: arb, terms: int = 0, share: int = 2) -> arb:
    """Return E 1/2 log(1 + M/s), M the second moment of B Gaussian codes, B even: 1/2 e^y sum_{j <= B/2} E_j(y)."""
    # 1 + c u with u ~ chi^2_B: by parts, y = B / (2 snr); E_j the generalised exponential integrals
    y = acb(batch / (share * snr))
    total = sum((y.expint(acb(j)) for j in range(1, batch // 2 + 1 + terms)), acb(0))
    return (y.exp() * total).real / 2


def integrated_mean_rate(batch: int, snr: arb) -> arb:
    """Return the same mean over the law of chi^2_B, integrated with proof."""
    half = batch // 2
    scale = snr / batch

    def integrand(u: acb, _: bool) -> acb:
        return (1 + scale * u).log(analytic=True) * u ** (half - 1) * (-u / 2).exp()

    reach = arb(batch + REACH)
    inner = acb.integral(integrand, acb(0), acb(reach)).real / (arb(2) ** half * arb(half).gamma()) / 2
    # log(1 + c u) <= c u, and E[u; u > T] = B P(chi^2_(B+2) > T)
    tail = scale * batch * (reach / 2).gamma_upper(arb(half + 1), regularized=1) / 2
    return inner + arb(0, 1) * tail


def bias(batch: int, snr: arb) -> arb:
    """Return E rate_B - rate, for Gaussian codes."""
    return mean_rate(batch, snr) - rate(snr)


def worst_bias(batch: int) -> arb:
    """Return 1/2 (log(B/2) - digamma(B/2)), the size of the bias as s -> 0."""
    return (arb(batch) / 2).log() / 2 - (arb(batch) / 2).digamma() / 2

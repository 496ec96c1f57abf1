"""S6, Gaussian codes: the exact mean rate of a batch of B, its expansion, and a bound for every ratio v/s."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product

from flint import arb, fmpq

from elboproof.checking import (
    Run,
    Verdict,
    all_of,
    ball_at_most,
    ball_equal,
    ball_positive,
    ball_slope,
    control,
)

from .._shared.balls import ball, working_precision
from .._shared.minibatches import bias, integrated_mean_rate, mean_rate, rate, worst_bias
from . import claim
from .hypotheses import positive_variances

BITS = 200
BATCHES = (2, 8, 32, 128)
SNRS = ("1/100", "1", "4", "1000")
"""v/s: the variance of the codes over that of the posteriors."""
WITHIN = 1e-20


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "the mean rate of a batch of B Gaussian codes is 1/2 e^y sum_{j=1}^{B/2} E_j(y), y = s B/(2 v), E_j the "
        f"generalised exponential integrals: the integral over the law of the batch's second moment, within {WITHIN:g}"
    ),
    domain=f"one latent, B = {', '.join(map(str, BATCHES))}, v/s = {', '.join(SNRS)}, codes centred",
    hypotheses=(positive_variances,),
    controls=(
        control("one integral fewer", terms=-1),
        control("y = s B / v", share=1),
    ),
)
def exact_mean_of_gaussian_codes(run: Run, *, terms: int = 0, share: int = 2) -> Verdict:
    """Two routes: FLINT's exponential integrals, and acb.integral over the density of chi^2_B."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(BITS):
        for snr, batch in product(SNRS, BATCHES):
            gap = mean_rate(batch, ball(snr), terms, share) - integrated_mean_rate(batch, ball(snr))
            parts[f"v/s = {snr}, B = {batch}"] = ball_equal(gap, WITHIN)
        return all_of(parts)


LARGE = (64, 128, 256, 512)


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "with r = v/(v + s) the bias is -r^2/(2 B) + (4 r^3/3 - 3 r^4/2)/B^2 + ...: what is left after the first term "
        "has slope 2 in 1/B within 0.04, after both slope 3 within 0.06, between these batches"
    ),
    domain=f"Gaussian codes, v/s = 1 (r = 1/2), B = {', '.join(map(str, LARGE))}",
    hypotheses=(positive_variances,),
    controls=(
        control("r/(2 B)", refutes="*", first=lambda r: r / 2),
        control("r^2/B", refutes="*", first=lambda r: r**2),
        control("4 r^3/3 - 4 r^4/3", refutes="after both", quartic=Fraction(4, 3)),
    ),
)
def bias_has_this_expansion(
    run: Run, *, first: Callable[[arb], arb] = lambda r: r**2 / 2, quartic: Fraction = Fraction(3, 2)
) -> Verdict:
    """High signal-to-noise ratios would not tell r from r^2: r = 1/2 does."""
    run.assume(positive_variances, 1.0)
    with working_precision(BITS):
        snr = arb(1)
        r = snr / (1 + snr)
        second = 4 * r**3 / 3 - fmpq(quartic.numerator, quartic.denominator) * r**4
        scales = [Fraction(1, batch) for batch in LARGE]
        once = [abs(bias(batch, snr) + first(r) / batch) for batch in LARGE]
        twice = [abs(bias(batch, snr) + first(r) / batch - second / batch**2) for batch in LARGE]
        return all_of(
            {
                "after the first term": ball_slope(scales, once, 2, 0.04),
                "after both": ball_slope(scales, twice, 3, 0.06),
            }
        ).with_data(**_curves())


CURVE = (2, 4, 8, 16, 32, 64, 128, 256)


def _curves() -> dict[str, list[float]]:
    """Return the biases of the figure, and the bound that holds for every ratio."""
    found: dict[str, list[float]] = {"B": [float(batch) for batch in CURVE]}
    for snr in SNRS[1:]:
        found[f"snr {snr}"] = [-float(bias(batch, ball(snr)).mid()) for batch in CURVE]
        found[f"law {snr}"] = [float((ball(snr) / (1 + ball(snr))) ** 2 / (2 * batch)) for batch in CURVE]
    return found | {"bound": [float(worst_bias(batch).mid()) for batch in CURVE]}


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "the bias is negative and at most 1/2 (log(B/2) - digamma(B/2)) in size; at v/s = 10^8 it reaches that bound "
        "within a share of 10^-5"
    ),
    domain=f"Gaussian codes, B = {', '.join(map(str, BATCHES))}, v/s = {', '.join(SNRS)}",
    hypotheses=(positive_variances,),
    controls=(
        control("the bias is positive", refutes="negative*", sign=-1),
        control("at most 1/(2 B)", refutes=["reached*"], bound=lambda batch: arb(1) / (2 * batch)),
        control(
            "at most half of the bound",
            refutes="bounded*",
            bound=lambda batch: worst_bias(batch) / 2,
        ),
    ),
)
def bias_is_bounded_for_every_ratio(
    run: Run, *, sign: int = 1, bound: Callable[[int], arb] = worst_bias
) -> Verdict:
    """|bias| grows as s falls: its limit bounds it. At s = 0 the second moment is v chi^2_B / B."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(BITS):
        for batch in BATCHES:
            sizes = {snr: -bias(batch, ball(snr)) for snr in SNRS}
            least = min(sizes.values(), key=lambda one: float(one.mid()))
            parts[f"negative, B = {batch}"] = ball_positive(sign * least)
            largest = max(sizes.values(), key=lambda one: float(one.mid()))
            parts[f"bounded, B = {batch}"] = ball_at_most(largest - bound(batch), 0)
            near = -bias(batch, arb(10) ** 8) / bound(batch)
            parts[f"reached, B = {batch}"] = ball_at_most(abs(near - 1), 1e-5)
        return all_of(parts)


MONOTONE = (2, 4, 8, 16, 32, 64, 128)


@claim.check(
    statement="S6",
    role="sharpens",
    method="certified",
    relation=">",
    states="the mean rate rises with B, and stays below the rate of all data",
    domain=f"Gaussian codes, v/s = {', '.join(SNRS)}, B = {', '.join(map(str, MONOTONE))}",
    hypotheses=(positive_variances,),
    controls=(
        control("it falls with B", refutes="rises*", sign=-1),
        control("the rate of half the variance", refutes="below*, v/s = [14]*", share=Fraction(1, 2)),
        control("the rate of a tenth of the variance", refutes="below*", share=Fraction(1, 10)),
    ),
)
def the_mean_rate_rises(run: Run, *, sign: int = 1, share: Fraction = Fraction(1)) -> Verdict:
    """The average of B + 1 codes is the average of its averages of B, and log is concave: for every law of codes."""
    run.assume(positive_variances, 1.0)
    parts = {}
    with working_precision(BITS):
        for text in SNRS:
            snr = ball(text)
            means = [mean_rate(batch, snr) for batch in MONOTONE]
            steps = [sign * (b - a) for a, b in pairwise(means)]
            least = min(steps, key=lambda one: float(one.mid()))
            parts[f"rises, v/s = {text}"] = ball_positive(least)
            whole = rate(snr * ball(share))
            parts[f"below the rate, v/s = {text}"] = ball_positive(whole - means[-1])
        return all_of(parts)

"""S9, S12: what the closed objectives fit in the Gaussian experiment: variances that are too large, and by how much."""

from fractions import Fraction

from flint import arb

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, control, tends_to

from .._shared.balls import ball, working_precision
from . import claim
from .hypotheses import positive_precision
from .toy import KINDS, best_variance

PRECISION = 200
RADIUS = "1e-25"
COUNTS = (10**3, 10**4, 10**5, 10**6)


@claim.check(
    statement="S9",
    role="limits",
    method="certified",
    relation="limit",
    states=(
        "the ELBO of the best untempered step has a local maximum at the likelihood variance S/N + 11/27, within "
        "4/N^2, "
        "and that of the VAE at S/N + 1: no number of data mends them; the evidence has its own at S/N, within 2/N"
    ),
    domain=f"one coordinate, S/N = 1, Delta = the data's mean, q0 = N(0, 1); N = {', '.join(f'{n:,}' for n in COUNTS)}",
    hypotheses=(positive_precision,),
    controls=(
        control("12/27 for 11/27", refutes="not cooled", excess="12/27"),
        control("1.01 for the VAE's 1", refutes="VAE*", own="101/100"),
        control("S/N + 1/100 for the evidence", refutes="evidence", exact="1/100"),
    ),
)
def variances_do_not_tend_to_the_data(
    run: Run, *, excess: str = "11/27", own: str = "1", exact: str = "0"
) -> Verdict:
    """A gap of a nats times 1/s adds 2a to s: (11/54) L without cooling, L/2 for the VAE."""
    limits = {"not cooled": (excess, 2, 4.0), "evidence": (exact, 1, 2.0)}
    parts = {}
    with working_precision(PRECISION):
        run.assume(positive_precision, 1 + ball(COUNTS[0]))
        scales = [Fraction(1, count) for count in COUNTS]
        for kind, (limit, order, factor) in limits.items():
            found = [best_variance(kind, count, arb(count), arb(RADIUS)) for count in COUNTS]
            parts[kind] = tends_to(scales, found, 1 + ball(limit), order=order, factor=factor, quantity=1.0)
        for count in COUNTS:
            fitted = best_variance("VAE", count, arb(count), arb(RADIUS))
            parts[f"VAE, N = {count:,}"] = ball_equal(fitted - 1 - ball(own), 1e-20)
        return all_of(parts).with_data(**_curves())


FIGURE = tuple(int(10 ** (k / 4)) for k in range(8, 25))


def _curves() -> dict[str, list[float]]:
    """Return the inflation of sigma over that of the evidence against N."""
    found: dict[str, list[float]] = {"count": [float(one) for one in FIGURE]}
    own = [best_variance("evidence", count, arb(count), arb("1e-15")) for count in FIGURE]
    for kind in KINDS[1:]:
        fitted = [best_variance(kind, count, arb(count), arb("1e-15")) for count in FIGURE]
        found[kind] = [float((a / b).sqrt().mid()) - 1 for a, b in zip(fitted, own, strict=True)]
    return found


SIGMAS = ("1/10", "1")
ROOTS = (10**2, 10**3, 10**4)
"""sqrt(N)."""


@claim.check(
    statement="S12",
    role="sharpens",
    method="certified",
    relation="limit",
    states=(
        "with a temperature for each coordinate the fitted sigma exceeds the evidence's by the share 1/(2 sigma "
        "sqrt(N)): "
        "the ratio of the two tends to 1, within 1/(sigma sqrt(N)); at N = 10^4, sigma = 1/10 it is .0512 within "
        ".0001"
    ),
    domain=(
        f"one coordinate, S/N = sigma^2, sigma = {' and '.join(SIGMAS)}; N = "
        f"{', '.join(f'{n**2:,}' for n in ROOTS)}; best step and temperature, local maxima in sigma"
    ),
    hypotheses=(positive_precision,),
    controls=(
        control("1/(sigma sqrt(N))", refutes="sigma*", factor=2),
        control("1.01/(2 sigma sqrt(N))", refutes="sigma*", factor=Fraction(101, 100)),
        control(".0514", refutes="share*", share="514/10000"),
    ),
)
def own_temperatures_inflate_little(
    run: Run, *, factor: Fraction | int = 1, share: str = "512/10000"
) -> Verdict:
    """The gap is about sqrt(N/s): it adds sqrt(s/N) to s."""
    parts = {}
    with working_precision(PRECISION):
        for text in SIGMAS:
            sigma = ball(text)
            ratios = []
            for root in ROOTS:
                count = root**2
                squares = count * sigma**2
                run.assume(positive_precision, 1 + count / sigma**2)
                both = [best_variance(kind, count, squares, arb(RADIUS)) for kind in KINDS[:2]]
                inflation = (both[1] / both[0]).sqrt() - 1
                ratios.append(inflation * 2 * sigma * root / ball(Fraction(factor)))
                if (text, root) == ("1/10", 100):
                    parts["share at N = 10^4"] = ball_at_most(abs(inflation - ball(share)), 1e-4)
            scales = [Fraction(1, root) / Fraction(text) for root in ROOTS]
            parts[f"sigma = {text}"] = tends_to(scales, ratios, arb(1), order=1, factor=1.0)
        return all_of(parts)

"""S7: the supremum of the ELBO over all priors, decoders and encoders, certified; and what learning the prior gains."""

from collections.abc import Callable
from fractions import Fraction

from flint import arb

from elboproof.checking import Run, Verdict, all_of, ball_at_most, ball_equal, ball_positive, control

from .._shared.balls import ball, working_precision
from .._shared.lindsay import Mixture
from .._shared.three_data import DATA
from . import claim
from .candidates import best_mixture, constant, elbo, enclosed, merged, separate, supremum, two_atoms
from .hypotheses import a_law, positive_variance
from .unit_prior import unit_prior

BITS = 120
TIGHT = Fraction(1, 10**8)
ROWS = {
    "1/10": ("-0.86162115", separate, "1/200"),
    "26/100": ("-1.20242705", merged, "1/500000"),
    "3/10": ("-1.23123630", merged, "1/125000"),
    "1": ("-1.62174660", merged, "1/50"),
}
"""sigma^2: the supremum to 8 places, the codes that come near it, and how near, at least."""
TWO_ATOMS = {"26/100": "0.00000481", "3/10": "0.00002210"}
"""log max D of the values of the merged codes, to 8 places."""
EIGHT = Fraction(1, 10**8)
THREE = f"data {', '.join(DATA)}, equally likely, Gaussian likelihood"


def halves(_: str) -> Mixture:
    """Return the two atoms with equal weights, which are not the best ones."""
    return Mixture.of(["-1/2", "5/2"], ["1/2"])


def lagrangian(variance: str, mixture: Mixture, half: arb) -> arb:
    """Return I + E |x - y|^2/(2 sigma^2), I against the law mu, of the channel y|x from the mixture: Shannon's rate.

    With responsibilities r_j(x), the rate against mu is E sum_j r_j log(r_j/w_j); at the best mixture mu is y's law.
    """
    total = arb(0)
    for x in map(ball, DATA):
        terms = [-((x - a) ** 2) / (2 * ball(variance)) for a in mixture.atoms]
        whole = sum((w * t.exp() for w, t in zip(mixture.weights, terms, strict=True)), arb(0))
        for w, t in zip(mixture.weights, terms, strict=True):
            r = w * t.exp() / whole
            total += r * ((r / w).log() - 2 * half * t)
    return total / len(DATA)


def output_law(variance: str, mixture: Mixture) -> list[arb]:
    """Return the law of y of that channel."""
    found = [arb(0)] * len(mixture.atoms)
    for x in map(ball, DATA):
        shares = [
            w * (-((x - a) ** 2) / (2 * ball(variance))).exp()
            for a, w in zip(mixture.atoms, mixture.weights, strict=True)
        ]
        whole = sum(shares, arb(0))
        found = [old + one / whole / len(DATA) for old, one in zip(found, shares, strict=True)]
    return found


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="=",
    states=(
        "over all priors, decoders and encoders the ELBO has the supremum "
        f"{', '.join(row[0] for row in ROWS.values())} within 1e-8, by a mixture and Lindsay's bound; Gaussian "
        f"encoders with codes far apart come within {', '.join(row[2] for row in ROWS.values())} of it; and it is "
        "minus the least rate-distortion Lagrangian I + E |x - y|^2/(2 sigma^2), less log sqrt(2 pi sigma^2)"
    ),
    domain=f"{THREE} of variance {', '.join(ROWS)}; every number of latents",
    hypotheses=(positive_variance, a_law),
    controls=(
        control("equal weights of two atoms", refutes=("tight*", "supremum*", "output*"), mixture=halves),
        control("codes merged for small variances only", refutes="near*", exchanged=True),
        control("|x - y|^2/sigma^2", refutes="Lagrangian*", half=1),
    ),
)
def one_maximum_bounds_all_priors(
    run: Run,
    *,
    mixture: Callable[[str], Mixture] = best_mixture,
    exchanged: bool = False,
    half: Fraction | int = Fraction(1, 2),
) -> Verdict:
    """An ELBO is at most E log p of the mixture that prior and decoder make."""
    parts: dict[str, Verdict] = {}
    with working_precision(BITS):
        for variance, (stated, codes, near) in ROWS.items():
            run.assume(positive_variance, Fraction(variance))
            run.assume(a_law, *[Fraction(1, 3)] * len(DATA))
            value, excess = enclosed(variance, mixture)
            used = {separate: merged, merged: separate}[codes] if exchanged else codes
            channel = lagrangian(variance, mixture(variance), ball(half))
            law = zip(output_law(variance, mixture(variance)), mixture(variance).weights, strict=True)
            name = f"sigma^2 = {variance}"
            parts |= {
                f"tight, {name}": ball_at_most(excess, TIGHT),
                f"supremum, {name}": ball_at_most(abs(value - ball(stated)), EIGHT),
                f"near, {name}": ball_at_most(supremum(variance) - elbo(variance, used), Fraction(near)),
                f"Lagrangian, {name}": ball_equal(channel + constant(variance) + value, 1e-20),
                f"output, {name}": ball_at_most(sum((abs(a - b) for a, b in law), arb(0)), TIGHT),
            }
        return all_of(parts)


@claim.check(
    statement="S7",
    role="sharpens",
    method="certified",
    relation="<=",
    states=(
        "with the values -1/2 and 5/2 alone, weights 2/3 and 1/3, the certificate log max D is "
        f"{', '.join(TWO_ATOMS.values())} within 1e-8: codes that merge -1 and 0 are that near to the best of all"
    ),
    domain=f"{THREE} of variance {', '.join(TWO_ATOMS)}",
    hypotheses=(positive_variance,),
    controls=(control("the best two atoms, whose certificate is 0", mixture=best_mixture),),
)
def merged_values_are_nearly_best(
    run: Run, *, mixture: Callable[[str], Mixture] = lambda _: two_atoms()
) -> Verdict:
    """The second of two reasons why nothing is much better than merged codes."""
    parts = {}
    with working_precision(BITS):
        for variance, stated in TWO_ATOMS.items():
            run.assume(positive_variance, Fraction(variance))
            excess = enclosed(variance, mixture)[1]
            parts[f"sigma^2 = {variance}"] = ball_at_most(abs(excess - ball(stated)), EIGHT)
        return all_of(parts)


ROW = "3/10"
STATED = {"ELBO": "-1.50008567364", "information": "0.77642194867", "KL": "0.13117942232"}
GAIN = "0.26884157"


@claim.check(
    statement="S7",
    role="confirms",
    method="certified",
    relation=">",
    states=(
        "under N(0, 1) a local maximum of the ELBO has -1.50008567364, I = 0.77642194867 and KL(q(z) || p) = "
        "0.13117942232 (within 1e-10): a better prior for this encoder gains the KL, and prior, decoder and encoder "
        f"together gain {GAIN} (within 1e-7) and, with the supremum, 0.26885: more than twice the KL"
    ),
    domain=f"{THREE} of variance {ROW}, one latent; the stationary encoder proved by Krawczyk's test",
    hypotheses=(positive_variance,),
    controls=(
        control("more than 2.1 times the KL", refutes="more*", share="21/10"),
        control("the supremum for merged codes", refutes="gain", best=supremum),
        control("I for the KL", refutes="KL", exchanged=True),
        control("minima", refutes="a maximum", sign=-1),
        control("E log p(x|z) for the ELBO", refutes="ELBO", elbo_is="reconstruction"),
        control("the KL of q_n for I", refutes="information", known_is="rate"),
    ),
)
def training_again_gains_more(
    run: Run,
    *,
    best: Callable[[str], arb] = lambda v: elbo(v, merged),
    share: str = "2",
    exchanged: bool = False,
    sign: int = 1,
    elbo_is: str = "elbo",
    known_is: str = "information",
) -> Verdict:
    """That no other encoder is better under N(0, 1) is not shown."""
    run.assume(positive_variance, Fraction(ROW))
    found = unit_prior(ROW)
    with working_precision(BITS):
        value = getattr(found, elbo_is)
        known = found.information + (found.aggregate_kl if known_is == "rate" else 0)
        kl = found.information if exchanged else found.aggregate_kl
        gain = best(ROW) - value
        return all_of(
            {
                "ELBO": _within(value, STATED["ELBO"], 10),
                "information": _within(known, STATED["information"], 10),
                "KL": _within(kl, STATED["KL"], 10),
                "gain": _within(gain, GAIN, 7),
                "more than twice the KL": ball_positive(gain - ball(share) * found.aggregate_kl),
                "a maximum": ball_positive(sign * found.least_pivot),
            }
        )


def _within(value: arb, stated: str, places: int) -> Verdict:
    return ball_at_most(abs(value - ball(stated)), Fraction(1, 10**places))

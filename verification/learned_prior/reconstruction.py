"""S8: a learned prior may improve the reconstruction, and may worsen it: proved for all optimal ones, both ways.

With beta = 1/(2 sigma^2), e = E |x - g(z)|^2 and C = I + KL(q(z) || p), minus the ELBO is C + beta e + log sqrt(2 pi
sigma^2). Let F(b) be the least C + b e over all priors, decoders and encoders (S7). Where the ELBO is at least E, C +
beta e <= T = -E - log sqrt(2 pi sigma^2), and C + b e >= F(b) for every b: so

    (F(b) - T)/(b - beta) <= e for b > beta,    e <= (T - F(b))/(beta - b) for b < beta.
"""

from dataclasses import dataclass
from fractions import Fraction

import sympy
from flint import arb
from sympy import Expr, Rational

from elboproof.checking import Run, Verdict, all_of, ball_positive, control, identity

from .._shared.balls import ball, working_precision
from .._shared.three_data import DATA
from . import claim
from .candidates import Configuration, constant, elbo, merged, separate, supremum
from .hypotheses import positive_variance
from .unit_prior import unit_prior

BITS = 120
SLACK = Fraction(1, 10**6)
"""Nats: Gaussian encoders come arbitrarily near to the ELBO of codes that are apart, so that there are some within."""


@dataclass(frozen=True)
class Row:
    """Codes that a learned prior allows, and the variances at which F(b) is enclosed: 1/(2 b) below and above."""

    codes: Configuration
    below: str
    above: str


BETTER = {"1/10": Row(separate, "1/20", "12/100"), "1": Row(merged, "1/4", "12/10")}
WORSE = {"26/100": Row(merged, "1/4", "28/100"), "3/10": Row(merged, "1/4", "35/100")}
ROWS = BETTER | WORSE


def loss_bounds(variance: str, floor: Configuration | None = None) -> tuple[arb, arb]:
    """Return bounds of R = E -log p(x|z) where the ELBO is at least that of the row's codes, less `SLACK`."""
    row = ROWS[variance]
    threshold = -elbo(variance, floor or row.codes) + ball(SLACK) - constant(variance)
    beta, large, small = (1 / (2 * ball(v)) for v in (variance, row.below, row.above))
    least = (_least(row.below) - threshold) / (large - beta)
    most = (threshold - _least(row.above)) / (beta - small)
    return constant(variance) + beta * least, constant(variance) + beta * most


def _least(variance: str) -> arb:
    """Return F(1/(2 sigma^2))."""
    return -supremum(variance) - constant(variance)


def _domain(rows: dict[str, Row]) -> str:
    return (
        f"data {', '.join(DATA)}, equally likely, Gaussian likelihood of variance {', '.join(rows)}; under N(0, 1) the "
        "local maximum next to a table of starts, one latent, proved by Krawczyk's test; learned: every prior, decoder "
        "and encoder, any number of latents"
    )


@claim.check(
    statement="S8",
    role="confirms",
    method="certified",
    relation="<",
    states=(
        "every prior, decoder and encoder whose ELBO is at least that of codes far apart, less 1e-6 (sigma^2 = 1/10: "
        "one for each datum; 1: -1 and 0 share one), has a smaller reconstruction loss than the best encoder found "
        "under N(0, 1), by 0.105 and 0.044 nats or more: there a learned prior improves the reconstruction"
    ),
    domain=_domain(BETTER),
    hypotheses=(positive_variance,),
    controls=(
        control("a loss under N(0, 1) that is smaller by 0.001", refutes="better*", shift="-1/1000"),
        control("minima under N(0, 1)", refutes="a maximum*", sign=-1),
    ),
)
def reconstruction_improves(run: Run, *, shift: str = "0", sign: int = 1) -> Verdict:
    """R0 = -0.0609641 and 1.2456325."""
    parts = {}
    for variance, margin in zip(BETTER, ("105/1000", "44/1000"), strict=True):
        run.assume(positive_variance, Fraction(variance))
        found = unit_prior(variance)
        with working_precision(BITS):
            loss = -found.reconstruction + ball(shift)
            most = loss_bounds(variance)[1]
            parts[f"better, sigma^2 = {variance}"] = ball_positive(loss - most - ball(margin))
            parts[f"a maximum, sigma^2 = {variance}"] = ball_positive(sign * found.least_pivot)
    return all_of(parts)


@claim.check(
    statement="S8",
    role="limits",
    method="certified",
    relation=">",
    states=(
        "every prior, decoder and encoder whose ELBO is at least that of merged codes (-1 and 0 share one), less 1e-6, "
        "has a larger reconstruction loss than the best encoder found under N(0, 1), by 0.0618 nats at sigma^2 = "
        "26/100 and 0.0022 at 3/10, though its ELBO is larger by 0.2643 and 0.2688: there a learned prior worsens the "
        "reconstruction"
    ),
    domain=_domain(WORSE),
    hypotheses=(positive_variance,),
    controls=(
        control("a loss under N(0, 1) that is larger by 0.0001", refutes="worse*", shift="1/10000"),
        control("any ELBO as large as that of codes for each datum", refutes="worse*", floor=separate),
        control("ELBOs that gain 0.0002 more", refutes="gain*", more="2/10000"),
        control("minima under N(0, 1)", refutes="a maximum*", sign=-1),
    ),
)
def reconstruction_worsens(
    run: Run, *, shift: str = "0", floor: Configuration | None = None, more: str = "0", sign: int = 1
) -> Verdict:
    """The unit prior keeps the codes of -1 and 0 apart to look Gaussian; a learned one merges them, to pay less."""
    parts = {}
    for variance, margin, gain in zip(
        WORSE, ("618/10000", "22/10000"), ("2643/10000", "2688/10000"), strict=True
    ):
        run.assume(positive_variance, Fraction(variance))
        found = unit_prior(variance)
        name = f"sigma^2 = {variance}"
        with working_precision(BITS):
            loss = -found.reconstruction + ball(shift)
            least = loss_bounds(variance, floor)[0]
            parts[f"worse, {name}"] = ball_positive(least - loss - ball(margin))
            parts[f"gain, {name}"] = ball_positive(
                elbo(variance, merged) - found.elbo - ball(gain) - ball(more)
            )
            parts[f"a maximum, {name}"] = ball_positive(sign * found.least_pivot)
    return all_of(parts)


W, M, X = sympy.symbols("w m x", real=True)
LAMBDA, S = sympy.symbols("lambda s", positive=True)


@claim.check(
    statement="S8",
    role="limits",
    method="symbolic",
    relation="=",
    states=(
        "in a linear Gaussian VAE a learned prior variance lambda changes nothing: the prior 1 with sqrt(lambda) w for "
        "w, m/sqrt(lambda) for m and s/lambda for s has the same reconstruction and the same rate at every x"
    ),
    domain="every prior N(0, lambda), decoder w z, encoder N(m x, s), datum x; one latent",
    hypotheses=(positive_variance,),
    controls=(
        control("lambda w for the decoder", refutes="reconstruction", power=Rational(1)),
        control("s for the variance", refutes=("reconstruction", "rate"), spread=0),
    ),
    tier="quick",
)
def linear_vaes_absorb_the_prior_variance(
    run: Run,
    *,
    power: Expr = Rational(1, 2),  # noqa: B008
    spread: int = 1,
) -> Verdict:
    """E (x - w z)^2 = (x - w m x)^2 + w^2 s, and KL(N(m x, s) || N(0, lambda))."""
    run.assume(positive_variance, LAMBDA, S)
    root = sympy.sqrt(LAMBDA)
    w, m, s = W * LAMBDA**power, M / root, S / LAMBDA**spread

    def error(w: Expr, m: Expr, s: Expr) -> Expr:
        return (X - w * m * X) ** 2 + w**2 * s

    def rate(m: Expr, s: Expr, prior: Expr) -> Expr:
        return (s / prior + (m * X) ** 2 / prior - 1 - sympy.log(s) + sympy.log(prior)) / 2

    return all_of(
        {
            "reconstruction": identity(error(w, m, s) - error(W, M, S)),
            "rate": identity(sympy.expand_log(rate(m, s, sympy.Integer(1)) - rate(M, S, LAMBDA))),
        }
    )

"""S1: reconstruction, information and KL(q(z) || p), for finite laws, on the line, and by the library."""

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from typing import Any

import sympy
from flint import acb, arb
from sympy import Expr, Symbol

from elboproof.checking import Route, Run, Verdict, all_of, control, equal, identity, routes_agree

from .._shared.balls import ball, working_precision
from .._shared.three_encoders import Codes
from . import claim
from .hypotheses import positive_density
from .unit_prior import information, mean_over_codes

DATA, VALUES = 2, 3
"""Of the finite laws."""


def laws() -> tuple[list[list[Symbol]], list[Symbol], list[Symbol]]:
    """Return log q(z_k|x_n) and log p(z_k) as free symbols, and the weights of the data."""
    logs = [[Symbol(f"l{n}{k}", real=True) for k in range(VALUES)] for n in range(DATA)]
    prior = [Symbol(f"r{k}", real=True) for k in range(VALUES)]
    return logs, prior, [Symbol(f"pi{n}", positive=True) for n in range(DATA)]


@claim.check(
    statement="S1",
    role="confirms",
    method="symbolic",
    relation="=",
    states=(
        "E KL(q(z|x) || p) = I(x; z) + KL(q(z) || p), with I = E log q(z|x)/q(z) and q(z) = E q(z|x), term by term in "
        "every value of z: what is over from E log q(z|x) - log q(z) - (log q(z) - log p(z)) is 0, and the mixture's "
        "terms add up to those of q(z)"
    ),
    domain=f"{DATA} data of any weights, {VALUES} values of z, any log q(z|x), log q(z) and log p(z)",
    hypotheses=(positive_density,),
    controls=(
        control("KL(p || q(z)) for KL(q(z) || p)", refutes="sum", reverse=True),
        control("the weight of the first datum for all", refutes="aggregate", first=True),
    ),
    tier="quick",
)
def the_rate_splits(run: Run, *, reverse: bool = False, first: bool = False) -> Verdict:
    """Weights of z under q(z|x) are symbols of their own: no relation between them and their logarithms is used."""
    logs, prior, data = laws()
    q = [[Symbol(f"q{n}{k}", positive=True) for k in range(VALUES)] for n in range(DATA)]
    run.assume(positive_density, *[row for rows in q for row in rows])
    mixed, log_mixed = _aggregate(q, data, first), [Symbol(f"m{k}", real=True) for k in range(VALUES)]
    cells = list(product(range(DATA), range(VALUES)))
    rate = sum(data[n] * q[n][k] * (logs[n][k] - prior[k]) for n, k in cells)
    information = sum(data[n] * q[n][k] * (logs[n][k] - log_mixed[k]) for n, k in cells)
    true = _aggregate(q, data, False)
    weights = [sympy.exp(one) for one in prior] if reverse else true
    sign = -1 if reverse else 1
    apart = sum(w * sign * (log_mixed[k] - prior[k]) for k, w in enumerate(weights))
    whole = sum(data[n] * q[n][k] for n, k in cells)
    return all_of(
        {
            "sum": identity(sympy.expand(rate - information - apart)),
            "aggregate": identity(sympy.expand(sum(mixed) - whole)),
        }
    )


def _aggregate(q: Sequence[Sequence[Expr]], data: Sequence[Expr], first: bool) -> list[Expr]:
    """Return the weights of z under q(z)."""
    return [sum(data[0 if first else n] * q[n][k] for n in range(DATA)) for k in range(VALUES)]


CODES = (("-1", "1/4"), ("-1/5", "1/9"), ("6/5", "1/4"))
"""Means and variances."""
BITS = 120
WIDTH = 1e-15
REACH = 12
"""Of the line on which q(z) log(q(z)/p(z)) is integrated."""
BEYOND = 1e-60
"""More than what lies outside: there q(z) <= 2 exp(-2 (|z| - 6/5)^2), |log q(z)| and |log p(z)| are at most 20 z^2, and
the integral of 160 z^2 exp(-2 (z - 6/5)^2) over z > 12 is below 1e-95."""

LogDensity = Callable[[acb, bool], acb]
"""Of z, and of whether it is to be analytic."""


def codes() -> Codes:
    """Return the codes at the working precision."""
    means, variances = zip(*CODES, strict=True)
    return Codes(tuple(map(ball, means)), tuple(ball(s).log() for s in variances))


def log_normal(z: acb, m: arb | int, s: arb | int) -> acb:
    """Return log N(z; m, s)."""
    return -((z - m) ** 2) / (2 * s) - (2 * acb.pi() * s).log() / 2


def log_flow(z: acb, analytic: bool) -> acb:
    """Return log N(h(z)) + log h'(z), h = z + tanh z."""
    bend = z.tanh()
    return log_normal(z + bend, 0, 1) + (2 - bend * bend).log(analytic=analytic)


PRIORS: dict[str, LogDensity] = {
    "N(0, 1)": lambda z, _: log_normal(z, 0, 1),
    "N(1/10, 3/2)": lambda z, _: log_normal(z, ball("1/10"), ball("3/2")),
    "a flow": log_flow,
}


def rate(given: Codes, log_prior: LogDensity) -> arb:
    """Return the mean KL(q_n || p): minus entropies, in closed form, less E log p."""
    entropy = sum(((2 * arb.pi()).log() + 1 + t for t in given.logs), arb(0)) / 6
    return -entropy - mean_over_codes(given, lambda _, z, analytic: log_prior(z, analytic))


def aggregate_kl(given: Codes, log_prior: LogDensity, reverse: bool = False) -> arb:
    """Return KL(q(z) || p) as one integral over the line, or KL(p || q(z))."""
    pairs = [(m, t.exp()) for m, t in zip(given.means, given.logs, strict=True)]

    def integrand(z: acb, analytic: bool) -> acb:
        q = sum((log_normal(z, m, s).exp() for m, s in pairs), acb(0)) / 3
        log_p = log_prior(z, analytic)
        ratio = q.log(analytic=analytic) - log_p
        return -log_p.exp() * ratio if reverse else q * ratio

    cuts = [arb(n) for n in range(-REACH, REACH + 1)]
    parts = [acb.integral(integrand, a, b).real for a, b in pairwise(cuts)]
    return sum(parts, arb(0)) + arb(0, BEYOND)


@claim.check(
    statement="S1",
    role="confirms",
    method="certified",
    relation="=",
    states=(
        "the mean KL(q(z|x) || p), I(x; z) and KL(q(z) || p), integrated one by one, fit: the first is the sum of the "
        "others, to 15 places"
    ),
    domain=f"codes {', '.join(f'N({m}, {s})' for m, s in CODES)}, equally likely; priors {', '.join(PRIORS)}",
    hypotheses=(positive_density,),
    controls=(
        control("KL(p || q(z)) for KL(q(z) || p)", reverse=True),
        control("log det with the wrong sign", refutes="a flow", sign=-1),
    ),
)
def integrals_fit(run: Run, *, reverse: bool = False, sign: int = 1) -> Verdict:
    """The flow is h = z + tanh z."""
    parts = {}
    with working_precision(BITS):
        given = codes()
        known = information(given)
        for name, log_prior in PRIORS.items():
            run.assume(positive_density, log_prior(acb(0), False).exp().real)
            apart = aggregate_kl(given, log_prior, reverse)
            shift = 0 if sign == 1 else 2 * _mean_log_slope(given)
            found = rate(given, log_prior) + (shift if name == "a flow" else 0)
            second = Route("I and KL(q(z) || p), integrated one by one", known + apart)
            parts[name] = routes_agree(found, second, WIDTH)
        return all_of(parts)


def _mean_log_slope(given: Codes) -> arb:
    """Return E log h'(z) of the flow."""
    return mean_over_codes(given, lambda _, z, analytic: (2 - z.tanh() ** 2).log(analytic=analytic))


SAMPLES, EXAMPLES, LATENTS = 40, 30, 3
CLOSE = 1e-12
"""Of nats of size 10 in float64."""


def reference_terms(z: Any, m: Any, log_s: Any) -> tuple[Any, Any]:
    """Return log q(z|x) and log q(z), (S, B) each, by torch.distributions."""
    import torch
    from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

    each: Any = Independent(Normal(m, log_s.exp()), 1)
    mixture: Any = MixtureSameFamily(Categorical(torch.ones(len(m), dtype=torch.float64)), each)
    return each.log_prob(z), mixture.log_prob(z)


@claim.check(
    statement="S1",
    role="confirms",
    method="property",
    relation="=",
    states=(
        "elboproof.objectives.elbo_surgery: its three terms are those of torch.distributions, and its ELBO is the mean "
        f"log p(x|z) - log q(z|x) + log p(z) of the same samples, within {CLOSE:g}"
    ),
    domain=(
        f"{EXAMPLES} drawn codes in {LATENTS} dimensions, {SAMPLES} samples each; an untrained RealNVP prior, which is "
        "N(0, I), and one with other weights"
    ),
    hypotheses=(positive_density,),
    controls=(
        control("log variances for log deviations", refutes=("information*", "aggregate*"), factor=2.0),
        control("KL of each q(z|x) for that of q(z)", refutes=("aggregate*", "ELBO*"), each=True),
        control("the reconstruction of one sample", refutes="reconstruction*", samples=1),
    ),
)
def the_library_cuts_alike(
    run: Run, *, factor: float = 1.0, each: bool = False, samples: int = SAMPLES
) -> Verdict:
    """Common samples, so that the identity holds to rounding and not to Monte Carlo error."""
    import torch

    from elboproof import objectives

    def drawn(*shape: int) -> Any:
        return torch.tensor(run.rng.normal(size=shape))

    m, log_s = 1.5 * drawn(EXAMPLES, LATENTS), 0.5 * drawn(EXAMPLES, LATENTS) - 1
    z, fit = m + log_s.exp() * drawn(SAMPLES, EXAMPLES, LATENTS), drawn(SAMPLES, EXAMPLES) - 5
    own, mixed = reference_terms(z, m, log_s)
    parts: dict[str, Verdict] = {}
    for name, moved in (("N(0, I)", 0.0), ("moved", 0.1)):
        prior = objectives.FlowPrior(LATENTS, generator=torch.Generator().manual_seed(1)).double()
        with torch.no_grad():
            for weight in prior.parameters():
                weight.add_(moved * drawn(*weight.shape))
            found = objectives.elbo_surgery(fit, m, factor * log_s, z, prior)
            log_p = prior.log_prob(z)
        run.assume(positive_density, float(log_p.exp().min()))
        apart = found.information + found.aggregate_kl if each else found.aggregate_kl
        total = found.reconstruction - found.information - apart
        parts |= {
            f"reconstruction, {name}": equal(found.reconstruction, fit[:samples].mean(), CLOSE),
            f"information, {name}": equal(found.information, (own - mixed).mean(), CLOSE),
            f"aggregate KL, {name}": equal(apart, (mixed - log_p).mean(), CLOSE),
            f"ELBO, {name}": equal(total, (fit - own + log_p).mean(), CLOSE),
        }
    return all_of(parts)

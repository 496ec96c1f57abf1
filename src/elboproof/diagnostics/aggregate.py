"""The rate in two parts: the information of the codes, and how far their aggregate is from the prior."""

import math

import torch

from elboproof.diagnostics.diagnostic import Diagnostic, missing, of_draws
from elboproof.diagnostics.plan import Plan
from elboproof.networks.yardstick_model import normal
from elboproof.objectives.surgery import elbo_surgery

NEAR = 1.0
"""Nats below log N, above which the information is that of the sample and not of the law behind it."""


def standard_normal(latents: int) -> torch.distributions.Distribution:
    """Return N(0, I) over (d,)."""
    zeros = torch.zeros(latents, dtype=torch.float64)
    return torch.distributions.Independent(torch.distributions.Normal(zeros, torch.ones_like(zeros)), 1)


def of_aggregate(plan: Plan) -> list[Diagnostic]:
    """Return I(x; z) and KL(q(z) || p), against the full mixture of all N codes; their sum is the rate.

    Each draw takes one z of each row; of many data each takes rows of its own, so that the spread over the draws is
    the error in both cases.
    """
    fitted, generator = plan.fitted, plan.generator("aggregate")
    terms = [_drawn(plan, generator) for _ in range(plan.draws)]
    if not all(math.isfinite(one) for pair in terms for one in pair):
        return [missing("information", "a density is out of range"), missing("aggregate KL", "as above")]
    found = of_draws("information", [one for one, _ in terms], "I(x; z), of these N data")
    if found.value > math.log(len(fitted.x)) - NEAR:
        words = f"near log N = {math.log(len(fitted.x)):.2f}, which it cannot exceed: of more data it may be larger"
        found = of_draws("information", [one for one, _ in terms], words)
    aggregate = of_draws(
        "aggregate KL", [one for _, one in terms], "KL(q(z) || p): the most a prior can gain"
    )
    return [found, aggregate]


def _drawn(plan: Plan, generator: torch.Generator) -> tuple[float, float]:
    fitted = plan.fitted
    rows, latents = plan.subset(generator), fitted.sizes[2]
    log_stds = 0.5 * fitted.log_variances
    z = fitted.means[rows] + log_stds[rows].exp() * normal(generator, 1, len(rows), latents)
    none = torch.zeros(1, len(rows), dtype=torch.float64)  # of the reconstruction nothing is used
    found = elbo_surgery(none, fitted.means, log_stds, z, standard_normal(latents), rows=rows)
    return float(found.information), float(found.aggregate_kl)

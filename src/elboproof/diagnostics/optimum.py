"""The decoder against the closed-form optimum for these codes, and what one covariance for all data would cost.

The optimal decoder for q is f*(z) = E_q[x|z], a weighted mean of the data, for Gaussian and for Bernoulli likelihoods.
Another decoder f loses, with E over data and q, E sum_j (f_j - f*_j)^2 / (2 v_j), or E KL(Bernoulli(f*) || that of f).
"""

import math

import numpy as np
import torch
from torch.nn.functional import softplus

from elboproof.decoder.optimal import OptimalDecoder
from elboproof.diagnostics.diagnostic import (
    Diagnostic,
    FloatArray,
    estimate,
    jackknife,
    missing,
    of_draws,
    proved,
)
from elboproof.diagnostics.plan import Plan
from elboproof.networks.yardstick_model import normal
from elboproof.posterior.constant_variance import constant_variance_penalty

MEMORISES = "certain of these data alone: the optimum memorises them"
GAP, AT_BEST = "decoder gap", "decoder gap, best variances"
MOST_PRECISIONS = 10_000
"""Data of the constant-variance cost."""
DRAWS, PAIRS, LEAST = 8, 2**18, 256
"""Of the optimum; pairs of a latent and a code in each; and latents in each, where the data are few."""


def of_optimum(plan: Plan) -> list[Diagnostic]:
    """Return what the decoder loses against the optimum, at its own variance and at the best ones of both."""
    fitted = plan.fitted
    if fitted.family not in ("gaussian", "bernoulli"):
        reason = "only of Gaussian and Bernoulli likelihoods"
        return [missing(GAP, reason), missing(AT_BEST, reason)]
    optimal = OptimalDecoder(
        fitted.means.numpy(), fitted.x.numpy(), variances=fitted.log_variances.exp().numpy()
    )
    generator = plan.generator("optimum")
    try:
        draws = [_drawn(plan, optimal, generator) for _ in range(DRAWS)]
    except (OverflowError, ArithmeticError) as error:
        return [missing(GAP, str(error)), missing(AT_BEST, str(error))]
    gap = of_draws(GAP, [apart for apart, _, _ in draws], MEMORISES)
    return [gap, _at_best(np.array([pair for _, *pair in draws]), fitted.x.shape[1])]


def _at_best(squares: FloatArray, dimensions: int) -> Diagnostic:
    """Return D/2 log of the ratio of the mean squares of both, (S, 2)."""
    if not np.isfinite(squares).all():
        return missing(AT_BEST, "only of a Gaussian likelihood")
    if not squares.min() > 0:
        return missing(AT_BEST, "the optimum leaves no residual: it has memorised the data")
    found = jackknife(lambda pair: dimensions / 2 * math.log(pair[0] / pair[1]), squares)
    return estimate(AT_BEST, *found, "each at the best common factor of its variances")


def _drawn(plan: Plan, optimal: OptimalDecoder, generator: torch.Generator) -> tuple[float, float, float]:
    """Return the gap and both mean squared residuals relative to the variances, at one z of each row."""
    fitted, rows = plan.fitted, plan.subset(generator, PAIRS)
    rows = rows.repeat(max(1, LEAST // len(rows)))
    deviations = (0.5 * fitted.log_variances[rows]).exp()
    z = fitted.means[rows] + deviations * normal(generator, len(rows), fitted.sizes[2])
    best = torch.from_numpy(np.asarray(optimal(z.numpy())))
    with torch.no_grad():
        given = fitted.joint.outputs(z[None])[0]
    if fitted.family == "bernoulli":
        return float(_divergence(best.clamp(0, 1), given).sum(1).mean()), math.nan, math.nan
    v, x = fitted.variance, fitted.x[rows]
    own, least = (float(((x - one) ** 2 / v).mean()) for one in (given, best))
    return float(((given - best) ** 2 / (2 * v)).sum(1).mean()), own, least


def _divergence(p: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return KL(Bernoulli(p) || Bernoulli of logits)."""
    return torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p) - p * logits + softplus(logits)


def of_precisions(plan: Plan) -> Diagnostic:
    """Return what one posterior covariance for all data would cost, from the precisions of q."""
    logs, words = plan.fitted.log_variances, "for all data, where posteriors are Gaussians as q"
    if len(logs) > MOST_PRECISIONS:
        order = torch.randperm(len(logs), generator=plan.generator("precisions"))
        logs, words = logs[order[:MOST_PRECISIONS]], f"for {MOST_PRECISIONS} of the data, drawn"
    precisions = torch.diag_embed((-logs).exp()).numpy()
    found = constant_variance_penalty(precisions)
    return proved("cost of one covariance", found.penalty, words)

"""All diagnostics of one trained model, in the order of the table."""

import math

import numpy as np
from numpy.typing import ArrayLike

from elboproof.arguments import suggesting, wrong_type
from elboproof.diagnostics.aggregate import of_aggregate
from elboproof.diagnostics.diagnostic import Diagnostic, estimate, missing
from elboproof.diagnostics.diagnostics import Diagnostics
from elboproof.diagnostics.fitted import Fitted
from elboproof.diagnostics.gaps import Gaps, sampled
from elboproof.diagnostics.latents import Latents, of_latents
from elboproof.diagnostics.optimum import of_optimum, of_precisions
from elboproof.diagnostics.plan import Plan
from elboproof.diagnostics.proofs import prove
from elboproof.diagnostics.residuals import Residuals, of_residuals
from elboproof.diagnostics.simulation import of_simulation
from elboproof.networks.trained import Trained
from elboproof.networks.yardstick import elbo_estimate
from elboproof.networks.yardstick_paired import bits_per_dimension


@suggesting
def trained(
    model: "Fitted | Trained",
    x: ArrayLike | None = None,
    *,
    rows: int = 32,
    draws: int = 16,
    simulated: int = 0,
    seconds: float = 60.0,
    scale: float = 1.0,
    seed: int = 0,
) -> Diagnostics:
    """Return what the nats of a trained VAE are made of, in nats per example.

    Parameters
    ----------
    model
        A `Fitted`, or what ``networks.train`` returned.
    x
        (N, D), with the latter: the data in its units, those that it was trained on; a `Fitted` has its own.
    rows
        Of the data, drawn: those whose evidence is looked at.
    draws
        Of z for each datum, at least 2; from their spread come the standard errors.
    simulated
        Data that are drawn from the model, whose evidence is annealed from below and above; takes a second for each.
    seconds
        For proofs of the evidence of all rows; what is not proved by then is estimated.
    scale
        Of the data, for bits per dimension: one step of their quantisation, such as 1/255, or their unit.
    seed
        Of all that is drawn.

    Returns
    -------
    Diagnostics
        Numbers with their errors, each by its name, such as ``found["evidence"]``; printed, they are a table.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of the kind described, or the decoder returns no finite float64 outputs of the data's
        width.

    Examples
    --------
    >>> import torch
    >>> from elboproof import networks
    >>> from elboproof.diagnostics import Fitted, trained
    >>> x = torch.linspace(-2, 2, 40, dtype=torch.float64)[:, None]
    >>> found = trained(
    ...     Fitted(x, x / 2, 0 * x - 2, torch.nn.Linear(1, 1), networks.GaussianLikelihood(0.5)),
    ...     rows=4,
    ... )
    >>> print(f"{found['gain of rescaling'].value:.3f} nats, {found['evidence'].kind}")
    0.104 nats, proved
    """
    plan = Plan(_fitted(model, x), rows, draws, simulated, seconds, scale, seed)
    latents = Latents.of(plan.fitted)
    if plan.fitted.family == "unknown":
        items = [missing("ELBO", plan.fitted.unknown), *of_latents(plan.fitted, latents), *of_aggregate(plan)]
        return Diagnostics(plan.fitted.name, plan.fitted.sizes, latents, (*items, of_precisions(plan)))
    first = _elbo(plan)  # it looks at the width of the outputs, of which others would repeat a single one
    residuals = Residuals.of(plan) if plan.fitted.family == "gaussian" else None
    gaps = Gaps(sampled(plan), prove(plan))
    items = [
        *first,
        *of_latents(plan.fitted, latents),
        *of_residuals(plan, residuals, latents),
        *of_aggregate(plan),
        *gaps.items(),
        *of_optimum(plan),
        of_precisions(plan),
        *of_simulation(plan),
    ]
    return Diagnostics(
        plan.fitted.name,
        plan.fitted.sizes,
        latents,
        tuple(items),
        None if residuals is None else np.sqrt(residuals.per_pixel),
        plan.chosen.numpy(),
        gaps.sampled.encoder.values.numpy(),
        gaps.evidence,
        gaps.sampled.encoder_k,
    )


def _fitted(model: object, x: ArrayLike | None) -> Fitted:
    if isinstance(model, Trained):
        if x is None:
            raise wrong_type("x", x, "the data (N, D) that the networks were trained on")
        return Fitted.of(model, x)
    if not isinstance(model, Fitted):
        raise wrong_type("model", model, "a Fitted, or what networks.train returned")
    if x is not None:
        raise wrong_type("x", x, "nothing beside a Fitted, which has its data")
    return model


def _elbo(plan: Plan) -> list[Diagnostic]:
    """Return the ELBO in three units, and the reconstruction."""
    fitted, draws = plan.fitted, plan.draws
    found = elbo_estimate(
        fitted.joint, fitted.x, fitted.posteriors, draws=draws, generator=plan.generator("ELBO")
    )
    rate, D = float(fitted.posteriors.divergences().mean()), fitted.x.shape[1]
    return [
        estimate("ELBO", found.mean, found.error, f"of all {len(fitted.x)} data"),
        estimate("ELBO per dimension", found.mean / D, found.error / D, unit="nats/dim"),
        estimate(
            "negative, in bits",
            bits_per_dimension(found.mean, D, plan.scale),
            found.error / (D * math.log(2)),
            f"of the density of x / {plan.scale:.6g}",
            unit="bits/dim",
        ),
        estimate("reconstruction", found.mean + rate, found.error, "E log p(x|z)"),
    ]

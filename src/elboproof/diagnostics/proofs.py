"""Proofs for some rows, within a limit on time: the evidence, and where the ELBO of the encoder loses it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elboproof.diagnostics.plan import Plan
from elboproof.evidence.log_evidence import MOST_LATENTS, log_evidence
from elboproof.model.gaussian_posteriors import GaussianPosteriors
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided
from elboproof.posterior.decompose import decompose
from elboproof.posterior.stationary import MOST_LATENTS as MOST_DECOMPOSED

DIGITS = 2
SHARP = 0.05
"""Nats: an enclosure of a greater half width says less than an estimate."""


@dataclass(frozen=True, eq=False)
class Proofs:
    """Enclosures of shape (M,), None where nothing was tried.

    Attributes
    ----------
    evidence : Enclosure or None
    approximation, amortisation : Enclosure or None
        As of ``ep.decompose``, among diagonal Gaussians.
    reason : str
        Why not everything was proved.
    """

    evidence: Enclosure | None = None
    approximation: Enclosure | None = None
    amortisation: Enclosure | None = None
    reason: str = ""

    @staticmethod
    def sharp(found: Enclosure) -> NDArray[np.bool_]:
        """Return of which rows an enclosure says more than an estimate."""
        return np.asarray(np.isfinite(found.width) & (found.width <= 2 * SHARP))

    def mean(self, found: Enclosure | None) -> Enclosure | None:
        """Return the enclosure of the mean over the rows, None unless that of each row is sharp."""
        return None if found is None or not self.sharp(found).all() else found.mean()


def prove(plan: Plan) -> Proofs:
    """Return what can be proved of the chosen rows within the seconds of the plan."""
    latents, model = plan.fitted.sizes[2], plan.fitted.model
    if model is None:
        return Proofs(reason="no proof: the decoder is no module that models read")
    if latents > MOST_LATENTS:
        return Proofs(reason=f"no proof: {latents} latents, more than {MOST_LATENTS}")
    if latents > MOST_DECOMPOSED:
        evidence = _evidence(plan, model)
        return Proofs(evidence, reason="" if evidence is not None and Proofs.sharp(evidence).all() else LATE)
    return _decomposed(plan, model)


LATE = "not all rows were proved in the time given"


def _evidence(plan: Plan, model: LatentModel) -> Enclosure | None:
    x = plan.some[0].numpy()
    try:
        return log_evidence(model, x, digits=DIGITS, seconds=plan.seconds, total_seconds=plan.seconds)
    except Undecided as error:
        return error.enclosure


def _decomposed(plan: Plan, model: LatentModel) -> Proofs:
    x, _ = plan.some
    rows = plan.chosen
    means, logs = plan.fitted.means[rows].numpy(), plan.fitted.log_variances[rows].exp().numpy()
    each = plan.seconds / len(rows)
    try:
        found = decompose(
            model, x.numpy(), list(GaussianPosteriors(means, logs)), DIGITS, family="diagonal", seconds=each
        )
    except Undecided as error:
        return Proofs(reason=f"no proof: {error.statuses[0] if error.statuses else LATE}")
    late = [one for one in found.statuses if one]
    return Proofs(found.evidence, found.approximation, found.amortisation, LATE if late else "")

"""Densities that are claimed to be probabilities: their integrals, proved once and known to every worker."""

from collections.abc import Mapping

from sympy import Symbol

from elboproof.evidence.log_integral import NO_DATA, TOTAL_DIGITS, PriorIntegrand, require_one
from elboproof.evidence.proved import proved
from elboproof.model.latent_model import LatentModel
from elboproof.model.mixture import Mixture
from elboproof.model.prior_density import PriorDensity
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.undecided import Undecided

MOST_CELLS = 2_000_000

Claim = tuple[PriorDensity, tuple[Symbol, ...]]
"""That this density of these latents integrates to 1."""
Totals = Mapping[Claim, Enclosure]
"""Logarithms of densities' integrals."""

_KNOWN: dict[Claim, Enclosure] = {}


def require_probability(model: LatentModel, deadline: float) -> Totals:
    """Return what was proved of each density that is claimed to be normalised: that its integral may be 1.

    Raises
    ------
    ValueError
        If it is not 1.
    Undecided
        If that could not be proved before the deadline, on the clock ``time.monotonic()``.
    """
    totals = {claim: _total(claim, deadline) for claim in _claims(model)}
    for (prior, _), total in totals.items():
        require_one(prior, total)
    return totals


def remember(totals: Totals) -> None:
    """Take what another process proved of densities as known."""
    _KNOWN.update(totals)


def _claims(model: LatentModel) -> list[Claim]:
    prior = model.prior
    parts = prior.components if isinstance(prior, Mixture) else (prior,)
    return [(part, model.latents) for part in parts if isinstance(part, PriorDensity) and part.normalised]


def _total(claim: Claim, deadline: float) -> Enclosure:
    """Return bounds of the log of a density's own integral."""
    if claim not in _KNOWN:
        prior, latents = claim
        whole = PriorIntegrand(prior.placement(latents))
        found = proved(whole, NO_DATA, (TOTAL_DIGITS[len(latents)], False), deadline, MOST_CELLS)
        total = Enclosure(found.enclosure.lower[0], found.enclosure.upper[0])
        if found.statuses[0]:
            raise Undecided(total, found.statuses, "integrals of a density", "prior")
        _KNOWN[claim] = total
    return _KNOWN[claim]

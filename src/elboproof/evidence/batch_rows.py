"""What is known of the rows of a batch before any is proved."""

from elboproof.evidence.elimination import reduced
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.selection import selection
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.mixture import Mixture
from elboproof.running.fingerprint import fingerprint


def require_bounded(model: LatentModel, data: Data) -> None:
    """Raise ``ValueError``, naming the row, where nothing bounds the integral: before anything is proved."""
    chosen = selection(model)
    if chosen is not None and not chosen.rest:
        return
    for part in parts_of(model):
        integrand: Integrand = reduced(part) or part.integrand
        integrand.ceiling(data.balls)


def parts_of(model: LatentModel) -> list[LatentModel]:
    """Return the model under each component of its prior: a mixture has no coordinates of its own."""
    prior = model.prior
    return [model.with_prior(part) for part in prior.components] if isinstance(prior, Mixture) else [model]


def head_of(model: LatentModel, data: Data, digits: float) -> dict[str, str]:
    """Return what rows on the disk are bound to: the model, x and the digits."""
    network = model.network if isinstance(model, NetworkModel) else None
    return {
        "model": fingerprint(model.latents, model.decoder, network, model.likelihood, model.prior),
        "x": fingerprint(data.array if data.array.dtype != object else data.rows),
        "digits": repr(float(digits)),
    }

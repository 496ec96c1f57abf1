"""What is known of the rows of a batch before any is proved."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.bases import log_bases, with_bases
from elboproof.evidence.by_arrays import nothing
from elboproof.evidence.elimination import reduced
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.selection import selection
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.mixture import Mixture
from elboproof.running.fingerprint import fingerprint
from elboproof.running.rows import Kind, Row

FEW_DIGITS = 10.0
"""Of what a base measure adds to a bound that is no more than a bound."""


def require_bounded(model: LatentModel, data: Data) -> None:
    """Raise ``ValueError``, naming the row, where nothing bounds the integral: before anything is proved."""
    chosen = selection(model)
    if chosen is not None and not chosen.rest:
        return
    for part in parts_of(model):
        _integrand(part).ceiling(data.balls)


def parts_of(model: LatentModel) -> list[LatentModel]:
    """Return the model under each component of its prior: a mixture has no coordinates of its own."""
    prior = model.prior
    return [model.with_prior(part) for part in prior.components] if isinstance(prior, Mixture) else [model]


def _integrand(part: LatentModel) -> Integrand:
    chosen = selection(part)
    if chosen is not None and not chosen.rest:  # no latent is left, and the model's own bound will do
        return part.integrand
    return reduced(part) or part.integrand


@dataclass(frozen=True)
class BeforeWork:
    """Bounds of log p(x_n) that hold before any work: at most the supremum of the likelihood, under a probability."""

    model: LatentModel
    data: Data

    @property
    def kind(self) -> Kind[Row]:
        """What rows of evidences are."""
        return Kind(Row.from_json, self.row)

    def row(self, n: int, reason: str) -> Row:
        """Return what is known of a row, with the reason that it is no more."""
        return Row(-np.inf, float(self._upper[n]), None, reason, 0)

    @cached_property
    def _upper(self) -> FloatArray:
        # a mixture's evidence is an average of its components'
        parts = [_integrand(part) for part in parts_of(self.model)]
        found = [
            with_bases(nothing(p, self.data, FEW_DIGITS), log_bases(p, self.data, FEW_DIGITS), FEW_DIGITS)
            for p in parts
        ]
        return np.asarray(np.max([one.enclosure.upper for one in found], axis=0))


def head_of(model: LatentModel, data: Data, digits: float) -> dict[str, str]:
    """Return what rows on the disk are bound to: the model, x and the digits."""
    network = model.network if isinstance(model, NetworkModel) else None
    return {
        "model": fingerprint(model.latents, model.decoder, network, model.likelihood, model.prior),
        "x": fingerprint(data.array if data.array.dtype != object else data.rows),
        "digits": repr(float(digits)),
    }

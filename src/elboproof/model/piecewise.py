"""Decoders that are piecewise linear, found by their layers or by their operations."""

from functools import lru_cache

from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.piecewise_networks import of_network
from elboproof.model.piecewise_tapes import of_tape


@lru_cache(maxsize=16)
def piecewise(model: LatentModel) -> Piecewise | None:
    """Return a model's decoder as a piecewise linear function with kinks; None if it is none."""
    found: Piecewise | None
    if isinstance(model, NetworkModel):
        found = of_network(model.network)
    else:
        found = of_tape(model.quantities.tape, model.quantities.derivative("outputs", ()), model.latent_dim)
    return found if found is not None and found.layers else None

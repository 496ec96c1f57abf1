"""Decoders that are piecewise linear, perhaps but for a last activation: found by their layers or their operations."""

from dataclasses import dataclass
from functools import lru_cache

from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel, NetworkModel
from elboproof.model.networks import Activation, Network
from elboproof.model.piecewise_networks import of_network
from elboproof.model.piecewise_tapes import of_tape

SMOOTH = frozenset({"sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "sin"})
"""Activations without kinks, which may follow a piecewise linear function."""


@dataclass(frozen=True, eq=False)
class Kinked:
    """A decoder whose kinks are those of a piecewise linear function.

    Attributes
    ----------
    function : Piecewise
    head : str
        The activation of each of its outputs that gives the decoder's, empty if these are the outputs.
    """

    function: Piecewise
    head: str


@lru_cache(maxsize=16)
def piecewise(model: LatentModel) -> Piecewise | None:
    """Return a model's decoder as a piecewise linear function with kinks; None if it is none."""
    found: Piecewise | None
    if isinstance(model, NetworkModel):
        found = of_network(model.network)
    else:
        found = of_tape(model.quantities.tape, model.quantities.derivative("outputs", ()), model.latent_dim)
    return found if found is not None and found.layers else None


@lru_cache(maxsize=16)
def kinked(model: LatentModel) -> Kinked | None:
    """Return a model's decoder as a piecewise linear function with kinks and a smooth last layer, if any."""
    whole = piecewise(model)
    if whole is not None:
        return Kinked(whole, "")
    return _with_head(model.network) if isinstance(model, NetworkModel) else None


def _with_head(network: Network) -> Kinked | None:
    *layers, last = network.layers
    taken = list(network.steps())[-1][1]
    if not isinstance(last, Activation) or last.function not in SMOOTH or taken != (len(layers),):
        return None
    before = Network(tuple(layers), network.operands[:-1])
    inner = of_network(before) if before.affine else None
    return Kinked(inner, last.function) if inner is not None and inner.layers else None

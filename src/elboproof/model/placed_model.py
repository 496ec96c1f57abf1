"""A model in the coordinates in which its prior is integrated: what the engine sees of it."""

from dataclasses import dataclass
from functools import cached_property

import sympy

from elboproof.model.joint_model import JointModel
from elboproof.model.likelihood import require_floats
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.placement import Placement
from elboproof.model.prior_functions import prior_functions
from elboproof.model.quantities import Quantities
from elboproof.numbers.tape import Tape


@dataclass(frozen=True, eq=False)
class PlacedModel:
    """exp(-U(t; x)) with U = -log p(x | f(z(t))) - log p(z(t)) - log |dz/dt|, an integrand of the engine.

    Attributes
    ----------
    model
        Whose energy it is.
    placement
        The coordinates.
    """

    model: JointModel
    placement: Placement

    @property
    def latent_dim(self) -> int:
        """The dimension of t."""
        return self.model.latent_dim

    @property
    def data_dim(self) -> int:
        """The dimension of x."""
        return self.model.data_dim

    @property
    def supremum(self) -> float:
        """An upper bound of log p(x|z)."""
        return self.model.supremum

    @cached_property
    def prior(self) -> Quantities:
        """The prior's functions of t."""
        return prior_functions(self.model.prior, self.model.latents, self.placement)

    @cached_property
    def quantities(self) -> Quantities | NetworkQuantities:
        """U is their ``"energy"``, a function of t and x."""
        model, symbols = self.model, self.placement.symbols
        inner = model.quantities
        if isinstance(inner, NetworkQuantities):
            return NetworkQuantities(symbols, model.data, inner.network, model.likelihood, self.prior)
        return Quantities(
            symbols,
            model.data,
            model.likelihood.binary,
            (),
            self._lowered,
            lambda: require_floats(model.likelihood),
        )

    def _lowered(self, quantity: str, tape: Tape) -> list[int]:
        """Put the decoder at z(t), or the energy, on the tape."""
        # z(t) stands on the tape once for all outputs: the latents are dummies of the decoder's rules.
        model = self.model
        place = [tape.lower(z) for z in self.placement.place]
        outputs = [tape.substituted(f, model.latents, place) for f in model.decoder]
        if quantity == "decoder":
            return outputs
        dummies = [sympy.Dummy(f"f_{j}", real=True) for j in range(model.data_dim)]
        density = model.likelihood.log_density(dummies, model.data)
        return [tape.substituted(self.placement.energy - density, dummies, outputs)]

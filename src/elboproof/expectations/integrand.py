"""What a proved rule for Gaussian expectations must know of what it integrates."""

from typing import Protocol, runtime_checkable

from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.quantities import Quantities


@runtime_checkable
class Integrand(Protocol):
    """A function g(z; x) over z in R^d with its derivatives; every ``LatentModel`` is one, with g = log p(x|z)."""

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""

    @property
    def quantities(self) -> Quantities | NetworkQuantities:
        """Their ``"log_likelihood"`` is g, in every number system."""

"""What the engine asks of a model: a function, a bound, two dimensions."""

from typing import Protocol, runtime_checkable

from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.quantities import Quantities


@runtime_checkable
class Integrand(Protocol):
    """exp(-U(z; x)) over z in R^d, with U(z; x) = |z|^2/2 + (d/2) log 2 pi - g(z; x); every ``LatentModel`` is one."""

    @property
    def latent_dim(self) -> int:
        """The dimension d of z."""

    @property
    def data_dim(self) -> int:
        """The dimension D of x."""

    @property
    def quantities(self) -> Quantities | NetworkQuantities:
        """U is their ``"energy"``, in every number system."""

    @property
    def supremum(self) -> float:
        """An upper bound of g(z; x) over all z, and over all x that are asked for."""

"""What the engine asks of a model: a function, a bound, two dimensions."""

from typing import Protocol, runtime_checkable

from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.placement import Placement
from elboproof.model.quantities import Quantities


@runtime_checkable
class Integrand(Protocol):
    """exp(-U(t; x)) with U = E(t) - g(t; x); the ``integrand`` of every ``LatentModel`` is one.

    E is the prior's energy, |t|^2/2 + (d/2) log 2 pi over R^d where there is no placement.
    """

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
    def placement(self) -> Placement | None:
        """The coordinates t and the prior's energy in them; None where t ~ N(0, I) is z."""

    @property
    def supremum(self) -> float:
        """An upper bound of g(z; x) over all z, and over all x that are asked for."""

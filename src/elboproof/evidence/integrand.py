"""What the engine asks of a model: a function, a bound, two dimensions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from elboproof.model.ceilings import Ceiling
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.placement import Placement
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray


@runtime_checkable
class Integrand(Protocol):
    """exp(-U(t; x)) with U = E(t) - g(t; x); the ``integrand`` of every ``LatentModel`` is one.

    E is the prior's energy, |t|^2/2 + (d/2) log 2 pi over R^d where there is no placement. The evidence is the integral
    times h(x), the base measure, which is added to its logarithm outside of all cells.
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

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return upper bounds of g(t; x_n) over all t, growing with |t| at most, for data (N, D)."""

    def log_base(self, x: Sequence[Fraction]) -> Any:
        """Return what is added to log p(x) exactly, a ball at the precision in force; None for 0."""

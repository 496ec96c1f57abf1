"""What the engine asks of a model: a function, a bound, two dimensions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from elboproof.model.ceilings import Ceiling
from elboproof.model.network_quantities import NetworkQuantities
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray


@runtime_checkable
class Integrand(Protocol):
    """exp(-U(z; x)) over z in R^d, with U(z; x) = |z|^2/2 + (d/2) log 2 pi - g(z; x); every ``LatentModel`` is one.

    The evidence is the integral times h(x), the base measure, which is added to its logarithm outside of all cells.
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

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return upper bounds of g(z; x_n) over all z, growing with |z| at most, for data (N, D)."""

    def log_base(self, x: Sequence[Fraction]) -> Any:
        """Return what is added to log p(x) exactly, a ball at the precision in force; None for 0."""

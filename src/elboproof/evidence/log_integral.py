"""Integrals that are no evidences: of a density that is not normalised, and of a prior alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import sympy

from elboproof.arguments import shown
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel
from elboproof.model.placement import Placement
from elboproof.model.priors import Prior
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.enclosure import Enclosure

TOTAL_DIGITS = {1: 9.0, 2: 7.0, 3: 5.0, 4: 3.0}
"""To which a density's integral is proved to be 1, by dimension: what one search takes little time for."""
NO_DATA = Data(np.zeros(1))


class LogIntegral(Enclosure):
    """Bounds of the log of an integral of a prior density that is not normalised: no log evidence.

    Parameters
    ----------
    lower, upper
        Proved bounds in nats, as of ``ep.Enclosure``.

    Raises
    ------
    ValueError
        As ``ep.Enclosure``.
    """

    @classmethod
    def of(cls, bounds: Enclosure) -> "LogIntegral":
        """Return the same bounds, of an integral."""
        result = cls(bounds.lower, bounds.upper)
        object.__setattr__(result, "exact", bounds.exact)
        return result

    def __str__(self) -> str:
        return f"log integral {super().__str__()}"


@dataclass(frozen=True, eq=False)
class PriorIntegrand:
    """A prior without a likelihood, an integrand of the engine; its one datum is not used."""

    placement: Placement
    data_dim: int = 1

    @property
    def latent_dim(self) -> int:
        """The dimension of t."""
        return len(self.placement.symbols)

    def ceiling(self, x: BallArray) -> Ceiling:
        """Return 0: there is no likelihood."""
        return Ceiling.flat(np.zeros(len(x)))

    def log_base(self, x: Sequence[Fraction]) -> None:
        """Return None: there is no base measure."""

    @cached_property
    def quantities(self) -> Quantities:
        """The prior's energy."""
        energy, unused = self.placement.energy, sympy.Dummy("x", real=True)
        symbols = self.placement.symbols
        return Quantities(symbols, (unused,), None, (), lambda _, tape: [tape.lower(energy)], lambda: None)


def is_evidence(model: LatentModel) -> bool:
    """Whether the integral over the latents is p(x): prior and likelihood are normalised densities."""
    return model.prior.normalised and bool(getattr(model.likelihood, "normalised", True))


def require_one(prior: Prior, log_total: Enclosure) -> None:
    """Raise ``ValueError`` if a density's integral is proved not to be 1."""
    if not log_total.contains(0.0):
        low, high = np.exp([log_total.lower, log_total.upper])
        raise ValueError(
            f"prior: got {shown(prior)}, whose integral is between {low:.9g} and {high:.9g}; "
            "expected a density that integrates to 1, or normalised=False"
        )

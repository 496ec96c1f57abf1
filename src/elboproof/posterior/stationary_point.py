"""The record of a stationary Gaussian posterior, how it is written, and how it is kept and sent."""

from dataclasses import dataclass, field
from typing import Any

from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.plain_text import (
    Plain,
    ball_from_plain,
    ball_to_plain,
    enclosure_from_plain,
    enclosure_to_plain,
)
from elboproof.printing import screen

_ENCLOSED, _BALLS, _WRITTEN = (
    ("mean", "covariance", "elbo"),
    ("ball", "correction"),
    ("box", "kind", "status"),
)


@dataclass(frozen=True, repr=False)
class StationaryPoint:
    """A Gaussian q at which the ELBO is stationary, proved to exist and to be the only one in a box.

    Attributes
    ----------
    mean : Enclosure (d,)
    covariance : Enclosure (d, d)
        Of the true stationary q.
    posterior : GaussianPosterior
        A float q next to it, exact.
    elbo : Enclosure
        The ELBO at the true stationary q, in nats.
    box : float
        The half width r of the box of uniqueness around ``posterior`` = N(m0, L0 L0'): with m = m0 + L0 mu, log L_ii =
        log L0_ii + Lambda_ii and L = L0 + L0 Lambda below the diagonal, all |mu_i| and |Lambda_ij| are at most r.
    kind : str
        "maximum", "minimum" or "saddle" of the ELBO in the family, or "undecided".
    status : str
        Why the digits of the ELBO were not reached; empty where they were.
    ball : arb
        The ELBO with all its digits.
    correction : arb
        What is subtracted from the ELBO at ``posterior`` for ``ball``.
    """

    mean: Enclosure
    covariance: Enclosure
    posterior: GaussianPosterior
    elbo: Enclosure
    box: float
    kind: str
    status: str
    ball: Any = field(compare=False)
    correction: Any = field(compare=False)

    def __repr__(self) -> str:
        rows = {
            "elbo": f"{self.elbo:.12S} nats, a {self.kind}"
            if self.kind != "undecided"
            else f"{self.elbo:.12S} nats",
            "mean": f"{self.mean:.12S}",
            "covariance": f"{self.covariance:.12S}",
            "unique in": f"the box of half width {self.box:.3g} around .posterior, whitened",
            "status": self.status,
        }
        return screen("StationaryPoint", rows)

    def to_plain(self) -> Plain:
        """Return plain texts and numbers that lose nothing."""
        q = self.posterior
        return {
            **{name: enclosure_to_plain(getattr(self, name)) for name in _ENCLOSED},
            **{name: ball_to_plain(getattr(self, name)) for name in _BALLS},
            **{name: getattr(self, name) for name in _WRITTEN},
            "posterior": [[str(m) for m in q.mean], [[str(v) for v in row] for row in q.covariance]],
        }

    @classmethod
    def from_plain(cls, plain: Plain) -> "StationaryPoint":
        """Return the point that was written."""
        fields: dict[str, Any] = {name: plain[name] for name in _WRITTEN}
        fields |= {name: enclosure_from_plain(plain[name]) for name in _ENCLOSED}
        fields |= {name: ball_from_plain(plain[name]) for name in _BALLS}
        return cls(posterior=GaussianPosterior(*plain["posterior"]), **fields)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by plain parts: balls of python-flint cannot be sent."""
        return type(self).from_plain, (self.to_plain(),)

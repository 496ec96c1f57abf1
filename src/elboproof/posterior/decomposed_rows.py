"""The rows of a decomposition: what is known of each, in a file or on the way from a worker, and all of them joined."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.plain_text import enclosure_from_plain, enclosure_to_plain
from elboproof.posterior.decomposition import Decomposition
from elboproof.posterior.stationary_point import StationaryPoint

_OWN = ("evidence", "best", "encoder")


@dataclass(frozen=True)
class Parts:
    """Bounds of one row's numbers, each of shape ().

    Attributes
    ----------
    evidence, best, encoder : Enclosure
    shared : Enclosure or None
    point : StationaryPoint or None
        Where ``best`` is taken.
    status : str
    exact : bool
        Whether ``best`` is the evidence itself, since p(z|x) is Gaussian.
    """

    evidence: Enclosure
    best: Enclosure
    shared: Enclosure | None
    encoder: Enclosure
    point: StationaryPoint | None
    status: str
    exact: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers that lose nothing."""
        return {
            **{name: enclosure_to_plain(getattr(self, name)) for name in _OWN},
            "shared": None if self.shared is None else enclosure_to_plain(self.shared),
            "point": None if self.point is None else self.point.to_plain(),
            "status": self.status,
            "exact": self.exact,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Parts":
        """Return the row that was written."""
        return cls(
            **{name: enclosure_from_plain(row[name]) for name in _OWN},
            shared=None if row["shared"] is None else enclosure_from_plain(row["shared"]),
            point=None if row["point"] is None else StationaryPoint.from_plain(row["point"]),
            status=row["status"],
            exact=row["exact"],
        )

    def better(self, other: "Parts | None") -> "Parts":
        """Return the decided one, else the one whose numbers are narrower together.

        They are not mixed: ``best`` is the ELBO of one stationary point, and another search may find another.
        """
        if other is None:
            return self
        return min((self, other), key=lambda row: (bool(row.status), row.width))

    @property
    def width(self) -> float:
        """The sum of the widths, infinite where one is."""
        return float(sum(getattr(self, name).width for name in _OWN))


def unproved(has_shared: bool, _: int, reason: str) -> Parts:
    """Return what is known of a row before any work: nothing."""
    whole = Enclosure(-np.inf, np.inf)
    return Parts(whole, whole, whole if has_shared else None, whole, None, reason, False)


def between(low: Enclosure, high: Enclosure) -> Enclosure:
    """Return the numbers from the lower end of one enclosure to the upper end of another."""
    return Enclosure(low.lower, np.maximum(high.upper, low.lower))


def joined(found: list[Parts]) -> Decomposition:
    """Return the record of all rows."""
    evidence, best, encoder = (stacked([getattr(row, name) for row in found]) for name in _OWN)
    means = [row.shared for row in found if row.shared is not None]
    shared = stacked(means) if means else None
    # an ELBO is at most log p(x), so that a lower bound below 0 says no more than 0
    approximation = (evidence - best).at_least(0)
    exact = np.array([row.exact for row in found])
    approximation = Enclosure(
        np.where(exact, 0.0, approximation.lower), np.where(exact, 0.0, approximation.upper)
    )
    return Decomposition(
        evidence,
        best,
        encoder,
        approximation,
        (best if shared is None else shared) - encoder,
        tuple(row.status for row in found),
        shared,
        None if shared is None else best - shared,
        tuple(row.point for row in found),
    )


def stacked(parts: list[Enclosure]) -> Enclosure:
    """Return enclosures of shape () as one of shape (N,)."""
    return Enclosure([float(one.lower) for one in parts], [float(one.upper) for one in parts])

"""The stationary Gaussians of each row of a long call, in a file or on the way from a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elboproof.numbers.enclosure import Enclosure
from elboproof.posterior.stationary_point import StationaryPoint
from elboproof.running.rows import Kind


@dataclass(frozen=True)
class Points:
    """All stationary Gaussians of one x that were found and proved, the highest ELBO first.

    Attributes
    ----------
    each : tuple of StationaryPoint
    reason : str
        Why there is none; empty where there is one.
    """

    each: tuple[StationaryPoint, ...]
    reason: str = ""

    @property
    def status(self) -> str:
        """Why there is none, or the digits of an ELBO were not reached."""
        return self.reason or next((point.status for point in self.each if point.status), "")

    @property
    def best(self) -> Enclosure:
        """The highest ELBO, without bounds where no point was proved."""
        return self.each[0].elbo if self.each else Enclosure(-np.inf, np.inf)

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers that lose nothing."""
        return {"points": [point.to_plain() for point in self.each], "reason": self.reason}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Points":
        """Return the points that were written."""
        return cls(tuple(map(StationaryPoint.from_plain, row["points"])), row["reason"])

    def better(self, other: "Points | None") -> "Points":
        """Return the decided ones, else those that are more, else those whose best ELBO is narrower."""
        if other is None:
            return self
        return min((self, other), key=lambda row: (bool(row.status), -len(row.each), float(row.best.width)))


def best_of(rows: Sequence[Points]) -> Enclosure:
    """Return the highest ELBO of each row, shape (N,)."""
    return Enclosure([float(row.best.lower) for row in rows], [float(row.best.upper) for row in rows])


POINTS: Kind[Points] = Kind(Points.from_json, lambda _, reason: Points((), reason))

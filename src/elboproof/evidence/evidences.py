"""What is proved of N data points, and how bounds with all their digits are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb

from elboproof.evidence import line
from elboproof.evidence.rounds import reason
from elboproof.numbers.enclosure import Enclosure
from elboproof.numbers.enclosure_ends import ball_doubles

FLOAT_DIGITS = 12
"""Up to here float64 sums are tried; beyond, the sums are taken in arb."""


@dataclass(frozen=True)
class Evidence:
    """Proved log evidences of N data points, with what it took.

    Attributes
    ----------
    enclosure : Enclosure
        log p(x) in nats, arrays of shape (N,).
    statuses : tuple of str
        Why a point is not proved to the digits asked; empty where it is.
    cells : int
        Cells looked at.
    seconds : float
    balls : tuple of (arb, arb)
        Lower and upper bounds with all their digits, where all sums were taken in arb; else empty.
    """

    enclosure: Enclosure
    statuses: tuple[str, ...]
    cells: int
    seconds: float
    balls: tuple[tuple[Any, Any], ...] = ()


def enclosed(pairs: Sequence[tuple[arb, arb]]) -> Enclosure:
    """Return bounds from lower and upper ends; a lower end that is not finite says nothing."""
    return Enclosure.between_balls([(low if low.is_finite() else arb.nan(), high) for low, high in pairs])


def told(
    pairs: tuple[tuple[arb, arb], ...], digits: float, stopped: list[str]
) -> tuple[Enclosure, tuple[str, ...]]:
    """Return bounds in floats, rounded outward from the balls, and why they are not as narrow as was asked."""
    enclosure = enclosed(pairs)
    widths = [line.width_of(low, high) for low, high in pairs]
    statuses = (
        "" if width <= 2 * 10.0**-digits else reason(width, digits, why)
        for width, why in zip(widths, stopped, strict=True)
    )
    return enclosure, tuple(statuses)


def evidence_of_pairs(
    pairs: tuple[tuple[arb, arb], ...], digits: float, stopped: list[str], cells: int
) -> Evidence:
    """Return bounds in floats where these hold what was asked for, else with all their digits."""
    # floats around the balls are no narrower than they are: where those are narrow enough, nothing is open
    if digits <= FLOAT_DIGITS and all(low.is_finite() and high.is_finite() for low, high in pairs):
        doubles = ball_doubles([ball for pair in pairs for ball in pair])
        plain = Enclosure([low for low, _ in doubles[::2]], [high for _, high in doubles[1::2]])
        if (plain.width <= 2 * 10.0**-digits).all():
            return Evidence(plain, ("",) * len(pairs), cells, 0.0)
    enclosure, statuses = told(pairs, digits, stopped)
    return Evidence(enclosure, statuses, cells, 0.0, pairs)

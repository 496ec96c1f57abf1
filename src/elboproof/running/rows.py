"""What is known of the rows of a long call, and how it stands in a file."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Protocol, Self, TypeVar

NOT_BEGUN, NO_WORKER = "not begun; stopped by the total time limit", "not proved; its worker process ended"
NO_MEMORY = "not proved; the memory was not enough"


class Outcome(Protocol):
    """What is known of one row; a process can send it."""

    @property
    def status(self) -> str:
        """Why it is not decided; empty where it is."""

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers that lose nothing."""

    def better(self, other: Self | None) -> Self:
        """Return what both say together; both are true."""


R = TypeVar("R", bound=Outcome)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """One kind of outcome.

    Attributes
    ----------
    read : callable
        What `to_json` gave -> the outcome.
    unproved : callable
        (number of a row, reason) -> what is known of it without any work, with the reason as its status.
    """

    read: Callable[[dict[str, Any]], R]
    unproved: Callable[[int, str], R]


@dataclass(frozen=True)
class Items:
    """What rows are asked of, one entry for each."""

    each: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.each)

    def part(self, which: list[int]) -> "Items":
        """Return some rows, in the order given."""
        return Items(tuple(self.each[n] for n in which))


Exact = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Row:
    """Bounds of one number, exact ones where doubles lose digits."""

    lower: float
    upper: float
    exact: Exact | None
    status: str
    cells: int

    def to_json(self) -> dict[str, Any]:
        """Return plain texts and numbers; doubles in hexadecimal digits are exact."""
        exact = None if self.exact is None else [str(end) for end in self.exact]
        ends = {"lower": self.lower.hex(), "upper": self.upper.hex(), "exact": exact}
        return ends | {"status": self.status, "cells": self.cells}

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "Row":
        """Return the row that was written."""
        exact = None if row["exact"] is None else (ratio(row["exact"][0]), ratio(row["exact"][1]))
        ends = float.fromhex(row["lower"]), float.fromhex(row["upper"])
        return cls(*ends, exact, row["status"], row["cells"])

    def better(self, other: "Row | None") -> "Row":
        """Return what two true rows have in common, with the cells of both; decided if one of them is."""
        if other is None:
            return self
        narrower = min((self, other), key=lambda row: (bool(row.status), row.upper - row.lower))
        ends = max(self.lower, other.lower), min(self.upper, other.upper)
        return Row(*ends, _common(self, other), narrower.status, self.cells + other.cells)

    @property
    def fractions(self) -> Exact | None:
        """The ends with all their digits; None where one is infinite."""
        if self.exact is not None:
            return self.exact
        finite = math.isfinite(self.lower) and math.isfinite(self.upper)
        return (Fraction(self.lower), Fraction(self.upper)) if finite else None


def ratio(text: str) -> Fraction:
    """Return the number that `str` wrote; no decimals with exponents, of which a short one fills the memory."""
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator or 1))


def _common(one: Row, other: Row) -> Exact | None:
    """Return the exact ends of what two rows have in common, None where neither has any."""
    if one.exact is None and other.exact is None:
        return None
    known = [ends for ends in (one.fractions, other.fractions) if ends is not None]
    return max(low for low, _ in known), min(high for _, high in known)


def unbounded(_: int, reason: str) -> Row:
    """Return the row of a number of which nothing is known."""
    return Row(-math.inf, math.inf, None, reason, 0)


BOUNDS: Kind[Row] = Kind(Row.from_json, unbounded)

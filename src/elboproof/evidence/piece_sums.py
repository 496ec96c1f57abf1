"""The sum over the pieces of a decoder for one x: bounds of all, integrals of those that matter."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, arb_mat

from elboproof.evidence.piece_forms import PieceForms
from elboproof.evidence.pieces import LinearPiece
from elboproof.model.piecewise import Piecewise
from elboproof.quadrature.gaussian_pieces import Whitened, whitened

SHARE = 0.1
"""Of the tolerance: what the pieces left out may take, and what the rules may."""


@dataclass(frozen=True)
class Sum:
    """What was found, all of it times exp(shift).

    Attributes
    ----------
    total : arb
        A ball around the integral over some pieces.
    rest : arb
        A ball whose upper end bounds the integral over the others.
    late : bool
        Whether the deadline left pieces out.
    """

    total: arb
    rest: arb
    shift: arb
    late: bool


@dataclass(frozen=True, eq=False)
class Placed:
    """A piece in balls: its corners, S' and the form without data."""

    corners: tuple[tuple[arb, ...], ...]
    turned: arb_mat
    form: arb_mat


@dataclass
class Level:
    """What all rows share at one precision."""

    function: Piecewise
    forms: PieceForms
    known: dict[int, Placed] = field(default_factory=dict)

    def placed(self, piece: LinearPiece) -> Placed:
        """Return a piece in balls, made when it is first asked for."""
        if id(piece) not in self.known:  # pieces are kept as long as the level is
            corners = tuple(tuple(map(arb, corner)) for corner in piece.piece.corners)
            self.known[id(piece)] = Placed(corners, *self.forms.of_units(piece.units(self.function)))
        return self.known[id(piece)]


def summed(
    level: Level,
    pieces: Sequence[LinearPiece],
    row: list[Fraction],
    aim: tuple[float, float | None],
    deadline: float,
) -> Sum | None:
    """Return the sum for one x at the precision in force; None if not even bounds are known by the deadline.

    Parameters
    ----------
    aim
        Digits, and an estimate of log p(x), None if there is none: they steer.
    """
    data, constant = level.forms.of_data(row), level.forms.constant
    found: list[Whitened] = []
    for piece in pieces:
        if time.monotonic() > deadline:
            return None
        placed = level.placed(piece)
        found.append(whitened(placed.corners, level.forms.joined(placed.turned, placed.form, data)))
    return _integrated(found, constant, aim, deadline)


def _integrated(
    found: list[Whitened], constant: arb, aim: tuple[float, float | None], deadline: float
) -> Sum:
    """Return the sum over pieces, the largest first."""
    found.sort(key=lambda one: -_key(one.log_bound))
    top = arb(_key(found[0].log_bound))
    rests = _suffix_sums([(one.log_bound - top).exp() for one in found])
    digits, log_mass = aim
    expected = 0.0 if log_mass is None else log_mass - float(top - constant)
    least = expected - digits * math.log(10) + math.log(SHARE)
    negligible = arb(least).exp()
    total, done, late = arb(0), 0, False
    needed = next((k for k, rest in enumerate(rests) if rest.upper() <= negligible), len(found))
    for one in found[:needed]:
        if late := time.monotonic() > deadline:
            break
        total += one.integral(-top, least - math.log(needed))
        done += 1
    return Sum(total, rests[done], constant - top, late)


def _key(bound: arb) -> float:
    """Return a float to sort by; what is not known comes first."""
    value = float(bound)
    return value if math.isfinite(value) else math.inf


def _suffix_sums(values: list[arb]) -> list[arb]:
    """Return the sums of all from each one on, and a zero."""
    sums = [arb(0)]
    for value in reversed(values):
        sums.append(sums[-1] + value)
    return sums[::-1]

"""The sum over the pieces of a decoder for one x: bounds of all, integrals of those that matter."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import arb, arb_mat
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.piece_arrays import Energies, KeptEnergies, OneLayerEnergies, one_layer
from elboproof.evidence.piece_bounds import Places, sum_of
from elboproof.evidence.piece_forms import DataForms, PieceForms
from elboproof.evidence.pieces import LinearPiece
from elboproof.model.kinks import Piecewise
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.precision import current_bits
from elboproof.quadrature.gaussian_pieces import Whitened, whitened

SHARE = 0.1
"""Of the tolerance: what the pieces left out may take, and what the rules may."""


Aim = tuple[float, float | None]
"""Digits, and an estimate of log p(x), None if there is none: they steer."""
MANY = 2000
"""Pieces of a network with one hidden layer from which on their forms are made in arrays."""
FEW = 24
"""Pieces up to which no arrays are made."""
LOWEST = 30.0
"""Nats below the largest bound of a piece, under which no estimate of the whole is believed."""
MARGIN = 2.0
"""Nats below what is negligible of the pieces that are left out at once."""
MOST_KEPT = 2**20
"""Columns of S' that are kept in FLINT's balls: some 200 bytes each for two latents."""
MOST_DIGITS = 200.0
"""To which sums of floats are small enough."""


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
            placed = Placed(corners, *self.forms.of_units(piece.units(self.function)))
            if (len(self.known) + 1) * placed.turned.ncols() > MOST_KEPT:
                self.known.clear()
            self.known[id(piece)] = placed
        return self.known[id(piece)]


class Pieces:
    """The pieces of a model's decoder, and what they have in common for all x."""

    def __init__(self, model: LatentModel, function: Piecewise, pieces: Sequence[LinearPiece]) -> None:
        self.model, self.function, self.pieces = model, function, pieces
        self._levels: dict[int, Level] = {}
        self._known: tuple[Places, Energies] | None = None

    def __len__(self) -> int:
        return len(self.pieces)

    def level(self, bits: int) -> Level:
        """Return what is kept at a precision."""
        if bits not in self._levels:
            self._levels[bits] = Level(self.function, PieceForms(self.model, self.function))
        return self._levels[bits]

    def chosen(self, level: Level, data: DataForms, aim: Aim) -> tuple[list[LinearPiece], arb]:
        """Return the pieces that may matter, and a bound of the log of the integral over the others."""
        digits, log_mass = aim
        if len(self.pieces) <= FEW or digits > MOST_DIGITS:
            return list(self.pieces), arb.neg_inf()
        places, energies = self._arrays(level)
        bounds = places.log_bounds(energies.of(data))
        top = float(bounds.max())
        mass = top if log_mass is None else max(log_mass + float(level.forms.constant), top - LOWEST)
        kept = _kept(bounds, min(mass, top) - digits * math.log(10) + math.log(SHARE) - MARGIN)
        if kept.all():
            return list(self.pieces), arb.neg_inf()
        shift = float(bounds[~kept].max())
        rest = sum_of(bounds[~kept], shift).log() + shift
        return [self.pieces[k] for k in np.flatnonzero(kept).tolist()], rest

    def _arrays(self, level: Level) -> tuple[Places, Energies]:
        if self._known is None:
            places = Places.of([one.piece for one in self.pieces])
            self._known = places, self._energies(level)
        return self._known

    def _energies(self, level: Level) -> Energies:
        simple = one_layer(self.function)
        if simple is not None and len(self.pieces) > MANY:
            return OneLayerEnergies(simple, level.forms, self.pieces)
        placed = [level.placed(one) for one in self.pieces]
        return KeptEnergies([one.turned.tolist() for one in placed], [one.form.tolist() for one in placed])


def _kept(bounds: FloatArray, log_negligible: float) -> NDArray[np.bool_]:
    """Return which pieces may matter: all but the smallest ones that are negligible together, as floats expect."""
    kept = np.ones(len(bounds), dtype=bool)
    if np.isfinite(bounds).all():
        order = np.argsort(bounds)
        sums = np.cumsum(np.exp(np.minimum(bounds[order] - log_negligible, 700.0)))
        kept[order[: np.searchsorted(sums, 1.0)]] = False
        kept[order[-1]] = True
    return kept


def summed(pieces: Pieces, row: list[Fraction], aim: Aim, deadline: float) -> Sum | None:
    """Return the sum for one x at the precision in force; None if not even bounds are known by the deadline."""
    level = pieces.level(current_bits())
    data, constant = level.forms.of_data(row), level.forms.constant
    kept, others = pieces.chosen(level, data, aim)
    found: list[Whitened] = []
    for piece in kept:
        if time.monotonic() > deadline:
            return None
        placed = level.placed(piece)
        found.append(whitened(placed.corners, level.forms.joined(placed.turned, placed.form, data)))
    return _integrated(found, constant, aim, (others, deadline))


def _integrated(found: list[Whitened], constant: arb, aim: Aim, limits: tuple[arb, float]) -> Sum:
    """Return the sum over pieces, the largest first."""
    found.sort(key=lambda one: -_key(one.log_bound))
    top = arb(_key(found[0].log_bound))
    others, deadline = limits
    rests = _suffix_sums([(one.log_bound - top).exp() for one in found], (others - top).exp())
    digits, log_mass = aim
    expected = 0.0 if log_mass is None else min(max(log_mass - float(top - constant), -LOWEST), 0.0)
    least = expected - digits * math.log(10) + math.log(SHARE)
    negligible = arb(least).exp()
    total, done, late = arb(0), 0, False
    spent = rests[-1]  # whatever is integrated
    needed = next((k for k, rest in enumerate(rests) if (rest - spent).upper() <= negligible), len(found))
    needed = max(needed, 1)  # an estimate that is too high is corrected by what a piece has
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


def _suffix_sums(values: list[arb], rest: arb) -> list[arb]:
    """Return the sums of all from each one on and of a rest, that of the rest alone last."""
    sums = [rest]
    for value in reversed(values):
        sums.append(sums[-1] + value)
    return sums[::-1]

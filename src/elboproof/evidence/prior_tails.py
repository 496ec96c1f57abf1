"""Proved bounds of a prior's mass beyond a box, from the prior's own density, which is taken apart into factors."""

from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np
import sympy
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.evidence.prior_factors import BITS, Factor, Side, log_sum
from elboproof.model.placement import Placement
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.outward import above

REACHES = tuple(float(base * 2**k) for k in range(11) for base in (4, 5, 6, 7))
"""T: numbers of few bits, 4 to 7168, so that cells are halved exactly."""


class PriorTails:
    """A prior in the coordinates of its placement: bounds over boxes and beyond them."""

    def __init__(self, placement: Placement) -> None:
        self.placement, self.d = placement, len(placement.symbols)
        self.ends = np.array(placement.ends or (), dtype=float).reshape(-1, 2)
        self.whole = Factor(placement.symbols, placement.energy, placement.ends or ())
        self.sides, self.factors = self.whole.sides, factors(placement)

    @cached_property
    def bounded(self) -> bool:
        """Whether a bound of the mass beyond some box is known."""
        return self.box(1)[1] < np.inf

    def least(self, boxes: list[BallArray]) -> FloatArray:
        """Return lower bounds of E over boxes, d balls (B,); -inf where nothing is known."""
        return self.whole.least(boxes)

    def least_at(self, box: arb) -> arb:
        """Return a lower bound of E over one interval of one latent, -inf where nothing is known."""
        (value,) = self.whole.quantities.compiled("energy", 0, REAL_BALLS)(box)
        return value.lower() if value.is_finite() else arb("-inf")

    @lru_cache(maxsize=256)  # noqa: B019 - a prior's tails live as long as its model
    def box(self, level: int) -> tuple[FloatArray, float]:
        """Return ends (d, 2) beyond which less than 10^-level of the prior lies, if that can be proved.

        With them comes a proved upper bound of the log of the mass beyond, infinite where none is known.
        """
        wanted = -level * np.log(10.0) - np.log(max(len(self.sides), 1))
        reach = {side: self._first(side) for side in self.sides}
        tails = self._tails(reach)
        while True:
            # A side whose tail is too heavy goes one step out, as long as that is worth it: far out E may overflow.
            ahead = {s: n + 1 for s, n in reach.items() if tails[s] > wanted and n + 1 < len(REACHES)}
            farther = self._tails(reach | ahead)
            better = {s: n for s, n in ahead.items() if farther[s] < tails[s] or tails[s] == np.inf}
            if not better:
                break
            reach |= better
            tails = self._tails(reach)
        return self._box(reach), log_sum(list(tails.values())) if self.sides else -np.inf

    def _box(self, reach: Mapping[Side, int]) -> FloatArray:
        ends = self.ends.copy()
        for (k, sign), place in reach.items():
            ends[k, (sign + 1) // 2] = sign * REACHES[place]
        return ends

    def _tails(self, reach: Mapping[Side, int]) -> dict[Side, float]:
        """Return upper bounds of the logs of the masses beyond each side of a box, wherever the others are.

        Beyond a side of one factor the others have all of their mass.
        """
        ends, tails = self._box(reach), {}
        masses = [factor.mass(ends[places], {}) for places, factor in self.factors]
        for n, (places, factor) in enumerate(self.factors):
            others = masses[:n] + masses[n + 1 :]
            for k, sign in factor.sides:
                beyond = factor.beyond(ends[places], {}, k, sign)
                tails[places[k], sign] = _log_product([beyond, *others])
        return tails

    def _first(self, side: Side) -> int:
        """Return the first reach at which the slope is bounded."""
        places, factor = next((p, f) for p, f in self.factors if side[0] in p)
        local = places.index(side[0]), side[1]
        known = (n for n in range(len(REACHES)) if factor.slope(local, REACHES[n]) > 0)
        return next(known, len(REACHES) - 1)


def factors(placement: Placement) -> list[tuple[list[int], Factor]]:
    """Return the factors of a density, each with the places of its latents; their energies add up to the whole."""
    groups: list[set[int]] = [{k} for k in range(len(placement.symbols))]
    terms = sympy.Add.make_args(placement.energy)
    owners = [{placement.symbols.index(t) for t in term.free_symbols} for term in terms]
    for owner in owners:
        joined = set().union(owner, *(group for group in groups if group & owner))
        groups = [group for group in groups if not group & owner] + ([joined] if joined else [])
    found = []
    for n, group in enumerate(sorted(map(sorted, groups))):
        mine = [
            term for term, owner in zip(terms, owners, strict=True) if owner & set(group) or not (owner or n)
        ]
        symbols = tuple(placement.symbols[k] for k in group)
        ends = tuple((placement.ends or ())[k] for k in group)
        found.append((group, Factor(symbols, sympy.Add(*mine), ends)))
    return found


def _log_product(logs: list[float]) -> float:
    """Return an upper bound of a sum of logarithms; infinite where one is, else -inf where one is."""
    if np.inf in logs:
        return np.inf
    if -np.inf in logs:
        return -np.inf
    with working_precision(BITS):
        return above(sum((arb(v) for v in logs), arb(0)))

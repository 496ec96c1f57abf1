"""Searches on the pieces of a decoder for some rows of x, each with better estimates than the last."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from flint import arb

from elboproof.arrays import FloatArray
from elboproof.evidence import search as branch
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.found import Found, abandon
from elboproof.evidence.line import width_of
from elboproof.evidence.piece_integrand import PieceEnergy, PieceIntegrand, piece_quantities
from elboproof.evidence.piece_roots import Roots
from elboproof.evidence.summation import sum_rules, sum_rules_in_arb
from elboproof.evidence.target import ROUNDS, SHARES, Target
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.latent_model import LatentModel
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.exact import bits_for
from elboproof.numbers.outward import upward
from elboproof.quadrature.cells import Cells, Index

RESCALINGS = 40
"""Searches, those included that a deeper mode ends."""
SPARE_BITS = 80
"""For the cancellation in the energies."""
LOWEST = -1e300
"""In the place of a log tail of nothing: balls know no -inf."""
Ends = tuple[arb, arb]


@dataclass(eq=False)
class Block:
    """Rows of x and what is known of them, all arrays of shape (R,).

    Attributes
    ----------
    model, data, digits
        Of all rows.
    roots : Roots
        The pieces.
    log_tail : FloatArray
        Upper bounds of the log of the integral outside of them.
    ceiling : Ceiling
        Of the likelihoods.
    log_mass : FloatArray
        Estimates of log p(x), which steer.
    precise : bool
        Whether sums are taken in arb.
    ends : list of (arb, arb)
        The best bounds of log p(x) so far.
    reasons : list of str
        What stopped the rows that are open.
    cells : int
        Looked at so far.
    """

    model: LatentModel
    data: Data
    digits: float
    roots: Roots
    log_tail: FloatArray
    ceiling: Ceiling
    log_mass: FloatArray
    precise: bool = False
    ends: list[Ends] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    cells: int = 0

    def __post_init__(self) -> None:
        self.ends = [(arb.neg_inf(), arb(top)) for top in self.ceiling.suprema.tolist()]
        self.reasons = ["rounding in float64"] * len(self.ends)

    def open(self) -> Index:
        """Return the rows that are not as narrow as was asked."""
        widths = np.array([width_of(*ends) for ends in self.ends])
        return np.flatnonzero(~(widths <= 2 * 10.0**-self.digits))

    def run(self, deadline: float, most: int) -> None:
        """Search until all rows are narrow, or a limit is reached."""
        share, rounds = SHARES[self.model.latent_dim], 0
        for _ in range(RESCALINGS):
            rows = self.open()
            if not len(rows):
                return
            search = _Search(self, rows, share)
            found = search.run(deadline, most - self.cells)
            self.cells += found.visited
            deeper = found.stopped == branch.DEEPER
            if not deeper:
                self._learn(rows, search.ends(found))
                rounds += 1
                share /= 10
                self.precise |= rounds >= 2  # a smaller share did not help: it is the rounding of the sums
            self._rescale(rows, search.lowest(found), deeper)
            if found.stopped and not deeper:
                for row in rows.tolist():
                    self.reasons[row] = found.stopped
                return
            if rounds == ROUNDS:
                return

    def _learn(self, rows: Index, ends: list[Ends]) -> None:
        """Keep the better ends: all are true."""
        for row, (low, high) in zip(rows.tolist(), ends, strict=True):
            before = self.ends[row]
            self.ends[row] = max(before[0], low), min(before[1], high)

    def _rescale(self, rows: Index, lowest: FloatArray, deeper: bool) -> None:
        """Take the estimates from what the search saw."""
        if deeper:
            self.log_mass[rows] = np.maximum(self.log_mass[rows], -lowest - 10.0)
            return
        known = np.array([float(low) if low.is_finite() else np.nan for low, _ in self.ends])[rows]
        self.log_mass[rows] = np.where(np.isnan(known), self.log_mass[rows], known)


class _Search:
    """One search for some rows, whose pieces are its data points, row by row."""

    def __init__(self, block: Block, rows: Index, share: float) -> None:
        self.block, self.rows, self.pieces = block, rows, len(block.roots)
        model = block.model
        self.owners = np.repeat(np.arange(len(rows)), self.pieces)
        quantities = piece_quantities(model)
        integrand = PieceIntegrand(quantities, block.ceiling.of(rows[self.owners]))
        self.floats = FloatEnergy(integrand)
        self.energy = PieceEnergy(integrand, self._data(), model.prior)
        shift = -block.log_mass[rows][self.owners]
        self.target = Target(shift, np.ones(len(shift)), 0.5 * 10.0**-block.digits, share)

    def _data(self) -> BallArray:
        """Return coefficients and x of each piece and row, one row after the other."""
        pieces = np.tile(np.arange(self.pieces), len(self.rows))
        x = self.block.data.balls[self.rows[self.owners]]
        return BallArray.concatenate([self.block.roots.coefficients[pieces], x], axis=1)

    def run(self, deadline: float, most: int) -> Found:
        """Return what is found."""
        roots = self.block.roots.of_rows(len(self.rows))
        return branch.search(self.energy, self.floats, roots, self.target, deadline, most)

    def lowest(self, found: Found) -> FloatArray:
        """Return the least energy seen of each row."""
        return np.asarray(found.lowest.reshape(-1, self.pieces).min(1))

    def ends(self, found: Found) -> list[Ends]:
        """Return the bounds of log p(x) of each row."""
        totals = self._totals(found)
        error, rest = self._of_rows(found.safe(found.rule_error)), self._of_rows(self._rest(found))
        with working_precision(bits_for(self.block.digits, SPARE_BITS)):
            return [self._ends(n, total, arb(error[n]), arb(rest[n])) for n, total in enumerate(totals)]

    def _rest(self, found: Found) -> FloatArray:
        return found.safe(found.discarded + found.unfinished)

    def _of_rows(self, bounds: FloatArray) -> list[float]:
        """Return upper bounds of each row's sum over its pieces."""
        sums: list[float] = upward(bounds.reshape(-1, self.pieces).sum(1), self.pieces).tolist()
        return sums

    def _totals(self, found: Found) -> list[arb]:
        """Return balls around the sums of the rules, in floats or in arb; what there is no time for is left out."""
        if not found.cells:
            return [arb(0)] * len(self.rows)
        cells, sizes = Cells.joined(found.cells), np.concatenate(found.sizes)
        if self.block.precise:
            return self._in_arb(cells, sizes, found)
        parts, done = sum_rules(self.energy, cells, sizes, self.target.shift, found.pace.late)
        self._abandon(cells[done:], found)
        total = parts.reshape(-1, self.pieces).sum(1)
        return [arb(mid, rad) for mid, rad in zip(total.mid.tolist(), total.rad.tolist(), strict=True)]

    def _in_arb(self, cells: Cells, sizes: Index, found: Found) -> list[arb]:
        bits = bits_for(self.block.digits, SPARE_BITS)
        needed = set(cells.owner.tolist())
        data = [self._exact(n) if n in needed else [] for n in range(len(self.owners))]
        parts, done = sum_rules_in_arb(
            self.energy, cells, sizes, data, self.target.shift, bits, found.pace.late
        )
        self._abandon(cells[done:], found)
        with working_precision(bits):
            return [
                sum(parts[first : first + self.pieces], arb(0)) for first in range(0, len(parts), self.pieces)
            ]

    def _exact(self, owner: int) -> list[Fraction]:
        row, piece = divmod(owner, self.pieces)
        return [*self.block.roots.exact(piece), *self.block.data.row(int(self.rows[row]))]

    def _abandon(self, cells: Cells, found: Found) -> None:
        if len(cells):
            found.stopped = branch.TIME
            abandon(self.energy, [cells], self.target, found)

    def _ends(self, n: int, total: arb, error: arb, rest: arb) -> Ends:
        """Return log(total -+ error + rest) - shift, and the tail beside it."""
        row = int(self.rows[n])
        shift = arb(float(self.target.shift[n * self.pieces]))
        tail = (arb(float(self.block.log_tail[row])) + shift).exp()
        low, high = (total - error).lower(), (total + error + rest + tail).upper()
        lower = (low.log() - shift).lower() if low > 0 else arb.neg_inf()
        upper = (high.log() - shift).upper() if high.is_finite() and high > 0 else arb.pos_inf()
        return lower, upper

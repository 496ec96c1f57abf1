"""Cells that many rows share: each is bounded once, has a rule for the rows that it is good for, and parts for others.

A pair of a row and a cell is *discarded* when its mass is negligible for the row, *accepted* when a rule's error is,
and else goes on in the cell's parts. Tangents discard most pairs; only where U bends little enough for a rule are
rectangles bounded. What is shared, the decoder over the cell and at the rule's points, is computed
once for all rows; a row costs products of matrices. All of a row's root box is covered by its pairs.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.rules import largest_size
from elboproof.evidence.shared_bounds import RHO, RowBounds, SharedRows, row_bounds
from elboproof.evidence.shared_parts import SharedParts
from elboproof.evidence.shared_sums import NUMBERS, points_of, row_sums
from elboproof.evidence.shared_tangents import tangent_bounds
from elboproof.evidence.steps import Steps
from elboproof.evidence.summation import Sizes
from elboproof.evidence.target import CORE, PART, Target
from elboproof.model.ceilings import Ceiling
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.outward import exp_upward, upward
from elboproof.quadrature.cells import Cells
from elboproof.quadrature.gauss_legendre import SIZES, factors

PAIRS, UNITS, FEWEST = 2**18, 2**15, 16
"""Rows times cells, and outputs and units times cells, that are looked at together; and the fewest cells."""
DEEPEST = 40
"""Halvings of the root box along each axis, at most: far fewer than centres have bits for."""
Mask = NDArray[np.bool_]


@dataclass
class SharedFound:
    """What is known of N rows.

    Attributes
    ----------
    mid, rad : (N,)
        Sums of the rules, balls.
    discarded, rule_error : (N,)
        Running sums of bounds of the mass in discarded pairs, and of the rules' errors.
    lowest : (N,)
        Smallest energy at a centre; a float that steers.
    open : (N,)
        Rows with pairs that a limit left.
    cells, points, terms : int
        Cells looked at, points of rules, and bounds in a running sum at most.
    late : bool
        Whether the deadline was the limit.
    """

    mid: FloatArray
    rad: FloatArray
    discarded: FloatArray
    rule_error: FloatArray
    lowest: FloatArray
    open: Mask
    cells: int = 0
    points: int = 0
    terms: int = 0
    late: bool = False

    @staticmethod
    def nothing(count: int) -> "SharedFound":
        """Return what is known before the search."""
        mid, rad, discarded, error = np.zeros((4, count))
        return SharedFound(mid, rad, discarded, error, np.full(count, np.inf), np.zeros(count, dtype=bool))

    def add(self, which: NDArray[np.intp], total: BallArray) -> None:
        """Add the sums of some rows, each named once."""
        sums = BallArray(self.mid[which], self.rad[which]) + total
        self.mid[which], self.rad[which] = sums.mid, sums.rad

    def safe(self, sums: FloatArray) -> FloatArray:
        """Return upper bounds of what running sums, or two of them and one more number, stand for."""
        return upward(sums, self.terms + 2)


@dataclass
class SharedSearch:
    """The search for N rows of exact data.

    Attributes
    ----------
    rows : SharedRows
    target : Target
        Scales of the rows, which steer.
    deadline : float
        On the clock ``time.monotonic()``.
    most : int
        Cells to look at, at most.
    """

    parts: SharedParts
    rows: SharedRows
    ceiling: Ceiling
    target: Target
    deadline: float
    most: int
    found: SharedFound = field(init=False)

    def run(self, half: float) -> SharedFound:
        """Search the box |z_k| <= half, a float of few bits."""
        self.found = SharedFound.nothing(len(self.rows))
        d, steps = self.parts.d, Steps(self.deadline)
        waiting = [(_roots(d, half), np.ones((len(self.rows), 4**d), dtype=bool))]
        while waiting:
            cells, wanted = waiting.pop()
            count = max(FEWEST, min(PAIRS // max(1, int(wanted.any(1).sum())), UNITS // self.parts.units))
            if len(cells) > count:
                waiting.append((cells[count:], wanted[:, count:]))
                cells, wanted = cells[:count], wanted[:, :count]
            self.found.late = not steps.another()
            if self.found.late or self.found.cells + len(cells) > self.most:
                waiting.append((cells, wanted))
                break
            self.found.cells += len(cells)
            left = self._settle(cells, wanted)
            some = left.any(0)
            if some.any():
                if cells.half[some].min() < half * 2.0**-DEEPEST:
                    self.found.open |= left.any(1)
                    continue
                waiting.append((_parts_of(cells[some]), np.tile(left[:, some], 2**d)))
        for _, wanted in waiting:
            self.found.open |= wanted.any(1)
        return self.found

    def _settle(self, cells: Cells, wanted: Mask) -> Mask:
        """Discard and accept what can be, and return which pairs (N, C) are left."""
        rows = np.flatnonzero(wanted.any(1))
        bounds = tangent_bounds(self.parts, self.rows[rows], cells)
        self.found.lowest[rows] = np.minimum(self.found.lowest[rows], bounds.central.min(1))
        left = np.zeros_like(wanted)
        left[rows] = self._heavy(rows, wanted[rows], self._pairs(rows, cells, bounds.least))
        # the floats only steer: where U bends by more, no rule would be good enough; NaN says nothing
        ready = np.flatnonzero(left.any(0) & ~(bounds.bend > CORE).any(1))
        if len(ready):
            left[:, ready] = self._without_rules(cells[ready], left[:, ready])
        return left

    def _without_rules(self, cells: Cells, wanted: Mask) -> Mask:
        """Accept the pairs that have a rule, and return which (N, C) are left."""
        rows = np.flatnonzero(wanted.any(1))
        bounds = row_bounds(self.parts, self.rows[rows], cells)
        pairs = self._pairs(rows, cells, bounds.least)
        which = self._heavy(rows, wanted[rows], pairs)
        accepted = which & pairs.acceptable(bounds)
        self._rules(cells, rows, accepted, pairs)
        left = np.zeros_like(wanted)
        left[rows] = which & ~accepted
        return left

    def _heavy(self, rows: NDArray[np.intp], wanted: Mask, pairs: "_Pairs") -> Mask:
        """Count the bounds of the pairs (n, C) that may be left out, and return the others."""
        small = wanted & pairs.small()
        self._count(self.found.discarded, rows, np.where(small, pairs.mass, 0.0))
        return wanted & ~small

    def _pairs(self, rows: NDArray[np.intp], cells: Cells, least: FloatArray) -> "_Pairs":
        return _Pairs(self._target(rows), cells, least, self.ceiling.of(rows))

    def _target(self, rows: NDArray[np.intp]) -> Target:
        t = self.target
        return Target(t.shift[rows], t.mass[rows], t.tolerance, t.share)

    def _count(self, sums: FloatArray, rows: NDArray[np.intp], bounds: FloatArray) -> None:
        """Add bounds (n, C) of pairs to their rows' running sums."""
        # nonnegative floats only: each enters at most so many sums as `terms` counts
        sums[rows] += bounds.sum(1)
        self.found.terms += bounds.shape[1]

    def _rules(self, cells: Cells, rows: NDArray[np.intp], accepted: Mask, pairs: "_Pairs") -> None:
        """Add up the rules of the accepted pairs, each cell's rule for all its rows."""
        some = np.flatnonzero(accepted.any(0))
        if not len(some):
            return
        sizes, error = pairs.sizes(accepted)
        self._count(self.found.rule_error, rows, np.where(accepted, error, 0.0))
        level = BallArray(self.target.shift) - self.rows.constant
        room = max(1, NUMBERS // self.parts.outputs)
        for part in _portions(some, sizes[some].prod(1), room):
            points = points_of(self.parts, cells[part], sizes[part])
            self.found.points += points.weights.size
            for place, cell in enumerate(part.tolist()):
                own = rows[accepted[:, cell]]
                self.found.add(own, row_sums(self.rows.x[own], level[own], *points.of(place)))


class _Pairs:
    """Pairs of rows and cells, (n, C): bounds of their masses, and of the rules' errors."""

    def __init__(self, target: Target, cells: Cells, least: FloatArray, ceiling: Ceiling) -> None:
        self.target = target
        self._volume = cells.volume()
        least = np.fmax(least, _least_by_prior(cells, ceiling))
        self.mass = upward(self._volume * self._suprema(least), 1, underflows=1)

    def _suprema(self, least: FloatArray) -> FloatArray:
        """Return upper bounds of exp(shift - Re U), infinite where nothing is known."""
        exponent = BallArray(self.target.shift).reshape(-1, 1) - BallArray(np.maximum(least, -1e300))
        return exp_upward(exponent.upper())

    def small(self) -> Mask:
        """Return which pairs may be left out."""
        return np.asarray(self.mass <= self._share()[:, None])

    def _share(self) -> FloatArray:
        return self.target.tolerance * self.target.share * self.target.mass

    def acceptable(self, bounds: RowBounds) -> Mask:
        """Return which pairs have a rule that is good enough."""
        # (n, C): what a rule's error may take, as a share of the pair's estimated mass; the floats only steer.
        exponent = np.minimum(self.target.shift[:, None] - bounds.central, 700.0)
        estimate = self._volume * np.exp(exponent) + self.target.share * self.target.mass[:, None]
        allowed = PART / len(bounds.analytic) * self.target.tolerance * estimate
        self._scaled = [
            upward(self._volume * self._suprema(least), 1, underflows=1) for least in bounds.analytic
        ]
        with np.errstate(divide="ignore", over="ignore"):  # an error that is nothing beside what is allowed
            self._needed = [allowed / scaled for scaled in self._scaled]
        last = factors(RHO)[largest_size(len(self._scaled), self.target.tolerance) - 1]
        return np.asarray(np.logical_and.reduce([last <= needed for needed in self._needed]))

    def sizes(self, accepted: Mask) -> tuple[Sizes, FloatArray]:
        """Return the sizes of each cell's rule (C, d) for its accepted rows, and bounds of their errors (n, C)."""
        # factors fall with the size: the first one that is no larger than what each row needs
        falling, columns, error = factors(RHO), [], np.zeros(accepted.shape)
        for needed, scaled in zip(self._needed, self._scaled, strict=True):
            least = np.where(accepted, needed, np.inf).min(0)
            place = np.minimum(np.searchsorted(-falling, -least), len(SIZES) - 1)
            columns.append(np.array(SIZES)[place])
            error = error + falling[place] * scaled
        return np.stack(columns, 1), upward(error, len(columns) + 1, underflows=len(columns))


def _least_by_prior(cells: Cells, ceiling: Ceiling) -> FloatArray:
    """Return lower bounds of U over cells that hold whatever the decoder does there, (n, C)."""
    # U is at least r^2/2 less the ceiling, without the prior's constant, which is positive; -inf where there is none
    nearest = np.maximum(np.abs(cells.centre) - cells.half, 0.0)
    prior = BallArray(0.5 * (nearest * nearest).sum(1)) * (1 - 2.0**-40)
    return np.where(
        ceiling.grows[:, None],
        -np.inf,
        (prior.reshape(1, -1) - BallArray(ceiling.constant).reshape(-1, 1)).lower(),
    )


def _roots(d: int, half: float) -> Cells:
    """Return the box |z_k| <= half cut into four along each axis."""
    cells = Cells(np.zeros(1, dtype=np.intp), np.zeros((1, d)), np.full((1, d), half))
    return _parts_of(_parts_of(cells))


def _parts_of(cells: Cells) -> Cells:
    """Return the cells halved along each axis, first all first parts."""
    for k in range(cells.half.shape[1]):
        cells = cells.split(np.full(len(cells), k))
    return cells


def _portions(cells: NDArray[np.intp], points: NDArray[np.intp], room: int) -> list[NDArray[np.intp]]:
    """Return the cells in portions of about so many points, at least a cell each."""
    cuts = np.flatnonzero(np.diff((np.cumsum(points) - points) // room)) + 1
    return np.split(cells, cuts)

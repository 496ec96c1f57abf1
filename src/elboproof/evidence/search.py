"""Branch and bound: which cells carry mass, how each is integrated, and a bound of everything left out.

A cell is *discarded* when volume * sup exp(-U) is negligible, and that bound is added to the remainder; *accepted* when
a rule has a proved error that is small enough (`rules`); otherwise halved along the axis that varies
most. Every bound comes from ball arithmetic; the floats that steer (scales, thresholds) can only cost time.
"""

from dataclasses import replace

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import Forecast, forecast, joined
from elboproof.evidence.found import Found, abandon, bounds, mass_bound
from elboproof.evidence.pace import FEW, Pace
from elboproof.evidence.rules import Tried, try_rules
from elboproof.evidence.stages import Aside, stages_of
from elboproof.evidence.target import Target, widest
from elboproof.evidence.worklist import Worklist, heaviest
from elboproof.quadrature.cells import SMALLEST, Cells

PLENTY = 32_768
"""A limit on cells; a search goes by stages at once if there are fewer, which may not be enough: stages cost up to a
third of the time where they are.
"""
PART = 64
"""Cells at once under a limit below `PLENTY`: from block to block the heaviest come first. All such limits have one
size, so that a search goes on from where one with a smaller limit ends.
"""
AHEAD = 4
"""Blocks at which a forecast stops where a limit allows many cells; the search comes back to it."""
EARLY = 0.25
"""Of the time limit: what passes before anybody asks whether the rest suffices for the sums, or goes by stages."""
CHEAP = 0.25
"""Of the time that a cell takes on average: what a mere bound of it takes, or less."""
OTHERS = 16
"""Times as many others as are ready, looked at since a rule was tried, that make it due."""
PATIENCE = 4
"""Blocks that are looked at before a rule is tried on less than a block of cells."""
TINY_PART = 8
"""Times as many cells that are ready as others that wait for them, to be bounded with what the rules leave."""
TOO_DEEP = 100.0
"""Nats below the shift at which the scale is renewed: exp would overflow soon."""
DEEPER = "a deeper mode"
"""The reason of a stop that asks for a new scale; not a limit."""
TIME, CELLS = "the time limit", "the limit on cells"
TAIL = "the prior's tail, of which no bound was found"
"""The reasons of stops at a limit."""


def search(
    energy: Energy,
    floats: FloatEnergy,
    roots: Cells,
    target: Target,
    deadline: float,
    most: int,
    *,
    watched: bool = False,
) -> Found:
    """Return cells whose rules and discarded rest together bound the integral of every data point.

    Parameters
    ----------
    floats
        The same energy in plain floats, for forecasts.
    deadline
        On the clock ``time.monotonic()``.
    most
        Number of cells to look at, at most.
    watched
        Whether cells without rules are remembered, too.
    """
    made = _Search(energy, floats, target, roots, most, Pace(deadline))
    made.found.others = [] if watched else None
    return made.run()


class _Search:
    """The cells that wait for a forecast, and those that are ready for a rule.

    Both are worked off in blocks that are as full as possible: a block of few cells costs nearly as much.
    """

    def __init__(
        self, energy: Energy, floats: FloatEnergy, target: Target, roots: Cells, most: int, pace: Pace
    ) -> None:
        self.energy, self.floats, self.most, self.pace = energy, floats, most, pace
        self.target = self.final = target
        self.aside, self.stages, self.staged = Aside(), list[Target](), False
        self.plenty = most >= PLENTY
        if not self.plenty:
            self._go_by_stages()
        self.found = Found.nothing(len(target.shift), pace)
        # Along each axis, of the whole domain and not of a root: roots of a ridge are small, but their centres are not.
        self.smallest = np.zeros((len(target.shift), energy.d))
        np.maximum.at(self.smallest, roots.owner, (np.abs(roots.centre) + roots.half) * SMALLEST)
        self.waiting, self.ready, self.block = Worklist(roots, target), list[Forecast](), self._size()
        self.visited_by_rules = 0

    def run(self) -> Found:
        """Work until no cell is left or a limit is reached; what is left then is bounded."""
        found = self.found
        while not found.stopped and (len(self.waiting) or self.ready or self._next_stage()):
            self.block = self._size()
            if not self.staged and self._late():
                self._go_by_stages()
            if self.pace.over:
                found.stopped = TIME
            elif (found.lowest < self.target.shift - TOO_DEEP).any():
                found.stopped = DEEPER
            elif self._rules_are_due():
                self._rules(_blocks(joined(self.ready), self.block))
            else:
                self._forecast(self.waiting.take(self.block))
        self._last_rules()
        self.aside.settle(found)
        # Every root is now covered by cells that are accepted, discarded, given up or here: none is lost.
        left = [*self.waiting.left(), *(part.cells for part in self.ready)]
        abandon(self.energy, left, self.target, found)
        return found

    def _size(self) -> int:
        """Return how many cells to look at once: few where a limit allows few."""
        return self.pace.block() if self.plenty else min(self.pace.block(), PART)

    def _late(self) -> bool:
        """Return whether so much time has passed that somebody asks whether the rest suffices."""
        return self.pace.elapsed > EARLY * self.pace.limit

    def _go_by_stages(self) -> None:
        self.staged = True
        self.target, *self.stages = stages_of(self.final)

    def _next_stage(self) -> bool:
        """Take up what was put aside, and return whether there is another stage."""
        if not self.stages:
            return False
        self.target = self.stages.pop(0)
        for tried in self.aside.take_rules():
            self._take_up(tried)
        for expected, mass in self.aside.take():
            small = mass <= self.target.small(expected.cells)
            self._leave_out(expected[small], mass[small])
            self.waiting.put(expected.cells[~small], expected.energy[~small])
        return bool(len(self.waiting) or self._next_stage())

    def _take_up(self, tried: Tried) -> None:
        """Put cells aside that have a rule which is good enough for the stage; halve the others."""
        if self.target is not self.final:  # whose good ones were accepted
            good = tried.good(self.target)
            self.aside.put_rules(tried[good], self.target)
            tried = tried[~good]
        self._split(tried)

    def _leave_out(self, expected: Forecast, mass: FloatArray) -> None:
        """Count cells that the last stage leaves out, too; put the others aside."""
        last = mass <= self.final.small(expected.cells)
        self.found.discard(expected.cells[last], mass[last])
        if not last.all():
            self.aside.put(expected[~last], mass[~last])

    def _rules_are_due(self) -> bool:
        """Return whether as many cells are ready as a block takes, or have been for long."""
        ready, visited = self._ready(), self.found.visited
        late = visited > max(2 * self.visited_by_rules, PATIENCE * self.block)
        late |= visited - self.visited_by_rules > OTHERS * ready
        few = TINY_PART * len(self.waiting) <= ready
        return ready >= self.block or not len(self.waiting) or bool(ready and (late or few))

    def _last_rules(self) -> None:
        """Try rules on the cells that are ready when a limit is reached, as far as it allows."""
        found, stopped = self.found, self.found.stopped
        if stopped in {TIME, CELLS} and self.ready:
            blocks = _blocks(joined(self.ready), self.block)
            for _ in range(len(blocks)):
                self._rules(blocks)
                blocks = self.ready
            found.stopped = stopped

    def _ready(self) -> int:
        return sum(len(part.cells) for part in self.ready)

    def _reserve(self) -> float:
        """Return about how many seconds it will take to bound what is left and to sum what was accepted."""
        pace, found = self.pace, self.found
        # Timing sums costs time itself, and short searches end before it pays.
        if not self._late():
            return 0.0
        left = len(self.waiting) + self._ready()
        bounding = max(pace.seconds("bounds", left), CHEAP * left * pace.elapsed / max(found.visited, 1))
        cells, sizes, points = self.aside.rules()
        cells, sizes, points = found.cells + cells, found.sizes + sizes, found.points + points
        summing = pace.summing(self.energy, cells, sizes, points, self.target.shift)
        return bounding + summing + pace.seconds("rules", self._ready(), self.energy.d)

    def _forecast(self, cells: Cells) -> None:
        """Send smooth cells to the rules, bound the others; those too small to be halved exactly are given up."""
        # Below this size halving would round, and cells would no longer cover what they were made of.
        exhausted = (cells.half < self.smallest[cells.owner]).any(1)
        if exhausted.any():
            abandon(self.energy, [cells[exhausted]], self.target, self.found)
        # Where a limit allows few cells, no further than to a block: the next ones begin with the heaviest.
        most = AHEAD * BLOCK if self.plenty else self.block
        expected = forecast(
            self.floats, self.energy, cells[~exhausted], self.target, self.pace.deadline, most
        )
        np.minimum.at(self.found.lowest, expected.cells.owner, np.nan_to_num(expected.energy, nan=np.inf))
        self._keep(expected[expected.smooth])
        rough = expected[~expected.smooth]
        if self.staged:
            rough = rough[heaviest(self.target, rough.cells, rough.energy, self.block)]
        elif 0 < TINY_PART * len(rough.cells) <= min(self._ready(), FEW):
            self.waiting.put(rough.cells, rough.energy)
            return
        self._bound_blocks(rough)

    def _bound_blocks(self, rough: Forecast) -> None:
        """Bound a block of cells, and the next ones until there is an order to look at them or a limit is reached."""
        # What waits is forecast anew, which is of use only where others come before it.
        self._bound(rough[: self.block])
        rest = rough[self.block :]
        while len(rest.cells) and not (self.staged or self.found.stopped or self._late()):
            self.block = self._size()
            self._bound(rest[: self.block])
            rest = rest[self.block :]
        self.waiting.put(rest.cells, rest.energy)

    def _admitted(self, expected: Forecast, step: str) -> Forecast:
        """Count the cells that are about to be looked at; where a limit allows fewer, the others are left."""
        # Cells that are not admitted wait again, and are bounded with all others when the search has stopped.
        # Those that are ready for a rule have their place among the cells that a limit allows.
        count, found = len(expected.cells), self.found
        spare = self.most - found.visited - (self._ready() if step == "bounds" else 0)
        admitted = self.pace.affordable(step, min(count, max(spare, 0)), self._reserve(), self.energy.d)
        if admitted < count:
            found.stopped = CELLS if admitted >= spare else TIME
            expected = expected[heaviest(self.target, expected.cells, expected.energy, admitted)]
        self.waiting.put(expected.cells[admitted:], expected.energy[admitted:])
        found.visited += admitted
        return expected[:admitted]

    def _bound(self, expected: Forecast) -> None:
        """Discard what is negligible, keep what is smooth after all for the rules, halve the rest."""
        expected = self._admitted(expected, "bounds")
        cells = expected.cells
        if not len(cells):
            return
        with self.pace.timing("bounds", len(cells)):
            least, spread = bounds(self.energy, cells)
        # Arrays (B,). The comparison is with floats that steer; what is discarded is added to the remainder
        # with its bound, so that any threshold is sound.
        mass = mass_bound(cells, self.target, least)
        small = mass <= self.target.small(cells)
        expected = Forecast(replace(cells, least=least), expected.smooth, expected.energy)
        self._leave_out(expected[small], mass[small])
        smooth = self.target.smooth(spread) & ~small
        self._keep(expected[smooth])
        rest = ~small & ~smooth
        self._quarter(expected[rest], spread[rest])

    def _rules(self, blocks: list[Forecast]) -> None:
        """Accept the cells for which a rule is good enough, halve the others."""
        first, *self.ready = blocks
        self.visited_by_rules = self.found.visited
        expected = self._admitted(first, "rules")
        cells = expected.cells
        if not len(cells):
            return
        with self.pace.timing("rules", len(cells)):
            tried = try_rules(self.energy, expected, self.final)
        good = tried.good(self.final)
        if good.any():
            self.found.accept(cells[good], *tried[good].rules(self.final))
        self._take_up(tried[~good])

    def _split(self, tried: Tried) -> None:
        """Halve cells, and once more along another axis where no rule was bounded, if that saves a round."""
        # Where no ellipse is free of kinks, one more cut along the longest other axis; the halves of both cuts
        # cover the cell.
        cells, axis, unknown = tried.expected.cells, tried.worst(self.energy.kinks_across), tried.unknown()
        halves, energy = cells.split(axis), np.tile(tried.expected.energy, 2)
        if 0 < len(halves) < FEW and not self.energy.kinks_across:
            others = np.where(np.arange(cells.half.shape[1]) == axis[:, None], -1.0, cells.half)
            second, again = np.tile(others.argmax(1), 2), np.tile(unknown, 2)
            halves = Cells.joined([halves[~again], halves[again].split(second[again])])
            energy = np.concatenate([energy[~again], np.tile(energy[again], 2)])
        self.waiting.put(halves, energy)

    def _quarter(self, expected: Forecast, spread: FloatArray) -> None:
        """Halve cells, twice if they are few: another round would cost more than a few cells too many."""
        cells = expected.cells
        axis = widest(spread, cells.half)
        halves, energy = cells.split(axis), np.tile(expected.energy, 2)
        if len(halves) < FEW:
            # A slope's variation times the half width falls to a quarter when that axis is halved.
            spread = spread * np.where(np.arange(spread.shape[1]) == axis[:, None], 0.25, 1.0)
            halves = halves.split(np.tile(widest(spread, halves.half[: len(cells)]), 2))
            energy = np.tile(energy, 2)
        self.waiting.put(halves, energy)

    def _keep(self, expected: Forecast) -> None:
        if len(expected.cells):
            self.ready.append(expected)


def _blocks(expected: Forecast, size: int) -> list[Forecast]:
    """Return at least one block, each of at most ``size`` cells."""
    return [expected[start : start + size] for start in range(0, max(1, len(expected.cells)), size)]

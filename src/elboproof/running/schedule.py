"""Which rows of a long call come next, in blocks of a size that is learned on the way.

Blocks may share the work of arrays, and easy rows take a hundredth of their time in them; hard ones are no faster,
and those of a block stay open together. So some rows are tried together for little time, before them many where rows
may be very easy, and where most of them are decided, the others follow in larger blocks. Else two rows are proved
alone: if they take less than `ALONE` seconds each, blocks grow as long as they are faster than their rows alone.
Where it is known that rows share nearly all of their work, blocks have a size that is given.

Rows during which a process or its memory came to an end are proved one after the other, with nothing beside them: so
the one that does it is known, and takes no other along.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from elboproof.running.rows import Outcome

ALONE = 0.5
"""Seconds of a single row from which on blocks are not worth a trial."""
AIM = 2.0
"""Seconds that a block should take."""
TRIED, TRIAL, FEWEST = 32, 0.03, 7
"""Rows of a trial, seconds for each of them, and rows from which on there is one."""
MANY, MANY_SECONDS = 512, 0.5
"""Rows, and seconds, of a trial before it where rows may be so easy that many take hardly longer than few."""
PATIENCE = 4.0
"""Times as long as expected that a block may take."""
MOST, GROWTH = 4096, 16
"""Rows in a block, and how many times as many as in the one before."""


@dataclass(frozen=True)
class Block:
    """Rows that are proved together, and the seconds for them."""

    rows: list[int]
    limit: float
    trial: bool


class Schedule:
    """The rows that wait, and what was learned of the time that they take.

    Parameters
    ----------
    waiting
        Rows, in order.
    seconds
        Limit for each of them.
    trials
        Whether rows of a block share work, so that many are worth a trial.
    together
        Rows of every block, where that is known before; 0 where it is learned.
    easy
        Whether rows may be so easy that many are tried first.
    """

    def __init__(
        self,
        waiting: list[int],
        seconds: float,
        trials: bool = True,
        together: int = 0,
        easy: bool = False,
    ) -> None:
        self.waiting, self._seconds, self._together = waiting, seconds, together
        tried = trials and not together and len(waiting) >= FEWEST
        self._trials = [*([MANY] if easy and len(waiting) > TRIED else []), TRIED, TRIED] if tried else []
        self._size, self._alone, self._singles, self._settled = 1, math.inf, 0, False
        self._each = math.inf  # of the last block
        self._trying = False
        self._suspects: list[int] = []
        self._examined: list[int] = []

    @property
    def rest(self) -> list[int]:
        """The rows that are to be begun."""
        return [*self._suspects, *self.waiting]

    @property
    def held(self) -> bool:
        """Whether nothing is begun until a trial, or a suspect, has ended."""
        return self._trying or bool(self._examined)

    def suspect(self, rows: list[int]) -> None:
        """Prove rows that were in work when something broke: each alone, before all others."""
        self._suspects = [*rows, *self._suspects]
        self._trying, self._examined = False, []

    def drop(self) -> None:
        """Begin nothing more."""
        self.waiting, self._suspects, self._examined, self._trying = [], [], [], False

    def next(self) -> Block:
        """Return a block and its limit: of several rows little more than they should take, by those before."""
        if self._suspects:
            self._examined, self._suspects = self._suspects[:1], self._suspects[1:]
            return Block(self._examined, self._seconds, False)
        self._trying = bool(self._trials)
        size = self._together or (self._trials.pop(0) if self._trying else self._size)
        rows, self.waiting = self.waiting[:size], self.waiting[size:]
        if self._trying:
            limit = min(TRIAL, self._seconds) * len(rows)
            return Block(rows, limit if len(rows) <= TRIED else min(limit, MANY_SECONDS), True)
        if self._together:
            return Block(rows, self._seconds * len(rows), False)
        each = (
            self._seconds if len(rows) == 1 else min(self._seconds, PATIENCE * min(self._alone, self._each))
        )
        return Block(rows, each * len(rows), False)

    def learn(self, block: Block, rows: Sequence[Outcome], seconds: float) -> None:
        """Take what a block took into account; what a trial left open waits again."""
        if block.rows == self._examined:
            self._examined = []
        if self._together:
            return
        if block.trial:
            self._learn_trial(block, rows, seconds)
        elif len(block.rows) == 1:
            self._alone, self._singles = min(self._alone, seconds), self._singles + 1
            if self._singles >= 2 and not self._settled and self._alone < ALONE:
                self._grow(self._alone)
        elif seconds / len(block.rows) > self._alone:
            self._size, self._settled = 1, True
        else:
            self._grow(seconds / len(block.rows))

    def _learn_trial(self, block: Block, rows: Sequence[Outcome], seconds: float) -> None:
        self._trying = False
        left = [n for n, row in zip(block.rows, rows, strict=True) if row.status]
        decided = len(block.rows) - len(left)
        self.waiting = [*left, *self.waiting]
        if decided > len(left):
            self._trials, self._size = [], len(block.rows)
            self._grow(seconds / decided)
        elif decided and len(block.rows) <= TRIED:  # else the time may have gone into compiling: once more
            self._trials = []

    def _grow(self, each: float) -> None:
        self._each = each
        wanted = int(AIM / max(each, 1e-9))
        self._size = max(1, min(wanted, self._size * GROWTH, MOST))

"""Steps of equal size under a deadline: none begins that would end after it if it took as long as the last one."""

import math
import time
from dataclasses import dataclass


@dataclass
class Steps:
    """What asks the clock ``time.monotonic()`` once before each step."""

    deadline: float = math.inf
    before: float = math.inf

    def another(self) -> bool:
        """Return whether there is time for another step; the first one takes no time, as far as anybody knows."""
        # At first `before` is infinite, so that nothing seems to have been taken.
        now = time.monotonic()
        took, self.before = max(now - self.before, 0.0), now
        return now <= self.deadline and now + took <= self.deadline

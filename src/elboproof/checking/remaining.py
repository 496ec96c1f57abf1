"""How long a run will take still, from the seconds that its checks took before."""

from collections.abc import Mapping, Sequence

CALM = 10.0
"""Seconds of checks that count as "as fast as recorded" before this run's own speed is believed."""


class Remaining:
    """The time left of a run.

    Parameters
    ----------
    expected
        Seconds that checks took in earlier runs, by name.
    checks
        Names of the checks of this run.
    workers
        Processes; None if their number is not known.
    """

    def __init__(self, expected: Mapping[str, float], checks: Sequence[str], workers: int | None) -> None:
        known = [expected[name] for name in checks if name in expected]
        # A check that nobody timed counts as the mean of the others.
        mean = sum(known) / len(known) if known else None
        self._pending = {name: expected.get(name, mean) for name in checks}
        self._workers = workers
        self._took = self._foreseen = 0.0

    def finished(self, check: str, seconds: float) -> None:
        """Take note of a check that came to an end."""
        foreseen = self._pending.pop(check, None)
        if foreseen is not None:
            self._took, self._foreseen = self._took + seconds, self._foreseen + foreseen

    def seconds(self, running: Sequence[tuple[str, float]], elapsed: float) -> float | None:
        """Return the seconds left, or None if nothing is known.

        Parameters
        ----------
        running
            Checks that run now, and for how long.
        elapsed
            Seconds since the run began.
        """
        if any(one is None for one in self._pending.values()):
            return None
        # Another machine is slower or faster in all checks alike, more or less: what is done tells by how much.
        speed = (self._took + CALM) / (self._foreseen + CALM)
        since = dict(running)
        left = [max(0.0, speed * (one or 0.0) - since.get(name, 0.0)) for name, one in self._pending.items()]
        if self._workers is not None:
            return max(sum(left) / self._workers, *left, 0.0)
        if not self._took:
            return None
        return elapsed * sum(left) / self._took

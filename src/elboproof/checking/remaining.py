"""How long a run will take still, from the seconds that its checks took before."""

from collections.abc import Mapping, Sequence

CALM = 10.0
"""Seconds of work that count as "as fast as recorded" before this run's own speed is believed."""


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
        self._foreseen = 0.0

    def finished(self, check: str) -> None:
        """Take note of a check that came to an end."""
        self._foreseen += self._pending.pop(check, None) or 0.0

    def seconds(self, running: Sequence[tuple[str, float]], elapsed: float) -> float | None:
        """Return the seconds left, or None if nothing is known.

        Parameters
        ----------
        running
            Checks that run now, and for how long.
        elapsed
            Seconds since the run began.
        """
        pending = {name: one for name, one in self._pending.items() if one is not None}
        if len(pending) < len(self._pending):
            return None
        if self._workers is None:
            return elapsed * sum(pending.values()) / self._foreseen if self._foreseen else None
        # A slower machine, other work on it, and the start of processes make all checks longer, more or less alike: the
        # time that went by, against the work that was foreseen for it, tells by how much.
        since = {name: seconds for name, seconds in running if name in pending}
        done = self._foreseen + sum(min(pending[name], seconds) for name, seconds in since.items())
        speed = (self._workers * elapsed + CALM) / (done + CALM)
        left = [max(0.0, speed * one - since.get(name, 0.0)) for name, one in pending.items()]
        return max(sum(left) / self._workers, *left, 0.0)

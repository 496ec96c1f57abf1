"""What a long call tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from elboproof.arguments import wrong_type


@dataclass(frozen=True)
class Progress:
    """How far a call has come.

    Attributes
    ----------
    done, total : int
        Rows; rows kept from an earlier run count as done. Of ``ep.for_all`` leaves: those proved, and all so far.
    decided : int
        Of those that are done.
    seconds : float
        Since the call began.
    left : float
        Seconds that the rest will take if it takes as long a row as this call's rows did; NaN before the first.
    """

    done: int
    total: int
    decided: int
    seconds: float
    left: float


Listener = Callable[[Progress], object]


def require_listener(progress: object) -> None:
    """Raise ``TypeError`` unless it is None or can be called."""
    if progress is not None and not callable(progress):
        raise wrong_type("progress", progress, "None, or a callable that takes an ep.Progress")

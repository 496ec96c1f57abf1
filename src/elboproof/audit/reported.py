"""A number that a user's code reports, beside the loss: what it is said to be, and how it is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from elboproof.arguments import bad, wrong_type

SAID = ("elbo", "-elbo", "iwae", "-iwae", "bits/dim")


@dataclass(frozen=True)
class Reported:
    """A function that returns an evaluation number: a bound, a test log-likelihood, an "nll", bits per dimension.

    Parameters
    ----------
    function
        Called as the loss is, with the number of samples behind the data if ``samples`` are given:
        ``function(x, n)``. Returns one number for the batch, or one per datum; of a dict its "loss", of a tuple the
        first entry.
    claim
        "elbo" and "-elbo" (its negative), "iwae" and "-iwae" (the importance-weighted bound, an estimate of log p(x)),
        in nats; or "bits/dim": one of the negative bounds in bits per dimension.
    samples
        Numbers to ask for; best one that no chunk size divides. Empty if the function takes none.

    Raises
    ------
    TypeError, ValueError
        If an argument is no such thing; the text names it.
    """

    function: Callable[..., Any]
    claim: str = "-elbo"
    samples: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise wrong_type("function", self.function, "a function of the data")
        if self.claim not in SAID:
            raise bad("claim", self.claim, f"one of {', '.join(SAID)}")
        given: tuple[Any, ...] = tuple(self.samples)
        for one in given:
            if isinstance(one, bool) or not isinstance(one, int) or one < 1:
                raise bad("samples", one, "integers, 1 or larger")

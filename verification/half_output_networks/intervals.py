"""What seeds say of a difference: a confidence interval, and the verdict that it allows."""

import math
from typing import TYPE_CHECKING

from elboproof.checking import Verdict, by_hand
from elboproof.networks import paired_difference

if TYPE_CHECKING:
    import torch

CONFIDENCE = 0.95
"""Of each interval by itself: Student's, over the seeds, each of which is one pair."""


def differs_by(
    first: "torch.Tensor",
    second: "torch.Tensor",
    least: float = -math.inf,
    most: float = math.inf,
    *,
    beside: str = "",
) -> Verdict:
    """Decide from the scores of the same seeds that first - second lies in [least, most] on average.

    Established if the whole confidence interval lies inside, refuted if all of it lies outside, undecided if a border
    cuts through it: that is then "not decided at this size". What stands ``beside`` is told with it.
    """
    found = paired_difference(first, second, confidence=CONFIDENCE)
    words = (
        f"{found.mean:+.2f} nats, {CONFIDENCE:.0%} interval [{found.lower:+.2f}, {found.upper:+.2f}] over "
        f"{found.pairs} seeds"
    )
    if least <= found.lower and found.upper <= most:
        status = "established"
    elif found.upper < least or found.lower > most:
        status = "refuted"
    else:
        status, words = "undecided", f"not decided at this size: {words}"
    words += f"; {beside}" if beside else ""
    stated = f"[{least:g}, {most:g}]"
    return by_hand("experiment", status, words, found.mean, stated, (found.upper - found.lower) / 2)

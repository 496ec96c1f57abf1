"""The doubles nearest to constants, proved with balls."""

import math
from collections.abc import Sequence
from typing import Any

from elboproof.arguments import shown
from elboproof.numbers.balls import REAL_BALLS, working_precision
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.functions import ExpressionError
from elboproof.numbers.tape import Tape

_PRECISIONS = (256, 1024, 4096)
_SHARP_BITS = 80  # 27 more than a double has
_UNSEEN = 2.0**-1074  # the smallest positive double: radii below it cannot be seen


def nearest_doubles(tape: Tape, entries: Sequence[int]) -> list[float]:
    """Return the doubles nearest to entries that depend on no input, computed with balls.

    The precision is raised until the ball is narrower than the rounding to a double.

    Raises
    ------
    ValueError
        If a constant is not a finite real number, or exceeds the range of float64.
    """
    if not entries:
        return []
    # A ball narrower than a 2^27th of a double's last place has the nearest double of its midpoint
    # as that of every member, except within that distance of a tie, where either neighbour is as
    # near to 80 bits. Precisions rise until all are.
    function = compile_tape(tape, entries, REAL_BALLS)
    for bits in _PRECISIONS:
        with working_precision(bits):
            values = function(*[None] * len(tape.inputs))
            if all(map(_is_sharp, values)):
                break
    return [_nearest_double(value) for value in values]


def _is_sharp(ball: Any) -> bool:
    """Whether the midpoint rounds to the nearest double, but for near-ties; a hidden zero counts as zero."""
    return bool(ball.is_finite()) and (ball.rel_accuracy_bits() >= _SHARP_BITS or bool(ball.rad() < _UNSEEN))


def _nearest_double(ball: Any) -> float:
    value = float(ball.mid()) if _is_sharp(ball) else float("nan")
    if not math.isfinite(value):
        raise ExpressionError(
            f"got a constant {shown(ball.str(8))}; "
            "expected finite real constants in the range of float64, determined by 4096 bits"
        )
    return value

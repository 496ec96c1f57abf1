"""Roots on the line, enclosed by changes of sign."""

from collections.abc import Callable

from flint import arb

from elboproof.numbers.precision import current_bits

Function = Callable[[arb], arb]


def root_between(function: Function, low: arb, high: arb) -> arb:
    """Return an enclosure of a root between two places at which the function has different signs, by halving.

    Raises
    ------
    ArithmeticError
        If the signs at the ends are not proved to differ.
    """
    first, last = function(low), function(high)
    if not first * last < 0:
        raise ArithmeticError("no change of sign was proved")
    rising = bool(last > 0)
    for _ in range(2 * current_bits()):
        middle = ((low + high) / 2).mid()
        value = function(middle)
        if value > 0 or value < 0:
            low, high = (low, middle) if bool(value > 0) == rising else (middle, high)
        else:
            break
    return low.union(high)

"""Balls at rising precision, until one is as narrow as asked."""

from collections.abc import Callable

import numpy as np
from flint import arb

from elboproof.numbers.exact import bits_for
from elboproof.numbers.precision import working_precision

SPARE_BITS = 80
"""Of the working precision: room for the cancellation in sums."""
MOST_BITS = 4096
FLOAT_DIGITS = 12
"""Above these no sum in float64 balls is tried."""
SHARE = 0.8
"""Of the tolerance: what a quadrature may take."""


def narrowed(
    enclose: Callable[[float, bool], tuple[arb, str]], digits: float, floats: bool
) -> tuple[arb, str]:
    """Return a ball of radius at most 10^-digits, or the best there is, and what stopped it, empty if nothing did.

    Parameters
    ----------
    enclose
        (tolerance, floats) -> the number at the precision in force and what kept it from the tolerance; with
        ``floats`` it may sum in float64.
    digits
        At least 0.
    floats
        Whether sums in float64 are worth a try, once: they are quicker and hold few digits.
    """
    # each round is a proof of its own, and the best so far is kept: more bits help as long as rounding is what is left,
    # which is where no reason is given
    bits, floats = bits_for(digits, SPARE_BITS), floats and digits <= FLOAT_DIGITS
    best = arb(0, float("inf"))
    while True:
        with working_precision(bits):
            ball, reason = enclose(SHARE * 10.0**-digits, floats)
            best = ball if ball.rad() < best.rad() else best
            if best.rad() <= arb(10) ** -arb(digits):  # what a limit left undone may be little
                return best, ""
        if reason or bits >= MOST_BITS or not ball.is_finite():
            return best, stopped(best, digits, reason or "rounding")
        bits = bits if floats else 2 * bits
        floats = False  # the sums' rounding: again, in arb


def stopped(best: arb, digits: float, reason: str) -> str:
    """Return in words how far a proof came, and what stopped it."""
    radius = float(best.rad())  # a text for people: rounded to a digit
    reached = f"{-np.log10(radius):.1f}" if 0 < radius < 1 else "none"
    return f"{reached} of {digits:g} digits proved; stopped by {reason}"

"""The argument principle, certified: how many zeros an analytic function has in a rectangle."""

from collections.abc import Callable

from flint import acb, arb

Function = Callable[[acb], acb]
MOST_PIECES = 20_000


def zeros_inside(function: Function, low: acb, high: acb) -> arb:
    """Return a ball that contains the number of zeros in the rectangle between two corners.

    The function is analytic there. Along an edge that is cut into pieces the values lie in balls without 0, so in half
    planes, and the argument changes by the principal argument of the quotient of the ends. NaN if that fails.
    """
    corners = [low, acb(high.real, low.imag), high, acb(low.real, high.imag)]
    gained = arb(0)
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        gained += _gain(function, start, end)
    return gained / (2 * arb.pi())


def _gain(function: Function, start: acb, end: acb) -> arb:
    gained, pending, pieces = arb(0), [(start, end)], 0
    while pending:
        pieces += 1
        if pieces > MOST_PIECES:
            return arb("nan")
        a, b = pending.pop()
        piece = acb(a.real.union(b.real), a.imag.union(b.imag))
        value = function(piece)
        if value.real.contains(0) and value.imag.contains(0):
            middle = acb(((a.real + b.real) / 2).mid(), ((a.imag + b.imag) / 2).mid())
            pending += [(middle, b), (a, middle)]
            continue
        gained += (function(b) / function(a)).arg()
    return gained

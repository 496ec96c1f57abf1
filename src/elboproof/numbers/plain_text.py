"""Balls and enclosures as plain texts and numbers, for files and for other processes: nothing is lost on the way."""

from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.numbers.enclosure import Enclosure
from elboproof.running.rows import ratio

if TYPE_CHECKING:
    from flint import arb

Plain = dict[str, Any]
FEWEST_BITS, SPARE_BITS = 128, 60
"""Of a radius, with what makes it smaller by less than its last bit."""


def ball_to_plain(ball: "arb") -> Plain:
    """Return the midpoint and the radius, integers times powers of 2; what is not finite is said to be so."""
    if not ball.is_finite():
        return {}
    return {
        name: [str(part) for part in end.man_exp()]
        for name, end in (("mid", ball.mid()), ("rad", ball.rad()))
    }


def ball_from_plain(plain: Plain) -> "arb":
    """Return the ball, or one that knows nothing for one that was not finite."""
    from flint import arb, fmpz

    from elboproof.numbers.precision import working_precision

    if not plain:
        return arb(0, float("inf"))
    parts = [(int(mantissa), int(exponent)) for mantissa, exponent in (plain["mid"], plain["rad"])]
    # an integer times a power of 2 is exact, and stays it when it is put together at its own length
    bits = max(FEWEST_BITS, *(mantissa.bit_length() for mantissa, _ in parts))
    with working_precision(bits):
        mid, rad = (arb(fmpz(mantissa)) * arb(2) ** exponent for mantissa, exponent in parts)
        # FLINT takes a radius of 30 bits for the next larger one: that below it is taken for the radius itself
        ball = arb(mid, rad - rad * arb(2) ** -SPARE_BITS)
        return ball if ball.rad() >= rad else arb(mid, rad)


def enclosure_to_plain(enclosure: Enclosure) -> Plain:
    """Return shape and ends: doubles in hexadecimal digits, and fractions where they are kept."""
    lower, upper = np.ravel(enclosure.lower), np.ravel(enclosure.upper)
    exact = None
    if enclosure.exact is not None:
        exact = [[str(end) for end in np.ravel(ends).tolist()] for ends in enclosure.exact]
    ends = {"lower": [x.hex() for x in lower.tolist()], "upper": [x.hex() for x in upper.tolist()]}
    return {"shape": list(enclosure.shape), **ends, "exact": exact}


def enclosure_from_plain(plain: Plain) -> Enclosure:
    """Return the enclosure."""
    if plain["exact"] is not None:
        pairs = [(ratio(low), ratio(high)) for low, high in zip(*plain["exact"], strict=True)]
        return Enclosure.between_exact(pairs).reshape(*plain["shape"])
    lower, upper = ([float.fromhex(end) for end in plain[name]] for name in ("lower", "upper"))
    return Enclosure(lower, upper).reshape(*plain["shape"])

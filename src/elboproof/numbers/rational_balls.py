"""Arrays of balls around rational numbers of FLINT."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.exact import nearest_double

if TYPE_CHECKING:
    from flint import fmpq

SUBNORMAL = 1e-290
"""Doubles of a smaller size may be off by more than their relative rounding."""


def balls_around(numbers: Sequence["fmpq"]) -> BallArray:
    """Return balls (n,) around rational numbers; the whole line where one is beyond all doubles."""
    # a nearest double is off by 2^-53 of its size, or by 2^-1075; zero is exact, and a radius of 2^-1074 would be slow
    mids = np.array([nearest_double(number) for number in numbers], dtype=np.float64)
    sizes = np.abs(mids)
    small = np.array([bool(n) for n in numbers], dtype=bool) & (sizes < SUBNORMAL)
    with np.errstate(invalid="ignore"):
        return BallArray(mids, sizes * 2.0**-52 + small * 2.0**-1074)

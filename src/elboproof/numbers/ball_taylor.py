"""Exact polynomial coefficients of the kernels, highest degree first, as rationals.

Each kernel states its truncation error; the rounding of these coefficients and of Horner's scheme is
bounded by `ball_rounding.horner_error` from the same rationals.
"""

from fractions import Fraction
from math import factorial

EXP_SERIES = [Fraction(1, factorial(n + 2)) for n in range(11, -1, -1)]
"""(e^r - 1 - r) / r^2, up to r^11."""

SIN_SERIES = [Fraction((-1) ** j, factorial(2 * j + 1)) for j in range(10, 0, -1)]
"""(sin r - r) / r^3 in z = r^2, up to r^21 of the sine."""

LOG_SERIES = [Fraction(2, 2 * j + 1) for j in range(10, 0, -1)]
"""(log((1+s)/(1-s)) - 2 s) / s^3 in z = s^2, up to s^21 of the logarithm."""

ATAN_SERIES = [Fraction((-1) ** j, 2 * j + 1) for j in range(6, 0, -1)]
"""(atan s - s) / s^3 in z = s^2, up to s^13 of the arc tangent."""

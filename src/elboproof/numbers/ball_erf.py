"""erf at float64 points with a proved error.

Kernel as in `ball_exp`; u = 2^-53. a = min(|x|, 6), c = j/8 the nearest of 49 centres, h = a - c (exact,
|h| <= 1/16); erf(c + h) = erf(c) + h G(h), G the Taylor polynomial of degree 11 whose coefficients
(2/sqrt(pi)) e^(-c^2) (-1)^n H_n(c)/(n+1)! are tabled.

ERROR. Truncation: |H_n(t)| e^(-t^2) <= 1.09 sqrt(2^n n!) (Cramer), so 2.6e-4 h^13 < 1e-19. Clipping:
erfc(6) < 0.21 u. G errs by at most 2.2 u (`horner_error`, all centres: the tests recompute it), |G| <=
1.13: h G errs by at most (2.2 + 1.13) u / 16 = 0.21 u; adding the second float of erf(c) 0.08 u, and the
last sum u |y|. j >= 1: |y| >= erf(1/16) = 0.0704, so 0.29 u / 0.0704 + u = 5.2 u. j = 0: (2.2 + 1.13)/1.12
u + u = 4 u. Near |y| = 1: 1.5 u.
"""

from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_rounding import TINY, UNIT, Pair

ERF_REL = 6.0 * UNIT  # 5.2 u above
TERMS = 12
CELLS = 49
TWO_OVER_SQRT_PI = Fraction(7082950827949419406546779429796514218173736946937360083502, 2**192)
"""2/sqrt(pi) rounded down to a multiple of 2^-192."""

_SCALE = 2**220


def _exponential_sums(square: Fraction) -> tuple[Fraction, Fraction]:
    """Return e^square and sum_n (2 square)^n/(2n+1)!!, each within a relative 1e-60, for square <= 36."""
    # Integers scaled by 2^220. A unit lost by rounding down grows no faster than the terms do: less
    # than 1000 2^-220 of the sums are lost, and for square <= 36 the terms left out are below
    # 1e-240.
    plain = double = _SCALE
    sums = [0, 0]
    p, q = square.numerator, square.denominator
    for n in range(400):
        sums = [sums[0] + plain, sums[1] + double]
        plain = plain * p // (q * (n + 1))
        double = double * 2 * p // (q * (2 * n + 3))
    return Fraction(sums[0], _SCALE), Fraction(sums[1], _SCALE)


def erf_and_slope(c: Fraction) -> tuple[Fraction, Fraction]:
    """Return erf(c) and its derivative, within 1e-40, for 0 <= c <= 6; all series have positive terms."""
    growth, kummer = _exponential_sums(c * c)
    slope = TWO_OVER_SQRT_PI / growth
    return slope * c * kummer, slope


def taylor_coefficients(c: Fraction, slope: Fraction) -> list[Fraction]:
    """Return the coefficients of G, highest degree first, by the recurrence of the Hermite polynomials."""
    hermite = [Fraction(1), 2 * c]
    for n in range(1, TERMS - 1):
        hermite.append(2 * c * hermite[n] - 2 * n * hermite[n - 1])
    return [slope * (-1) ** n * hermite[n] / factorial(n + 1) for n in range(TERMS - 1, -1, -1)]


@cache
def _tables() -> tuple[FloatArray, FloatArray]:
    """Return erf(c) as two floats, shape (2, CELLS), and the coefficients, shape (TERMS, CELLS)."""
    base, rows = [], []
    for j in range(CELLS):
        c = Fraction(j, 8)
        value, slope = erf_and_slope(c)
        base.append((float(value), float(value - Fraction(float(value)))))
        rows.append([float(q) for q in taylor_coefficients(c, slope)])
    return np.array(base).T.copy(), np.array(rows).T.copy()


def erf(x: FloatArray) -> Pair:
    """Return erf(x) and its error; +-1 at +-inf."""
    # (n,) with tables (2, CELLS) and (TERMS, CELLS); every row is gathered for all points at once,
    # so Horner's scheme has the roundings of `horner` though each point has coefficients of its
    # own. a - c is exact (multiples of the ulp of a, |h| <= 1/16), and h G + the low float of
    # erf(c) is added to the high one last. Odd: the sign is copied. Beyond 6 the clipped value
    # differs from erf by erfc(6) < 0.21 u, which ERF_REL has room for (1.5 u needed near 1).
    base, coefficients = _tables()
    h = np.abs(x)
    np.minimum(h, 6.0, out=h)
    c = np.rint(h * 8.0)
    index = c.astype(np.intp)
    c *= 0.125
    h -= c
    y = coefficients[0].take(index)
    for row in coefficients[1:]:
        y *= h
        y += row.take(index)
    y *= h
    y += base[1].take(index)
    y += base[0].take(index)
    e = y * ERF_REL
    e += TINY
    return np.copysign(y, x), e

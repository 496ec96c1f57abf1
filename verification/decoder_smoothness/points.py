"""Finitely many points with latents on the line, in exact numbers: weights, slopes, Taylor series, complex values.

Nothing of the package's decoder is used here: these are the definitions that it is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import acb, arb, arb_series

from elboproof.numbers.precision import series_terms

from .._shared.balls import ball


@dataclass(frozen=True)
class Points:
    """Data x_i with codes N(m_i, s_i), d = D = 1; text and fractions are exact."""

    data: tuple[Fraction | str | int, ...]
    codes: tuple[Fraction | str | int, ...]
    variances: tuple[Fraction | str | int, ...]

    def x(self) -> list[arb]:
        """x_i."""
        return [ball(x) for x in self.data]

    def slopes(self, z: arb) -> list[arb]:
        """Return d log q(z|x_i) / dz = (m_i - z) / s_i."""
        return [(ball(m) - z) / ball(s) for m, s in zip(self.codes, self.variances, strict=True)]

    def bends(self) -> list[arb]:
        """Return the second derivatives -1 / s_i."""
        return [-1 / ball(s) for s in self.variances]

    def terms(self, z: acb) -> list[acb]:
        """Return exp(-(z - m_i)^2 / (2 s_i)) / sqrt(s_i) at a complex z: q(z|x_i) up to the constant of all."""
        pairs = zip(self.codes, self.variances, strict=True)
        return [(-((z - ball(m)) ** 2) / (2 * ball(s))).exp() / ball(s).sqrt() for m, s in pairs]

    def denominator(self, z: acb) -> acb:
        """Return the sum of the terms."""
        return sum(self.terms(z), acb(0))

    def decode(self, z: acb) -> acb:
        """Return f*(z)."""
        terms = self.terms(z)
        return sum((t * x for t, x in zip(terms, self.x(), strict=True)), acb(0)) / sum(terms, acb(0))

    def weights(self, z: arb) -> list[arb]:
        """Return w_i(z)."""
        terms = [term.real for term in self.terms(acb(z))]
        return [term / sum(terms, arb(0)) for term in terms]

    def taylor(self, z: arb, order: int) -> list[arb]:
        """Return the Taylor coefficients of f* at z up to an order, as the quotient of two power series."""
        with series_terms(order + 1):
            top, bottom = arb_series([0]), arb_series([0])
            for x, m, s in zip(self.x(), self.codes, self.variances, strict=True):
                away = arb_series([z - ball(m), 1])
                term = (-away * away / (2 * ball(s))).exp() / ball(s).sqrt()
                top, bottom = top + term * x, bottom + term
            quotient = top / bottom
            return [quotient[k] for k in range(order + 1)]


def mean(weights: Sequence[arb], *factors: Sequence[arb]) -> arb:
    """Return sum_i w_i a_i b_i ..."""
    total = arb(0)
    for i, w in enumerate(weights):
        for factor in factors:
            w = w * factor[i]
        total += w
    return total

r"""Codes on one line, one shared covariance: the widest tube without a zero of the denominator, by winding numbers.

Let m_i = m_0 + t_i u, n_i of the points being there, and q = u.P u. Up to factors without zeros the denominator of f*
is E(y) = sum_i n_i exp(q (t_i y - t_i^2 / 2)) with y = z.P u / q shifted: a function of one complex number, which has
the imaginary part b.P u / q at a + ib. Hence the widest tube is |b| < q Y / |P u|, Y the least |Im| of a zero of E.

**Zeros below a height.** At y = x + iY the phase of term i is q t_i Y. Beyond the ends of an interval [l, r] the last
term (or the first) is more than twice the sum of all others, so that E has no zero there. E > 0 on the real line. So
the number of zeros in 0 < Im < Y is 1 / (2 pi) times what the argument gains up the right side and along the top from
right to left and down the left side, none of it being on a zero. The top is cut into pieces; on each the ball of E,
divided by the phase and size of its largest term, excludes 0, so that it lies in a half plane and the argument changes
by the principal argument of the quotient of the ends. The number is an integer, known once its ball holds only one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb, arb, arb_mat
from numpy.typing import NDArray

from elboproof.decoder.enclosing import Exact
from elboproof.numbers.exact import ball_of
from elboproof.numbers.outward import below
from elboproof.numbers.precision import working_precision
from elboproof.shapes import Float64

Float64s = NDArray[np.float64]

MOST_CODES = 64
"""Distinct codes for which the exact width is looked for; each evaluation costs an exponential for each."""
BITS = 160
PIECES = 3000
"""Of the top of one rectangle; beyond, nothing is decided."""
DOUBLINGS = 40
"""Of the width pi / (q (largest t - least t)), below which there is no zero."""
COARSE, HALVINGS = 8, 60
"""Halvings of the bracket before Newton's steps, and until it is given up."""
WITHIN = 2.0**-46
"""Relative width of the bracket of Y that is accepted."""
NEWTON = 12


@dataclass(frozen=True)
class Terms:
    """E: multiplicities n_i, places t_i in increasing order, and q."""

    counts: Sequence[int]
    places: Sequence[arb]
    stiffness: arb

    def top(self, x: arb) -> int:
        """Return the index of a term that is about the largest at a real x."""
        middle = float(x.mid())
        return min(range(len(self.places)), key=lambda i: abs(float(self.places[i].mid()) - middle))

    def weights(self, x: arb, r: int) -> list[arb]:
        """Return the sizes of all terms at Re y = x relative to term r."""
        t = self.places
        return [
            n * (self.stiffness * (s - t[r]) * (x - (s + t[r]) / 2)).exp() if i != r else arb(n)
            for i, (n, s) in enumerate(zip(self.counts, t, strict=True))
        ]

    def relative(self, x: arb, height: arb, r: int) -> acb:
        """Return E(x + i height) divided by the size and phase of term r, up to a positive factor."""
        angles = (self.stiffness * (s - self.places[r]) * height for s in self.places)
        return sum(
            (acb(w * a.cos(), w * a.sin()) for w, a in zip(self.weights(x, r), angles, strict=True)), acb(0)
        )

    def ends(self) -> tuple[arb, arb]:
        """Return l and r: beyond, the first (last) term is more than twice the sum of the others."""
        # for x > t_N the exponent of term i relative to the last is at most -q (t_N - t_i)(x - t_N)
        t, size = self.places, arb(4 * sum(self.counts)).log() / self.stiffness
        return (t[0] - size / (t[1] - t[0])).lower(), (t[-1] + size / (t[-1] - t[-2])).upper()

    def zeros_below(self, height: arb) -> int | None:
        """Return the number of zeros with 0 < Im < height, None if the pieces do not suffice to tell."""
        ends = self.ends()
        gained, pending, pieces = arb(0), [ends], 0
        while pending:
            pieces += 1
            a, b = pending.pop()
            if pieces > PIECES:
                return None
            piece = a.union(b)
            r = self.top(piece)
            if not _excludes_zero(self.relative(piece, height, r)):
                middle = ((a + b) / 2).mid()
                pending += [(middle, b), (a, middle)]
                continue
            gained += (self.relative(b, height, r) / self.relative(a, height, r)).arg()
        last = len(self.places) - 1
        sides = self.stiffness * (self.places[-1] - self.places[0]) * height
        sides += self.relative(ends[1], height, last).arg() - self.relative(ends[0], height, 0).arg()
        count = ((sides - gained) / (2 * arb.pi())).unique_fmpz()
        return None if count is None else int(count)

    def newton(self, y: acb) -> acb:
        """Return where Newton's steps lead from y: it only steers, so no radius matters."""
        for _ in range(NEWTON):
            y = acb(y.real.mid(), y.imag.mid())
            r = self.top(y.real)
            powers = [w * (self.stiffness * (s - self.places[r]) * acb(0, 1) * y.imag).exp()
                      for w, s in zip(self.weights(y.real, r), self.places, strict=True)]  # fmt: skip
            slopes = (
                p * self.stiffness * (s - self.places[r]) for p, s in zip(powers, self.places, strict=True)
            )
            y = y - sum(powers, acb(0)) / sum(slopes, acb(0))
        return acb(y.real.mid(), y.imag.mid())

    def flattest(self, height: arb) -> arb:
        """Return an x where |E| is small at a height, among a few between the places."""
        between = [((a + b) / 2).mid() for a, b in pairwise(self.places)]
        tried = [*between, *((a + b) / 2 for a, b in pairwise(between))]
        return min(tried, key=lambda x: float(abs(self.relative(x, height, self.top(x))).mid()))


def _excludes_zero(ball: acb) -> bool:
    # a rectangle without 0 on one axis; NaN excludes nothing
    return any(part > 0 or part < 0 for part in (ball.real, ball.imag))


def width(exact: Exact, codes: Float64[Float64s, "N d"]) -> float | None:
    """Return the widest tube, rounded down and within 2^-45 of it; None for codes on no line, too many or too hard.

    Parameters
    ----------
    exact
        Its one covariance is used.
    codes
        At least two distinct ones.
    """
    distinct, counts = np.unique(codes, axis=0, return_counts=True)
    if len(distinct) > MOST_CODES:
        return None
    places = _places(distinct)
    if places is None:
        return None
    with working_precision(BITS):
        P = arb_mat(exact.precisions()[0][0])
        u = arb_mat(
            [[arb(b) - arb(a)] for a, b in zip(distinct[0].tolist(), distinct[-1].tolist(), strict=True)]
        )
        pulled = P * u
        q = (u.transpose() * pulled)[0, 0]
        found = least_height(Terms([int(n) for n in counts], [ball_of(t) for t in places], q))
        length = (pulled.transpose() * pulled)[0, 0].sqrt()
        return None if found is None else below(q * found / length)


def _places(distinct: Float64[Float64s, "n d"]) -> list[Fraction] | None:
    """Return the t_i with m_i = m_0 + t_i (m_last - m_0), exactly, for rows in lexicographic order; None if none."""
    rows: list[list[Any]] = [[Fraction(c) for c in row] for row in distinct.tolist()]
    along = [b - a for a, b in zip(rows[0], rows[-1], strict=True)]
    axis = next(k for k, c in enumerate(along) if c)
    places = [(row[axis] - rows[0][axis]) / along[axis] for row in rows]
    straight = all(
        c == rows[0][k] + t * along[k] for row, t in zip(rows, places, strict=True) for k, c in enumerate(row)
    )
    return places if straight else None


def least_height(terms: Terms) -> arb | None:
    """Return a lower bound of the least |Im| of a zero, within WITHIN of it; None if it was not found."""
    # 0 zeros below `low` and at least one below `high`, both proved: only where to cut is guessed
    low = (arb.pi() / (terms.stiffness * (terms.places[-1] - terms.places[0]))).lower()
    if len(terms.places) == 2:
        return low  # and there it is
    bracket = _bracket(terms, low)
    for _ in range(COARSE):
        bracket = bracket and _halved(terms, *bracket)
    if bracket is None:
        return None
    middle = (bracket[0] + bracket[1]) / 2
    near = terms.newton(acb(terms.flattest(middle), middle)).imag
    if near > bracket[0] and near < bracket[1]:
        bracket = _narrowed(terms, near) or bracket
    for _ in range(HALVINGS):
        if bracket is None or bracket[1] - bracket[0] <= WITHIN * bracket[0]:
            return bracket and bracket[0]
        bracket = _halved(terms, *bracket)
    return None


def _bracket(terms: Terms, low: arb) -> tuple[arb, arb] | None:
    for _ in range(DOUBLINGS):
        high = 2 * low
        count = terms.zeros_below(high)
        if count != 0:
            return None if count is None else (low, high)
        low = high
    return None


def _halved(terms: Terms, low: arb, high: arb) -> tuple[arb, arb] | None:
    middle = ((low + high) / 2).mid()
    count = terms.zeros_below(middle)
    if count is None:
        return None
    return (low, middle) if count else (middle, high)


def _narrowed(terms: Terms, near: arb) -> tuple[arb, arb] | None:
    low, high = ((near * (1 + sign * WITHIN / 4)).mid() for sign in (-1, 1))
    return (low, high) if terms.zeros_below(low) == 0 and terms.zeros_below(high) else None

r"""The supremum of the ELBO over all Gaussians where the decoder has bounded atoms: sin, tanh, ...; one latent.

F(m, t) = theta . E[T(m + s e)] - (m^2 + s^2 - 1)/2 + t with s = exp(t), and the outer box is that of `best_elbo`. On a
cell F is at most its value at the centre plus the slopes' sizes times the half widths, with

    d/dm E[T] = E[T'],    d/dt E[T] = s E[e T'],

and no cell matters on which a slope keeps its sign. The expectations are shared by all theta. They are sums of 6-point
Gauss-Legendre rules on panels of |e| <= R with the remainder of `quadrature.gauss_legendre`; beyond R,
|T| <= C exp(a |z|) gives C exp(a |m| + b^2/2) erfc((R - b)/sqrt 2) with b = a s, one more than that where a factor
|e| <= exp(|e|) stands.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import erfc
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.outward import above, library_upward, upward
from elboproof.numbers.tape import Tape
from elboproof.quadrature.cells import halved
from elboproof.quadrature.gauss_legendre import ACROSS, ALONG, SIZES, factors, gauss_legendre
from elboproof.theorems.natural import Natural
from elboproof.theorems.sufficient_statistics import growth

POINTS = 6
BLOCK = 32
MOST_CELLS = 6_000
MOST_PANELS = 2**14
"""Of a rule; 25 megabytes for each array of a block."""
STEEP = 0.5
"""Half width in t from which on a cell that needs more panels is halved: it may reach further than it must."""
NARROWEST = 2.0**-28
"""Half width of a cell, as in `best_elbo`: centres and halves are exact floats down to here."""
Mask = NDArray[np.bool_]
MidRad = tuple[FloatArray, FloatArray]
"""Midpoints and radii of balls."""


@dataclass(frozen=True)
class _Bounds:
    """Balls as midpoints and radii (B, I): expectations at the centres, and their slopes in m and t over the cells."""

    value: MidRad
    along_m: MidRad
    along_t: MidRad


class AtomsBestElbo:
    """Proofs of sup F <= threshold for many theta at once."""

    def __init__(self, natural: Natural) -> None:
        self.natural, self.z = natural, natural.latents[0]
        factors_ = [self.z, *natural.atoms]
        self.powers = [k for k, statistic in enumerate(natural.statistics) if not any(statistic[1:])]
        self.others = [k for k, statistic in enumerate(natural.statistics) if any(statistic[1:])]
        self.statistics: list[Expr] = [
            sympy.Mul(*(f**p for f, p in zip(factors_, natural.statistics[k], strict=True) if p))
            for k in self.others
        ]

    @cached_property
    def rates(self) -> tuple[FloatArray, FloatArray]:
        """C and a with |T|, |T'| <= C exp(a |z|) for each statistic; raises `Unbounded` where none is known."""
        # T' is an expression as T is, and obeys the same rules of growth.
        pairs = [(growth(e, self.z), growth(sympy.diff(e, self.z), self.z)) for e in self.statistics]
        constants = [max(above(c) for c, _ in pair) for pair in pairs]
        rates = [max(above(a) for _, a in pair) for pair in pairs]
        return np.array(constants), np.array(rates)

    @cached_property
    def _function(self) -> Any:
        tape = Tape((self.z,))
        roots = [tape.lower(e) for e in self.statistics]
        return compile_tape(tape, [*roots, *(tape.derivative(root, 0) for root in roots)], BALL_ARRAYS)

    def proved(
        self, theta: FloatArray, thresholds: FloatArray, root: FloatArray, top: float, deadline: float
    ) -> Mask:
        """Return for which theta (N, I) it is proved in time that no Gaussian in the box exceeds the threshold (N,).

        The box is given by the centre (m, t) and the half widths, shape (4,); none is looked for at t >= top.
        """
        # Cells (B, 4) cover what is left of the box; one is dropped when it is done for every theta that still holds.
        holds = np.ones(len(theta), dtype=bool)
        waiting, seen = [root.reshape(1, 4)], 0
        while waiting and holds.any():
            cells = waiting.pop()
            cells = cells[cells[:, 1] - cells[:, 3] < top]
            if len(cells) > BLOCK:  # alike deviations together: the widest sets the number of panels
                cells = cells[np.argsort(cells[:, 1], kind="stable")]
                waiting.append(cells[BLOCK:])
                cells = cells[:BLOCK]
            seen += len(cells)
            narrow = len(cells) and cells[:, 2:].min() < NARROWEST
            if seen > MOST_CELLS or narrow or time.monotonic() > deadline:
                return np.zeros(len(theta), dtype=bool)
            if not len(cells):
                continue
            steep = self._panels(cells)[1] > MOST_PANELS
            if (steep & (cells[:, 3] <= STEEP)).any():
                return np.zeros(len(theta), dtype=bool)
            if steep.any():
                waiting.append(_halved_in_t(cells[steep]))
                cells = cells[~steep]
            if len(cells):
                waiting.append(_quartered(cells[self._left(cells, theta, thresholds, holds)]))
        return holds

    def _panels(self, cells: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return R, and numbers of panels of [-R, R], for each of B cells alone, (B,); whole numbers or infinite."""
        with np.errstate(over="ignore"):
            widest = np.exp(cells[:, 1] + cells[:, 3])
            rate = float(self.rates[1].max())
            b = rate * widest + 1  # so far out that erfc makes up for exp(a |m| + b^2/2)
            radius = np.ceil(b + np.sqrt(b * b + 2 * rate * (np.abs(cells[:, 0]) + cells[:, 2]) + 45))
            return radius, np.ceil(2 * radius * np.maximum(1.0, 2 * widest))

    def _left(self, cells: FloatArray, theta: FloatArray, thresholds: FloatArray, holds: Mask) -> Mask:
        """Return which cells are not done for every theta that still holds."""
        # All balls (B, N). F = theta . E[T] - `rest`; by the mean value theorem it is at most its value at the centre
        # plus the slopes' largest sizes over the cell times the half widths. `holds` loses what a centre refutes.
        bounds = self._bounds(cells)
        m, t = BallArray(cells[:, :1], cells[:, 2:3]), BallArray(cells[:, 1:2], cells[:, 3:4])
        square = (2 * t).exp()
        centre_m, centre_t = BallArray(cells[:, :1]), BallArray(cells[:, 1:2])
        rest = (centre_m.square() + (2 * centre_t).exp() - 1) * 0.5 - centre_t
        value = _combined(bounds.value, theta) - rest
        slopes = [_combined(bounds.along_m, theta) - m, _combined(bounds.along_t, theta) - square + 1]
        holds &= ~(value.lower() > thresholds).any(0)
        most = value + sum(
            (BallArray(slope.mag()) * BallArray(cells[:, 2 + k : 3 + k]) for k, slope in enumerate(slopes)),
            BallArray(0.0),
        )
        done = most.upper() <= thresholds
        for slope in slopes:
            done |= (slope.lower() > 0) | (slope.upper() < 0)
        return np.asarray(~(done | ~holds).all(1))

    def _bounds(self, cells: FloatArray) -> _Bounds:
        # B cells, P panels of [-R, R] with their nodes as one axis, (B, P POINTS). The panels are [p - half, p + half],
        # where the p are multiples of the float `half`: they fit together exactly. P half may fall short of R by one
        # rounding, which the tails' `library_upward` covers.
        m, t = BallArray(cells[:, :1], cells[:, 2:3]), BallArray(cells[:, 1:2], cells[:, 3:4])
        s = t.exp()
        radius, panels = (float(found.max()) for found in self._panels(cells))
        half = radius / panels
        rule = gauss_legendre(POINTS)
        places = BallArray(np.arange(1.0 - panels, panels, 2.0)[:, None]) * half
        nodes = (places + rule.nodes[None, :] * half).reshape(-1)
        weights = rule.weights[None, :].broadcast_to((int(panels), POINTS)).reshape(-1) * half
        weights = weights * (nodes.square() * -0.5).exp() * _density()
        values, _ = self._at(BallArray(cells[:, :1]) + BallArray(cells[:, 1:2]).exp() * nodes)
        _, slopes = self._at(m + s * nodes)
        error = self._errors(m, s, places[:, 0], half)
        tail = self._tails(m, s, radius)
        value = [(weights * v).sum(axis=1) for v in values]
        along_m = [(weights * d).sum(axis=1) for d in slopes]
        along_t = [(weights * nodes * d).sum(axis=1) * s[:, 0] for d in slopes]
        found = (
            _widened(value, error[0] + tail[0]),
            _widened(along_m, error[1] + tail[0]),
            _widened(along_t, error[2] + tail[1]),
        )
        exact = self._moments(cells, m[:, 0], s[:, 0])
        return _Bounds(*(self._merged(a, b) for a, b in zip(found, exact, strict=True)))

    def _moments(self, cells: FloatArray, m: BallArray, s: BallArray) -> tuple[list[BallArray], ...]:
        """Return the same for the powers of z, whose moments are polynomials in m and s^2."""
        # d/dm E[z^k] = k E[z^(k-1)]; d/dt E[z^k] = s E[e k z^(k-1)] = s^2 k (k-1) E[z^(k-2)] by Stein's lemma.
        degrees = [self.natural.statistics[k][0] for k in self.powers]
        centre = _power_moments(
            BallArray(cells[:, 0]), (2 * BallArray(cells[:, 1])).exp(), max(degrees, default=0)
        )
        over = _power_moments(m, s.square(), max(degrees, default=0))
        along_t = [s.square() * over[k - 2] * (k * (k - 1)) if k > 1 else over[0] * 0 for k in degrees]
        return [centre[k] for k in degrees], [over[k - 1] * k for k in degrees], along_t

    def _merged(self, found: MidRad, exact: list[BallArray]) -> MidRad:
        """Put both kinds of statistics in their order."""
        # found (B, others) and one ball (B,) per power: columns by the statistics' own order, as theta has it.
        rows, count = len(found[0]), len(self.natural.statistics)
        mid, rad = np.zeros((rows, count)), np.zeros((rows, count))
        mid[:, self.others], rad[:, self.others] = found
        for k, ball in zip(self.powers, exact, strict=True):
            mid[:, k], rad[:, k] = ball.mid, ball.rad
        return mid, rad

    def _at(self, z: Any) -> tuple[list[Any], list[Any]]:
        """Return T and T' at z, one of z's shape for each statistic that has an atom."""
        results = [v if v.shape == z.shape else v.broadcast_to(z.shape) for v in self._function(z)]
        count = len(self.statistics)
        return results[:count], results[count:]

    def _errors(self, m: BallArray, s: BallArray, places: BallArray, half: float) -> list[FloatArray]:
        """Return the rules' errors (B, I) for T, T' and s e T' from the rectangles around the panels' ellipses."""
        # The error of one panel is at most its length times `error_factor` times the supremum of |phi(e) T(m + s e)| on
        # its ellipse, which lies in the rectangle e, shape (P,). Arrays (B, P) for each statistic; sums of P products
        # of three floats lose P + 3 roundings.
        e = ComplexBallArray(
            BallArray(places.mid, upward(places.rad + upward(half * ALONG, 1), 1)),
            BallArray(np.zeros(len(places)), np.full(len(places), upward(half * ACROSS, 1))),
        )
        squares = BallArray(e.imag.mag()).square() - BallArray(e.real.mig()).square()
        density = (squares * 0.5).exp() * _density()
        values, slopes = self._at(ComplexBallArray(m) + ComplexBallArray(s) * e)
        weight = density.upper() * upward(float(factors()[SIZES.index(POINTS)]) * 2 * half, 1)
        size = (BallArray(e.real.mag()) + BallArray(e.imag.mag())).upper()
        sup = [_magnitude(v) for v in values], [_magnitude(v) for v in slopes]
        roundings = len(places) + 3
        first, second = (upward(np.stack([(v * weight).sum(1) for v in part], 1), roundings) for part in sup)
        third = np.stack([(v * weight * size).sum(1) for v in sup[1]], 1) * s.upper()
        return [first, second, upward(third, roundings)]

    def _tails(self, m: BallArray, s: BallArray, radius: float) -> tuple[FloatArray, FloatArray]:
        """Return bounds (B, I) of what lies beyond R in E[T] and E[T'], and in s E[e T']."""
        # int_{|e| > R} phi(e) exp(c |e|) de = exp(c^2/2) erfc((R - c)/sqrt 2), with c = b = a s, or b + 1 where a
        # factor |e| <= exp(|e|) stands. Exponents are below 700, so that their own roundings are far below the
        # library's margin, which is taken for each function.
        constants, rates = self.rates
        b = upward(rates * s.upper(), 1)
        lead = library_upward(constants * np.exp(rates * m.mag()))
        outside = [library_upward(np.exp(c**2 / 2) * _erfc((radius - c) / np.sqrt(2))) for c in (b, b + 1)]
        return library_upward(lead * outside[0]), library_upward(lead * outside[1] * s.upper())


def _density() -> BallArray:
    return 1 / (BallArray.pi() * 2).sqrt()


def _power_moments(m: BallArray, square: BallArray, highest: int) -> list[BallArray]:
    """Return E[z^k] = m E[z^(k-1)] + (k-1) s^2 E[z^(k-2)] for k = 0, ..., `highest`, by Stein's lemma."""
    moments = [m * 0 + 1, m]
    for k in range(2, highest + 1):
        moments.append(m * moments[k - 1] + square * moments[k - 2] * (k - 1))
    return moments


_erfc = np.vectorize(lambda t: library_upward(erfc(t)), otypes=[np.float64])


def _magnitude(v: Any) -> FloatArray:
    # |v| <= |Re v| + |Im v|, rounded up.
    if isinstance(v, ComplexBallArray):
        return np.asarray((BallArray(v.real.mag()) + BallArray(v.imag.mag())).upper())
    return np.asarray(v.mag())


def _widened(balls: Sequence[BallArray], more: FloatArray) -> MidRad:
    """Return balls (B,) side by side as (B, I), with radii larger by `more` (B, I)."""
    return np.stack([ball.mid for ball in balls], 1), upward(
        np.stack([ball.rad for ball in balls], 1) + more, 1
    )


def _combined(balls: MidRad, theta: FloatArray) -> BallArray:
    """Return theta . balls, (B, N), from balls (B, I) and the floats next to theta (N, I)."""
    # A dot product of I terms in any order loses (I + 1) u of the sum of the terms' sizes, u = 2^-53, and theta's own
    # rounding one more; `upward` moves by over (2 I + 4) u, which covers the loss of that sum itself as well.
    mid, rad = balls
    size, count = np.abs(theta).T, theta.shape[1]
    sizes = np.abs(mid) @ size
    spread = upward(rad @ size + (upward(sizes, 2 * count + 8) - sizes), count + 3)
    return BallArray(mid @ theta.T, np.where(np.isfinite(spread), spread, np.inf))


def _halved_in_t(cells: FloatArray) -> FloatArray:
    """Return both halves of each cell (B, 4), cut along t."""
    return _cut(cells, (1,))


def _quartered(cells: FloatArray) -> FloatArray:
    """Return the four quarters of each cell (B, 4)."""
    return _cut(cells, (0, 1))


def _cut(cells: FloatArray, axes: Sequence[int]) -> FloatArray:
    """Return the parts of each cell (B, 4), halved along each of some axes: exact floats, see `NARROWEST`."""
    centre, half = cells[:, :2], cells[:, 2:]
    for axis in axes:
        centre, half = halved(centre, half, np.full(len(centre), axis))
    return np.column_stack([centre, half])

r"""For the check: no Gaussian has an ELBO above a threshold, where G has sin, cos, tanh or sigmoid of a + b z.

One latent; F(m, S) as in `best_posterior`, and its outer cells. On a cell F is at most its value at the centre plus the
slopes' sizes times the half widths, and no cell matters on which a slope keeps its sign, with

    dF/dm = E[G'] - m,        dF/dS = E[G'']/2 - 1/2 + 1/(2S)        (Stein's lemma; Price's theorem).

G, G' and G'' are combinations of monomials T(z) = z^i atoms^p, and E[T] = int phi(e) T(m + s e) de, s^2 = S, is a sum
h sum_j f(jh) over |j| <= J, f = phi T. With R = J h, what is missing is at most

* the rule's error 2 N / (exp(2 pi a / h) - 1), where f is analytic for |Im e| <= a and N >= int |f(x + ib)| dx for all
  |b| < a (Trefethen and Weideman, The exponentially convergent trapezoidal rule, 2014, Theorem 5.1);
* the terms beyond R: (|m| + s t)^i <= (|m| + s R)^i (t/R)^i for t >= R, and t^i exp(-t^2/2) falls there with the rate
  R - i/R at least, so that both sides are at most 2 phi(R)/(R - i/R) (|m| + s R)^i, since atoms are at most 1.

In the strip |phi(x + ib)| <= phi(x) exp(a^2/2), |z|^i <= (|m| + s a + s |x|)^i, whose mean is at most (|m| + s a + s
sqrt(2i))^i by Minkowski's inequality, as E|x|^i <= sqrt((2i - 1)!!) <= (2i)^(i/2). With y = s a: |sin|, |cos| are at
most exp(|b| y); |tanh| <= 1 if |b| y <= pi/4, from |tanh(u + iv)|^2 = (sinh^2 u + sin^2 v)/(sinh^2 u + cos^2 v), and so
|sigmoid| <= 1 if |b| y <= pi/2, as sigmoid(t) = (1 + tanh(t/2))/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, exp, expm1, floor, log2, pi, sqrt
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.functions import Sigmoid
from elboproof.numbers.outward import library_upward, upward
from elboproof.numbers.tape import Tape
from elboproof.rechecking.best_posterior import Threshold, outer_margin, slabs
from elboproof.rechecking.functions import Terms, terms
from elboproof.rechecking.integration import Unable

MOST_CELLS = 20_000
"""For all functions of a certificate together."""
_SHARE = Fraction(1, 8)
"""Less than for polynomials: cells of a large S are dear here, and fewer of them are left."""
REACH = 12.0
"""R: phi(12) is 2e-32."""
NATS = 32.0
"""exp(-32) = 1e-14: what the rule's error is to be, about, beside the integrand's size."""
_WORK = 2**15
"""Nodes of all cells that are evaluated at once."""
_STRIP = {sympy.tanh: pi / 4, Sigmoid: pi / 2}
"""Largest |Im| of the argument up to which the atom is at most 1."""
_WAVES = (sympy.sin, sympy.cos)
Ball = tuple[FloatArray, FloatArray]
"""Midpoints and radii."""


@dataclass(frozen=True)
class _Size:
    """What bounds c z^i atoms^p: |c|, i, the sum of |b| p over the waves, and the largest |b| per width of a strip."""

    constant: float
    power: int
    wave: float
    steepness: float


def _size(e: Expr, z: Symbol) -> _Size:
    # Factors without z are constants. Whatever is no power of z and no known atom of a + b z is refused.
    constant, power, wave, steepness = 1.0, 0, 0.0, 0.0
    for factor, exponent in e.as_powers_dict().items():
        if not (factor**exponent).has(z):
            constant = library_upward(constant * float(abs(factor**exponent)))
            continue
        slope = abs(sympy.diff(factor.args[0], z)) if factor.args else sympy.Integer(1)
        known = factor == z or (factor.func in (*_STRIP, *_WAVES) and slope.is_number)
        if not known or not exponent.is_Integer or not 1 <= exponent < REACH**2 / 2:
            raise Unable(
                "lower bounds of the gap are verified for polynomials and sin, cos, tanh and sigmoid of a + b z "
                f"only; got {factor**exponent}"
            )
        if factor == z:
            power = int(exponent)
        elif factor.func in _WAVES:
            wave = library_upward(wave + float(slope) * int(exponent))
        else:
            steepness = max(steepness, library_upward(float(slope) / _STRIP[factor.func]))
    return _Size(constant, power, wave, steepness)


class _Expectations:
    """E[T] for monomials T under the Gaussians of cells.

    Parameters
    ----------
    monomials
        L of them.
    """

    def __init__(self, monomials: Sequence[Expr], z: Symbol) -> None:
        sizes = [_size(e, z) for e in monomials]
        self.constants, self.powers, self.waves = np.array(
            [(one.constant, one.power, one.wave) for one in sizes], dtype=np.float64
        ).T
        self.steepest = max(one.steepness for one in sizes)
        tape = Tape((z,))
        self.run = compile_tape(tape, [tape.lower(e) for e in monomials], BALL_ARRAYS)

    def __call__(self, m: BallArray, s: BallArray) -> Ball:
        """Return E[T] as balls (B, L) for means and deviations in balls (B, 1)."""
        # Nodes (K,) are exact floats: h has 8 bits and |j| < 2^20. Values (B, K) are balls over the cell's Gaussians,
        # so their weighted sums enclose the rule's sum for each of them; both bounds of what is missing hold for the
        # largest |m| and s of the cell.
        widest = float(s.upper().max())
        a, h = self.strip(widest)
        count = ceil(REACH / h)
        nodes = BallArray(np.arange(-count, count + 1) * h)
        weights = (nodes.square() * -0.5).exp() * (h / (BallArray.pi() * 2).sqrt())
        values: Sequence[Any] = self.run(m + s * nodes)
        sums = [(weights * v).sum(axis=1) if v.ndim == 2 else (weights * v).sum() for v in values]
        sums = [v if v.ndim else v.broadcast_to((len(m),)) for v in sums]
        missing = self._missing(m.mag(), s.upper(), a, h, count * h)
        return np.stack([v.mid for v in sums], 1), upward(np.stack([v.rad for v in sums], 1) + missing, 1)

    def strip(self, widest: float) -> tuple[float, float]:
        """Return a and h: any h is sound, and any a for which atoms of the steepest argument are at most 1."""
        a = 2.0 if self.steepest == 0 else min(2.0, 0.999 / (self.steepest * widest))
        needed = NATS + a * a / 2 + float(self.waves.max()) * a * widest
        h = 2 * pi * a / needed
        unit = 2.0 ** (floor(log2(h)) - 7)
        return a, floor(h / unit) * unit

    def _missing(self, m: FloatArray, s: FloatArray, a: float, h: float, reach: float) -> FloatArray:
        """Return bounds (B, L) of the rule's error and of the terms beyond R, for |m| and s of shape (B, 1)."""
        # Functions of the C library and some roundings: `library_upward` for each factor, 1e-9 against some 1e-15.
        i = self.powers
        inside = library_upward((m + s * a + s * np.sqrt(2 * i)) ** i * np.exp(self.waves * a * s))
        rule = library_upward(inside * (2 * library_upward(exp(a * a / 2)) / expm1(2 * pi * a / h)))
        phi = library_upward(exp(-reach * reach / 2) / sqrt(2 * pi))
        beyond = library_upward((m + s * reach) ** i * (2 * phi / (reach - i / reach)))
        return library_upward(self.constants * (rule + beyond))


def bounded(claims: Sequence[Threshold], z: Symbol) -> list[bool]:
    """Return for which claims sup F <= threshold was proved.

    Raises
    ------
    Unable
        If a function has another atom, or a power beyond `REACH`.
    """
    functions = [claim.function for claim in claims]
    first = [_derivative(f, z) for f in functions]
    second = [_derivative(f, z) for f in first]
    at_centres, over_cells = _Table(functions, z), _Table([*first, *second], z)
    thresholds = np.array([claim.value for claim in claims])
    holds = np.ones(len(claims), dtype=bool)
    # Each F is at most its threshold outside its own slabs, so those of the largest margin serve all.
    waiting, seen = [slabs(max(outer_margin(claim, z, _SHARE) for claim in claims), _SHARE)], 0
    while waiting and holds.any():
        cells = waiting.pop()
        if len(cells) == 0:
            continue
        size = at_centres.at_once(cells) if len(cells) > 1 else 1
        cells, rest = cells[:size], cells[size:]
        waiting.append(rest)
        seen += len(cells)
        if seen > MOST_CELLS:
            return [False] * len(claims)
        waiting.append(_open_halves(cells, at_centres, over_cells, thresholds, holds))
    return [bool(h) for h in holds]


def _derivative(function: Terms, z: Symbol) -> Terms:
    # By the chain rule; SymPy's derivative of tanh is 1 - tanh^2, of sigmoid sigmoid (1 - sigmoid), so that it stays
    # in the class.
    number = {m: sympy.Rational(c.numerator, c.denominator) for m, c in function.items()}
    return {
        m: c for m, c in terms(sympy.Add(*(c * sympy.diff(m, z) for m, c in number.items()))).items() if c
    }


class _Table:
    """N functions as combinations of L monomials."""

    def __init__(self, functions: Sequence[Terms], z: Symbol) -> None:
        monomials = sorted({m for f in functions for m in f}, key=str)
        self.expected = _Expectations(monomials, z)
        self.numbers = np.array([[float(f.get(m, Fraction(0))) for m in monomials] for f in functions])

    def at_once(self, cells: FloatArray) -> int:
        """Return how many of the first cells, ordered by S, have `_WORK` nodes; this only steers."""
        order = np.argsort(cells[:, 3], kind="stable")
        cells[:] = cells[order]
        _, h = self.expected.strip(sqrt(float(cells[min(len(cells), 64) - 1, 3])))
        return max(1, int(_WORK * h / (2 * REACH)))

    def __call__(self, m: BallArray, s: BallArray) -> BallArray:
        """Return E[function] in balls (B, N)."""
        # A dot product of L floats loses (L + 1) u of the sum of sizes, u = 2^-53, and a number's own rounding one u
        # more; `upward` moves by over twice that, which covers the sum of sizes' own loss.
        mid, rad = self.expected(m, s)
        sizes, terms_ = np.abs(self.numbers).T, self.numbers.shape[1]
        total = np.abs(mid) @ sizes
        return BallArray(
            mid @ self.numbers.T, upward(rad @ sizes + (upward(total, 2 * terms_ + 8) - total), terms_ + 3)
        )


def _open_halves(
    cells: FloatArray,
    at_centres: _Table,
    over_cells: _Table,
    thresholds: FloatArray,
    holds: NDArray[np.bool_],
) -> FloatArray:
    """Return the halves of the cells (B, 4) that are not done; ``holds`` loses what is refuted."""
    # A cell is done when it is for every claim that still holds. Balls (B, N). The cell of a maximum above the
    # threshold is never done: the maximum is a stationary point, and F exceeds the threshold there.
    m, square = (BallArray.interval(cells[:, k], cells[:, k + 1]).reshape(-1, 1) for k in (0, 2))
    centre = BallArray((cells[:, ::2] + cells[:, 1::2]) / 2)
    m_at, square_at = centre[:, :1], centre[:, 1:]
    value = at_centres(m_at, square_at.sqrt())
    value = value - (m_at.square() + square_at - 1 - square_at.log()) * 0.5
    both = over_cells(m, square.sqrt())
    count = len(thresholds)
    slopes = [both[:, :count] - m, (both[:, count:] - 1 + 1 / square) * 0.5]
    rises = [
        BallArray(slope.mag()) * BallArray((side - middle).mag())
        for slope, side, middle in zip(slopes, (m, square), (m_at, square_at), strict=True)
    ]
    holds &= ~(value.lower() > thresholds).any(0)
    done = (value + rises[0] + rises[1]).upper() <= thresholds
    for slope in slopes:
        done |= (slope.lower() > 0) | (slope.upper() < 0)
    left = ~(done | ~holds).all(1)
    along_m = np.nan_to_num(rises[0].mid).max(1) >= np.nan_to_num(rises[1].mid).max(1)
    return _halved(cells[left], along_m[left])


def _halved(cells: FloatArray, along_m: NDArray[np.bool_]) -> FloatArray:
    """Return both halves of each cell, cut along m or along S; they end at the same float, so they cover the cell."""
    low, high = cells.copy(), cells.copy()
    for axis, which in ((0, along_m), (2, ~along_m)):
        middle = (cells[which, axis] + cells[which, axis + 1]) / 2
        low[which, axis + 1], high[which, axis] = middle, middle
    return np.concatenate([low, high])

r"""For the check: E_q[G] and A(G) over two latents where G has sin, cos, tanh or sigmoid of a + b.z.

Both are integrals of F over the plane, by the trapezoidal rule h_1 h_2 sum_jk F(j h_1, k h_2), |j h_1| <= R, |k h_2| <=
R. `envelopes` gives K and rho > 0 with |F(x)| <= exp(K - rho |x|^2)/(2 pi) where one coordinate is moved off the real
line by up to a, and F is analytic there. The rule takes one axis after the other. Of the first, for each value of the
second, it misses at most 2 N/(exp(2 pi a/h) - 1), N >= int |F(x + ib)| dx for all |b| < a (Trefethen and Weideman, The
exponentially convergent trapezoidal rule, 2014, Theorem 5.1), and so over the plane

    2 exp(K_1)/(exp(2 pi a_1/h_1) - 1) (1/2 pi) (pi/rho),
    2 exp(K_2)/(exp(2 pi a_2/h_2) - 1) (1/2 pi) (pi/rho)^(1/2) ((pi/rho)^(1/2) + h_1),

the second since the first axis is a sum by then, of a function that rises to its greatest value and falls: h sum g(jh)
<= int g + h max g. The terms beyond R along one axis have h sum exp(-rho x^2) <= 2 int_R^oo exp(-rho x^2) dx <=
exp(-rho R^2)/(rho R), along the other the same bound as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, exp, expm1, floor, log2, pi, sqrt
from typing import Any

import numpy as np
from flint import arb
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.model.gaussian_posterior import GaussianPosterior
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.compiler import compile_tape
from elboproof.numbers.exact import ball_of
from elboproof.numbers.outward import library_upward, upward
from elboproof.numbers.tape import Tape
from elboproof.rechecking.envelopes import Envelope, Frame, of_exponential, of_monomial, widest_strip
from elboproof.rechecking.functions import Terms
from elboproof.rechecking.integration import Unable

NATS = 40.0
"""exp(-40) = 4e-18: what each of the rule's errors is to be, about."""
MOST_NODES = 4_000_000
_WORK = 2**15
"""Nodes that are evaluated at once."""
_FUNCTIONS = 32
"""Exponentials that are integrated at once."""
_SHARES = (1.0, 0.75, 0.5, 0.3, 0.15)
"""Of the widest strip: those tried for the largest step."""


@dataclass(frozen=True)
class _Lattice:
    """Steps and numbers of steps to either side; nodes are exact floats."""

    steps: tuple[float, float]
    counts: tuple[int, int]

    def axis(self, k: int) -> FloatArray:
        return np.arange(-self.counts[k], self.counts[k] + 1, dtype=np.float64) * self.steps[k]


@dataclass(frozen=True)
class _Bounds:
    """What bounds one integrand: the strip of each axis with its envelope, and the envelope on the real plane."""

    strips: tuple[float, float]
    beside: tuple[Envelope, Envelope]
    real: Envelope

    def step(self, k: int) -> float:
        """Return the step of an axis for `NATS`; any step is sound."""
        return 2 * pi * self.strips[k] / (NATS + max(self.beside[k].nats, 0.0))

    @property
    def reach(self) -> float:
        """R for `NATS`."""
        return sqrt((NATS + max(self.real.nats, 0.0)) / self.real.rate)

    def missing(self, lattice: _Lattice) -> float:
        """Return an upper bound of what the lattice's sum misses of the integral."""
        total = 0.0
        for k in (0, 1):
            one, step = self.beside[k], lattice.steps[k]
            width = library_upward(sqrt(pi / one.rate))
            other = width if k == 0 else library_upward(width + lattice.steps[0])
            rule = library_upward(exp(one.nats)) / expm1(min(2 * pi * self.strips[k] / step, 700.0))
            total = library_upward(total + library_upward(rule * width * other / pi))
            real, radius = self.real, lattice.counts[k] * step
            tail = library_upward(exp(real.nats - real.rate * radius**2) / (real.rate * radius))
            across = library_upward(sqrt(pi / real.rate)) + lattice.steps[1 - k]
            total = library_upward(total + library_upward(tail * across / (2 * pi)))
        return total


def _lattice(every: Sequence[_Bounds]) -> _Lattice:
    """Return one lattice for several integrands."""
    # Steps of 8 bits: their multiples are exact floats.
    steps = []
    for k in (0, 1):
        step = min(bounds.step(k) for bounds in every)
        unit = 2.0 ** (floor(log2(step)) - 7)
        steps.append(floor(step / unit) * unit)
    reach = max(bounds.reach for bounds in every)
    counts = tuple(ceil(reach / step) for step in steps)
    if (2 * counts[0] + 1) * (2 * counts[1] + 1) > MOST_NODES:
        raise Unable(f"an integral over two latents would take more than {MOST_NODES} nodes")
    return _Lattice((steps[0], steps[1]), (counts[0], counts[1]))


def log_integrals(functions: Sequence[Terms], latents: tuple[Symbol, ...]) -> list[arb]:
    """Return A(G) of functions without constant terms, balls.

    Raises
    ------
    Unable
        If G has other functions, a power of the latents above 2, or above 1 beside a function, or seems unbounded.
    """
    if len(functions) > _FUNCTIONS:  # a bounded amount of memory, however many a file asks for
        parts = [functions[n : n + _FUNCTIONS] for n in range(0, len(functions), _FUNCTIONS)]
        return [value for part in parts for value in log_integrals(part, latents)]
    if not functions:
        return []
    frame = Frame((0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)))
    monomials = sorted({m for f in functions for m in f}, key=str)
    widest = [widest_strip(monomials, latents, frame, k) for k in (0, 1)]
    bounds = [_of_exponential(f, latents, widest) for f in functions]
    lattice = _lattice(bounds)
    numbers = np.array([[float(f.get(m, Fraction(0))) for f in functions] for m in monomials])
    total = BallArray(np.zeros(len(functions)))
    for e, values in _evaluated(monomials, latents, lattice, None):
        exponent = _combined(values, numbers) - ((e[0].square() + e[1].square()) * 0.5).reshape(-1, 1)
        total = total + exponent.exp().sum(axis=0)
    return [_integral(total, n, lattice, one.missing(lattice)).log() for n, one in enumerate(bounds)]


def _of_exponential(function: Terms, latents: tuple[Symbol, ...], widest: Sequence[float]) -> _Bounds:
    # Every choice is sound: in the strips a large constant is dear, on the real plane a slow fall.
    found = []
    for k in (0, 1):
        tried = [(widest[k] * s, of_exponential(function, latents, k, widest[k] * s, 0.9)) for s in _SHARES]
        found.append(max(tried, key=lambda pair: pair[0] / (NATS + max(pair[1].nats, 0.0))))
    real = [of_exponential(function, latents, 0, 0.0, share) for share in (0.5, 0.25, 0.1)]
    nearest = min(real, key=lambda one: (NATS + max(one.nats, 0.0)) / one.rate)
    (a, first), (b, second) = found
    return _Bounds((a, b), (first, second), nearest)


def expectations(
    monomials: Sequence[Expr], latents: tuple[Symbol, ...], q: GaussianPosterior
) -> dict[Expr, arb]:
    """Return E_q of products of latents and functions, balls.

    Raises
    ------
    Unable
        If a function is not one of those named above.
    """
    mean, factor = [ball_of(m) for m in q.mean], _factor(q)
    sizes = [[float(entry.mid()) for entry in row] for row in factor]
    frame = Frame(
        (float(q.mean[0]), float(q.mean[1])), ((sizes[0][0], sizes[0][1]), (sizes[1][0], sizes[1][1]))
    )
    strips = tuple(widest_strip(monomials, latents, frame, k) for k in (0, 1))
    bounds = [
        _Bounds(
            (strips[0], strips[1]),
            (of_monomial(m, latents, frame, 0, strips[0]), of_monomial(m, latents, frame, 1, strips[1])),
            of_monomial(m, latents, frame, 0, 0.0),
        )
        for m in monomials
    ]
    lattice = _lattice(bounds)
    total = BallArray(np.zeros(len(monomials)))
    for e, values in _evaluated(monomials, latents, lattice, (mean, factor)):
        weights = ((e[0].square() + e[1].square()) * -0.5).exp().reshape(-1, 1)
        total = total + (weights * values).sum(axis=0)
    return {
        m: _integral(total, n, lattice, one.missing(lattice))
        for n, (m, one) in enumerate(zip(monomials, bounds, strict=True))
    }


def _factor(q: GaussianPosterior) -> list[list[arb]]:
    """Return a lower triangular L with S = L L'."""
    (s, c), (_, t) = q.covariance
    first = ball_of(s).sqrt()
    return [[first, arb(0)], [ball_of(c) / first, ball_of(t - c * c / s).sqrt()]]


def _evaluated(
    monomials: Sequence[Expr],
    latents: tuple[Symbol, ...],
    lattice: _Lattice,
    frame: tuple[Sequence[arb], Sequence[Sequence[arb]]] | None,
) -> Any:
    """Yield the nodes e, two of shape (K,), and the monomials at z = m + L e, (K, L), in parts of the lattice."""
    tape = Tape(latents)
    run = compile_tape(tape, [tape.lower(m) for m in monomials], BALL_ARRAYS)
    second, rows = lattice.axis(1), lattice.axis(0)
    at_once = max(1, _WORK // len(second))
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        e = BallArray(np.repeat(part, len(second))), BallArray(np.tile(second, len(part)))
        z = list(e)
        if frame is not None:
            mean, factor = frame
            z = [
                e[0] * _ball(row[0]) + e[1] * _ball(row[1]) + _ball(m)
                for m, row in zip(mean, factor, strict=True)
            ]
        values = [BallArray(np.zeros(len(e[0]))) + value for value in run(*z)]
        yield e, BallArray(np.stack([v.mid for v in values], 1), np.stack([v.rad for v in values], 1))


def _ball(number: arb) -> BallArray:
    mid = float(number.mid())
    return BallArray(np.array([mid]), np.array([library_upward(float(abs(number - mid).upper()))]))


def _combined(values: BallArray, numbers: FloatArray) -> BallArray:
    """Return sums over L of (K, L) balls times (L, N) floats, each of which is the nearest to its number."""
    # A dot product of L floats loses (L + 1) u of the sum of sizes, u = 2^-53, and a number's own rounding one u more;
    # `upward` moves by over twice that, which covers the sum of sizes' own loss.
    count, sizes = len(numbers), np.abs(numbers)
    total = np.abs(values.mid) @ sizes
    lost = upward(total, 2 * count + 8) - total
    radius = upward(values.rad @ sizes, 2 * count + 8)
    return BallArray(values.mid @ numbers, upward(radius + lost, 2))


def _integral(total: BallArray, n: int, lattice: _Lattice, missing: float) -> arb:
    """Return h_1 h_2/(2 pi) times a sum, and what it misses."""
    found = arb(float(total.mid[n]), float(total.rad[n]))
    return found * arb(lattice.steps[0]) * arb(lattice.steps[1]) / (2 * arb.pi()) + arb(0, missing)

r"""Proved bounds of a prior's mass beyond a box, from the prior's own density.

In the coordinates t of its placement a prior is exp(-E). If dE/dt_k >= c > 0 wherever t_k >= T, then
E(t) >= E(.., T, ..) + c (t_k - T) there, and

    integral over t_k >= T of exp(-E) dt <= (1/c) integral over the face t_k = T of exp(-E),

and the same towards minus infinity. The slope is bounded over the whole half-line by its own expression: with
s = exp(-|t_k|) in [0, e^-T] it is a quotient of functions of s (`numbers.half_lines`). The integral over a face is a
sum over cells of volume times supremum, and the face's own tails.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache

import numpy as np
import sympy
from flint import arb
from sympy import Expr, Symbol

from elboproof.arrays import FloatArray
from elboproof.model.placement import Ends
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS
from elboproof.numbers.balls import working_precision
from elboproof.numbers.half_lines import LINE, Range, value_range
from elboproof.numbers.outward import above, upward

SIDES = {1: 128, 2: 32, 3: 8}
"""Cells an axis of a face, by its dimension: powers of 2, so that the cells cover it exactly."""
ROUNDS, ROUGH = 40, 2.0
"""Of halving the cells of a face; and the nats that E may vary by over a cell before it is halved once more."""
MOST_CELLS = 20_000
BITS = 64
Side = tuple[int, int]
"""A latent and a sign."""


class Factor:
    """A density exp(-E) of some latents t, E an expression in them: bounds of its mass in a box and beyond.

    Parameters
    ----------
    symbols, energy, ends
        t, E(t), and between which each t lies, infinite or not.
    """

    def __init__(self, symbols: tuple[Symbol, ...], energy: Expr, ends: tuple[Ends, ...]) -> None:
        self.symbols, self.energy, self.d = symbols, energy, len(symbols)
        self.ends = np.array(ends, dtype=float).reshape(-1, 2)
        self._known: dict[object, float] = {}
        self.sides = [
            (k, sign) for k in range(self.d) for j, sign in enumerate((-1, 1)) if np.isinf(self.ends[k, j])
        ]

    @cached_property
    def quantities(self) -> Quantities:
        """E on a tape, their ``"energy"``."""
        return Quantities(self.symbols, (), None, (), lambda _, tape: [tape.lower(self.energy)], lambda: None)

    def least(self, boxes: list[BallArray]) -> FloatArray:
        """Return lower bounds of E over boxes, d balls (B,); -inf where nothing is known."""
        (value,) = self.quantities.compiled("energy", 0, BALL_ARRAYS)(*boxes)
        low = value.broadcast_to(boxes[0].shape).lower()
        return np.where(np.isnan(low), -np.inf, low)

    def beyond(self, ends: FloatArray, fixed: Mapping[int, float], k: int, sign: int) -> float:
        """Return an upper bound of the log of the mass beyond one side, where some latents are fixed."""
        # Faces depend on the ends of the latents that are free in them, and many sides ask for the same.
        others = tuple(ends[j].tobytes() for j in range(self.d) if j != k and j not in fixed)
        key = k, sign, float(ends[k, (sign + 1) // 2]), tuple(fixed.items()), others
        if key not in self._known:
            self._known[key] = self._bound_beyond(ends, fixed, k, sign)
        return self._known[key]

    def _bound_beyond(self, ends: FloatArray, fixed: Mapping[int, float], k: int, sign: int) -> float:
        place = float(ends[k, (sign + 1) // 2])
        slope = self.slope((k, sign), abs(place))
        if not slope > 0:
            return np.inf
        face = self.mass(ends, {**fixed, k: place})
        with working_precision(BITS):
            return above(arb(face) - slope.log()) if np.isfinite(face) else face

    def mass(self, ends: FloatArray, fixed: Mapping[int, float]) -> float:
        """Return an upper bound of the log of the integral of exp(-E) over all latents that are not fixed."""
        free = [k for k in range(self.d) if k not in fixed]
        if not free:
            return -float(self.least([BallArray(np.array([fixed[k]])) for k in range(self.d)])[0])
        inside = self._inside(ends, fixed, free)
        beyond = [self.beyond(ends, fixed, k, sign) for k, sign in self.sides if k in free]
        return log_sum([inside, *beyond])

    def _inside(self, ends: FloatArray, fixed: Mapping[int, float], free: list[int]) -> float:
        """Return the same over the box: cells' volumes times suprema."""
        # (B, free) cells of a grid with ends of few bits; halved along the longest axis while E is not known well.
        sides = SIDES.get(len(free), 8)
        middle, half = ends[free].mean(1), (ends[free, 1] - ends[free, 0]) / 2
        steps = (2 * np.indices((sides,) * len(free)).reshape(len(free), -1).T + 1 - sides) / sides
        centre, size = middle + steps * half, np.broadcast_to(half / sides, steps.shape)
        done: list[FloatArray] = []
        for turn in range(ROUNDS + 1):
            low, high = self._range(centre, size, fixed, free)
            rough = ~(high - low <= ROUGH)
            if turn == ROUNDS or rough.sum() > MOST_CELLS:
                rough[:] = False
            done.append((np.log(2 * size).sum(1) - low)[~rough])
            centre, size = _halved(centre[rough], size[rough])
        # Sums of a few logarithms of the C library are far within the margin of 1e-9 of their sizes.
        logs = np.concatenate(done)
        top = logs.max()
        if not np.isfinite(top):
            return float(top) if top < 0 else np.inf
        total = upward(np.exp(logs - top).sum(), len(logs))
        return float(
            upward(np.log(total), 4) + top + 1e-9 * (1 + abs(top) + np.abs(logs[np.isfinite(logs)]).max())
        )

    def _range(
        self, centre: FloatArray, size: FloatArray, fixed: Mapping[int, float], free: list[int]
    ) -> tuple[FloatArray, FloatArray]:
        columns = {k: BallArray(centre[:, n], size[:, n]) for n, k in enumerate(free)}
        columns |= {k: BallArray(np.full(len(centre), value)) for k, value in fixed.items()}
        (value,) = self.quantities.compiled("energy", 0, BALL_ARRAYS)(*(columns[k] for k in range(self.d)))
        ball = value.broadcast_to((len(centre),))
        low = ball.lower()
        return np.where(np.isnan(low), -np.inf, low), ball.upper()

    @lru_cache(maxsize=1024)  # noqa: B019
    def slope(self, side: Side, reach: float) -> arb:
        """Return a lower bound of dE/d|t_k| wherever |t_k| >= reach on that side; -inf where none is known."""
        forms, scales = self._slope_forms(side)
        with working_precision(BITS):
            where: dict[Symbol, Range] = {}
            for j, t in enumerate(self.symbols):
                outer: Range = (arb(float(self.ends[j, 0])), arb(float(self.ends[j, 1])))
                where[t], where[scales[j]] = outer, (arb(0), LINE[1])
            k, sign = side
            where[self.symbols[k]] = (arb(reach), LINE[1]) if sign > 0 else (LINE[0], arb(-reach))
            where[scales[k]] = (arb(0), (-arb(reach)).exp().upper())
            return max((value_range(form, where)[0] for form in forms), default=LINE[0])

    @lru_cache(maxsize=64)  # noqa: B019
    def _slope_forms(self, side: Side) -> tuple[tuple[Expr, ...], tuple[Symbol, ...]]:
        """Return equal forms of dE/d|t_k|, as it is and as one quotient in s_j = exp(-t_j), here exp(-|t_k|).

        Each bound of a form is one of all: ranges of sums of infinite terms are known in some forms only.
        """
        k, sign = side
        symbols = self.symbols
        scales = tuple(sympy.Dummy(f"s_{j}", positive=True) for j in range(self.d))
        slope = sign * self.energy.diff(symbols[k])
        exponentials = sympy.expand(slope.rewrite(sympy.exp), power_exp=True)

        def scaled(argument: Expr) -> Expr:
            rest, factor = sympy.expand(argument), sympy.Integer(1)
            for j, t in enumerate(symbols):
                rate = rest.coeff(t, 1)
                if rate.is_Rational:
                    factor *= scales[j] ** (-rate * (sign if j == k else 1))
                    rest -= rate * t
            return factor * sympy.exp(sympy.expand(rest))

        replaced = exponentials.replace(lambda e: isinstance(e, sympy.exp), lambda e: scaled(e.args[0]))
        collected = sympy.collect(slope, sympy.cosh(symbols[k]))  # dz/dt in front of what it multiplies
        return (slope, collected, sympy.cancel(sympy.together(replaced))), scales


def _halved(centre: FloatArray, size: FloatArray) -> tuple[FloatArray, FloatArray]:
    axis = size.argmax(1)[:, None] == np.arange(size.shape[1])
    half = np.where(axis, size / 2, size)
    moved = np.where(axis, half, 0.0)
    return np.concatenate([centre - moved, centre + moved]), np.concatenate([half, half])


def log_sum(logs: list[float]) -> float:
    """Return an upper bound of log sum exp."""
    top = max(logs)
    if not np.isfinite(top):
        return top
    with working_precision(BITS):
        return above(sum(((arb(v) - arb(top)).exp() for v in logs), arb(0)).log() + arb(top))

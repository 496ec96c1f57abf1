r"""An upper bound of a rule over all values of its outputs: how a user's log density is bounded.

Two ways, each a proof. The range that majorants know (`elboproof.numbers.majorants`): -(x - f)^2 is at most 0. And,
for one output f, concavity: where g'' <= 0 for all f, and g'(a) > 0 > g'(b) with a < b, g lies below its tangents, so
that g <= g(a) for f <= a, g <= g(b) for f >= b, and g <= g(a) + g'(a) (b - a) between.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from elboproof.model.blocks import Rule, rule_tape
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.balls import REAL_BALLS
from elboproof.numbers.compiler import Compiled, compile_tape
from elboproof.numbers.floating import SCALARS
from elboproof.numbers.growth import MAJORANTS
from elboproof.numbers.majorant_ranges import NoMajorantError
from elboproof.numbers.majorants import Majorant
from elboproof.numbers.outward import above
from elboproof.numbers.precision import DOUBLE_BITS, working_precision

NEAR = (1e-6, 1e-3, 1.0)
"""How far from the maximum, times 1 + its size, the tangents may touch: the first at which their slopes have signs."""


@dataclass(frozen=True)
class _Functions:
    """A rule's range; of one output also that of its curvature, value and slope in balls, and its value in floats."""

    value: Compiled
    curve: Compiled | None
    tangent: Compiled | None
    steering: Compiled | None


@lru_cache(maxsize=64)
def _functions(rule: Rule) -> _Functions:
    tape, root = rule_tape(rule)
    value = compile_tape(tape, [root], MAJORANTS)
    try:
        slope = tape.derivative(root, 0)
        curve = tape.derivative(slope, 0)
    except ValueError:  # a kink
        return _Functions(value, None, None, None)
    if rule.outputs > 1:
        return _Functions(value, None, None, None)
    return _Functions(
        value,
        compile_tape(tape, [curve], MAJORANTS),
        compile_tape(tape, [root, slope], REAL_BALLS),
        compile_tape(tape, [root], SCALARS),
    )


def least_upper_bound(rule: Rule, x: BallArray) -> float:
    """Return an upper bound of a rule over all outputs, for entries of x in balls (D,); infinity if none is found."""
    functions = _functions(rule)
    high = _high(functions.value, rule, x)
    if high < math.inf or functions.curve is None or not _high(functions.curve, rule, x) <= 0.0:
        return high
    return _by_tangents(functions, x)


def _high(function: Compiled, rule: Rule, x: BallArray) -> float:
    data = [
        Majorant.constant(low, top) for low, top in zip(x.lower().tolist(), x.upper().tolist(), strict=True)
    ]
    try:
        (found,) = function(*[Majorant.affine(0.0, 1.0)] * rule.outputs, *data)
    except NoMajorantError:
        return math.inf
    return float(found.high)


def _by_tangents(functions: _Functions, x: BallArray) -> float:
    """Return a bound of a concave function of one output."""
    from flint import arb

    if functions.tangent is None or functions.steering is None:
        return math.inf
    data = [arb(m, r) for m, r in zip(x.mid.tolist(), x.rad.tolist(), strict=True)]
    middle = _maximum(functions.steering, x.mid.tolist())
    with working_precision(DOUBLE_BITS):
        for near in NEAR:
            step = near * (1 + abs(middle))
            a, b = arb(middle - step), arb(middle + step)
            (low, rising), (high, falling) = functions.tangent(a, *data), functions.tangent(b, *data)
            if rising > 0 and falling < 0:
                # of wide data each end of the balls is a bound for all members
                return max(above(low), above(high), above(low + rising * (b - a)))
    return math.inf


def _maximum(function: Any, x: list[float]) -> float:
    """Return about where a function of one number is largest: it steers."""

    def negative(f: float) -> float:
        try:
            value = -float(function(f, *x)[0])
        except (ArithmeticError, ValueError):
            return math.inf
        return value if math.isfinite(value) else math.inf

    sizes = np.geomspace(1e-3, 1e3, 25)
    starts = np.concatenate([start + np.concatenate([-sizes, [0.0], sizes]) for start in (0.0, *x)])
    best = min(starts.tolist(), key=negative)
    width = 1.0 + abs(best)
    return float(minimize_scalar(negative, bounds=(best - width, best + width), method="bounded").x)

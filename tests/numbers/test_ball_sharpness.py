"""How much wider than the truth balls are; a loose ball is no lie, so these limits are apart from honesty."""

from fractions import Fraction

import numpy as np
import pytest

from elboproof.numbers import ball_atan, ball_exp, ball_log
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rounding import UNIT

rng = np.random.default_rng(5)
X = rng.uniform(0.05, 3.0, 4000)
Y = rng.uniform(0.05, 3.0, 4000)

# Radius over |value| for exact operands, in units of 2^-53: the constant of each kernel.
# HEADROOM: the rounding of the radius itself, and |mid| against |value|.
POINT_ULPS = {
    "exp": 2, "expm1": 5, "log": 4, "log1p": 5, "sqrt": 2, "sin": 5, "cos": 6, "tan": 16, "sinh": 8, "cosh": 4,
    "tanh": 6, "asinh": 9, "atan": 7, "erf": 6, "sigmoid": 4.2, "softplus": 8.2, "square": 5, "abs": 0,
}  # fmt: skip
HEADROOM = 1.05
NEAR_ZERO = ("expm1", "log1p", "sin", "tan", "sinh", "tanh", "asinh", "atan", "erf")
INCREASING = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sinh",
    "tanh",
    "asinh",
    "atan",
    "erf",
    "sigmoid",
    "softplus",
)


# Radius 0.01 is a sixth of the least midpoint of log and sqrt; (log erf')' = -2 t exceeds the bound 2 of the others.
CURVED = {"log": 1.27, "sqrt": 1.2, "erf": 1.15}


def _relative(ball: BallArray) -> float:
    return float(np.max(ball.rad / np.abs(ball.mid))) / UNIT


@pytest.mark.parametrize("name", POINT_ULPS)
def test_functions_of_points_are_a_few_units_wide(name: str) -> None:
    points = X[np.abs(X - np.pi / 2) > 0.01] if name in {"cos", "tan"} else X[np.abs(X - 1) > 0.01]
    assert _relative(getattr(BallArray(points), name)()) <= POINT_ULPS[name] * HEADROOM


@pytest.mark.parametrize("name", NEAR_ZERO)
def test_odd_functions_stay_relatively_accurate_near_zero(name: str) -> None:
    tiny = 10.0 ** rng.uniform(-290, -2, 2000)
    assert _relative(getattr(BallArray(tiny), name)()) <= POINT_ULPS[name] * HEADROOM
    naive = BallArray(np.maximum(tiny, 1e-14)).exp() - 1  # the control: cancellation
    assert _relative(naive) > 10


@pytest.mark.parametrize(
    ("name", "limit"), [("add", 2.1), ("multiply", 2.1), ("divide", 2.1), ("cube", 11.0)]
)
def test_operations_on_points_are_a_few_units_wide(name: str, limit: float) -> None:
    a, b = BallArray(X), BallArray(Y)
    result = {"add": a + b, "multiply": a * b, "divide": a / b, "cube": a**3}[name]
    assert _relative(result) <= limit


def _exact_half_width(name: str, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    ends = [getattr(BallArray(t), name)().mid for t in (low, high)]
    return np.asarray((ends[1] - ends[0]) / 2)


@pytest.mark.parametrize("name", INCREASING)
@pytest.mark.parametrize(("radius", "factor"), [(1e-6, 1.08), (0.01, 1.10), (0.3, 1 + 1e-9), (2.5, 1 + 1e-9)])
def test_increasing_functions_of_wide_balls_are_nearly_exact(name: str, radius: float, factor: float) -> None:
    mid = X + (radius if name in {"log", "sqrt", "log1p"} else 0.0)
    ball = BallArray(mid, radius)
    width = _exact_half_width(name, mid - radius, mid + radius)
    rad = getattr(ball, name)().rad
    if radius == 0.01 and name in CURVED:
        factor = CURVED[name]
    assert np.all(rad <= width * factor + 1e-15 * (1 + np.abs(mid)))
    assert np.all(rad >= width * (1 - 1e-12))


def test_waves_of_wide_balls_are_exact_images() -> None:
    ball = BallArray([0.0, 1.0, np.pi / 2, 3.0, 0.5], [0.3, 1.2, 0.2, 9.0, 0.1])
    dense = ball.mid[:, None] + ball.rad[:, None] * np.linspace(-1, 1, 20_001)
    for name in ("sin", "cos"):
        image, values = getattr(ball, name)(), getattr(np, name)(dense)
        assert np.allclose(image.lower(), values.min(axis=1), atol=1e-7, rtol=0)
        assert np.allclose(image.upper(), values.max(axis=1), atol=1e-7, rtol=0)


def test_even_powers_are_nonnegative_and_tight() -> None:
    ball = BallArray([0.3, -2.0, 0.0, 1e-3], [1.0, 0.5, 1.7, 1e-3])
    for n in (2, 4, 10):
        result = ball**n
        assert np.all(result.lower() >= 0.0)
        assert np.allclose(result.upper(), (np.abs(ball.mid) + ball.rad) ** n, rtol=1e-14)
    assert np.all((ball * ball).lower()[:1] < 0.0)  # the control: a product does not know its factors are one
    assert np.all(ball.abs().lower() >= 0.0)
    assert 2.0 - 2.0**-51 <= BallArray(-3.0, 1.0).abs().lower() <= 2.0
    assert BallArray(-3.0, 5.0).max(0).lower() == 0.0


def test_sums_are_as_accurate_as_in_twice_the_precision() -> None:
    x = rng.normal(size=4096)
    total = BallArray(x).sum()
    exact = sum(map(Fraction, x.tolist()), Fraction(0))
    assert abs(Fraction(float(total.mid)) - exact) <= UNIT * abs(exact)
    assert total.rad <= 2.1 * UNIT * abs(float(total.mid)) + 1e-25 * np.abs(x).sum()
    cancelled = BallArray(np.concatenate([x, -x, [2.0**-60]])).sum()
    assert cancelled.rad < 2.0**-80
    assert cancelled.contains(2.0**-60)
    assert not cancelled.contains(0.0)


def test_constants_are_as_narrow_as_their_kernels_say() -> None:
    assert ball_exp.EXP_REL <= 2 * UNIT
    assert max(ball_log.LOG_REL, ball_exp.SIGMOID_REL, ball_atan.ATAN_REL) <= 7 * UNIT
    assert BallArray.pi().rad <= 2.0**-52
    assert BallArray.pi().mid == np.pi

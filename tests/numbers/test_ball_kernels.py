"""Point kernels against arb on more than 20,000 points each, and the error budgets of their docstrings recomputed."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from numpy.typing import NDArray

from elboproof.numbers import ball_atan, ball_erf, ball_exp, ball_log, ball_taylor, ball_trig
from elboproof.numbers.ball_rounding import UNIT, Pair, half_ulp, horner, horner_error

Floats = NDArray[np.float64]
Kernel = Callable[[Floats], Pair]
rng = np.random.default_rng(20)
N = 4000


def _points(*scales: float) -> Floats:
    """All magnitudes, dense ranges, neighbourhoods of the reduction's seams, and the hostile few."""
    everywhere = 10.0 ** rng.uniform(-323, 0, N) * rng.choice([-1.0, 1.0], N)
    dense = [rng.uniform(-s, s, N) for s in (0.01, 0.5, 1.0, 3.0, *scales)]
    seams = np.log(2) * (np.arange(-1000, 1000) + 0.5)
    sixteenths = np.arange(-97, 98) / 16.0
    quarters = np.array([float(arb.pi() * k / 4) for k in range(-400, 401)])
    near = np.concatenate([seams, sixteenths, quarters, [1.0, np.sqrt(2), np.sqrt(0.5), 700.0, -700.0]])
    around = np.concatenate([near * (1 + k * 2.0**-52) for k in (-2, -1, 0, 1, 2)])
    return np.concatenate([everywhere, *dense, around, [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022]])


POINTS = _points(40.0, 300.0)
WAVE = 1.0  # sin, cos, tan: not relative near their zeros and poles, nor beyond the reduction
LARGE = 10.0 ** rng.uniform(0, 308, N)
KERNELS: dict[str, tuple[Kernel, Callable[[arb], arb], Floats, float]] = {
    "exp": (ball_exp.exp, lambda t: t.exp(), POINTS[np.abs(POINTS) < 700], ball_exp.EXP_REL),
    "expm1": (ball_exp.expm1, lambda t: t.expm1(), POINTS[np.abs(POINTS) < 700], ball_exp.EXPM1_REL),
    "sinh": (ball_exp.sinh, lambda t: t.sinh(), POINTS[np.abs(POINTS) < 700], ball_exp.SINH_REL),
    "cosh": (ball_exp.cosh, lambda t: t.cosh(), POINTS[np.abs(POINTS) < 700], ball_exp.COSH_REL),
    "tanh": (ball_exp.tanh, lambda t: t.tanh(), POINTS, ball_exp.TANH_REL),
    "sigmoid": (ball_exp.sigmoid, lambda t: 1 / (1 + (-t).exp()), POINTS, ball_exp.SIGMOID_REL),
    "log": (
        ball_log.log,
        lambda t: t.log(),
        np.concatenate([np.abs(POINTS[POINTS != 0]), LARGE]),
        ball_log.LOG_REL,
    ),
    "log1p": (
        ball_log.log1p,
        lambda t: t.log1p(),
        np.concatenate([POINTS[POINTS > -1], LARGE]),
        ball_log.LOG1P_REL,
    ),
    "asinh": (ball_log.asinh, lambda t: t.asinh(), np.concatenate([POINTS, LARGE]), ball_log.ASINH_REL),
    "softplus": (ball_log.softplus, lambda t: t.exp().log1p(), POINTS, ball_log.SOFTPLUS_REL),
    "sin": (ball_trig.sin, lambda t: t.sin(), np.concatenate([POINTS, LARGE]), WAVE),
    "cos": (ball_trig.cos, lambda t: t.cos(), np.concatenate([POINTS, LARGE]), WAVE),
    "tan": (ball_trig.tan, lambda t: t.tan(), POINTS, WAVE),
    "atan": (ball_atan.atan, lambda t: t.atan(), np.concatenate([POINTS, LARGE]), ball_atan.ATAN_REL),
    "erf": (ball_erf.erf, lambda t: t.erf(), POINTS, ball_erf.ERF_REL),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_keep_their_error_bound(name: str) -> None:
    kernel, truth, points, relative = KERNELS[name]
    assert points.size > 20_000
    with np.errstate(all="ignore"):
        y, e = kernel(points)
    before, ctx.prec = ctx.prec, 200
    missed = worst = 0.0
    for x, value, error in zip(points.tolist(), y.tolist(), e.tolist(), strict=True):
        if error < np.inf:
            off = abs(truth(arb(x)) - arb(value))
            missed += not off <= arb(error)
            worst = max(worst, float(off.mid()) / error)
    ctx.prec = before
    assert missed == 0
    if relative < WAVE:
        assert np.all((e <= np.abs(y) * relative * 1.01 + 1e-320) | ~np.isfinite(e))
    assert 0.1 < worst <= 1.0  # the bound is neither vacuous nor broken


def test_special_points_are_limits_or_undefined() -> None:
    ends = np.array([-np.inf, np.inf])
    with np.errstate(all="ignore"):
        assert ball_exp.exp(ends)[0].tolist() == [0.0, np.inf]
        assert np.allclose(ball_exp.tanh(ends)[0], [-1, 1], atol=1e-15, rtol=0)
        assert np.allclose(ball_atan.atan(ends)[0], [-np.pi / 2, np.pi / 2], atol=1e-15, rtol=0)
        assert np.allclose(ball_erf.erf(ends)[0], [-1, 1], atol=1e-15, rtol=0)
        assert np.isnan(ball_log.log(np.array([-1.0, 0.0, -0.0, np.inf]))[0]).all()
        assert np.isnan(ball_log.log1p(np.array([-1.0, -2.0, np.inf]))[0]).all()
        assert ball_trig.sin(ends)[1].tolist() == [1.0, 1.0]


def _exact(value: float) -> arb:
    p, q = value.as_integer_ratio()
    return arb(fmpq(p, q))


def test_constants_of_the_reductions() -> None:
    before, ctx.prec = ctx.prec, 400
    ln2 = arb(2).log() - _exact(ball_exp.LN2_HIGH) - _exact(ball_exp.LN2_LOW)
    half_pi = arb.pi() / 2 - _exact(ball_trig.P1) - _exact(ball_trig.P2) - _exact(ball_trig.P3)
    over = arb(2) / arb.pi().sqrt() - arb(
        fmpq(ball_erf.TWO_OVER_SQRT_PI.numerator, ball_erf.TWO_OVER_SQRT_PI.denominator)
    )
    pi = arb.pi() - arb(fmpq(ball_atan.PI.numerator, ball_atan.PI.denominator))
    assert abs(ln2) <= arb(2) ** -98
    assert abs(half_pi) <= arb(2) ** -121
    for remainder in (over, pi):
        assert remainder >= 0
        assert remainder <= arb(2) ** -192
    ctx.prec = before
    assert (ball_exp.LN2_HIGH * 2.0**42).is_integer()
    assert (ball_trig.P1 * 2.0**32).is_integer()
    assert (ball_trig.P2 * 2.0**65).is_integer()
    assert ball_trig.P2 < 2.0**-32


def test_rounding_budgets_of_the_docstrings() -> None:
    atan_reach = 1 / 256 + 1e-9
    assert horner_error(ball_taylor.EXP_SERIES, ball_exp.REACH) <= 0.7 * UNIT
    assert horner_error(ball_taylor.SIN_SERIES, (np.pi / 2 + 1e-9) ** 2) <= 0.25 * UNIT
    assert horner_error(ball_taylor.LOG_SERIES, 0.02945) <= 0.86 * UNIT
    assert horner_error(ball_taylor.ATAN_SERIES, atan_reach) <= 0.42 * UNIT
    for j in range(ball_erf.CELLS):
        c = Fraction(j, 8)
        series = ball_erf.taylor_coefficients(c, ball_erf.erf_and_slope(c)[1])
        assert horner_error(series, 1 / 16) <= 2.2 * UNIT


def test_truncation_budgets_of_the_docstrings() -> None:
    assert ball_exp.REACH**14 / np.prod(np.arange(1.0, 15)) <= 0.06 * 0.7 * UNIT
    assert 0.01 * UNIT >= 0.02945**11 / 23
    assert atan_tail() <= 0.01 * UNIT
    assert (np.pi / 2) ** 23 / np.prod(np.arange(1.0, 24)) <= 0.02 * UNIT


def atan_tail() -> float:
    return float((1 / 256) ** 7 / 15)


def test_horner_error_bounds_the_observed_error_and_not_by_much() -> None:
    coefficients = [float(c) for c in ball_taylor.EXP_SERIES]
    x = rng.uniform(-ball_exp.REACH, ball_exp.REACH, 400)
    worst = 0.0
    for t, value in zip(x.tolist(), horner(x, coefficients).tolist(), strict=True):
        exact = Fraction(0)
        for c in ball_taylor.EXP_SERIES:
            exact = exact * Fraction(t) + c
        worst = max(worst, float(abs(exact - Fraction(value))))
    bound = horner_error(ball_taylor.EXP_SERIES, ball_exp.REACH)
    assert worst <= bound
    assert worst >= 0.3 * bound


def test_half_ulp_is_the_largest_rounding_error() -> None:
    assert half_ulp(1.5) == 2.0**-53
    assert half_ulp(1.0) == 2.0**-53  # a result just above 1 may exceed its bound by rounding
    assert half_ulp(0.99) == 2.0**-54
    assert half_ulp(0.0) == 0.0

"""E_n(t) = int_0^1 s^n e^(t s) ds in every number system, against the confluent hypergeometric function of mpmath."""

import mpmath
import numpy as np
import pytest
import sympy
import torch
from flint import acb, arb

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.functions import _MOMENTS
from elboproof.numbers.moments import (
    moment_of_arrays,
    moment_of_ball,
    moment_of_complex_ball,
    moment_of_floats,
    moment_of_scalar,
    moment_of_tensors,
)

RNG = np.random.default_rng(0)
POINTS = np.concatenate(
    [
        RNG.normal(size=80) * 3,
        RNG.normal(size=80) * 40,
        [0, 1e-9, -1e-300, 1, -1, 1.0000001, 2, -2, 600, -700],
    ]
)
ORDERS = range(6)


def truth(t: complex, n: int) -> mpmath.mpf:
    return mpmath.hyp1f1(n + 1, n + 2, mpmath.mpmathify(t)) / (n + 1)


@pytest.mark.parametrize("n", ORDERS)
def test_floats_and_tensors(n: int) -> None:
    want = np.array([float(truth(float(t), n)) for t in POINTS])
    assert np.allclose(moment_of_floats(POINTS, n), want, rtol=1e-13)
    assert np.allclose([moment_of_scalar(float(t), n) for t in POINTS], want, rtol=1e-13)
    t = torch.tensor(POINTS, requires_grad=True)
    value = moment_of_tensors(t, n)
    assert np.allclose(value.detach().numpy(), want, rtol=1e-13)
    (slope,) = torch.autograd.grad(value.sum(), t)
    assert np.allclose(slope.numpy(), [float(truth(float(v), n + 1)) for v in POINTS], rtol=1e-9)
    half = moment_of_tensors(torch.tensor([0.5], dtype=torch.float16), n)
    assert half.dtype == torch.float16
    assert half.item() == pytest.approx(float(truth(0.5, n)), rel=2e-3)


@pytest.mark.parametrize("n", ORDERS)
def test_balls_contain_and_are_narrow(n: int) -> None:
    found = moment_of_arrays(BallArray(POINTS), n)
    for low, high, t in zip(found.lower(), found.upper(), POINTS.tolist(), strict=True):
        value = truth(t, n)
        assert low <= value <= high
        assert high - low <= 3e-12 * value
        ball = moment_of_ball(arb(t), n)
        assert abs(float(ball.mid()) - float(value)) <= 1e-13 * float(value)
        assert float(ball.rad()) <= 1e-12 * float(value)


@pytest.mark.parametrize("n", ORDERS)
def test_wide_balls_and_rectangles_contain_their_members(n: int) -> None:
    centre, half = RNG.normal(size=300) * 6, np.abs(RNG.normal(size=300)) * 0.3
    wide = moment_of_arrays(BallArray(centre, 5 * half), n)
    box = ComplexBallArray(BallArray(centre, half), BallArray(np.zeros(300), half / 2))
    found = moment_of_arrays(box, n)
    finite = np.isfinite(found.abs_upper())
    assert finite.mean() > 0.95  # all but those that reach from 0 to where the series is not used
    for k in range(300):
        u, v = RNG.uniform(-1, 1, 2)
        inside = truth(float(centre[k] + 5 * half[k] * u), n)
        assert wide.lower()[k] <= inside <= wide.upper()[k]
        member = truth(complex(centre[k] + half[k] * u, half[k] / 2 * v), n)
        if not finite[k]:
            continue
        assert found.real.lower()[k] <= member.real <= found.real.upper()[k]
        assert found.imag.lower()[k] <= member.imag <= found.imag.upper()[k]
        ball = moment_of_complex_ball(acb(arb(centre[k], half[k]), arb(0, half[k] / 2)), n)
        assert ball.contains(acb(float(member.real), float(member.imag))) or float(ball.rad()) < 1e-12


def test_symbols() -> None:
    t = sympy.Symbol("t", real=True)
    for n, kind in enumerate(_MOMENTS[:-1]):
        assert kind(sympy.Integer(0)) == sympy.Rational(1, n + 1)
        assert kind(t).diff(t) == _MOMENTS[n + 1](t)
        assert kind(t).is_positive
        small = kind(sympy.Rational(1, 10**9))
        assert abs(small.evalf(30) - sympy.Rational(1, n + 1)) < 1e-8
        exact = kind(sympy.Rational(7, 2)).rewrite(sympy.exp).evalf(30)
        assert abs(exact - kind(sympy.Rational(7, 2)).evalf(30)) < 1e-25

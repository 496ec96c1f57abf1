"""Duals over balls: derivatives against arb's power series, mean-value forms, kinks, composition."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import acb, acb_series, arb, arb_series, ctx

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.duals import Dual

rng = np.random.default_rng(8)


@pytest.fixture(autouse=True)
def precision() -> Any:
    before, ctx.prec = ctx.prec, 200
    yield
    ctx.prec = before


def _tanh(s: Any) -> Any:
    return 1 - 2 / ((2 * s).exp() + 1)


FUNCTIONS: dict[
    str, Callable[[Any], Any]
] = {  # of a power series; the derivative is its coefficient of degree 1
    "exp": lambda s: s.exp(),
    "expm1": lambda s: s.exp() - 1,
    "log": lambda s: s.log(),
    "log1p": lambda s: (1 + s).log(),
    "sqrt": lambda s: s.sqrt(),
    "sin": lambda s: s.sin(),
    "cos": lambda s: s.cos(),
    "tan": lambda s: s.sin() / s.cos(),
    "sinh": lambda s: (s.exp() - (-s).exp()) / 2,
    "cosh": lambda s: (s.exp() + (-s).exp()) / 2,
    "tanh": _tanh,
    "asinh": lambda s: (s + (s * s + 1).sqrt()).log(),
    "atan": lambda s: s.atan(),
    "erf": lambda s: s.erf(),
    "sigmoid": lambda s: 1 / (1 + (-s).exp()),
    "softplus": lambda s: (1 + s.exp()).log(),
    "square": lambda s: s * s,
}


def _holds(ball: BallArray, i: int, value: arb) -> bool:
    return bool(abs(value - arb(float(ball.mid[i]))) <= arb(float(ball.rad[i])))


def _variable(mid: np.ndarray, rad: Any) -> Dual:
    return Dual(BallArray(mid, rad), [BallArray(np.ones(mid.size))])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("radius", [0.0, 1e-3, 0.04])
def test_real_derivatives_contain_the_truth(name: str, radius: float) -> None:
    mid = rng.uniform(0.05, 1.4, 300) * (1 if name in {"log", "sqrt"} else rng.choice([-0.6, 1.0], 300))
    result = getattr(_variable(mid, radius), name)()
    for i, m in enumerate(mid.tolist()):
        for t in (-1, 0, 1):
            series = FUNCTIONS[name](arb_series([arb(m) + t * arb(radius), 1], 2))
            assert _holds(result.value, i, series[0])
            assert _holds(result.partials[0], i, series[1])
            if radius == 0.0:
                assert not _holds(result.partials[0], i, series[1] + arb("1e-12"))  # the control
    assert np.isfinite(result.partials[0].rad).all()


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n not in {"erf", "atan"}])
def test_complex_derivatives_contain_the_truth(name: str) -> None:
    a, b = rng.uniform(0.2, 1.3, 100), rng.uniform(-0.5, 0.5, 100)
    z = ComplexBallArray(BallArray(a, 0.01), BallArray(b, 0.01))
    result = getattr(Dual(z, [z * 0 + 1]), name)()
    for i in range(a.size):
        for t, s in ((0.0, 0.0), (0.01, -0.01)):
            series = FUNCTIONS[name](
                acb_series([acb(arb(float(a[i])) + arb(t), arb(float(b[i])) + arb(s)), 1], 2)
            )
            partial = result.partials[0]
            assert _holds(partial.real, i, series[1].real)
            assert _holds(partial.imag, i, series[1].imag)


def _composite(x: Any, y: Any) -> Any:
    return (
        (x * y + 1) / (x.square() + 2)
        - y**3 * 0.25
        + (x - 2 * y).tanh() * (3 - x) / (1 + y**2)
        - x**-2
        + 1 / (5 + y)
    )


def _composite_series(x: Any, y: Any) -> Any:
    return (
        (x * y + 1) / (x * x + 2)
        - y * y * y / 4
        + _tanh(x - 2 * y) * (3 - x) / (1 + y * y)
        - 1 / (x * x)
        + 1 / (5 + y)
    )


def test_composites_in_two_variables() -> None:
    x, y = rng.uniform(0.5, 2, 200), rng.uniform(-2, 2, 200)
    result = _composite(*Dual.variables([BallArray(x), BallArray(y)]))
    for i, (p, q) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        along_x = _composite_series(arb_series([arb(p), 1], 2), arb_series([arb(q), 0], 2))
        along_y = _composite_series(arb_series([arb(p), 0], 2), arb_series([arb(q), 1], 2))
        assert _holds(result.value, i, along_x[0])
        assert _holds(result.partials[0], i, along_x[1])
        assert _holds(result.partials[1], i, along_y[1])
        assert not _holds(result.partials[0], i, along_y[1])
    assert np.max(result.partials[0].rad) < 1e-12


def test_mean_value_forms_enclose_and_beat_plain_evaluation() -> None:
    radius = 0.02
    x, y = BallArray(rng.uniform(0.5, 2, 300)), BallArray(rng.uniform(-2, 2, 300))
    off = BallArray(np.zeros(300), radius)
    boxes = _composite(*Dual.variables([x + off, y + off]))
    form = boxes.mean_value(_composite(*Dual.variables([x, y])).value, [off, off])
    for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1), (0.3, 0.9)):
        point = _composite(*Dual.variables([x + s * radius, y + t * radius])).value
        assert form.contains(BallArray(point.mid)).all()
    assert np.median(form.rad / boxes.value.rad) < 0.6
    with pytest.raises(ValueError, match="offsets: got 1; expected 2 of them"):
        boxes.mean_value(x, [off])


def test_kinks_give_generalised_gradients() -> None:
    x = Dual(BallArray([1.0, -1.0, 0.05], 0.1), [BallArray(np.ones(3))])
    slope = x.abs().partials[0]
    assert slope.contains(np.array([1.0, -1.0, 1.0])).all()
    assert slope.contains(np.array([1.0, -1.0, -1.0])).all()
    assert np.all(slope.rad <= np.array([1e-15, 1e-15, 1 + 1e-14]))
    relu = x.max(0)
    assert relu.partials[0].contains(np.array([1.0, 0.0, 0.0])).all()
    assert relu.partials[0].contains(np.array([1.0, 0.0, 1.0])).all()
    assert relu.partials[0].rad[2] < 0.51
    assert x.min(0).partials[0].contains(np.array([0.0, 1.0, 0.5])).all()
    assert not x.min(0).partials[0].contains(np.array([1.0, 0.0, 0.5])).any(where=[True, True, False])
    two = Dual(BallArray([1.0]), [BallArray([3.0])]).max(Dual(BallArray([2.0]), [BallArray([5.0])]))
    assert two.partials[0].contains(5.0).all()
    assert x.sign().partials[0].rad[2] == np.inf
    assert x.sign().partials[0].contains(0.0).all()
    line = ComplexBallArray(BallArray([0.05], 0.1), BallArray([0.0], 0.1))
    assert np.isinf(Dual(line, [line * 0 + 1]).abs().partials[0].abs_upper()).all()


def test_powers_and_scalars() -> None:
    x = Dual(BallArray([2.0]), [BallArray([1.0])])
    slopes = {
        "x^5": (x**5, 80.0),
        "1/x": (x**-1, -0.25),
        "1": (x**0, 0.0),
        "sqrt x": (x.pow(0.5), 0.125**0.5),
    }
    slopes |= {"3/x": (3 / x, -0.75), "2 - x": (2 - x, -1.0), "x/4": (x / 4, 0.25)}
    for name, (dual, slope) in slopes.items():
        assert (
            dual.partials[0].contains(slope).all() or name == "sqrt x"
        )  # there the float 0.125**0.5 is no truth
        assert abs(float(dual.partials[0].mid[0]) - slope) <= 1e-14
        assert not dual.partials[0].contains(slope + 1e-12).any()
    assert (x * BallArray([3.0])).partials[0].contains(3.0).all()
    product: Any = BallArray([3.0])
    assert (product * x).partials[0].contains(3.0).all()
    assert (np.array([3.0]) + x).value.contains(5.0).all()
    assert "Dual(value=" in repr(x)


def test_nonsense_is_refused() -> None:
    x, y = Dual.variables([BallArray([1.0]), BallArray([2.0])])
    with pytest.raises(ValueError, match="other: got 1; expected a dual with 2 partials"):
        x + Dual(BallArray([1.0]), [BallArray([1.0])])
    with pytest.raises(
        TypeError, match="other: got 'a' of type str; expected a dual or a constant of its ring"
    ):
        x / "a"
    with pytest.raises(TypeError, match=r"n: got 0.5 .*integer exponent"):
        y**0.5  # type: ignore[operator]

"""Making balls, reading them, refusing nonsense; what NaN and infinities become."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rounding import from_bounds, require_ieee, two_sum

HALF: Any = 0.5


def test_shapes_broadcast_and_contents_are_kept() -> None:
    ball = BallArray([[1.0, 2.0], [3.0, 4.0]], [0.5, 0.0])
    assert ball.shape == (2, 2)
    assert (ball.ndim, ball.size, len(ball)) == (2, 4, 2)
    assert ball.rad.tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert ball[1, 0].mid == 3.0
    assert ball[:, 0].rad.tolist() == [0.5, 0.5]
    assert ball.reshape(4).shape == (4,)
    assert BallArray.concatenate([ball, ball], axis=1).shape == (2, 4)
    assert BallArray.where(np.array([True, False]), BallArray([1.0, 1.0]), BallArray(2.0)).mid.tolist() == [
        1.0,
        2.0,
    ]
    assert "BallArray(mid=" in repr(ball)


def test_balls_cannot_be_changed_from_outside() -> None:
    source = np.array([1.0, 2.0])
    ball = BallArray(source)
    source[0] = 7.0
    assert ball.mid[0] == 1.0
    for array in (
        ball.mid,
        ball.rad,
        (-ball).rad,
        (ball + 1).mid,
        ball[0:1].mid,
        ball.exp().rad,
        ball.reshape(2, 1).mid,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0
    with pytest.raises(AttributeError):
        ball.mid = source  # type: ignore[misc]


@pytest.mark.parametrize(
    ("mid", "rad"),
    [(np.nan, 0.0), (0.0, np.nan), (np.inf, 1.0), (-np.inf, 0.0), (3.0, np.inf), (np.nan, np.nan)],
)
def test_nan_and_infinities_become_the_whole_line(mid: float, rad: float) -> None:
    ball = BallArray([mid, 1.0], [rad, 0.25])
    assert ball.mid.tolist() == [0.0, 1.0]
    assert ball.rad.tolist() == [np.inf, 0.25]
    assert ball.lower()[0] == -np.inf
    assert ball.upper()[0] == np.inf


def test_undefined_results_become_the_whole_line_and_defined_ones_do_not() -> None:
    zero, line, huge = BallArray([0.0]), BallArray([0.0], [np.inf]), BallArray([1e308])
    around = BallArray([0.5], [1.0])
    lost = [
        zero / zero,
        1 / around,
        huge * 10,
        huge + huge,
        huge**2,
        line * 0,
        line - line,
        (-huge).exp() / 0,
        huge.exp(),
    ]
    lost += [
        around.log(),
        around.sqrt(),
        (around - 1).log1p(),
        BallArray([1.5], [0.2]).tan(),
        huge.sinh(),
        zero**-1,
    ]
    for result in lost:
        assert result.mid.tolist() == [0.0]
        assert result.rad.tolist() == [np.inf]
    kept = [
        around.exp(),
        huge.tanh(),
        huge.sin(),
        line.sin(),
        line.tanh(),
        line.atan(),
        line.sigmoid(),
        line.erf(),
        zero * huge,
        line.sign(),
    ]
    for result in kept:
        assert np.isfinite(result.rad).all()
    assert line.tanh().upper()[0] < 1.0000001


def test_scalars_arrays_and_fractions_mix() -> None:
    ball = BallArray([1.0, 2.0], 0.125)
    for result in (
        ball + 1,
        1 + ball,
        ball + 1.0,
        ball + np.float64(1),
        ball + np.int64(1),
        ball + Fraction(1),
        np.ones(2) + ball,
    ):
        assert isinstance(result, BallArray)
        assert result.mid.tolist() == [2.0, 3.0]
    assert (6 / BallArray(2.0)).mid == 3.0
    assert (ball * np.ones((3, 1))).shape == (3, 2)
    assert (ball - np.array([1.0, 2.0])).mid.tolist() == [0.0, 0.0]
    assert (ball * Fraction(1, 3)).contains(Fraction(1, 3)).tolist() == [True, False]
    assert (ball * (1 / 3)).rad[0] != (ball * Fraction(1, 3)).rad[0]
    for bad in ("1", None, True, 1j, [1.0]):
        with pytest.raises(TypeError):
            ball + bad
    with pytest.raises(TypeError, match="other: got 'x'"):
        ball.max("x")


def test_integers_beyond_float64_are_enclosed_or_refused() -> None:
    n = 2**53 + 1
    assert (BallArray([0.0]) + n).contains(Fraction(n)).all()
    assert BallArray.from_fraction(n).rad == 1.0 * (1 + 2.0**-50) + 2.0**-1074
    assert BallArray.from_fraction(10**400).rad == np.inf
    with pytest.raises(ValueError, match=r"mid: .*expected integers up to"):
        BallArray(np.array([n]))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: BallArray([1.0], [-1.0]), ValueError, "rad: got -1.0; expected radii >= 0"),
        (lambda: BallArray(["a"]), TypeError, r"mid: got \['a'\] .*expected real numbers"),
        (lambda: BallArray([1j]), TypeError, r"mid: got \[1j\] .*expected real numbers"),
        (lambda: BallArray([True]), TypeError, r"mid: got \[True\] .*expected real numbers"),
        (lambda: BallArray(np.ones(2, np.longdouble)), TypeError, "at most 64 bits"),
        (lambda: BallArray([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, r"rad: got shape \(3,\)"),
        (lambda: BallArray.interval([1.0, 2.0], [1.5, 1.0]), ValueError, "low: .*low <= high"),
        (lambda: BallArray([[1.0, 2.0], [3.0]]), ValueError, r"mid: got .*rectangular array"),
        (lambda: BallArray([1.0]).pow("x"), TypeError, "exponent: got 'x'"),
        (lambda: BallArray.from_fraction(1, 0), ValueError, "q: got 0; expected a nonzero denominator"),
        (lambda: BallArray([1.0]) ** HALF, TypeError, "n: got 0.5 .*integer exponent"),
        (lambda: BallArray([1.0]) ** True, TypeError, "n: got True .*integer exponent"),
    ],
)
def test_nonsense_is_refused_with_the_argument_named(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_intervals_are_covered_tightly() -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(size=2000) * 10.0 ** rng.uniform(-300, 300, 2000)
    high = np.maximum(low, low + np.abs(rng.normal(size=2000)) * 10.0 ** rng.uniform(-300, 300, 2000))
    ball = BallArray.interval(low, high)
    exact = zip(low.tolist(), high.tolist(), ball.mid.tolist(), ball.rad.tolist(), strict=True)
    for a, b, m, r in exact:
        assert Fraction(m) - Fraction(r) <= Fraction(a)
        assert Fraction(m) + Fraction(r) >= Fraction(b)
        assert r <= (b - a) * 0.5000001 + max(abs(a), abs(b)) * 2.0**-52
    assert BallArray.interval(0.0, 3.3).lower() == 0.0
    assert BallArray.interval(2.5, 2.5).rad == 0.0
    assert BallArray.interval(-np.inf, 1.0).rad == np.inf
    assert from_bounds(np.array([0.0]), np.array([5e-324]))[1][0] > 0.0


def test_containment_is_decided_exactly() -> None:
    ball = BallArray([1.0, 1.0, 1.0, 0.0], [2.0**-60, 2.0**-60, 0.25, np.inf])
    assert ball.contains(np.array([1.0, 1 + 2.0**-52, 1.25, 1e300])).tolist() == [True, False, True, True]
    assert ball.contains(np.array([1.0, 1.0, np.nextafter(1.25, 2), 0.0])).tolist() == [
        True,
        True,
        False,
        True,
    ]
    assert ball.contains(ball).all()
    assert not ball[:3].contains(BallArray(ball.mid, ball.rad * 1.0000001)[:3]).any()
    assert ball[2:3].contains(Fraction(4, 5)).all()
    assert not ball[2:3].contains(BallArray(0.0, np.inf)).any()
    assert BallArray(1.0, 1.0).contains(0.0).all()
    assert not BallArray(1.0, 1.0).contains(-(2.0**-60)).any()  # a distance of 1 + 2^-60, which is no float


def test_empty_and_zero_dimensional_arrays() -> None:
    empty = BallArray(np.zeros((0, 3)))
    assert (empty + 1).exp().shape == (0, 3)
    assert empty.sum(axis=0).mid.tolist() == [0.0, 0.0, 0.0]
    point = BallArray(2.0)
    for result in (
        point.exp(),
        point + point,
        point / 3,
        point.sqrt(),
        point**3,
        point.sum(),
        point.max(1),
        -point,
        point.union(3),
    ):
        assert result.shape == ()
    assert BallArray(np.arange(12.0).reshape(3, 4)).sum(axis=1).mid.tolist() == [6.0, 22.0, 38.0]


def test_blocks_agree_with_single_elements() -> None:
    x = np.linspace(-3, 3, 20_011).reshape(-1, 11 if 20_011 % 11 == 0 else 1)
    whole = BallArray(x, 1e-3).tanh()
    part = BallArray(x[12_345], 1e-3).tanh()
    assert whole.mid[12_345] == part.mid
    assert whole.rad[12_345] == part.rad


def test_two_sum_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 500)) * 10.0 ** rng.uniform(-200, 200, (2, 500))
    s, e = two_sum(a, b)
    for p, q, r, t in zip(a.tolist(), b.tolist(), s.tolist(), e.tolist(), strict=True):
        assert Fraction(p) + Fraction(q) == Fraction(r) + Fraction(t)


def test_ieee_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    require_ieee()
    full = np.full
    monkeypatch.setattr(np, "full", lambda n, v: full(n, v if v > 2.0**-1022 else 0.0))
    with pytest.raises(RuntimeError, match="arithmetic: lacks gradual underflow"):
        require_ieee()

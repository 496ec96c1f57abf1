from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import acb, arb

import elboproof as ep
from elboproof.decoder import enclosing
from elboproof.numbers.balls import working_precision
from elboproof.numbers.precision import current_bits


def contains(ball: Any, value: Any) -> Any:
    """Return whether a ball meets a number known to 45 digits."""
    with working_precision(300), mpmath.workdps(80):
        return bool(ball.overlaps(arb(arb(mpmath.nstr(value, 60)).mid(), 1e-45)))


def test_the_precision_doubles_until_the_digits_are_there_or_the_bits_at_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def vague(*_: object) -> list[arb]:
        seen.append(current_bits())
        assert len(seen) < 20, "no end"
        return [arb(1, 1) if seen[-1] < enough else arb(1)]

    monkeypatch.setattr(enclosing, "values", vague)
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [1.0]], 1.0)
    enough = 600
    assert decoder.enclose([0.5]).bits == seen[-1] >= enough
    assert all(b == 2 * a for a, b in pairwise(seen))
    seen.clear()
    enough = 10**9
    with pytest.raises(ArithmeticError, match="15 digits were not reached with 32768 bits"):
        decoder.enclose([0.5])
    assert all(b == 2 * a for a, b in pairwise(seen))
    assert enclosing.MOST_BITS / 2 < seen[-1] <= enclosing.MOST_BITS


def test_digits_are_those_of_the_component_or_of_its_largest_datum() -> None:
    data = [[arb(0), arb(8)], [arb(-2), arb(0)]]  # two points of two components

    def reached(mid: str, rad: str, component: int) -> bool:
        return enclosing._reached(arb(mid, rad), component, data, 15)

    with working_precision(300):
        for component, size in ((0, 2), (1, 8)):
            assert reached("3", "2.99e-15", component)
            assert not reached("3", "3.01e-15", component)
            floor = arb(10) ** -(15 + enclosing.GUARD_DIGITS) * size
            assert enclosing._reached(arb(0, floor * arb("0.99")), component, data, 15)
            assert not enclosing._reached(arb(0, floor * arb("1.01")), component, data, 15)
        assert not enclosing._reached(arb(0, float("inf")), 0, data, 15)


@pytest.mark.parametrize("deviation", [1.0, 1e-3])
@pytest.mark.parametrize("digits", [5, 15, 30])
def test_encloses_the_value_in_many_digits(
    encoder: Any, mp_value: Any, kind: Any, deviation: Any, digits: Any
) -> None:
    instance = encoder(kind, deviation=deviation)
    z = 0.5 * (instance.codes[0] + instance.codes[1])
    found = instance.decoder.enclose(z, digits)
    with mpmath.workdps(80):
        exact = mp_value(instance, [mpmath.mpf(float(c)) for c in z])
    assert len(found.balls) == 3
    for ball, value, low, high in zip(found.balls, exact, found.lower, found.upper, strict=True):
        with working_precision(300):
            assert contains(ball, value)
            assert not contains(ball + abs(ball) * arb(10) ** (2 - digits), value)
            assert ball.rad() <= abs(ball.mid()) * arb(10) ** -digits
        assert low <= value <= high
        assert high - low <= 2 * max(10.0**-digits, 2.3e-16) * abs(value)


def test_far_tail_and_narrow_codes(encoder: Any, kind: Any) -> None:
    instance = encoder(kind, deviation=1e-4)
    found = instance.decoder.enclose([1e6, "-1e6"])
    assert (found.upper - found.lower < 1e-14).all()
    assert found.enclosure.contains(instance.decoder([1e6, -1e6]))


def test_strings_and_fractions_are_exact() -> None:
    decoder = ep.OptimalDecoder([[0.0], [1.0]], [[0.0], [1.0]], 1.0)
    third, rounded = decoder.enclose(["1/3"], 30).balls[0], decoder.enclose([1 / 3], 30).balls[0]
    assert third.overlaps(decoder.enclose([Fraction(1, 3)], 40).balls[0])
    assert not third.overlaps(rounded)


def test_a_zero_by_symmetry_is_accepted_and_floats_are_their_exact_binary_numbers() -> None:
    decoder = ep.OptimalDecoder([[-1.0], [1.0]], [[-1.0], [1.0]], 0.5)
    zero = decoder.enclose([0])
    assert zero.lower[0] <= 0 <= zero.upper[0]
    assert zero.upper[0] - zero.lower[0] < 1e-44
    tenth = ep.OptimalDecoder([[-0.1], [0.1]], [[-1.0], [1.0]], np.float32(0.1))
    with mpmath.workdps(40):
        exact = mpmath.tanh(mpmath.mpf(0.1) / mpmath.mpf(float(np.float32(0.1))))
    assert contains(tenth.enclose([1.0], 30).balls[0], exact)


def test_integral_of_the_tangent_is_a_logarithm() -> None:
    decoder = ep.OptimalDecoder([[-1.0], [1.0]], [[-1.0], [1.0]], 1.0)
    found = acb.integral(lambda t, _: decoder.ball_values([t])[0], 0, 1).real
    assert found.overlaps(arb(1).cosh().log())
    assert found.rad() < 1e-12
    assert not found.overlaps(arb(1).cosh().log() * 1.0000001)


def test_wide_balls_contain_every_point_and_are_not_much_too_wide(encoder: Any, kind: Any) -> None:
    instance = encoder(kind)
    box = [arb(0.25, 0.01), arb(-0.5, 0.01)]
    balls = instance.decoder.ball_values(box)
    inside = np.array([0.25, -0.5]) + 0.01 * np.random.default_rng(0).uniform(-1, 1, (200, 2))
    values = instance.decoder(inside)
    spread = np.ptp(values, axis=0).max()  # a component that is flat here has no ball of its own flatness
    for ball, column in zip(balls, values.T, strict=True):
        assert all(ball.overlaps(arb(float(value))) for value in column)
        assert float(ball.rad()) < 10 * spread
    assert not all(
        ball.overlaps(arb(float(v))) for ball, v in zip(balls, instance.decoder([0.6, 0.1]), strict=True)
    )


@pytest.mark.parametrize("wide", [1e-6, 1e-2])
def test_wide_balls_contain_the_exact_values_at_their_ends(encoder: Any, kind: Any, wide: float) -> None:
    """Near one code the other weights are small, and their slopes all that the width consists of."""
    for seed in range(12):
        instance = encoder(kind, deviation=0.2, seed=seed)
        centre = instance.codes[seed % 6] + 0.1
        with working_precision(200):
            balls = instance.decoder.ball_values([arb(float(c), wide) for c in centre])
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                end = [arb(float(c)) + arb(wide) * s for c, s in zip(centre, signs, strict=True)]
                for ball, value in zip(balls, instance.decoder.ball_values(end), strict=True):
                    assert ball.contains(value)


def test_complex_rectangles_contain_the_exact_values_at_their_corners(encoder: Any, kind: Any) -> None:
    instance, wide = encoder(kind, deviation=0.2), 1e-2
    with working_precision(200):
        centre = [(arb(float(c)), arb(0.01)) for c in instance.codes[0] + 0.1]
        balls = instance.decoder.ball_values([acb(arb(a, wide), arb(b, wide)) for a, b in centre])
        for s, t in ((1, 1), (1, -1), (-1, 1), (0, 1)):
            end = [acb(a + arb(wide) * s, b + arb(wide) * t) for a, b in centre]
            for ball, value in zip(balls, instance.decoder.ball_values(end), strict=True):
                assert ball.contains(value)


def test_digits_are_reached_where_large_energies_cancel() -> None:
    # far from both codes, energies of 5e19 with a difference of 1/4: the first precision leaves three digits
    decoder = ep.OptimalDecoder([[0.0, 0.0], [1.0, 0.0]], [[0.0], [1.0]], 1.0)
    found = decoder.enclose([0.25, "30000000001/3"])
    with working_precision(200):
        assert found.balls[0].overlaps(1 / (1 + (arb(1) / 4).exp()))
        assert found.balls[0].rad() <= arb(10) ** -15
    assert found.bits > 4 * 15 + 16


def test_complex_values_agree_with_many_digits(encoder: Any, kind: Any, mp_value: Any) -> None:
    instance = encoder(kind)
    balls = instance.decoder.ball_values([acb(0.25, 0.125), acb(-0.5, 0.0625)])
    with mpmath.workdps(30):
        scores = []
        for mean, covariance in zip(instance.codes.tolist(), instance.matrices().tolist(), strict=True):
            S = mpmath.matrix(covariance)
            u = mpmath.matrix([mpmath.mpc(0.25, 0.125) - mean[0], mpmath.mpc(-0.5, 0.0625) - mean[1]])
            scores.append(mpmath.exp(-(u.T * mpmath.inverse(S) * u)[0] / 2) / mpmath.sqrt(mpmath.det(S)))
        total = sum(scores)
        exact = sum(w * x for w, x in zip(scores, instance.data[:, 0].tolist(), strict=True)) / total
    assert abs(complex(balls[0]) - complex(exact)) < 1e-13
    assert abs(complex(balls[0]) - complex(exact).conjugate()) > 1e-3


@pytest.mark.parametrize(
    ("z", "digits", "error", "message"),
    [
        ([1.0], 15, ValueError, "z: got .* expected one point: a sequence of d = 2 numbers"),
        (np.zeros((3, 2)), 15, TypeError, r"z\[0\]|z: got"),
        ([np.nan, 0], 15, ValueError, r"z\[0\]: got nan"),
        (["x", 0], 15, ValueError, r"z\[0\]: got 'x'"),
        (0.5, 15, ValueError, "z: got 0.5; expected one point"),
        ([0, 0], 0, ValueError, "digits: got 0; expected a positive integer"),
        ([0, 0], 1.5, TypeError, "digits: got 1.5"),
        ([0, 0], 20_000, ArithmeticError, "enclose: 20000 digits were not reached with 32768 bits"),
    ],
)
def test_bad_points_and_digits_are_named(encoder: Any, z: Any, digits: Any, error: Any, message: Any) -> None:
    z = z[:2].tolist() if isinstance(z, np.ndarray) else z
    with pytest.raises(error, match=message):
        encoder("shared").decoder.enclose(z, digits)


@pytest.mark.parametrize(
    ("z", "error"), [([0.0, 0.0], TypeError), ([arb(0)], ValueError), (arb(0), TypeError)]
)
def test_bad_balls_are_named(encoder: Any, z: Any, error: Any) -> None:
    with pytest.raises(error, match=r"z: got .* expected a list of d = 2 balls"):
        encoder("shared").decoder.ball_values(z)

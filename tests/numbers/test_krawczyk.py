"""Krawczyk's test and the inertia of matrices of balls: what they prove and what they must not."""

import numpy as np
import pytest
from flint import arb
from numpy.typing import NDArray

from elboproof.numbers.balls import working_precision
from elboproof.numbers.krawczyk import certified, float_inverse, form, zero_near


def root(p: str, r: float, offset: float = 2.0, slope: float = 1.0) -> list[arb] | None:
    """Apply the test to x^2 - offset on p +- r, with the Jacobian times ``slope``."""
    x = arb(p)
    jacobian = [[slope * 2 * (x + arb(0, r))]]
    inverse = float_inverse(jacobian)
    assert inverse is not None
    return certified([x * x - offset], jacobian, inverse, [r])


def test_square_root_of_two_is_in_its_box() -> None:
    with working_precision(100):
        zero = root("1.4142", 1e-3)
        assert zero is not None
        assert (arb("1.4142") + zero[0]).contains(arb(2).sqrt())
        assert zero[0].rad() < 1e-6


@pytest.mark.parametrize(("p", "r"), [("1.5", 1e-2), ("0", 2.0), ("1.4142", 2.0)])
def test_boxes_without_a_zero_or_with_two_are_not_certified(p: str, r: float) -> None:
    if p == "0":
        assert certified([arb(-2)], [[arb(0, 4)]], np.array([[1.0]]), [2.0]) is None
    else:
        assert root(p, r) is None


def test_no_real_zero_is_never_certified() -> None:
    for r in (1e-6, 1e-3, 0.1, 1.0, 10.0):
        for p in ("0.01", "0.3", "1", "5"):
            assert root(p, r, offset=-1.0) is None


def test_unknown_values_are_not_certified() -> None:
    unknown = arb(0, float("inf"))
    assert certified([unknown], [[arb(1)]], np.array([[1.0]]), [1.0]) is None
    assert certified([arb(0)], [[unknown]], np.array([[1.0]]), [1.0]) is None
    assert certified([arb(0)], [[arb(1)]], np.array([[0.0]]), [1.0]) is None  # a singular Y
    assert float_inverse([[unknown]]) is None
    assert float_inverse([[arb(0)]]) is None


def system(z: NDArray[np.float64]) -> list[arb]:
    x, y = (arb(v) for v in z.tolist())
    return [x * x + y * y - 4, x * y - 1]


def test_a_system_of_two() -> None:
    p = np.array([np.sqrt(2 + np.sqrt(3)), np.sqrt(2 - np.sqrt(3))])
    r = [1e-4, 1e-4]
    x, y = (arb(v, rad) for v, rad in zip(p.tolist(), r, strict=True))
    jacobian = [[2 * x, 2 * y], [y, x]]
    inverse = float_inverse(jacobian)
    assert inverse is not None
    assert certified(system(p), jacobian, inverse, r) is not None
    assert certified(system(p + 1e-3), jacobian, inverse, r) is None
    assert certified(system(p), jacobian, -inverse, r) is None


class Roots:
    """x^2 = offset near p."""

    def __init__(self, p: float, offset: float = 2.0) -> None:
        self.p, self.offset, self.steps = arb(p), offset, 0

    def enclosed(self, radius: float) -> tuple[list[arb], list[list[arb]]]:
        return [self.p**2 - self.offset], [[2 * (self.p + arb(0, radius))]]

    def move(self, step: NDArray[np.float64]) -> bool:
        self.p, self.steps = (self.p + float(step[0])).mid(), self.steps + 1
        return self.steps < 30


def test_newton_leads_to_a_zero_in_a_box_of_any_size() -> None:
    with working_precision(200):
        for radius in (0.1, 1e-12, 1e-50):
            near = Roots(3.0)
            zero = zero_near(near, [radius], 30)
            assert zero is not None
            assert zero.radius == radius
            assert (near.p + zero.place[0]).contains(arb(2).sqrt())


def test_a_box_that_is_too_large_is_followed_by_the_next() -> None:
    zero = zero_near(Roots(1.4142135623730951), [2.0, 1e-3], 5)
    assert zero is not None
    assert zero.radius == 1e-3
    assert zero_near(Roots(1.4142135623730951), [2.0], 5) is None


def test_no_zero_is_near_where_there_is_none_and_where_the_system_gives_up() -> None:
    assert zero_near(Roots(0.7, offset=-1.0), [1e-3], 30) is None
    impatient = Roots(3.0)
    impatient.steps = 29
    assert zero_near(impatient, [1e-3], 30) is None


def test_quadratic_form() -> None:
    value = form([[arb(2), arb(1)], [arb(1), arb(3)]], [arb(1), arb(-2)])
    assert value.overlaps(arb(10))
    assert not value.overlaps(arb(11))

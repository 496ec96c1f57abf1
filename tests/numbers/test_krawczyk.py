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


IDENTITY = [[arb(1), arb(0)], [arb(0), arb(1)]]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_every_row_must_lie_inside_of_its_own_side(place: int, sign: int) -> None:
    """F(w) = w + value: the zero is -value, which the sides r = (1, 1/8) hold or do not."""
    radii = [1.0, 0.125]
    value = [arb(0), arb(0)]
    value[place] = arb(sign * radii[place]) * arb("0.99")
    zero = certified(value, IDENTITY, np.eye(2), radii)
    assert zero is not None
    assert all(found.contains(-v) for found, v in zip(zero, value, strict=True))
    value[place] = arb(sign * radii[place])  # on the face
    assert certified(value, IDENTITY, np.eye(2), radii) is None
    value[place] = arb(sign * radii[place]) * arb("1.01")
    assert certified(value, IDENTITY, np.eye(2), radii) is None
    assert certified([arb(0, 0.5) for _ in value], IDENTITY, np.eye(2), radii) is None


@pytest.mark.parametrize("row", [0, 1])
def test_every_entry_of_the_jacobian_counts(row: int) -> None:
    for entry, proved in (("0.9", True), ("1.1", False), ("-1.1", False)):
        for column in range(2):
            jacobian = [[arb(int(i == j)) for j in range(2)] for i in range(2)]
            jacobian[row][column] += arb(entry)
            found = certified([arb(0), arb(0)], jacobian, np.eye(2), [1.0, 1.0])
            assert (found is not None) == proved, (entry, column)
    wide = [[arb(int(i == j)) for j in range(2)] for i in range(2)]
    wide[row][1 - row] = arb(0, 1.1)
    assert certified([arb(0), arb(0)], wide, np.eye(2), [1.0, 1.0]) is None


def test_zeros_of_all_members_lie_in_the_box_that_is_returned() -> None:
    rng = np.random.default_rng(9)
    for _ in range(50):
        matrix = np.eye(2) * 3 + rng.uniform(-1, 1, (2, 2))
        value = rng.uniform(-0.2, 0.2, 2)
        jacobian = [[arb(v, 2.0**-6) for v in row] for row in matrix.tolist()]
        zero = certified(
            [arb(v, 0.125) for v in value.tolist()],
            jacobian,
            np.asarray(np.linalg.inv(matrix), dtype=np.float64),
            [1.0, 1.0],
        )
        assert zero is not None
        for _ in range(20):
            member = matrix + rng.choice([-(2.0**-6), 2.0**-6], (2, 2))
            place = -np.linalg.solve(member, value + rng.choice([-0.125, 0.125], 2))
            assert all(found.contains(p) for found, p in zip(zero, place.tolist(), strict=True))


def test_a_zero_beside_the_box_that_the_jacobian_was_enclosed_over_is_not_proved_there() -> None:
    root, radius = np.sqrt(2.0), 1e-3
    assert zero_near(Roots(root + 0.5 * radius), [radius], 1) is not None
    assert zero_near(Roots(root + 1.5 * radius), [radius], 1) is None
    assert zero_near(Roots(root - 1.5 * radius), [radius], 1) is None

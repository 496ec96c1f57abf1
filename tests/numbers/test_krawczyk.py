"""Krawczyk's test and the inertia of matrices of balls: what they prove and what they must not."""

import numpy as np
import pytest
from flint import arb
from numpy.typing import NDArray

from elboproof.numbers.balls import working_precision
from elboproof.numbers.krawczyk import Certificate, certified, float_inverse, form, inertia


def root(p: str, r: float, offset: float = 2.0, slope: float = 1.0) -> Certificate:
    """Apply the test to x^2 - offset on p +- r, with the Jacobian times ``slope``."""
    x = arb(p)
    jacobian = [[slope * 2 * (x + arb(0, r))]]
    inverse = float_inverse(jacobian)
    assert inverse is not None
    return certified([x * x - offset], jacobian, inverse, [r])


def test_square_root_of_two_is_in_its_box() -> None:
    with working_precision(100):
        test = root("1.4142", 1e-3)
        assert test.proved
        assert (arb("1.4142") + test.zero[0]).contains(arb(2).sqrt())
        assert test.zero[0].rad() < 1e-6


@pytest.mark.parametrize(("p", "r"), [("1.5", 1e-2), ("0", 2.0), ("1.4142", 2.0)])
def test_boxes_without_a_zero_or_with_two_are_not_certified(p: str, r: float) -> None:
    if p == "0":
        assert not certified([arb(-2)], [[arb(0, 4)]], np.array([[1.0]]), [2.0]).proved
    else:
        assert not root(p, r).proved


def test_no_real_zero_is_never_certified() -> None:
    for r in (1e-6, 1e-3, 0.1, 1.0, 10.0):
        for p in ("0.01", "0.3", "1", "5"):
            assert not root(p, r, offset=-1.0).proved


def test_unknown_values_are_not_certified() -> None:
    unknown = arb(0, float("inf"))
    assert not certified([unknown], [[arb(1)]], np.array([[1.0]]), [1.0]).proved
    assert not certified([arb(0)], [[unknown]], np.array([[1.0]]), [1.0]).proved
    assert not certified([arb(0)], [[arb(1)]], np.array([[0.0]]), [1.0]).proved  # a singular Y
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
    assert certified(system(p), jacobian, inverse, r).proved
    assert not certified(system(p + 1e-3), jacobian, inverse, r).proved
    assert not certified(system(p), jacobian, -inverse, r).proved


SYMMETRIC = [
    ([[2.0, 1.0], [1.0, 2.0]], (2, 0)),
    ([[1.0, 2.0], [2.0, 1.0]], (1, 1)),
    ([[-3.0, 1.0], [1.0, -1.0]], (0, 2)),
]


@pytest.mark.parametrize(("matrix", "signs"), SYMMETRIC)
def test_inertia_is_that_of_the_eigenvalues(matrix: list[list[float]], signs: tuple[int, int]) -> None:
    values = np.linalg.eigvalsh(np.array(matrix))
    assert signs == ((values > 0).sum(), (values < 0).sum())
    assert inertia([[arb(entry, 0.01) for entry in row] for row in matrix]) == signs


def test_inertia_of_balls_that_hold_a_singular_matrix_is_undecided() -> None:
    assert inertia([[arb(1, 0.1), arb(1)], [arb(1), arb(1)]]) is None
    assert inertia([[arb(0, 0.1)]]) is None


def test_random_matrices_agree_with_their_eigenvalues() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        matrix = rng.normal(size=(4, 4))
        matrix = matrix + matrix.T
        values = np.linalg.eigvalsh(matrix)
        assert inertia([[arb(e, 1e-12) for e in row] for row in matrix.tolist()]) == (
            (values > 0).sum(),
            (values < 0).sum(),
        )


def test_quadratic_form() -> None:
    value = form([[arb(2), arb(1)], [arb(1), arb(3)]], [arb(1), arb(-2)])
    assert value.overlaps(arb(10))
    assert not value.overlaps(arb(11))

"""L D L' in exact numbers and in balls: the factors, definiteness and inertia."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from elboproof.numbers.symmetric import inertia, ldl, not_positive, require_symmetric

Rows = list[list[Fraction]]


def random_rows(seed: int, size: int) -> Rows:
    entries = np.random.default_rng(seed).integers(-9, 10, (size, size)).tolist()
    return [
        [Fraction(entries[max(i, j)][min(i, j)], 1 + abs(i - j)) for j in range(size)] for i in range(size)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_factors_give_the_matrix_back(size: int) -> None:
    for seed in range(10):
        rows = random_rows(seed, size)
        unit, pivots = ldl(rows)
        if len(pivots) < size or pivots[-1] == 0:
            continue
        back = [[sum(a * d * b for a, d, b in zip(u, pivots, v, strict=True)) for v in unit] for u in unit]
        assert back == rows
        assert all(unit[i][j] == (i == j) for i in range(size) for j in range(i, size))


def test_definiteness_is_decided_exactly() -> None:
    tiny = Fraction(1, 10**400)
    assert not_positive(ldl([[Fraction(1), Fraction(1)], [Fraction(1), 1 + tiny]])[1]) is None
    assert not_positive(ldl([[Fraction(1), Fraction(1)], [Fraction(1), 1 - tiny]])[1]) == 1
    assert not_positive(ldl([[Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]])[1]) == 1
    assert not_positive(ldl([[Fraction(0), Fraction(1)], [Fraction(1), Fraction(0)]])[1]) == 0
    for seed in range(40):
        rows = random_rows(seed, 3)
        smallest = np.linalg.eigvalsh(np.array(rows, dtype=float))[0]
        assert (not_positive(ldl(rows)[1]) is None) == (smallest > 1e-9)


def test_an_asymmetric_entry_is_named() -> None:
    require_symmetric([[1, 2], [2, 1]], "metric")
    with pytest.raises(
        ValueError, match=r"metric: got 3 at \[1\]\[0\] and 2 at \[0\]\[1\]; expected a symmetric"
    ):
        require_symmetric([[1, 2], [3, 1]], "metric")


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

"""Full covariances as exact sums of squares."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from scipy.stats import multivariate_normal
from sympy import Rational

import elboproof as ep
from elboproof.evidence.log_evidence import prove
from elboproof.model.whitening import whitening
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_rings import BALL_ARRAYS


def _random(size: int, seed: int) -> list[list[Fraction]]:
    factor = np.random.default_rng(seed).integers(-9, 10, (size, size))
    return [
        [Fraction(int(sum(p * q)), 10) + Fraction(int(i == j), 7) for j, q in enumerate(factor)]
        for i, p in enumerate(factor)
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_the_factors_are_exact(size: int) -> None:
    covariance = tuple(
        tuple(Rational(c.numerator, c.denominator) for c in row) for row in _random(size, size)
    )
    white = whitening(covariance)
    rows = fmpq_mat([[row[k] if k < len(row) else 0 for k in range(size)] for row in white.rows])
    matrix = fmpq_mat([[fmpq(int(c.p), int(c.q)) for c in row] for row in covariance])
    product = rows * matrix * rows.transpose()
    assert product == fmpq_mat([[white.pivots[i] if i == j else 0 for j in range(size)] for i in range(size)])
    assert all(pivot > 0 for pivot in white.pivots)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_density_is_scipys(size: int) -> None:
    covariance = _random(size, 20 + size)
    names = [f"z{k}" for k in range(size)]
    model = ep.LatentModel(names, [f"sin({name})" for name in names], ep.Gaussian(covariance=covariance))
    rng = np.random.default_rng(size)
    z, x = rng.normal(size=(5, size)), rng.normal(size=(5, size))
    matrix = np.array([[float(c) for c in row] for row in covariance])
    expected = [multivariate_normal(np.sin(m), matrix).logpdf(y) for m, y in zip(z, x, strict=True)]
    assert np.allclose(model.floating.log_likelihood(z, x), expected, rtol=1e-12)
    one = model.exact.energy(z[0].tolist(), x[0].tolist())
    assert abs(float(model.floating.energy(z[0], x[0])) - float(one.evalf(20))) < 1e-11


def test_the_form_is_a_sum_of_squares() -> None:
    """Nothing that is subtracted inside: over any box the form's lower bound is at least 0."""
    model = ep.LatentModel(["a", "b"], ["a", "b"], ep.Gaussian(covariance=[["1", "99/100"], ["99/100", "1"]]))
    energy = model.quantities.compiled("energy", 0, BALL_ARRAYS)
    zero, box = BallArray([0.0]), BallArray([0.0], [3.0])
    (value,), (least,) = energy(box, box, zero, zero), energy(zero, zero, zero, zero)
    assert value.lower() >= least.lower() - 1e-9


def test_close_correlations_in_three_dimensions_are_decided() -> None:
    covariance = [["1" if j == k else "0.95" for k in range(3)] for j in range(3)]
    model = ep.LatentModel(["a", "b", "c"], ["a", "b", "c"], ep.Gaussian(covariance=covariance))
    found = prove(model, ["0.3", "0.2", "0.1"], 8, seconds=60.0, most_cells=2000)
    assert found.statuses == ("",)
    truth = ep.log_evidence(model, ["0.3", "0.2", "0.1"], 12)  # in closed form
    assert found.enclosure.lower <= truth.upper
    assert truth.lower <= found.enclosure.upper

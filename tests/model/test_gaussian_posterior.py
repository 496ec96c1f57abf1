"""The Gaussian q: what it takes, what it refuses, its entropy and its Cholesky factor."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb
from numpy.testing import assert_allclose

import elboproof as ep
from elboproof.numbers.balls import working_precision

OBLIQUE = [["2", "-1/3", "0.5"], ["-1/3", "1", "0.1"], ["0.5", "0.1", "3"]]


@pytest.mark.parametrize(
    "covariance", ["1/100", Fraction(1, 100), ["0.01"], [["1/100"]], np.array([["1/100"]], dtype=object)]
)
def test_one_latent_in_every_form_is_the_same(covariance: object) -> None:
    assert ep.GaussianPosterior("0.5", covariance) == ep.GaussianPosterior([Fraction(1, 2)], [["1/100"]])


def test_floats_are_the_doubles_that_they_are() -> None:
    q = ep.GaussianPosterior([0.1], np.float64(0.1))
    assert q.mean == (Fraction(0.1),) != (Fraction(1, 10),)
    assert q.covariance == ((Fraction(0.1),),)


def test_variances_make_a_diagonal() -> None:
    q = ep.GaussianPosterior(np.array([1.0, 2.0]), ["1/3", 2])
    assert q.covariance == ((Fraction(1, 3), Fraction(0)), (Fraction(0), Fraction(2)))
    assert q.latent_dim == 2


def test_it_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ep.GaussianPosterior(0, 1).mean = (Fraction(1),)  # type: ignore[misc]


BAD = [
    (0, "-1", ValueError, r"covariance: .*expected a positive definite matrix"),
    (0, 0, ValueError, r"expected a positive definite matrix"),
    ([0, 0], [[1, 2], [2, 1]], ValueError, r"pivot 1 is -3.0; expected a positive definite matrix"),
    ([0, 0], [[1, 1], [1, 1]], ValueError, r"expected a positive definite matrix"),
    ([0, 0], [[1, 2], [2, -(10**5000)]], ValueError, r"pivot 1 is negative and beyond all doubles"),
    ([0, 0], [[1, "0.1"], ["0.2", 1]], ValueError, r"got 1/5 at \[1\]\[0\] and 1/10 .*symmetric"),
    ([0, 0], [[1, 0]], ValueError, r"covariance: got .*expected a 2 x 2 matrix, or 2 variances"),
    ([0, 0], [[1, 0], [0]], ValueError, r"expected a 2 x 2 matrix"),
    ([0, 0], 1, ValueError, r"expected a 2 x 2 matrix"),
    (0, [1, 1], ValueError, r"expected a 1 x 1 matrix"),
    ([], [], ValueError, r"mean: got \[\]; expected at least one number"),
    (float("nan"), 1, ValueError, r"mean: got nan; expected a finite number"),
    (0, float("inf"), ValueError, r"covariance: got inf; expected a finite number"),
    ([0, float("nan")], [1, 1], ValueError, r"mean\[1\]: got nan"),
    ([0, 0], [[1, 0], [0, float("nan")]], ValueError, r"covariance\[1\]\[1\]: got nan"),
    ("zero", 1, ValueError, r"mean: got 'zero'; expected an exact real number"),
    (True, 1, TypeError, r"mean: got True of type bool"),
    (0, None, TypeError, r"covariance: got None"),
]


@pytest.mark.parametrize(("mean", "covariance", "error", "message"), BAD)
def test_what_cannot_be_used_is_named(
    mean: object, covariance: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ep.GaussianPosterior(mean, covariance)


def test_definiteness_is_decided_exactly() -> None:
    """In float64 both determinants are 0: 1 + 2^-60 rounds to 1."""
    tiny = Fraction(1, 2**60)
    ep.GaussianPosterior([0, 0], [[1, 1], [1, 1 + tiny]])
    with pytest.raises(ValueError, match="positive definite"):
        ep.GaussianPosterior([0, 0], [[1, 1], [1, 1 - tiny]])


def test_entropy_is_the_closed_form_of_mpmath() -> None:
    q = ep.GaussianPosterior([0, 0, 0], OBLIQUE)
    with working_precision(100), mpmath.workprec(120):
        matrix = mpmath.matrix(
            [[mpmath.mpf(int(e.numerator)) / e.denominator for e in r] for r in q.covariance]
        )
        entropy = mpmath.log(mpmath.det(2 * mpmath.pi * mpmath.e * matrix)) / 2
        assert q.entropy().overlaps(arb(mpmath.nstr(entropy, 34), "1e-30"))
        assert q.entropy().rel_accuracy_bits() > 90


def test_entropy_of_one_latent_grows_by_log_2_when_the_deviation_doubles() -> None:
    difference = ep.GaussianPosterior(3, 4).entropy() - ep.GaussianPosterior(0, 1).entropy()
    assert difference.overlaps(arb(2).log())
    assert not (difference + arb("1e-9")).overlaps(arb(2).log())


def test_cholesky_factor_is_lower_triangular_and_multiplies_to_the_covariance() -> None:
    q = ep.GaussianPosterior([0, 0, 0], OBLIQUE)
    with working_precision(200):
        factor = q.cholesky()
        for j, row in enumerate(q.covariance):
            for k, entry in enumerate(row):
                product = sum((factor[j][i] * factor[k][i] for i in range(3)), arb(0))
                assert product.contains(arb(entry.numerator) / entry.denominator)
                assert product.rad() < arb(2) ** -190
    numbers = np.array([[float(e) for e in row] for row in factor])
    expected = np.linalg.cholesky([[float(e) for e in row] for row in q.covariance])
    assert_allclose(numbers, expected, rtol=1e-14, atol=1e-15)

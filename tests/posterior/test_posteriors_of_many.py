"""ELBOs with one posterior for each data point, and the arrays that an encoder gives."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep

made: Any = ep.GaussianPosteriors
elbo: Any = ep.elbo

MODEL = ep.LatentModel(["u", "v"], ["u + v**2/4", "v"], ep.Gaussian(variance="1/4"))
X = [[0.5, 0.25], [-1.0, 0.75], [0.0, 2.0]]
MEANS = np.array([[0.3, 0.2], [-0.5, 0.5], [0.25, 1.0]])
VARIANCES = np.array([[0.25, 0.5], [0.125, 0.75], [0.5, 0.0625]])
MATRICES = np.array([np.diag(row) for row in VARIANCES]) + 0.03125 * (1 - np.eye(2))


@pytest.mark.parametrize("covariances", [VARIANCES, MATRICES], ids=["variances", "matrices"])
def test_each_row_has_its_own_posterior(covariances: np.ndarray) -> None:
    posteriors = ep.GaussianPosteriors(MEANS, covariances)
    found = ep.elbo(MODEL, X, posteriors, 6)
    listed = ep.elbo(
        MODEL, X, [ep.GaussianPosterior(m, s) for m, s in zip(MEANS, covariances, strict=True)], 6
    )
    assert str(found) == str(listed)
    for n, x in enumerate(X):
        one = ep.elbo(MODEL, x, ep.GaussianPosterior(MEANS[n], covariances[n]), 6)
        assert one.lower == found.lower[n]
        assert one.upper == found.upper[n]
        other = ep.elbo(MODEL, x, posteriors[(n + 1) % 3], 6)
        assert other.upper < found.lower[n] or found.upper[n] < other.lower


def test_variances_are_the_diagonals_of_matrices() -> None:
    posteriors = ep.GaussianPosteriors(MEANS, VARIANCES)
    assert posteriors == ep.GaussianPosteriors(MEANS, [np.diag(row) for row in VARIANCES])
    assert posteriors != ep.GaussianPosteriors(MEANS, VARIANCES * 1.01)
    assert [q.mean for q in posteriors] == [tuple(map(Fraction, row)) for row in MEANS.tolist()]
    assert repr(posteriors) == "GaussianPosteriors(N=3, d=2)"
    assert posteriors.latent_dim == 2


def test_a_square_of_variances_is_no_matrix() -> None:
    """N = d = 2: the axes say which of both it is."""
    square = [[1.0, 0.5], [0.5, 2.0]]
    posteriors = ep.GaussianPosteriors(MEANS[:2], square)
    for n, (first, second) in enumerate(square):
        assert posteriors[n] == ep.GaussianPosterior(MEANS[n], [[first, 0], [0, second]])


def test_what_encoders_give_is_taken() -> None:
    means, variances = torch.tensor(MEANS, dtype=torch.float32, requires_grad=True), torch.tensor(VARIANCES)
    exactly = ep.GaussianPosteriors(means.detach().double().numpy(), VARIANCES)
    assert ep.GaussianPosteriors(means, variances) == exactly
    assert ep.GaussianPosteriors([["0.3"]], [["1/3"]])[0].covariance == ((Fraction(1, 3),),)


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "flat means": (
        lambda: made([0.1, 0.2], [0.5, 0.5]),
        ValueError,
        r"means: got shape \(2,\); expected \(N, d\)",
    ),
    "too few": (
        lambda: made(MEANS, VARIANCES[:2]),
        ValueError,
        r"covariances: got shape \(2, 2\); expected variances \(3, 2\) or matrices",
    ),
    "logarithms": (
        lambda: made(MEANS, np.log(VARIANCES)),
        ValueError,
        r"covariances\[0\]: got .*; expected a positive definite",
    ),
    "nan": (
        lambda: made(np.full((1, 1), np.nan), [[1]]),
        ValueError,
        r"means\[0\]\[0\]: got nan; expected a finite number",
    ),
    "words": (
        lambda: made([["a"]], [[1]]),
        ValueError,
        r"means\[0\]\[0\]: got 'a'; expected an exact",
    ),
    "not symmetric": (
        lambda: made(MEANS[:1], [[[1, 0.5], [0.25, 1]]]),
        ValueError,
        r"covariances\[0\].*: got",
    ),
    "one for three": (
        lambda: elbo(MODEL, X, [ep.GaussianPosterior([0, 0], [1, 1])]),
        ValueError,
        "q: got 1 posteriors; expected 3, one for each x",
    ),
    "no posterior": (
        lambda: elbo(MODEL, X, [None] * 3),
        TypeError,
        r"q\[0\]: got None .*; expected an ep.GaussianPosterior",
    ),
    "arrays": (
        lambda: elbo(MODEL, X, MEANS),
        TypeError,
        "q: got array.*; expected an ep.GaussianPosterior, a list of them or ep.GaussianPosteriors",
    ),
    "dimension": (
        lambda: elbo(MODEL, X, made([[0.0]] * 3, [[1.0]] * 3)),
        ValueError,
        r"q\[0\]: got 1 dimensions; expected 2",
    ),
    "deviations": (
        lambda: made(MEANS, std=VARIANCES),
        TypeError,
        r"did you mean covariances = std\*\*2\? A standard deviation is no variance",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_by_name(name: str) -> None:
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make()


def test_one_posterior_in_a_list_serves_one_row() -> None:
    q = ep.GaussianPosterior(MEANS[0], VARIANCES[0])
    one: Any = ep.elbo(MODEL, X[0], [q], 6)
    assert str(one) == str(ep.elbo(MODEL, X[0], q, 6))

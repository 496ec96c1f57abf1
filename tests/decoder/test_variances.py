"""Diagonal covariances of the optimal decoder, by their own keyword."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import elboproof as ep

RNG = np.random.default_rng(0)
CODES, DATA, VARIANCES = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)), RNG.uniform(0.1, 2, (5, 3))
made: Any = ep.OptimalDecoder
Z = RNG.normal(size=(4, 3))


def test_variances_are_diagonal_covariances() -> None:
    ours = ep.OptimalDecoder(CODES, DATA, variances=VARIANCES)
    twin = ep.OptimalDecoder(CODES, DATA, np.array([np.diag(row) for row in VARIANCES]))
    assert (ours(Z) == twin(Z)).all()
    densities = -0.5 * (((Z[:, None] - CODES) ** 2) / VARIANCES + np.log(VARIANCES)).sum(-1)
    weights = np.exp(densities) / np.exp(densities).sum(1, keepdims=True)
    assert np.allclose(ours(Z), weights @ DATA, rtol=1e-12)
    assert not np.allclose(
        ep.OptimalDecoder(CODES, DATA, variances=1.02 * VARIANCES)(Z), weights @ DATA, rtol=1e-3
    )


def test_as_many_points_as_dimensions_are_no_matrix() -> None:
    """N = d: one row for each point, whatever it would be as a covariance."""
    square = np.array([[1.0, 0.5, 0.25], [0.5, 2.0, 0.25], [0.25, 0.25, 3.0]])
    ours = ep.OptimalDecoder(CODES[:3], DATA[:3], variances=square)
    shared = ep.OptimalDecoder(CODES[:3], DATA[:3], square)
    assert (ours(Z) == ep.OptimalDecoder(CODES[:3], DATA[:3], square[:, :, None] * np.eye(3))(Z)).all()
    assert not np.allclose(ours(Z), shared(Z))


def test_equal_rows_are_one_covariance() -> None:
    assert "one shared covariance" in repr(ep.OptimalDecoder(CODES, DATA, variances=np.full((5, 3), 0.5)))


def test_tensors_keep_their_graph() -> None:
    variances = torch.tensor(VARIANCES, requires_grad=True)
    decoder = ep.OptimalDecoder(torch.tensor(CODES), torch.tensor(DATA), variances=variances)
    (slope,) = torch.autograd.grad(decoder(torch.tensor(Z)).sum(), variances)
    step = 1e-6
    moved = VARIANCES.copy()
    moved[1, 2] += step
    difference = ep.OptimalDecoder(CODES, DATA, variances=moved)(Z) - ep.OptimalDecoder(
        CODES, DATA, variances=VARIANCES
    )(Z)
    assert abs(float(slope[1, 2]) - difference.sum() / step) < 1e-5


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "both": (
        lambda: made(CODES, DATA, 1.0, variances=VARIANCES),
        TypeError,
        "covariances and variances: got both; expected one of them",
    ),
    "none": (lambda: made(CODES, DATA), TypeError, "got neither of them; expected one"),
    "shape": (
        lambda: made(CODES, DATA, variances=VARIANCES[:, :2]),
        ValueError,
        r"variances: got shape \(5, 2\); expected \(N, d\) = \(5, 3\)",
    ),
    "one row": (
        lambda: made(CODES, DATA, variances=VARIANCES[0]),
        ValueError,
        r"variances: got shape \(3,\)",
    ),
    "logarithms": (
        lambda: made(CODES, DATA, variances=np.log(VARIANCES)),
        ValueError,
        r"variances\[\d\]\[\d\]: got -.*; expected a positive variance",
    ),
    "nan": (
        lambda: made(CODES, DATA, variances=np.nan * VARIANCES),
        ValueError,
        r"variances: got nan at variances\[0\]\[0\]",
    ),
    "deviations": (
        lambda: made(CODES, DATA, std=VARIANCES),
        TypeError,
        r"did you mean variances = std\*\*2\? A standard deviation is no variance",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_variance_is_refused(name: str) -> None:
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make()

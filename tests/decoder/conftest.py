"""Random encoders of every kind of covariance, and the decoder in 50 digits by another route."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest

import elboproof as ep

KINDS = ("scalar", "shared", "variances", "matrices")


@dataclass(frozen=True)
class Encoder:
    codes: Any
    data: Any
    covariances: Any

    @property
    def decoder(self) -> ep.OptimalDecoder:
        return ep.OptimalDecoder(self.codes, self.data, self.covariances)

    def matrices(self) -> Any:
        """Return one covariance matrix per point."""
        points, d = self.codes.shape
        stack = np.asarray(self.covariances, dtype=float)
        if stack.ndim < 2:
            stack = np.broadcast_to(stack, (points,))[:, None, None] * np.eye(d)
        return np.broadcast_to(stack, (points, d, d))


def make(
    kind: str, points: int = 6, d: int = 2, outputs: int = 3, deviation: float = 1.0, seed: int = 0
) -> Encoder:
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    root = 0.5 * rng.normal(size=(points, d, d)) + np.eye(d)
    matrices = deviation**2 * (root @ root.mT + 0.1 * np.eye(d))
    covariances: Any = {
        "scalar": deviation**2,
        "shared": matrices[0],
        "variances": deviation**2 * rng.uniform(0.5, 2, points),
        "matrices": matrices,
    }[kind]
    return Encoder(rng.normal(size=(points, d)), rng.normal(size=(points, outputs)), covariances)


def mp_average(encoder: Encoder, z: Any, *, determinant: bool = True) -> Any:
    """Return f*(z) by the definition, in mpmath's working precision; ``determinant=False`` is a false neighbour."""
    scores = []
    for mean, covariance in zip(encoder.codes.tolist(), encoder.matrices().tolist(), strict=True):
        S = mpmath.matrix(covariance)
        u = mpmath.matrix([a - b for a, b in zip(z, mean, strict=True)])
        constant = mpmath.log(mpmath.det(S)) / 2 if determinant else 0
        scores.append(-(u.T * mpmath.inverse(S) * u)[0] / 2 - constant)
    top = max(scores)
    weights = [mpmath.exp(score - top) for score in scores]
    total = mpmath.fsum(weights)
    columns = zip(*encoder.data.tolist(), strict=True)
    return [mpmath.fsum(w * x for w, x in zip(weights, column, strict=True)) / total for column in columns]


def in_digits(encoder: Encoder, z: Any, digits: int = 50, *, determinant: bool = True) -> Any:
    """Return f* at every row of z (Q, d), rounded to float64 from many digits."""
    with mpmath.workdps(digits):
        rows = [
            mp_average(encoder, [mpmath.mpf(c) for c in row], determinant=determinant) for row in z.tolist()
        ]
        return np.array([[float(value) for value in row] for row in rows])


@pytest.fixture
def encoder() -> Callable[..., Encoder]:
    return make


@pytest.fixture
def many_digits() -> Callable[..., Any]:
    return in_digits


@pytest.fixture
def mp_value() -> Callable[..., Any]:
    return mp_average


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)

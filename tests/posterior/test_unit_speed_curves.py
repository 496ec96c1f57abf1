"""ep.unit_speed on curves of all kinds, against Simpson's rule in z with NumPy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray
from scipy.integrate import cumulative_simpson, simpson

import elboproof as ep

POINTS = 40_001
NAMES = [{"Softplus": lambda t: np.logaddexp(0, t), "Sigmoid": lambda t: 1 / (1 + np.exp(-t))}, "numpy"]
FULL = [["3/10", "1/10", "0"], ["1/10", "2/10", "1/10"], ["0", "1/10", "4/10"]]
CURVES: list[tuple[list[str], Any, Any]] = [
    (["z", "sin(3*z)"], ep.Gaussian("1/100"), np.eye(2) / 100),
    (["asinh(2*z) - z/3", "cos(z)"], ep.Gaussian(["1/10", "2"]), np.diag([0.1, 2.0])),
    (["softplus(2*z) + z", "tanh(3*z)"], ep.Gaussian("1/10"), np.eye(2) / 10),
    (
        ["cos(4*z/5) - 5*z**3/24", "z**3/12 + 9*sqrt(1 + z**2)/4", "exp(z/2) - z"],
        ep.Gaussian(covariance=FULL),
        np.array([[3, 1, 0], [1, 2, 1], [0, 1, 4]]) / 10,
    ),
    (["3*cos(z)", "3*sin(z)"], ep.Gaussian("1/4"), np.eye(2) / 4),
    (["exp(z) - exp(-2*z)", "z**2/(1 + z**2)"], ep.Gaussian("1"), np.eye(2)),
]


def values(entries: Sequence[Any], z: Any, at: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = [np.broadcast_to(sympy.lambdify(z, entry, NAMES)(at), at.shape) for entry in entries]
    return np.array(rows)


def elbo_by_numpy(
    unit: ep.UnitSpeed, covariance: NDArray[np.float64], x: Sequence[float], mean: float, variance: float
) -> float:
    """Return the ELBO of N(mean, variance) in t, summed over z; lengths are summed by Simpson's rule too."""
    model, (z,), deviation = unit.model, unit.model.latents, variance**0.5
    low, high = (float(unit.latent(mean + 9 * sign * deviation).midpoint) for sign in (-1, 1))
    at = np.linspace(low, high, POINTS)
    f, slopes = values(model.decoder, z, at), values([g.diff(z) for g in model.decoder], z, at)
    inverse = np.linalg.inv(covariance)
    weight = np.trace(covariance) / len(covariance)
    speed = np.sqrt(weight * np.einsum("iz,ij,jz->z", slopes, inverse, slopes))
    length = float(unit.arc_length(low).midpoint) + cumulative_simpson(speed, x=at, initial=0)
    residual = np.array(x)[:, None] - f
    joint = -np.einsum("iz,ij,jz->z", residual, inverse, residual) / 2 - at**2 / 2 - np.log(2 * np.pi) / 2
    joint -= np.linalg.slogdet(2 * np.pi * covariance)[1] / 2
    density = np.exp(-((length - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    expected = simpson(density * speed * (joint - np.log(speed)), x=at)
    return float(expected + np.log(2 * np.pi * np.e * variance) / 2)


@pytest.mark.parametrize("case", range(len(CURVES)))
@pytest.mark.parametrize(("mean", "variance"), [(0.3, 0.01), (-0.6, 0.25)])
def test_elbos_are_those_of_numpy(case: int, mean: float, variance: float) -> None:
    decoder, likelihood, covariance = CURVES[case]
    unit = ep.unit_speed(ep.LatentModel("z", decoder, likelihood))
    x = [0.5, -0.25, 1.0][: len(decoder)]
    truth = elbo_by_numpy(unit, covariance, x, mean, variance)
    for digits in (2, 9):
        found = unit.elbo(x, ep.GaussianPosterior(mean, variance), digits)
        assert found.lower - 1e-8 * abs(truth) <= truth <= found.upper + 1e-8 * abs(truth)
        assert found.width <= 2.1 * 10.0**-digits

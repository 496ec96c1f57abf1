"""A decoder that is undefined somewhere and slips through: its bounds hold for whatever values it is given there."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

import elboproof as ep
from elboproof.numbers.enclosure import Enclosure

HOLE = (
    1 / 9 - 0.01,
    1 / 9 + 0.01,
)  # where the logarithm's argument is negative; no probe of the model lies in it
X = 0.3 + 0.01 * np.arange(8)[:, None]


def enclosure() -> Enclosure:
    model = ep.LatentModel("z", ["tanh(log((z - 1/9)**2 - 1/10000))"], ep.Gaussian(4))
    try:
        return ep.log_evidence(model, X, digits=1, seconds=10)
    except ep.Undecided as undecided:
        return undecided.enclosure


def evidence(x: float, inside: float) -> float:
    """The evidence with tanh(...) = ``inside`` in the hole; outside it is (t^2 - 1)/(t^2 + 1) for the argument t."""

    def integrand(z: float) -> float:
        t = (z - 1 / 9) ** 2 - 1e-4
        f = inside if t <= 0 else (t * t - 1) / (t * t + 1)
        return float(np.exp(-(z * z) / 2 - (x - f) ** 2 / 8) / np.sqrt(2 * np.pi) / np.sqrt(8 * np.pi))

    ends = (-9.0, HOLE[0], HOLE[1], 9.0)
    return sum(float(quad(integrand, a, b, epsabs=1e-12)[0]) for a, b in itertools.pairwise(ends))


@pytest.mark.parametrize("inside", [-1.0, 0.0, 0.3, 1.0])
def test_bounds_hold_for_every_value_in_the_hole(inside: float) -> None:
    found = enclosure()
    for x, low, high in zip(X[:, 0], found.lower, found.upper, strict=True):
        assert low <= np.log(evidence(x, inside)) <= high


def test_the_value_in_the_hole_matters() -> None:
    """The control: the continuations differ by more than the quadrature errs, so one number would be wrong."""
    assert abs(np.log(evidence(0.3, 1.0)) - np.log(evidence(0.3, -1.0))) > 1e-4


def test_a_hole_that_a_probe_sees_is_refused() -> None:
    with pytest.raises(ValueError, match="not real at z"):
        ep.LatentModel("z", ["tanh(log(z))"], ep.Gaussian(4))

"""ep.gap: significant digits at every noise, its law, its limits."""

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from flint import arb
from scipy.optimize import minimize

import elboproof as ep
from elboproof.evidence import precise
from elboproof.evidence.evidences import Evidence
from elboproof.posterior.gap import _difference
from elboproof.posterior.stationary_point import StationaryPoint
from tests.posterior.routes import DIGITS, by_mpmath, gaussian_joint, number

X = [0.125, 0.25, -0.25, 0.5, -0.125, 0.25]


def network(inputs: int, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(inputs, 4), torch.nn.Tanh(), torch.nn.Linear(4, 6)]
    return torch.nn.Sequential(*layers).double()


MODEL = ep.LatentModel("z", ["tanh(z)"], ep.Gaussian("1/10"))


def gap_by_mpmath(f: Any, x: str, variance: Fraction, point: StationaryPoint) -> mpmath.mpf:
    """Return log p(x) - ELBO at q by two quadratures around the posterior."""
    with mpmath.workdps(DIGITS):
        joint = gaussian_joint(lambda z: [f(z)], [x], variance)
        m, s = number(point.posterior.mean[0]), mpmath.sqrt(number(point.posterior.covariance[0][0]))
        pieces = mpmath.linspace(-16, 16, 33)
        top = joint(m)
        mass = mpmath.quad(lambda e: mpmath.exp(joint(m + s * e) - top), pieces)
        elbo = by_mpmath(joint, point.posterior.mean[0], point.posterior.covariance[0][0])
        return top + mpmath.log(mass * s) - elbo


@pytest.mark.parametrize("sigma", ["1", "0.1", "0.01", "0.001", "0.0001"])
def test_gap_of_sinh_has_its_significant_digits(sigma: str) -> None:
    variance = Fraction(sigma) ** 2
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance))
    gap = ep.gap(model, ["0.7"])
    point = ep.stationary_posterior(model, ["0.7"])
    truth = gap_by_mpmath(mpmath.sinh, "0.7", variance, point)
    assert gap.lower <= float(truth) <= gap.upper
    assert gap.width < 2e-6 * gap.lower


def test_gap_obeys_its_law() -> None:
    """The gap over v tends to (3/4) (f' f'')^2 / f'^6 at f(z0) = x, with an error of order v."""
    slope, curve = mpmath.sqrt(1 + mpmath.mpf("0.49")), mpmath.mpf("0.7")
    law = float(mpmath.mpf(3) / 4 * (slope * curve) ** 2 / slope**6)
    errors = []
    for variance in (Fraction(1, 10**4), Fraction(1, 10**6)):
        gap = ep.gap(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian(variance)), ["0.7"])
        errors.append(abs(float(gap.midpoint) / float(variance) / law - 1))
    assert errors[1] < 1e-5
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)


def test_gap_of_a_network_is_above_zero_and_below_other_gaps() -> None:
    model = ep.LatentModel.from_torch(network(2), ep.Gaussian("1/100"))
    gap, point = ep.gap(model, X), ep.stationary_posterior(model, X)
    assert gap.lower > 0
    assert gap.width < 2e-6 * gap.lower
    mean, covariance = point.posterior.mean, point.posterior.covariance
    moved = ep.GaussianPosterior([mean[0] + Fraction(1, 1000), mean[1]], covariance)
    assert ep.elbo(model, X, moved) < point.elbo
    difference = ep.log_evidence(model, X, 9).midpoint - point.elbo.midpoint
    assert abs(difference - gap.midpoint) < 1e-8


def test_affine_decoders_have_no_gap() -> None:
    model = ep.LatentModel(["u", "v"], ["u + 2*v", "3*u - v + 1"], ep.Gaussian("1/10"))
    gap = ep.gap(model, [["0.5", "0.25"], [0, 1]])
    assert gap.lower.tolist() == gap.upper.tolist() == [0.0, 0.0]
    diagonal = ep.gap(model, ["0.5", "0.25"], family="diagonal")
    point = ep.stationary_posterior(model, ["0.5", "0.25"])
    s = np.array(point.covariance.midpoint)
    best = np.diag(1 / np.diag(np.linalg.inv(s)))  # the closest diagonal q has the precision's diagonal
    assert diagonal.midpoint == pytest.approx(np.log(np.linalg.det(best) / np.linalg.det(s)) / -2, abs=1e-7)


def test_bernoulli_has_a_stationary_point() -> None:
    model = ep.LatentModel("z", ["3*z", "z - 1"], ep.Bernoulli())
    assert 0 < ep.gap(model, [1, 0]).lower < 0.1


def test_too_many_digits_of_a_gap_are_undecided() -> None:
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/10"))
    with pytest.raises(ep.Undecided, match=r"1 of 1 gaps undecided.*significant digits") as caught:
        ep.gap(model, ["0.7"], 40)
    wide = ep.gap(model, ["0.7"], 8)
    assert wide.lower <= caught.value.enclosure.midpoint[0] <= wide.upper


def test_the_stationary_point_may_limit_the_elbo_but_not_yet_the_gap() -> None:
    gap = ep.gap(ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100000000")), ["0.7"], 14)
    assert gap.width < 2e-14 * gap.lower * (1 + 1e-12)


def test_gap_names_what_it_cannot_use() -> None:
    with pytest.raises(ValueError, match="digits: got 0; expected a positive number"):
        ep.gap(MODEL, ["0.5"], 0)
    with pytest.raises(ValueError, match=r"x: got shape \(3,\)"):
        ep.gap(MODEL, [1, 2, 3])
    with pytest.raises(TypeError, match=r"model: got 'tanh\(z\)' of type str; expected an ep.LatentModel"):
        ep.gap("tanh(z)", ["0.5"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seconds: got 0; expected a positive number"):
        ep.gap(MODEL, ["0.5"], seconds=0)


def test_bounds_in_float64_count_where_a_limit_stops_the_sums_in_arb() -> None:
    known = ep.Enclosure([1.0], [1.5])
    for low, high in ((0.0, 2.0), (float("-inf"), 2.0), (1.25, 1.375)):
        balls = ((arb(low) if np.isfinite(low) else arb.neg_inf(), arb(high)),)
        best = _difference(Evidence(known, ("",), 0, 0.0, balls), arb(1))
        low, high = (low, high) if high < 1.5 else (1.0, 1.5)
        assert (float(best.lower()), float(best.upper())) == pytest.approx((low - 1, high - 1), abs=1e-8)


def test_small_noise_of_three_latents_needs_no_sums_in_arb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float64 knows 11 digits of log p, which are 6 of the gap: no more may be asked."""
    monkeypatch.setattr(precise, "log_bounds", None)
    module = network(3)
    x = module(torch.tensor([0.25, -0.25, 0.5], dtype=torch.float64)).tolist()
    gap = ep.gap(ep.LatentModel.from_torch(module, ep.Gaussian("1/1000000")), x)
    assert gap.width < 2e-6 * gap.lower


def test_one_undecided_gap_leaves_the_others() -> None:
    model = ep.LatentModel("z", ["abs(z)"], ep.Gaussian("1/10"))
    with pytest.raises(ep.Undecided, match="2 of 2 gaps undecided") as caught:
        ep.gap(model, [["0.5"], ["0.25"]])
    assert caught.value.enclosure.lower.tolist() == [0.0, 0.0]  # by Jensen


@pytest.mark.slow
def test_a_layer_norm_has_a_gap() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Linear(1, 4), torch.nn.LayerNorm(4), torch.nn.Tanh(), torch.nn.Linear(4, 3)]
        module = torch.nn.Sequential(*layers).double()
    model, x = ep.LatentModel.from_torch(module, ep.Gaussian("1/4")), np.array([0.1, 0.2, -0.3])
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)

    def joint(z: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            f = module(torch.tensor(z)[:, None]).numpy()
        return np.asarray(-2 * ((x - f) ** 2).sum(1) - z**2 / 2 - 2 * np.log(2 * np.pi) - 1.5 * np.log(0.25))

    def elbo(at: np.ndarray) -> float:
        mean = weights @ joint(at[0] + np.exp(at[1]) * nodes) / np.sqrt(2 * np.pi)
        return float(mean + at[1] + (1 + np.log(2 * np.pi)) / 2)

    best = max(-minimize(lambda at: -elbo(at), [m, -0.2], tol=1e-12).fun for m in (-1.0, 0.0, 1.0))
    grid = np.linspace(-12, 12, 200_001)
    evidence = np.log(np.exp(joint(grid)).sum() * (grid[1] - grid[0]))
    found = ep.gap(model, x, 4)
    assert found.width <= 2e-4 * found.midpoint
    assert abs(found.midpoint - (evidence - best)) < 1e-6

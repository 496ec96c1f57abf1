"""Values of the energy and the likelihoods, against scipy.stats; broadcasting, memory, pickling."""

import copy
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy import stats

import elboproof as ep

COVARIANCE = np.array([[2.0, 0.5], [0.5, 1.0]])
LIKELIHOODS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "scalar": (
        ep.Gaussian(0.25),
        lambda x, f: stats.multivariate_normal.logpdf(x, f, 0.25 * np.eye(2)),
    ),
    "diagonal": (
        ep.Gaussian([0.25, 3]),
        lambda x, f: stats.multivariate_normal.logpdf(x, f, np.diag([0.25, 3])),
    ),
    "full": (
        ep.Gaussian(covariance=COVARIANCE.tolist()),
        lambda x, f: stats.multivariate_normal.logpdf(x, f, COVARIANCE),
    ),
    "Bernoulli": (
        ep.Bernoulli(),
        lambda x, f: stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-f))).sum(),
    ),
}
POINTS = [(0.3, -1.2), (2.0, 0.5), (-1.0, 1.0)]
# relative; scipy and this library round differently, worst seen 6e-16
ROUNDING = 1e-13


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_energy_is_scipys(name: str) -> None:
    likelihood, density = LIKELIHOODS[name]
    model = ep.LatentModel(["u", "v"], ["u", "v + u**2"], likelihood)
    for u, v in POINTS:
        x, f = np.array([1.0, 0.0]), np.array([u, v + u * u])
        prior = stats.norm.logpdf([u, v]).sum()
        assert model.floating.log_likelihood([u, v], x) == pytest.approx(density(x, f), rel=ROUNDING)
        energy = -float(density(x, f)) - float(prior)
        assert model.floating.energy([u, v], x) == pytest.approx(energy, rel=ROUNDING)
        assert float(model.balls.energy([u, v], [1, 0])) == pytest.approx(energy, rel=ROUNDING)
        assert float(model.exact.energy([u, v], [1, 0]).evalf(20)) == pytest.approx(energy, rel=ROUNDING)
        assert model.floating.energy([u, v], x) != pytest.approx(-float(density(x, f)), rel=ROUNDING)


def test_variance_is_no_standard_deviation() -> None:
    model = ep.LatentModel("z", ["z"], ep.Gaussian(4))
    value = model.floating.log_likelihood([0.0], [1.0])
    assert value == pytest.approx(stats.norm.logpdf(1.0, 0.0, 2.0))
    assert value != pytest.approx(stats.norm.logpdf(1.0, 0.0, 4.0))


def test_symbolic_energy_is_the_evaluated_one() -> None:
    model = ep.LatentModel(["u", "v"], ["u", "sin(u*v)"], ep.Gaussian(["1/3", 2]))
    at = dict(zip((*model.latents, *model.data), (0.5, 0.25, 1.0, -1.0), strict=True))
    expected = float(model.energy.subs(at))
    assert model.floating.energy([0.5, 0.25], [1.0, -1.0]) == pytest.approx(expected, rel=ROUNDING)


def test_batches_broadcast() -> None:
    model = ep.LatentModel(["u", "v"], ["u*v", "u", "1/3"], ep.Gaussian(1))
    rng = np.random.default_rng(0)
    z, x = rng.normal(size=(5, 1, 2)), rng.normal(size=(4, 3))
    energy, hessian = model.floating.energy(z, x), model.floating.energy(z, x, 2)
    assert energy.shape == (5, 4)
    assert hessian.shape == (5, 4, 2, 2)
    for i in range(5):
        for j in range(4):
            assert energy[i, j] == model.floating.energy(z[i, 0], x[j])
            np.testing.assert_array_equal(hessian[i, j], model.floating.energy(z[i, 0], x[j], 2))
    tensors = model.tensors.energy(torch.tensor(z), torch.tensor(x), 2)
    np.testing.assert_allclose(tensors.numpy(), hessian, rtol=1e-13, atol=1e-13)
    assert model.floating.decoder(z, 1).shape == (5, 1, 3, 2)


def test_sixty_thousand_points_take_little_memory() -> None:
    n, D = 60_000, 6
    model = ep.LatentModel(["u", "v"], [f"tanh(u + {j}*v)" for j in range(D)], ep.Gaussian("1/10"))
    rng = np.random.default_rng(0)
    z, x = rng.normal(size=(n, 2)), rng.normal(size=(n, D))
    model.floating.energy(z[:2], x[:2], 2)
    tracemalloc.start()
    values = model.floating.energy(z, x, 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.shape == (n, 2, 2)
    # result, distinct entries, finite flags and a register for each live value: 40 columns of n doubles
    assert peak < 40 * n * 8
    np.testing.assert_array_equal(values[77], model.floating.energy(z[77], x[77], 2))


def test_integers_do_not_overflow() -> None:
    model = ep.LatentModel("z", ["z**40"], ep.Gaussian(1))
    assert model.floating.decoder(np.array([[10]])).tolist() == [[1e40]]
    assert (np.array([10]) ** 40 < 1e40).all()  # what int64 makes of it
    assert model.exact.decoder([10])[0] == 10**40


def test_constant_outputs_stay_exact() -> None:
    model = ep.LatentModel("z", ["0.1", "z"], ep.Gaussian(1))
    double = model.tensors.decoder(torch.tensor([0.5], dtype=torch.float64))
    assert double.tolist() == [0.1, 0.5]
    assert model.tensors.decoder(torch.tensor([0.5])).dtype == torch.float32
    assert model.exact.decoder([1])[0] == sympy.Rational(1, 10)
    assert model.decoder[0] == sympy.Rational(1, 10)
    binary = ep.LatentModel("z", [sympy.Float(0.1) * sympy.Symbol("z")], ep.Gaussian(1))
    assert binary.exact.decoder([1])[0] == sympy.Rational(*(0.1).as_integer_ratio())


def test_model_is_copied_and_pickled_after_use() -> None:
    model = ep.LatentModel(["u", "v"], ["gelu(u)*v"], ep.Gaussian("1/3"))
    value = model.floating.energy([0.5, 0.25], [1.0])
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301 - own bytes
        assert twin == model
        assert twin.floating.energy([0.5, 0.25], [1.0]) == value
    assert ep.LatentModel(["u", "v"], ["gelu(u)*v"], ep.Gaussian("1/4")) != model


JIT = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script:DeprecationWarning"
)  # torch's own, at vmap's first use


@JIT
@pytest.mark.parametrize(
    ("likelihood", "x"),
    [(ep.Gaussian("1/4"), [0.5, 1.5]), (ep.Bernoulli(), [0.0, 1.0])],
    ids=["Gaussian", "Bernoulli"],
)
def test_tensors_work_under_vmap_and_without_numbers(
    likelihood: ep.Gaussian | ep.Bernoulli, x: list[float]
) -> None:
    model = ep.LatentModel("z", ["sinh(z)", "1/3"], likelihood)
    z, data = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None], torch.tensor(x, dtype=torch.float64)
    expected = model.tensors.energy(z, data)
    mapped = torch.func.vmap(lambda point: model.tensors.energy(point, data))
    assert (mapped(z) - expected).abs().max() < 1e-14
    slopes = torch.func.vmap(torch.func.grad(lambda point: model.tensors.energy(point, data)))(z)
    assert (slopes - model.tensors.energy(z, data, 1)).abs().max() < 1e-13
    assert model.tensors.energy(z.to("meta"), data.to("meta"), 2).shape == (5, 1, 1)

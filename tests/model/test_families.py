"""Every likelihood family in every number system against SciPy's densities; suprema, supports, samplers, metrics."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from scipy import stats

import elboproof as ep
from elboproof.numbers.ball_arrays import BallArray
from tests.model.family_models import GIVEN, data, expected, model_of


@pytest.mark.parametrize("name", GIVEN)
def test_floats_agree_with_scipy(name: str) -> None:
    f, x = data(name)
    values = model_of(name).floating.log_likelihood(f, x)
    assert np.allclose(values, expected(name, f, x), rtol=1e-10, atol=1e-10)


def exact(values: list[float]) -> list[sympy.Rational]:
    return [sympy.Rational(*value.as_integer_ratio()) for value in values]


@pytest.mark.parametrize("name", GIVEN)
def test_balls_contain_what_is_exact(name: str) -> None:
    f, x = data(name)
    model = model_of(name)
    for place, datum in zip(f[:8].tolist(), x[:8].tolist(), strict=True):
        ball = model.balls.energy(place, datum)
        assert abs(float(ball.mid()) - model.floating.energy(place, datum)) < 1e-9
        assert float(ball.rad()) < 1e-9
        numbers = (
            [sympy.Rational(*v.as_integer_ratio()) for v in place],
            [sympy.Rational(*v.as_integer_ratio()) for v in datum],
        )
        energy = model.exact.energy(*numbers)
        assert abs(float(sympy.N(energy, 30)) - float(ball.mid())) < 1e-9
        whole = dict(zip((*model.latents, *model.data), (*numbers[0], *numbers[1]), strict=True))
        assert abs(float(sympy.N(model.energy.subs(whole), 30)) - float(ball.mid())) < 1e-9


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5), (torch.float16, 3e-2)]
)
def test_tensors_of_any_precision(name: str, dtype: torch.dtype, tolerance: float) -> None:
    f, x = data(name)
    small = np.abs(x).max(-1) < 50  # half precision
    z = torch.tensor(f[small], dtype=dtype, requires_grad=True)
    given = torch.tensor(x[small], dtype=dtype)
    allowed = given.double().numpy()
    value = model_of(name).tensors.log_likelihood(z, given)
    assert value.dtype == dtype
    want = expected(name, z.detach().double().numpy(), allowed)
    assert np.allclose(value.detach().double().numpy(), want, rtol=tolerance, atol=10 * tolerance)
    (slope,) = torch.autograd.grad(value.sum(), z)
    analytic = model_of(name).floating.log_likelihood(z.detach().double().numpy(), allowed, 1)
    assert np.allclose(slope.double().numpy(), analytic, rtol=10 * tolerance, atol=30 * tolerance)


@pytest.mark.parametrize("name", GIVEN)
def test_suprema_are_bounds_and_near(name: str) -> None:
    _, x = data(name)
    likelihood = GIVEN[name][0]
    rows = np.unique(x[:, :1], axis=0) if name != "Categorical" else x[:3]
    outputs = np.stack(np.meshgrid(*[np.linspace(-8, 8, 33)] * 3), -1).reshape(-1, 3)
    for row in rows:
        full = np.repeat(row, 3)[:3] if name != "Categorical" else row
        (top,) = likelihood.log_suprema(BallArray(full[None]))
        base = likelihood.log_base([float(v) for v in full], _floats())
        values = expected(name, outputs, np.broadcast_to(full, outputs.shape)) - (
            0.0 if base is None else base
        )
        assert values.max() <= top + 1e-9
        grid = np.linspace(-12, 12, 4801)[:, None] if name != "Categorical" else outputs * 2
        line = expected(name, grid, np.broadcast_to(full[: grid.shape[1]], grid.shape))
        one = likelihood.log_base([float(v) for v in full[: grid.shape[1]]], _floats())
        bound = likelihood.log_suprema(BallArray(full[None, : grid.shape[1]]))[0]
        reached = line.max() - (0.0 if one is None else one)
        assert reached <= bound + 1e-9
        assert bound - reached < 1e-2 or full[0] == 0 or name in FAR


def _floats() -> Any:
    from elboproof.model.base_measures import FLOATS

    return FLOATS


FAR = {"Bernoulli", "Binomial", "ContinuousBernoulli"}
"""Suprema that are reached beyond the grid, or not at all."""
OUTSIDE: dict[str, tuple[Any, str]] = {
    "ContinuousBernoulli": (
        [0, 0.5, 1.5],
        r"x\[2\]: got .*; expected numbers from 0 to 1, the data of a continuous",
    ),
    "Bernoulli": ([0, 2, 1], r"x\[1\]: got .*; expected zeros and ones, the data of a Bernoulli"),
    "Binomial": ([0, 7, 8], r"x\[2\]: got .*; expected integers from 0 to the number of trials"),
    "Categorical": ([0, 1, 1], r"x\[0:3\]: got .*; expected one 1 among zeros for each group"),
    "Poisson": ([0, -1, 2], r"x\[1\]: got .*; expected integers 0, 1, 2, ..., the data of a Poisson"),
    "NegativeBinomial": (
        [0, 0.5, 2],
        r"x\[1\]: got .*; expected integers 0, 1, 2, ..., the data of a negative",
    ),
    "Exponential": ([0, 0.5, -1e-300], r"x\[2\]: got .*; expected numbers of at least 0"),
    "Gamma": ([1, 0, 2], r"x\[1\]: got .*; expected positive numbers, the data of a gamma"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_data_outside_of_the_support_are_named(name: str) -> None:
    x, message = OUTSIDE[name]
    model = model_of(name)
    good = data(name)[1][0].tolist()
    readers: list[Callable[[], object]] = [
        lambda: ep.log_evidence(model, x, 3),
        lambda: ep.elbo(model, x, ep.GaussianPosterior([0, 0, 0], [1, 1, 1])),
        lambda: model.floating.energy([0, 0, 0], x),
        lambda: model.balls.energy([0, 0, 0], x),
        lambda: model.exact.energy([0, 0, 0], x),
        lambda: model.tensors.energy(
            torch.zeros(3, dtype=torch.float64), torch.tensor(x, dtype=torch.float64)
        ),
    ]
    for read in readers:
        with pytest.raises(ValueError, match=message):
            read()
    with pytest.raises(ValueError, match=message.replace(r"x\[", r"x\[1\]\[", 1)):
        ep.log_evidence(model, [good, x], 3)


PARAMETERS: dict[str, tuple[Any, type[Exception], str]] = {
    "trials": (lambda: ep.Binomial("5/2"), ValueError, "trials: got '5/2'; expected a positive integer"),
    "no trials": (
        lambda: ep.Binomial([3, 0]),
        ValueError,
        r"trials\[1\]: got .*; expected a positive integer",
    ),
    "dispersion": (
        lambda: ep.NegativeBinomial(0),
        ValueError,
        "dispersion: got .*; expected a positive number",
    ),
    "shape": (lambda: ep.Gamma("-1"), ValueError, "shape: got '-1'; expected a positive number"),
    "degrees": (lambda: ep.StudentT(float("inf")), ValueError, "degrees: got inf; expected a finite number"),
    "scale": (
        lambda: ep.Laplace(None),
        TypeError,
        "scale: got None of type NoneType; expected an exact real number",
    ),
    "none": (lambda: ep.VonMises([]), ValueError, r"concentration: got \[\]; expected at least one number"),
    "sizes": (
        lambda: ep.LatentModel("z", ["z"], ep.Gamma([1, 2])),
        ValueError,
        "shape: got 2 dimensions; expected 1, one per decoder output",
    ),
    "groups": (
        lambda: ep.Categorical([2, 1]),
        ValueError,
        r"groups: got \[2, 1\]; expected at least one group, each of 2",
    ),
    "groups' kind": (
        lambda: ep.Categorical(3),  # type: ignore[arg-type]
        TypeError,
        "groups: got 3 of type int; expected a list of integers",
    ),
    "groups' sum": (
        lambda: ep.LatentModel("z", ["z", "0", "1"], ep.Categorical([2, 2])),
        ValueError,
        "groups: got 4 classes in all; expected 3, one per decoder output",
    ),
    "one class": (
        lambda: ep.LatentModel("z", ["z"], ep.Categorical()),
        ValueError,
        "decoder: got 1 output; expected at least 2",
    ),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_named(name: str) -> None:
    make, kind, message = PARAMETERS[name]
    with pytest.raises(kind, match=message):
        make()


def test_parameters_of_each_output() -> None:
    likelihood = ep.StudentT([1, "5/2"], ["1/3", 2])
    model = ep.LatentModel("z", ["z", "2*z"], likelihood)
    x, z = np.array([0.3, -1.0]), 0.7
    want = stats.t.logpdf(x, [1, 2.5], [z, 2 * z], [1 / 3, 2]).sum()
    assert model.floating.log_likelihood([z], x) == pytest.approx(want, rel=1e-12)
    assert pickle.loads(pickle.dumps(likelihood)) == likelihood  # noqa: S301
    assert hash(likelihood) == hash(ep.StudentT([1, 2.5], ["1/3", 2.0]))
    assert likelihood != ep.StudentT([1, 2.5], ["1/3", 2.5])
    assert repr(ep.Binomial([3, 4])) == "Binomial(trials=['3', '4'])"
    several = ep.Categorical([2, 3])
    grouped = ep.LatentModel("z", ["z", "0", "z", "1", "0"], several)
    logits = np.array([z, 0, z, 1, 0])
    want = logits[1] - np.logaddexp(z, 0) + logits[2] - np.log(np.exp(logits[2:]).sum())
    assert grouped.floating.log_likelihood([z], [0, 1, 1, 0, 0]) == pytest.approx(want, rel=1e-12)
    with pytest.raises(ValueError, match=r"x\[2:5\]: got .*one 1 among zeros"):
        grouped.floating.log_likelihood([z], [0, 1, 0, 0, 0])

"""Weights of Hamiltonian paths against closed forms, exact sums and a path written anew; arguments that do not fit."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from elboproof import objectives
from elboproof.objectives.hamiltonian import cooling, weights

DOUBLE = torch.float64


def gaussian(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return log N(z; 0, I) + log N(x; 3 z, I/4)."""
    constant = z.shape[-1] * (math.log(2 * math.pi) + math.log(0.5))
    return (-(z**2) / 2 - 2 * (x - 3 * z) ** 2).sum(-1) - constant


def log_evidence(x: torch.Tensor) -> torch.Tensor:
    return (-(x**2) / 18.5 - math.log(2 * math.pi * 9.25) / 2).sum(-1)


def lively(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return a log density of no known form."""
    return (-(z**4) / 8 - (x - torch.tanh(2 * z)) ** 2 + torch.cos(z)).sum(-1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(), dtype=DOUBLE)


X, MEAN, LOG_STD = random(3, 2), 0.3 * random(3, 2), -0.2 * torch.ones(3, 2, dtype=DOUBLE)
OPTIONS: dict[str, Any] = {
    "steps": 3,
    "step_size": torch.tensor([0.1, 0.2], dtype=DOUBLE),
    "inverse_temperature": torch.tensor([0.5, 0.9], dtype=DOUBLE),
}


def test_weights_are_those_of_a_path_written_anew() -> None:
    noise, gamma = random(2, 4, 3, 2)
    log_w, z, rho = weights(lively, X, MEAN, LOG_STD, noise, gamma, **OPTIONS)
    place, x = (MEAN + LOG_STD.exp() * noise).numpy(), X.numpy()
    step, t0 = OPTIONS["step_size"].numpy(), OPTIONS["inverse_temperature"].numpy() ** -0.5
    momentum = t0 * gamma.numpy()

    def slope(a: Any) -> Any:
        return -(a**3) / 2 + 4 * (x - np.tanh(2 * a)) * (1 - np.tanh(2 * a) ** 2) - np.sin(a)

    for k in range(1, 4):
        momentum = momentum + step / 2 * slope(place)
        place = place + step * momentum
        momentum = momentum + step / 2 * slope(place)
        momentum *= (1 + (t0 - 1) * (1 - k**2 / 9)) / (1 + (t0 - 1) * (1 - (k - 1) ** 2 / 9))
    assert np.allclose(z.detach().numpy(), place, rtol=1e-13)
    assert np.allclose(rho.detach().numpy(), momentum, rtol=1e-13)
    start = torch.distributions.Normal(MEAN, LOG_STD.exp()).log_prob(MEAN + LOG_STD.exp() * noise).sum(-1)  # type: ignore[no-untyped-call]
    wanted = lively(z, X) + (gamma**2 - rho**2).sum(-1) / 2 - start
    assert torch.allclose(log_w, wanted, rtol=1e-13)


def test_the_mean_weight_is_the_evidence_and_the_mean_log_weight_below_it() -> None:
    log_w, _, _ = objectives.hvae_elbo(
        gaussian, X, MEAN, LOG_STD, samples=200_000, generator=generator(), **OPTIONS
    )
    exact = log_evidence(X)
    error = (log_w - exact).exp().std(0) / math.sqrt(200_000)
    estimate = (log_w - exact).exp().mean(0)
    assert bool((estimate - 1).abs().lt(5 * error).all())
    assert bool(error.lt(0.01).all())
    assert bool((log_w.mean(0) < exact - 5 * log_w.std(0) / math.sqrt(200_000)).all())


def test_the_quarter_turn_attains_the_closed_bound() -> None:
    """x ~ N(3 z, 1/4): L = 37; with T_0^2 = sqrt(V)/2 the gap is sqrt(V) - 1 - log(L)/2, V = L (1 + m^2)."""
    x, zero = torch.tensor([[2.0]], dtype=DOUBLE), torch.zeros(1, 1, dtype=DOUBLE)
    precision, mean = 37.0, 4 * 3 * 2.0 / 37
    root = math.sqrt(precision * (1 + mean**2))
    nodes = torch.tensor([-math.sqrt(3), 0.0, math.sqrt(3)], dtype=DOUBLE)  # of three: exact for quadratics
    share = torch.tensor([1 / 6, 2 / 3, 1 / 6], dtype=DOUBLE)
    noise, gamma = (grid.reshape(9, 1, 1) for grid in torch.meshgrid(nodes, nodes, indexing="ij"))
    log_w, _, _ = weights(
        gaussian, x, zero, zero, noise, gamma,
        steps=1, step_size=math.sqrt(2 / precision), inverse_temperature=2 / root,
    )  # fmt: skip
    elbo = (torch.outer(share, share).reshape(9) * log_w[:, 0].detach()).sum()
    assert float(log_evidence(x) - elbo) == pytest.approx(root - 1 - math.log(precision) / 2, rel=1e-12)


def test_cooling_ends_at_one() -> None:
    factors = cooling(torch.tensor([3.0, 1.0], dtype=DOUBLE), 4)
    assert torch.allclose(torch.stack(factors).prod(0), torch.tensor([1 / 3, 1.0], dtype=DOUBLE))
    assert float(factors[0][0]) == pytest.approx((1 + 2 * 15 / 16) / 3)


def test_gradients_reach_all_parameters_through_the_curvature() -> None:
    """Against central differences: what forgets that the kicks' gradients move is off."""
    noise, gamma = random(2, 4, 3, 2)

    def mean_weight(vector: torch.Tensor) -> torch.Tensor:
        mean, log_std = vector[:2].expand(3, 2), vector[2:4].expand(3, 2)
        log_w, _, _ = weights(
            lively, X, mean, log_std, noise, gamma,
            steps=3, step_size=vector[4:6].exp(), inverse_temperature=torch.sigmoid(vector[6:]),
        )  # fmt: skip
        return log_w.mean()

    vector = 0.3 * random(8)
    vector[4:6] -= 2
    assert torch.autograd.gradcheck(mean_weight, vector.requires_grad_(), rtol=1e-6)


def test_the_models_own_parameters_get_gradients() -> None:
    scale = torch.tensor(0.7, dtype=DOUBLE, requires_grad=True)
    noise, gamma = random(2, 4, 3, 2)
    log_w, _, _ = weights(lambda z, x: gaussian(scale * z, x), X, MEAN, LOG_STD, noise, gamma, **OPTIONS)
    (slope,) = torch.autograd.grad(log_w.mean(), scale)

    def value(a: float) -> float:
        moved = weights(lambda z, x: gaussian(a * z, x), X, MEAN, LOG_STD, noise, gamma, **OPTIONS)
        return float(moved[0].detach().mean())

    assert float(slope) == pytest.approx((value(0.7 + 1e-6) - value(0.7 - 1e-6)) / 2e-6, rel=1e-7)


def test_without_gradients_no_graph_is_kept_and_the_numbers_are_the_same() -> None:
    with torch.no_grad():
        bare = objectives.hvae_elbo(gaussian, X, MEAN, LOG_STD, generator=generator(), **OPTIONS)
    whole = objectives.hvae_elbo(gaussian, X, MEAN, LOG_STD, generator=generator(), **OPTIONS)
    assert [one.requires_grad for one in bare] == [False] * 3
    assert all(torch.equal(a, b) for a, b in zip(bare, whole, strict=True))
    assert [tuple(one.shape) for one in bare] == [(1, 3), (1, 3, 2), (1, 3, 2)]


def test_the_force_is_asked_once_for_each_place() -> None:
    calls = []

    def counted(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        calls.append(z.shape)
        return gaussian(z, x)

    objectives.hvae_elbo(counted, X, MEAN, LOG_STD, generator=generator(), **OPTIONS)
    assert len(calls) == 4


def test_halves_are_computed_in_float32() -> None:
    half = [one.to(torch.float16) for one in (X, MEAN, LOG_STD)]
    log_w, _, _ = objectives.hvae_elbo(gaussian, *half, steps=1, step_size=0.1, generator=generator())
    assert log_w.dtype == torch.float32


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no steps": ({"steps": 0}, "steps: got 0; expected an integer, at least 1"),
    "half a step": ({"steps": 1.5}, "steps: got 1.5 of type float"),
    "truth": ({"steps": True}, "steps: got True of type bool"),
    "no samples": ({"samples": 0}, "samples: got 0; expected an integer, at least 1"),
    "step size 0": ({"step_size": 0.0}, "step_size: got 0.0; expected positive finite numbers"),
    "NaN step": ({"step_size": torch.tensor([0.1, math.nan])}, "step_size: got .*expected positive finite"),
    "text": ({"step_size": "0.1"}, "step_size: got '0.1' of type str"),
    "steps for each": ({"step_size": torch.ones(3)}, r"step_size: got shape \(3,\); expected \(\) or \(2,\)"),
    "integers": ({"step_size": torch.ones(2, dtype=torch.int64)}, "step_size: got .* expected a floating"),
    "heating": ({"inverse_temperature": 1.5}, "inverse_temperature: got 1.5; expected at most 1"),
    "cold": ({"inverse_temperature": 0.0}, "inverse_temperature: got 0.0; expected positive finite"),
    "empty": ({"x": X[:0], "q0_mean": MEAN[:0], "q0_log_std": LOG_STD[:0]}, "q0_mean: got shape .*empty"),
    "rows": ({"x": X[:2]}, "q0_mean: got shape .*expected 2 rows, one for each of x"),
    "deviations": ({"q0_log_std": LOG_STD[:, :1]}, "q0_log_std: got shape .*the shape of q0_mean"),
    "NaN mean": ({"q0_mean": MEAN * math.nan}, "q0_mean: got infinite or NaN entries"),
    "infinite": ({"q0_log_std": LOG_STD * math.inf}, "q0_log_std: got infinite or NaN entries"),
    "generator": ({"generator": 3}, "generator: got 3 of type int; expected a torch.Generator"),
    "joint's shape": (
        {"log_joint": lambda z, x: gaussian(z, x).sum()},
        r"log_joint: got values of shape \(\); expected \(1, 3\)",
    ),
    "no tensor": ({"log_joint": lambda *_: 0.0}, "log_joint: got 0.0 of type float"),
    "constant": ({"log_joint": lambda *_: X[None, :, 0] * 0}, "log_joint: got values without a gradient"),
    "independent": (
        {"log_joint": lambda *_: (X.clone().requires_grad_() * 2)[None, :, 0]},
        "log_joint: got values that do not depend on z",
    ),
    "minus infinity": (
        {"log_joint": lambda z, x: gaussian(z, x) - math.inf},
        "log_joint: got infinite or NaN values on a path",
    ),
    "NaN joint": ({"log_joint": lambda z, x: gaussian(z, x) * math.nan}, "log_joint: got infinite or NaN"),
    "divergence": ({"steps": 400, "step_size": 9.0}, "log_joint: .* which may need a smaller step_size"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    changes, message = BAD[name]
    given: dict[str, Any] = {
        "log_joint": gaussian, "x": X, "q0_mean": MEAN, "q0_log_std": LOG_STD, "generator": generator(), **OPTIONS,
    }  # fmt: skip
    call: Callable[..., Any] = objectives.hvae_elbo
    with pytest.raises((TypeError, ValueError), match=message):
        call(**(given | changes))

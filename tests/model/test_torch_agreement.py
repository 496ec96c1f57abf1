"""A torch module is read as what it computes: right values of modules used twice, and of modules that look unusual."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn
from torch.nn.utils import parametrizations, parametrize

import elboproof as ep
from tests.model.torch_modules import Learned, Named, Sin, three, weighted

VARIANCE = 0.25
QUADRATURE = 1e-8
"""Error of SciPy's quad of the torch module on the line, and of 8 certified digits; quad states less than 2e-9."""


def by_quadrature(module: nn.Module, x: float) -> float:
    """Return log p(x) from the module's own float64 output alone."""

    def density(z: float) -> float:
        with torch.no_grad():
            f = module(torch.tensor([[z]], dtype=torch.float64)).item()
        return float(np.exp(-((x - f) ** 2) / (2 * VARIANCE) - z**2 / 2) / (2 * np.pi * np.sqrt(VARIANCE)))

    value, error = quad(density, -12, 12, epsabs=1e-13, epsrel=1e-11, limit=400)
    assert error < 2e-9
    return float(np.log(value))


def repeated_activation() -> nn.Sequential:
    act = nn.Tanh()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(1, 8), act, nn.Linear(8, 8), act, nn.Linear(8, 1)).double()


def tied() -> nn.Sequential:
    first = weighted(nn.Linear(1, 2), [[1.5], [-0.75]], [0.25, 0.5])
    twice = weighted(nn.Linear(2, 2), [[1.25, -2.0], [0.5, 1.75]], [0.5, -0.25])
    last = weighted(nn.Linear(2, 1), [[1.5, 2.0]], [-0.5])
    return nn.Sequential(first, nn.Tanh(), twice, nn.SiLU(), twice, nn.Sigmoid(), last)


def repeated_block() -> nn.Sequential:
    block = nn.Sequential(weighted(nn.Linear(1, 1), [[1.5]], [0.5]), nn.Sequential(nn.Tanh()))
    return nn.Sequential(block, block, block, block[0])


REPEATED: dict[str, tuple[Callable[[], nn.Sequential], str, float]] = {
    "activation": (repeated_activation, "1-8, tanh, 8-8, tanh, 8-1", -0.287500),
    "linear": (tied, "1-2, tanh, 2-2, silu, 2-2, sigmoid, 2-1", -2.963066),
    "block": (repeated_block, "1-1, tanh, 1-1, tanh, 1-1, tanh, 1-1", -1.817901),
}
"""Modules, what is read, and log p(x = 0.2) in nats to six decimals by SciPy's quad."""


@pytest.mark.parametrize("name", REPEATED)
def test_a_module_used_twice_is_two_layers(name: str) -> None:
    make, layers, value = REPEATED[name]
    module = make()
    model = ep.LatentModel.from_torch(module, ep.Gaussian(VARIANCE))
    assert repr(model.network) == f"Network({layers})"
    evidence = ep.log_evidence(model, [0.2], digits=8)
    independent = by_quadrature(module, 0.2)
    assert evidence.lower - QUADRATURE <= independent <= evidence.upper + QUADRATURE
    assert abs(independent - value) < 1e-6
    once = nn.Sequential(*dict.fromkeys(module)) if name != "block" else module[0]  # what was read before
    assert abs(by_quadrature(once, 0.2) - value) > 1e-2


def with_backward_hook() -> nn.Module:
    module = three(nn.Tanh())
    module.register_full_backward_hook(lambda *_: None)
    return module


def normed_and_plain_again() -> nn.Module:
    linear = parametrizations.weight_norm(nn.Linear(1, 4))
    parametrize.remove_parametrizations(linear, "weight")
    return nn.Sequential(linear, nn.Tanh())


def unusual_weights() -> nn.Module:
    turned, repeated, negative = (nn.Linear(2, 2, dtype=torch.float64) for _ in range(3))
    turned.weight = nn.Parameter(torch.arange(4.0, dtype=torch.float64).reshape(2, 2).T)
    repeated.weight = nn.Parameter(torch.tensor([[1.0], [2.0]], dtype=torch.float64).expand(2, 2))
    negative.weight = nn.Parameter((torch.eye(2) + 0.5j).to(torch.complex128).conj().imag)
    return nn.Sequential(turned, repeated, negative)


TAKEN: dict[str, Callable[[], nn.Module]] = {
    "frequency 1": lambda: three(Learned(1.0, 1.0, 1.0, 1.0)),
    "in place": lambda: nn.Sequential(
        nn.ReLU(inplace=True), nn.Linear(1, 4), nn.SiLU(inplace=True), Sin(torch.sin_)
    ),
    "other name": lambda: Named(nn.Linear(1, 4), nn.Tanh()),
    "empty parts": lambda: three(nn.Sequential(nn.Sequential(), nn.Identity())),
    "dropout of 0": lambda: three(nn.Dropout(0.0)),
    "backward hook": with_backward_hook,
    "norm removed": normed_and_plain_again,
    "float16": lambda: three(nn.GELU()).half(),
    "bfloat16": lambda: three(nn.Softplus()).bfloat16(),
    "float64": lambda: three(nn.Sigmoid()).double(),
    "no bias": lambda: nn.Sequential(nn.Linear(1, 3, bias=False), nn.Tanh()),
    "views": unusual_weights,
    "frozen": lambda: three(nn.Tanh()).requires_grad_(False),
}


def global_state() -> Any:
    """Return the state of NumPy's global generator."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].copy()


@pytest.mark.parametrize("name", TAKEN)
def test_what_agrees_is_taken_and_left_as_it_was(name: str) -> None:
    module = TAKEN[name]()
    before = copy.deepcopy(module.state_dict())
    modes = [(part.training, type(part)) for part in module.modules()]
    state = torch.get_rng_state(), global_state()
    model = ep.LatentModel.from_torch(module, ep.Gaussian(1))
    assert torch.equal(state[0], torch.get_rng_state())
    assert np.array_equal(state[1], global_state())
    assert modes == [(part.training, type(part)) for part in module.modules()]
    after = module.state_dict()
    assert list(after) == list(before)
    for key, value in before.items():
        assert after[key].dtype == value.dtype
        assert torch.equal(after[key], value)
    assert all(parameter.grad is None for parameter in module.parameters())
    z = np.linspace(-3, 3, 14).reshape(-1, model.latent_dim)
    with torch.no_grad():
        values = copy.deepcopy(module).double()(torch.tensor(z)).numpy()
    assert np.allclose(model.floating.decoder(z), values, rtol=1e-12, atol=1e-12)


def test_reading_under_autocast_compares_in_float64() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model = ep.LatentModel.from_torch(tied(), ep.Gaussian(1))
    assert model.floating.decoder([0.5])[0] == pytest.approx(
        tied()(torch.tensor([[0.5]]).double()).item(), abs=1e-12
    )


def test_a_softplus_is_the_smooth_one_and_torch_is_2e_9_off_beyond_20() -> None:
    module = weighted(nn.Linear(1, 1), [[1.0]], [0.0])
    model = ep.LatentModel.from_torch(nn.Sequential(module, nn.Softplus()), ep.Gaussian(1))
    ours = model.balls.decoder(["20.001"])[0]
    difference = float(ours) - nn.Softplus()(torch.tensor(20.001, dtype=torch.float64)).item()
    assert 1e-9 < difference < 2.1e-9

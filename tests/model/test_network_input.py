"""Torch modules that cannot be taken, and what a network model does not offer: clear errors."""

import copy
import pickle
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

import elboproof as ep
from elboproof.model.networks import Affine

G = ep.Gaussian(1)


class Doubled(nn.Linear):
    def forward(self, t: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(t)


class Skip(nn.Sequential):
    def forward(self, t: torch.Tensor) -> torch.Tensor:
        for layer in self:
            t = t + layer(t)
        return t


def poisoned(value: float) -> nn.Module:
    linear = nn.Linear(2, 3)
    with torch.no_grad():
        linear.weight[1, 0] = value
    return nn.Sequential(nn.Sequential(linear))


def _doubled(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
    return 2 * output


def hooked() -> nn.Module:
    linear = nn.Linear(2, 3)
    linear.register_forward_hook(_doubled)
    return nn.Sequential(linear)


CASES: dict[str, tuple[Callable[[], nn.Module], type[Exception], str]] = {
    "no module": (lambda: cast(nn.Module, "net"), TypeError, "module: got 'net'.*torch.nn.Module"),
    "convolution": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Conv1d(1, 1, 1)),
        TypeError,
        r"module.1 \(Conv1d\): got Conv1d.*expected a Conv2d.*one of Sequential.*Linear",
    ),
    "normalisation": (
        lambda: nn.Sequential(nn.BatchNorm1d(2)),
        ValueError,
        r"module.0 \(BatchNorm1d\): got a BatchNorm1d in training mode; expected module.eval",
    ),
    "another softplus": (lambda: nn.Softplus(beta=2), TypeError, "beta=2.*expected beta=1"),
    "another flatten": (lambda: nn.Flatten(0), TypeError, "start_dim=0; expected start_dim=1"),
    "changed linear": (lambda: Doubled(2, 3), TypeError, r"module \(Doubled\)"),
    "changed sequential": (lambda: Skip(nn.Linear(2, 2)), TypeError, r"module \(Skip\)"),
    "hook": (hooked, TypeError, r"module.0 \(Linear\): got a layer with hooks"),
    "parametrised": (
        lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)),
        TypeError,
        "ParametrizedLinear",
    ),
    "no weights": (
        lambda: nn.Sequential(nn.Tanh()),
        ValueError,
        "without a Linear layer; expected at least one",
    ),
    "nan": (lambda: poisoned(np.nan), ValueError, r"module.0.0 \(Linear\).weight: got nan at \[1\]\[0\]"),
    "inf": (lambda: poisoned(np.inf), ValueError, "weight: got inf"),
    "mismatch": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(4, 1)),
        ValueError,
        r"module.2 \(Linear\): got 4 inputs; expected 3",
    ),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.1)),
        ValueError,
        r"module.1 \(Dropout\): got a dropout in training mode; expected module.eval",
    ),
    "complex": (lambda: nn.Linear(2, 3, dtype=torch.complex128), TypeError, "weight.*real floating-point"),
}


@pytest.mark.parametrize("name", CASES)
def test_module_is_refused(name: str) -> None:
    make, error, message = CASES[name]
    with pytest.raises(error, match=message):
        ep.LatentModel.from_torch(make(), G)


@pytest.mark.parametrize("name", ["convolution", "dropout", "mismatch"])
def test_its_repaired_neighbour_is_taken(name: str) -> None:
    layers = {"convolution": nn.SiLU(), "dropout": nn.Dropout(0.1), "mismatch": nn.Linear(3, 1)}
    model = ep.LatentModel.from_torch(nn.Sequential(nn.Linear(2, 3), layers[name]).eval(), G)
    assert model.latent_dim == 2
    assert model.data_dim == (1 if name == "mismatch" else 3)


def test_likelihoods_that_do_not_fit() -> None:
    module = nn.Linear(1, 2)
    with pytest.raises(ValueError, match="variance: got 3 dimensions; expected 2"):
        ep.LatentModel.from_torch(module, ep.Gaussian([1, 2, 3]))
    with pytest.raises(ValueError, match=r"likelihood: .*scalar or diagonal variance"):
        ep.LatentModel.from_torch(module, ep.Gaussian(covariance=[[2, 1], [1, 2]]))
    with pytest.raises(TypeError, match="likelihood: got 'normal'"):
        ep.LatentModel.from_torch(module, "normal")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"likelihood: got the class Gaussian itself; .*a likelihood such as"):
        ep.LatentModel.from_torch(module, ep.Gaussian)  # type: ignore[arg-type]


def test_what_is_not_offered_says_so() -> None:
    model = ep.LatentModel.from_torch(nn.Linear(1, 1), G)
    with pytest.raises(ValueError, match="evaluator: got the exact number system for a network"):
        model.exact.energy([0], [0])
    with pytest.raises(TypeError, match="log_likelihood: got a network"):
        _ = model.energy
    bits = ep.LatentModel.from_torch(nn.Linear(1, 1), ep.Bernoulli())
    with pytest.raises(ValueError, match=r"x\[0\]: got 0\.5; expected zeros and ones"):
        bits.floating.energy([0.0], [0.5])
    with pytest.raises(ValueError, match="z: got shape"):
        model.floating.energy([[0.0, 1.0]], [0.0])


def test_weights_are_a_copy_and_exact() -> None:
    module = nn.Linear(1, 1)  # float32
    model = ep.LatentModel.from_torch(module, G)
    before = model.balls.decoder([1])[0]
    assert before.contains(float(module.weight.item()) + float(module.bias.item()))
    with torch.no_grad():
        module.weight += 1
    assert model.balls.decoder([1])[0] == before
    fresh = ep.LatentModel.from_torch(module, G)
    assert not fresh.balls.decoder([1])[0].overlaps(before)


def test_weights_of_a_model_cannot_be_changed() -> None:
    model = ep.LatentModel.from_torch(nn.Linear(1, 1), G)
    layer = model.network.layers[0]
    assert isinstance(layer, Affine)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight.entries[0, 0] = 7.0
    with pytest.raises(ValueError, match="read-only"):
        layer.bias[0] = 7.0


def test_models_compare_copy_and_pickle() -> None:
    module = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    model = ep.LatentModel.from_torch(module, G)
    model.floating.energy([0.5], [0.0, 0.0])
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    assert again.floating.energy([0.5], [0.0, 0.0]) == model.floating.energy([0.5], [0.0, 0.0])
    assert copy.copy(model) == model
    assert model != ep.LatentModel.from_torch(module, G)
    assert len({model, copy.copy(model)}) == 1
    assert "1-2, tanh" in repr(model)

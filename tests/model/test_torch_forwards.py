"""What is read of torch modules of one's own, and what is refused by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import elboproof as ep
from elboproof.model import torch_convolutions, torch_graphs
from elboproof.model.latent_model import NetworkModel
from elboproof.model.networks import Affine
from tests.model.layer_problems import Images, Residual, made

Z = np.random.default_rng(1).normal(size=(6, 2))


def model_of(module: nn.Module) -> NetworkModel:
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1/4"))
    assert isinstance(model, NetworkModel)
    return model


class Vae(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(3, 2), nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return self.decoder(self.encoder(x) + torch.randn(2))


class Methods(nn.Module):
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z


class Forward(nn.Module):
    """A forward of one's own around one layer."""

    def __init__(self, forward: Callable[[Any, torch.Tensor], Any], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.layer, self.function = layer or nn.Linear(2, 2), forward

    def forward(self, z: torch.Tensor) -> Any:
        return self.function(self.layer, z)


def after(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), *layers).eval()


def with_running(variance: float) -> nn.Module:
    norm = nn.BatchNorm1d(4)
    norm.running_var = torch.full((4,), variance)
    return after(norm)


REFUSED: dict[str, tuple[Callable[[], nn.Module], type[Exception], str]] = {
    "whole": (Vae, TypeError, r"module: got a Vae, which has an encoder.*: pass its decoder: vae\.decoder"),
    "methods": (Methods, TypeError, "module: got a Methods.*: pass a module whose forward is its decode"),
    "training": (
        lambda: after(nn.BatchNorm1d(4)).train(),
        ValueError,
        r"BatchNorm1d in training mode; expected module\.eval",
    ),
    "no statistics": (
        lambda: after(nn.BatchNorm1d(4, track_running_stats=False)),
        ValueError,
        "got no running statistics",
    ),
    "negative variance": (
        lambda: with_running(-1.0),
        ValueError,
        r"running_var: got -1\.0; expected positive variances",
    ),
    "nan": (
        lambda: with_running(float("nan")),
        ValueError,
        r"running_var: got nan at \[0\]; expected finite",
    ),
    "no eps": (
        lambda: after(nn.LayerNorm(4, eps=0.0)),
        ValueError,
        r"\(LayerNorm\)\.eps: got 0\.0; expected",
    ),
    "other axes": (
        lambda: after(nn.LayerNorm(3)),
        ValueError,
        r"\(LayerNorm\): got inputs of shape \(4,\); expected \(3,\)",
    ),
    "images first": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 1)),
        ValueError,
        r"got vectors; expected images \(C, H, W\)",
    ),
    "flat": (lambda: after(nn.Conv2d(1, 1, 1)), ValueError, r"got inputs of shape \(4,\); expected images"),
    "channels": (
        lambda: after(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(2, 1, 1)),
        ValueError,
        "got 2 channels; expected 1",
    ),
    "small": (
        lambda: after(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 1, 3)),
        ValueError,
        "not smaller than the kernel",
    ),
    "circular": (
        lambda: after(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 1, 1, padding_mode="circular")),
        TypeError,
        "padding_mode='circular'; expected padding_mode='zeros'",
    ),
    "sizes": (
        lambda: after(nn.Unflatten(1, (3, 2))),
        ValueError,
        r"got inputs of shape \(4,\); expected as many entries as \(3, 2\)",
    ),
    "axis": (lambda: after(nn.Unflatten(0, (1, 4))), TypeError, "dim=0; expected dim=1"),
    "vectors": (
        lambda: after(nn.Unflatten(1, (2, 2)), nn.Linear(2, 2)),
        ValueError,
        "got inputs of shape .* as a Flatten before it",
    ),
    "norm of images": (
        lambda: after(nn.BatchNorm2d(4)),
        ValueError,
        r"got inputs of shape \(4,\); expected images \(4, H, W\)",
    ),
    "products": (
        lambda: Forward(lambda layer, z: layer(z) * z),
        TypeError,
        r"module\.mul: got mul in its forward; expected only calls",
    ),
    "scaled sum": (
        lambda: Forward(lambda layer, z: torch.add(layer(z), z, alpha=2)),
        TypeError,
        r"module\.add: got add in its forward",
    ),
    "constant": (
        lambda: Forward(lambda layer, z: layer(z) + 1.0),
        TypeError,
        r"module\.add: got add in its forward",
    ),
    "shapes": (
        lambda: Forward(lambda layer, z: layer(z) + z[:, :1]),
        TypeError,
        r"module\.getitem: got getitem",
    ),
    "broadcast": (
        lambda: Forward(lambda layer, z: layer(z) + torch.flatten(z, 1), nn.Linear(2, 1)),
        ValueError,
        "got a sum of shapes",
    ),
    "mixing rows": (
        lambda: Forward(lambda layer, z: layer(z).view(4, -1)),
        TypeError,
        r"module\.view: got view in its forward",
    ),
    "two results": (
        lambda: Forward(lambda layer, z: (layer(z), z)),
        TypeError,
        "got a forward that returns .*; expected one tensor",
    ),
    "control flow": (
        lambda: Forward(lambda layer, z: layer(z) if z.sum() > 0 else z),
        TypeError,
        "cannot be recorded",
    ),
    "dropout": (
        lambda: Forward(lambda layer, z: nn.functional.dropout(layer(z))),
        ValueError,
        "got a dropout in training mode",
    ),
    "beta": (
        lambda: Forward(lambda layer, z: nn.functional.softplus(layer(z), 2)),
        TypeError,
        r"module\.softplus: got softplus",
    ),
    "parameters": (
        lambda: Forward(lambda layer, z: layer(z) + layer.bias),
        TypeError,
        "got .* in its forward",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused(name: str) -> None:
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        ep.LatentModel.from_torch(make(), ep.Gaussian(1))


FORWARDS: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "shape": lambda layer, z: layer(z).reshape(z.shape[0], 1, 2).flatten(1),
    "size": lambda layer, z: layer(z).view(z.size()[0], -1).relu(),
    "minus one": lambda layer, z: nn.functional.elu(layer(z).view(-1, 2), 0.5),
    "in place": lambda layer, z: nn.functional.leaky_relu(layer(z), 0.25, inplace=True),
    "default": lambda layer, z: nn.functional.leaky_relu(layer(z)) + z,
    "twice": lambda layer, z: layer(torch.tanh(layer(z)) + z),
    "unused": lambda layer, z: (layer(z) * 3, nn.functional.softplus(layer(z)))[1],
    "methods": lambda layer, z: layer(z).sigmoid().add(z),
    "default softplus": lambda layer, z: nn.functional.softplus(layer(z), beta=1),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_forwards_as_people_write_them(name: str) -> None:
    module = Forward(FORWARDS[name]).double()
    wanted = module(torch.tensor(Z)).detach().numpy()
    assert np.allclose(model_of(module).floating.decoder(Z), wanted, rtol=1e-12, atol=1e-12)


def test_a_forward_is_recorded_on_a_copy() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls = nn.Linear(2, 2), 0

        def forward(self, z: torch.Tensor) -> Any:
            self.calls += 1
            return self.layer(z)

    module = Counter()
    model_of(module)
    assert module.calls == 0


def test_a_step_that_was_read_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    minus, unit = Forward(lambda layer, z: layer(z) - z), Forward(lambda layer, z: torch.relu(layer(z)))
    with pytest.raises(TypeError, match=r"module\.sub: got sub in its forward"):
        model_of(minus)
    monkeypatch.setattr(torch_graphs, "_SUMS", {"add", "sub"})
    monkeypatch.setattr(torch_graphs, "_of_torch", lambda _: True)
    with pytest.raises(
        ValueError, match=r"module \(Forward\): got .*; expected its layers one after the other"
    ):
        model_of(minus)
    monkeypatch.setitem(torch_graphs._PLAIN, "relu", "silu")
    with pytest.raises(ValueError, match=r"module\.relu: got .*; expected the function silu"):
        model_of(unit)


def test_single_precision_is_read_exactly() -> None:
    module = Residual(2, 2)
    network = model_of(module).network
    assert (network.affine[0].weight.entries == module.into.weight.detach().double().numpy()).all()
    assert repr(network) == repr(model_of(Residual(2, 2).double()).network)


def test_a_function_that_was_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = made("residual", 2)
    model_of(module)
    original = torch.tanh
    monkeypatch.setattr(torch, "tanh", lambda t: original(t) * (1 + 1e-6))
    with pytest.raises((TypeError, ValueError), match=r"module\.blocks\.0"):
        model_of(module)


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.LayerNorm, nn.LeakyReLU, nn.ELU, nn.Conv2d])
def test_a_changed_class_of_torch_is_noticed(kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    name: dict[Any, str] = {
        nn.BatchNorm1d: "batch norm",
        nn.LayerNorm: "layer norm",
        nn.LeakyReLU: "leaky",
        nn.ELU: "elu",
    }
    module = made(name.get(kind, "images"), 2)
    original = kind.forward
    monkeypatch.setattr(kind, "forward", lambda self, t: original(self, t) * (1 + 1e-9))
    with pytest.raises(ValueError, match=rf"\({kind.__name__}\): got .* where what was read gives"):
        model_of(module)


def test_a_matrix_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match="got 10000 units, whose centring has 100000000 entries; expected at most"
    ):
        model_of(nn.Sequential(nn.Linear(1, 10_000), nn.LayerNorm(10_000)))
    monkeypatch.setattr(torch_convolutions, "MOST_ENTRIES", 100)
    with pytest.raises(ValueError, match="whose matrix has 384 entries; expected at most 100"):
        model_of(Images(2).double().eval())


def test_the_networks_say_what_they_are() -> None:
    assert "layer norm of 4" in repr(model_of(Residual(2, 2).double()))
    assert repr(model_of(made("leaky", 2)).network) == "Network(2-4, leaky_relu(0.3), 4-2)"
    layer = model_of(made("batch norm", 2)).network.layers[0]
    assert isinstance(layer, Affine)

"""Hard tanh and ReLU6 of torch: the layers that they are read as, the pieces that they have, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

import elboproof as ep
from elboproof.model.piecewise import piecewise


def _module(activation: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 5), activation, nn.Linear(5, 3)).double()


@pytest.mark.parametrize(
    "activation",
    [nn.Hardtanh(), nn.Hardtanh(-0.5, 2.25), nn.ReLU6()],
    ids=["hard tanh", "other ends", "relu6"],
)
def test_clipped_units_are_those_of_torch(activation: nn.Module) -> None:
    module = _module(activation)
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1/4"))
    z = np.random.default_rng(0).normal(size=(200, 2)) * 5
    with torch.no_grad():
        expected = module(torch.tensor(z)).numpy()
    np.testing.assert_allclose(model.floating.decoder(z), expected, atol=1e-12)
    function = piecewise(model)
    assert function is not None
    assert function.bends == 10


def test_images_keep_their_axes() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(2, 8), nn.Unflatten(1, (2, 2, 2)), nn.Hardtanh(), nn.Conv2d(2, 1, 2), nn.Flatten()
    ).double()
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1"))
    z = np.random.default_rng(0).normal(size=(20, 2)) * 4
    with torch.no_grad():
        expected = module(torch.tensor(z)).numpy()
    np.testing.assert_allclose(model.floating.decoder(z), expected, atol=1e-12)


@pytest.mark.parametrize("likelihood", [ep.Gaussian("1/4"), ep.Poisson()], ids=["closed form", "cells"])
def test_evidences_are_those_of_the_decoder_written_out(likelihood: object) -> None:
    module = nn.Sequential(nn.Linear(1, 1), nn.Hardtanh(), nn.Linear(1, 1)).double()
    for parameter, value in zip(module.parameters(), (2.0, 0.5, 1.5, -0.25), strict=True):
        parameter.data.fill_(value)
    written = ep.LatentModel("z", ["3*max(-1, min(1, 2*z + 1/2))/2 - 1/4"], likelihood)  # type: ignore[arg-type]
    read = ep.LatentModel.from_torch(module, likelihood)  # type: ignore[arg-type]
    first, second = (ep.log_evidence(model, [1], 11) for model in (written, read))
    assert abs(first.midpoint - second.midpoint) < 3e-11


def test_ends_that_are_no_exact_step_apart_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"min_val, max_val: got .*; expected finite ends whose difference is a double"
    ):
        ep.LatentModel.from_torch(_module(nn.Hardtanh(-1e-30, 1.0)), ep.Gaussian("1"))
    with pytest.raises(ValueError, match="expected finite ends"):
        ep.LatentModel.from_torch(_module(nn.Hardtanh(-1.0, float("inf"))), ep.Gaussian("1"))


def test_a_clip_without_a_shape_is_refused() -> None:
    module = nn.Sequential(nn.Hardtanh(), nn.Linear(2, 1)).double()
    with pytest.raises(
        ValueError, match=r"module\.0 \(Hardtanh\): got a number of inputs .*; expected it after a Linear"
    ):
        ep.LatentModel.from_torch(module, ep.Gaussian("1"))


def test_another_clip_of_that_name_is_refused() -> None:
    class Hardtanh(nn.Hardtanh):
        def forward(self, h: torch.Tensor) -> torch.Tensor:
            return h

    with pytest.raises(TypeError, match="Hardtanh"):
        ep.LatentModel.from_torch(_module(Hardtanh()), ep.Gaussian("1"))


def test_a_module_whose_ends_were_replaced_is_what_it_computes() -> None:
    clip = nn.Hardtanh()
    clip.max_val = 2.0
    module = _module(clip)
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1"))
    z = np.array([[3.0, -2.0], [0.1, 0.2]])
    with torch.no_grad():
        np.testing.assert_allclose(model.floating.decoder(z), module(torch.tensor(z)).numpy(), atol=1e-12)

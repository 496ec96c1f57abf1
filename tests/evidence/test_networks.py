"""Trained decoders: proved log evidences, against lattice sums in plain float64 through torch itself."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import elboproof as ep
from elboproof.arrays import FloatArray

DIGITS = 4
VARIANCE = 0.05
LATTICE = 1e-8
"""Error of a lattice sum, relative to 1 nat: spacing below a third of the posterior's narrowest standard deviation
makes it far smaller; halving the spacing moved no sum by more than 2e-10."""


@lru_cache
def trained() -> tuple[nn.Sequential, FloatArray]:
    """Return the decoder of a VAE trained on 8 x 8 digits for 300 steps, and the images."""
    images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    encoder = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 4))
    decoder = nn.Sequential(nn.Linear(2, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 64))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    for parameter in parameters:
        scale = parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.0
        parameter.data = scale * torch.randn(parameter.shape, generator=generator)
    optimiser = torch.optim.Adam(parameters, lr=3e-3)
    for _ in range(300):
        batch = images[torch.randint(len(images), (256,), generator=generator)]
        mean, log_scale = encoder(batch).chunk(2, -1)
        z = mean + torch.randn(mean.shape, generator=generator) * log_scale.exp()
        misfit = ((batch - decoder(z)) ** 2).sum(-1) / (2 * VARIANCE)
        loss = (misfit + (mean**2 + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(-1) / 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return decoder.eval(), images.double().numpy()


def gaussian(decoder: nn.Module, x: FloatArray) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the log joint of float64 points (S, 2), written out with torch."""
    exact, data = decoder.double(), torch.tensor(x)

    def log_joint(z: torch.Tensor) -> torch.Tensor:
        misfit = ((data - exact(z)) ** 2).sum(-1) / (2 * VARIANCE)
        constant = len(x) / 2 * np.log(2 * np.pi * VARIANCE) + np.log(2 * np.pi)
        value: torch.Tensor = -misfit - (z**2).sum(-1) / 2 - constant
        return value

    return log_joint


def bernoulli(decoder: nn.Module, x: FloatArray) -> Callable[[torch.Tensor], torch.Tensor]:
    exact, data = decoder.double(), torch.tensor(x)

    def log_joint(z: torch.Tensor) -> torch.Tensor:
        logits = exact(z)
        density = (data * logits - torch.logaddexp(torch.zeros_like(logits), logits)).sum(-1)
        value: torch.Tensor = density - (z**2).sum(-1) / 2 - np.log(2 * np.pi)
        return value

    return log_joint


def lattice_sum(log_joint: Callable[[torch.Tensor], torch.Tensor], points: int = 400) -> float:
    """Return log of the lattice sum over the hull of where a coarse lattice sees mass."""
    with torch.no_grad():
        coarse = torch.linspace(-6.5, 6.5, 261, dtype=torch.float64)
        values = log_joint(torch.cartesian_prod(coarse, coarse)).reshape(261, 261)
        seen = values > values.max() - 40
        axes = []
        for k in (0, 1):
            places = coarse[seen.any(1 - k)]
            axes.append(
                torch.linspace(float(places[0]) - 0.1, float(places[-1]) + 0.1, points, dtype=torch.float64)
            )
        cell = float((axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0]))
        fine = log_joint(torch.cartesian_prod(*axes))
    return float(torch.logsumexp(fine, 0)) + float(np.log(cell))


def assert_contains(enclosure: ep.Enclosure, reference: float) -> None:
    assert enclosure.upper - enclosure.lower <= 2 * 10.0**-DIGITS
    assert enclosure.lower <= reference + LATTICE
    assert reference - LATTICE <= enclosure.upper


def assert_proved(model: ep.LatentModel, x: FloatArray, reference: float) -> None:
    assert_contains(ep.log_evidence(model, x, digits=DIGITS, seconds=300), reference)


@lru_cache
def digit_evidence(image: int) -> ep.Enclosure:
    decoder, images = trained()
    model = ep.LatentModel.from_torch(decoder, ep.Gaussian("1/20"))
    return ep.log_evidence(model, images[image], digits=DIGITS, seconds=300)


def digit_is_proved(image: int) -> None:
    decoder, images = trained()
    assert_contains(digit_evidence(image), lattice_sum(gaussian(decoder, images[image])))


@pytest.mark.parametrize("image", [0, 1])
def test_trained_vae_on_digits(image: int) -> None:
    digit_is_proved(image)


@pytest.mark.slow
@pytest.mark.parametrize("image", range(2, 10))
def test_trained_vae_on_more_digits(image: int) -> None:
    digit_is_proved(image)


def test_another_image_is_rejected() -> None:
    decoder, images = trained()
    changed = images[0].copy()
    changed[20] += 1 / 16  # one grey level of one pixel
    reference = lattice_sum(gaussian(decoder, changed), points=200)
    with pytest.raises(AssertionError):
        assert_contains(digit_evidence(0), reference)


def random_network(outputs: int, seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(
        nn.Linear(2, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, outputs)
    )
    for parameter in module.parameters():
        parameter.data = parameter.shape[-1] ** -0.5 * torch.randn(parameter.shape, generator=generator) * 0.9
    return module.double()


def test_bernoulli_network() -> None:
    module = nn.Sequential(nn.Linear(2, 16), nn.SiLU(), nn.Linear(16, 12)).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    x = (np.arange(12) % 3 == 0) * 1.0
    model = ep.LatentModel.from_torch(module, ep.Bernoulli())
    assert_proved(model, x, lattice_sum(bernoulli(module, x)))


@pytest.mark.slow
def test_784_outputs() -> None:
    module = random_network(784, 2)
    centre = module(torch.tensor([[0.5, -0.3]], dtype=torch.float64)).detach().numpy()[0]
    x = centre + VARIANCE**0.5 * np.random.default_rng(3).normal(size=784)
    model = ep.LatentModel.from_torch(module, ep.Gaussian("1/20"))
    assert_proved(model, x, lattice_sum(gaussian(module, x), points=200))

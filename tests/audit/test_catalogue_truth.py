"""Each bug of the catalogue is truly one, and each control truly correct: against closed forms, in float64."""

import math

import pytest
import torch
from torch import Tensor

from benchmarks.audit.catalogue import CONTROLS, CONVENTIONS, MUTANTS
from benchmarks.audit.entries import Control, Convention, Mutant, overridden
from benchmarks.audit.instances import build, data
from benchmarks.audit.reference import bound_of, expected_loss
from benchmarks.audit.vae import LATENTS, PIXELS, Vae

DRAWS, EXAMPLES = 400, 5
CLOSE, FAR = 6.0, 8.0
"""Standard errors of a mean over the draws: about 4,000 comparisons are to be close, and a bug is to be far."""
ROUNDING = 1e-8
WITHOUT_REFERENCE = {"warm-up", "elboproof baggins"}
"""A weight that moves with each call, and a loss of the whole batch that is itself a reconstruction."""
QUADRATURE = {"importance weighted": 2e-3}
"""Of grids on the plane, relative: nats that the coarse grid leaves open."""


def flat(gradients: tuple[Tensor | None, ...], model: Vae) -> Tensor:
    pairs = zip(gradients, model.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def slope(value: Tensor, model: Vae) -> Tensor:
    found = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
    return torch.cat([value.detach().reshape(1), flat(found, model)])


def drawn(model: Vae, x: Tensor, summed: bool) -> tuple[Tensor, Tensor]:
    """Return the mean over the draws of (loss, gradient) and its standard error."""
    rows = []
    with torch.random.fork_rng():
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            loss = model.loss(x)
            value = loss.mean() if loss.ndim else loss
            rows.append(slope(value / len(x) if summed else value, model))
    table = torch.stack(rows).double()
    return table.mean(0), table.std(0) / math.sqrt(DRAWS)


def distances(
    model: Vae, reference: Tensor, x: Tensor, *, summed: bool = False, loose: float = 0.0
) -> Tensor:
    """Return how far loss and gradient are off, in standard errors, rounding and quadrature allowed for."""
    exact = slope(reference, model).double()
    mean, error = drawn(model, x, summed)
    single = 1e-5 if model.precision == torch.float32 else 0.0
    return (mean - exact).abs() / (error + (ROUNDING + loose + single) * (1 + exact.abs()))


def instance(model_class: type[Vae], log_variance: float = 0.0) -> tuple[Vae, Tensor]:
    model = build(model_class)
    with torch.no_grad():
        model.encoder[-1].bias[LATENTS:] += log_variance
    return model, data(model_class, examples=EXAMPLES)


@pytest.mark.parametrize("name", sorted(set(CONTROLS) - WITHOUT_REFERENCE))
def test_a_control_has_the_loss_and_gradient_of_its_closed_form(name: str) -> None:
    entry: Control = CONTROLS[name]
    model, x = instance(entry.model)
    expected = expected_loss(entry.model)(model, x).mean()
    off = distances(model, expected, x, summed=name == "sum over the batch", loose=QUADRATURE.get(name, 0.0))
    assert off.max() < CLOSE, off


@pytest.mark.parametrize("label", sorted(MUTANTS))
def test_a_mutant_has_another_loss_or_gradient_or_law(label: str) -> None:
    entry: Mutant = MUTANTS[label]
    model, x = instance(entry.model, entry.log_variance)
    model.train(entry.mode == "train")
    off = distances(model, expected_loss(entry.control)(model, x).mean(), x)
    assert (off[0] > FAR) == (entry.kind == "value"), off
    assert (off[1:].max() > FAR) >= (entry.kind == "gradient"), off
    if entry.kind == "law":
        assert off.max() < CLOSE, off


def test_noise_shared_by_data_is_another_joint_law() -> None:
    model, x = instance(MUTANTS["M03"].model)
    mean, log_variance = model.encode(x)
    noise = (model.sample(mean, log_variance) - mean) / (log_variance / 2).exp()
    torch.testing.assert_close(noise, noise[:1].expand_as(noise))


@pytest.mark.parametrize("label", sorted(MUTANTS))
def test_a_mutant_is_a_control_with_one_method_changed(label: str) -> None:
    entry = MUTANTS[label]
    assert len(overridden(entry.model)) == 1
    assert entry.control in {control.model for control in CONTROLS.values()}
    assert entry.model.__bases__ == (entry.control,)


@pytest.mark.parametrize("name", sorted(name for name, entry in CONVENTIONS.items() if entry.likelihood))
def test_a_convention_is_the_scaled_bound_that_its_entry_says(name: str) -> None:
    entry: Convention = CONVENTIONS[name]
    model, x = instance(entry.model)
    size = (PIXELS, LATENTS)
    bound = bound_of(entry, entry.variance(*size))(model, x) - entry.omitted(*size)
    off = distances(model, entry.scale(*size) * bound.mean(), x, summed=entry.summed)
    assert off[0] < CLOSE, off

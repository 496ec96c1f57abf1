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

DRAWS, EXAMPLES = 250, 5
CLOSE, FAR = 6.0, 8.0
"""Standard errors of a mean over the draws: about 4,000 comparisons are to be close, and a bug is to be far."""
ROUNDING = 1e-8
LAST = "2.bias"
"""Of the encoder, where log variances are moved."""
WITHOUT_REFERENCE = {"warm-up", "elboproof baggins"}
"""A weight that moves with each call, and a loss of the whole batch that is itself a reconstruction."""
LOOSE = {"importance weighted": 2e-3, "single precision": 1e-5}
"""Relative: what the coarse grid on the plane leaves open; rounding of float32."""


def flat(gradients: tuple[Tensor | None, ...], model: Vae) -> Tensor:
    pairs = zip(gradients, model.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def slope(value: Tensor, model: Vae) -> Tensor:
    found = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
    return torch.cat([value.detach().reshape(1), flat(found, model)])


def rows(model: Vae, x: Tensor, summed: bool = False) -> Tensor:
    """Return (loss, gradient) of each draw, one row a seed."""
    found = []
    with torch.random.fork_rng():
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            loss = model.loss(x)
            value = loss.mean() if loss.ndim else loss
            found.append(slope(value / len(x) if summed else value, model))
    return torch.stack(found).double()


def distances(table: Tensor, exact: Tensor, loose: float = 0.0) -> Tensor:
    """Return how far the means of the rows are off, in standard errors, rounding and quadrature allowed for."""
    error = table.std(0) / math.sqrt(DRAWS)
    return (table.mean(0) - exact).abs() / (error + (ROUNDING + loose) * (1 + exact.abs()))


def networks(model: Vae) -> Tensor:
    """Return which columns are the loss and the encoder's and decoder's weights: a bound's variance is a number."""
    named = [(name.partition(".")[0], p.numel()) for name, p in model.named_parameters()]
    kept = [torch.full((size,), owner in {"encoder", "decoder"}) for owner, size in named]
    return torch.cat([torch.tensor([True]), *kept])


def instance(model_class: type[Vae], log_variance: float = 0.0) -> tuple[Vae, Tensor]:
    model = build(model_class)
    with torch.no_grad():
        for name, parameter in model.encoder.named_parameters():
            if name == LAST:
                parameter[LATENTS:] += log_variance
    return model, data(model_class, examples=EXAMPLES)


@pytest.mark.parametrize("name", sorted(set(CONTROLS) - WITHOUT_REFERENCE))
def test_a_control_has_the_loss_and_gradient_of_its_closed_form(name: str) -> None:
    entry: Control = CONTROLS[name]
    model, x = instance(entry.model)
    exact = slope(expected_loss(entry.model)(model, x).mean(), model).double()
    off = distances(rows(model, x, summed=name == "sum over the batch"), exact, LOOSE.get(name, 0.0))
    assert off.max() < CLOSE, off


@pytest.mark.parametrize("label", sorted(MUTANTS))
def test_a_mutant_has_another_loss_or_gradient_or_law(label: str) -> None:
    """The control at the same draws is a control variate: its mean is the closed form, by the test above."""
    entry: Mutant = MUTANTS[label]
    model, x = instance(entry.model, entry.log_variance)
    control, _ = instance(entry.control, entry.log_variance)
    model.train(entry.mode == "train")
    exact = slope(expected_loss(entry.control)(control, x).mean(), control)
    estimate = rows(model, x) - rows(control, x) + exact
    off = distances(estimate, exact)
    assert (off[0] > CLOSE) == (entry.kind == "value"), off
    assert off.max() < CLOSE if entry.kind == "law" else off.max() > FAR, off


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
    exact = slope(entry.scale(*size) * bound.mean(), model)
    off = distances(rows(model, x, entry.summed), exact)[networks(model)]
    assert off.max() < CLOSE, off

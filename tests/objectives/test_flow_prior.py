"""The learned prior against automatic differentiation and quadrature, and arguments that do not fit."""

import math
from collections.abc import Callable

import pytest
import torch

from elboproof import objectives

Tensor = torch.Tensor


def moved(d: int, couplings: int = 4, seed: int = 0) -> objectives.FlowPrior:
    """Return a prior in float64 whose last layers are no longer 0."""
    generator = torch.Generator().manual_seed(seed)
    prior = objectives.FlowPrior(d, couplings, 5, generator=generator).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return prior


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_it_starts_as_the_unit_gaussian(d: int) -> None:
    z = normal(7, d)
    found = objectives.FlowPrior(d).double().log_prob(z)
    wanted = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)  # type: ignore[no-untyped-call]
    assert torch.allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_the_determinant_is_that_of_the_jacobian(d: int) -> None:
    prior, z = moved(d), normal(7, d)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda one: prior.to_noise(one[None])[0][0]))(z)
    noise, found = prior.to_noise(z)
    assert torch.allclose(found, torch.linalg.slogdet(jacobian).logabsdet, atol=1e-13)
    wanted = -(noise**2).sum(1) / 2 - d / 2 * math.log(2 * math.pi) + found
    assert torch.allclose(prior.log_prob(z), wanted, atol=1e-13)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_every_latent_is_changed_and_layers_are_undone(d: int) -> None:
    prior, z = moved(d), normal(7, d)
    noise = prior.to_noise(z)[0].detach()
    assert float((noise - z).abs().min(0).values.min()) > 1e-3
    assert torch.allclose(prior.from_noise(noise), z, atol=1e-12)


def test_its_mass_is_one() -> None:
    prior = moved(2)
    side = torch.linspace(-30, 30, 1201, dtype=torch.float64)
    with torch.no_grad():
        mass = prior.log_prob(torch.cartesian_prod(side, side)).exp().sum() * 0.05**2
    assert float(mass) == pytest.approx(1, abs=1e-6)


def test_samples_are_the_inverse_of_noise_and_repeat_with_the_generator() -> None:
    prior = moved(3)
    sample = prior.sample(50, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(prior.to_noise(sample)[0], normal(50, 3, seed=5), atol=1e-11)
    assert torch.equal(sample, prior.sample(50, generator=torch.Generator().manual_seed(5)))
    assert sample.shape == (50, 3)
    assert not sample.requires_grad


def test_leading_axes_stay() -> None:
    prior, z = moved(2), normal(4, 5, 2)
    found = prior.log_prob(z)
    assert found.shape == (4, 5)
    assert torch.equal(found[3, 2], prior.log_prob(z[3, 2]))
    assert prior.log_prob(z[0, 0]).shape == ()


def test_scales_stay_bounded_whatever_the_weights() -> None:
    prior = objectives.FlowPrior(2, couplings=1, hidden=3).double()
    with torch.no_grad():
        dict(prior.named_parameters())["layers.0.outer_bias"][:] = torch.tensor([1e9, 0.0])
    assert float(prior.to_noise(normal(1, 2))[1].detach()) == pytest.approx(2)


def test_it_learns_a_law_that_no_gaussian_is() -> None:
    generator = torch.Generator().manual_seed(0)
    prior = objectives.FlowPrior(2, generator=generator)
    sides = torch.randint(0, 2, (256, 1), generator=generator) * 4.0 - 2
    z = torch.cat([sides, torch.zeros(256, 1)], 1) + 0.3 * torch.randn(256, 2, generator=generator)
    optimiser = torch.optim.Adam(prior.parameters(), lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        loss = -prior.log_prob(z).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    best = torch.distributions.MultivariateNormal(z.mean(0), torch.cov(z.T))
    assert float(loss.detach()) < -float(best.log_prob(z).mean()) - 0.5  # type: ignore[no-untyped-call]


Z = torch.zeros(3, 2)
BAD: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "one latent": (
        lambda: objectives.FlowPrior(1),
        ValueError,
        "d: got 1; expected an integer, at least 2: .*two halves",
    ),
    "no layers": (lambda: objectives.FlowPrior(2, couplings=0), ValueError, "couplings: got 0"),
    "no width": (lambda: objectives.FlowPrior(2, hidden=0), ValueError, "hidden: got 0"),
    "no integer": (lambda: objectives.FlowPrior(2.0), TypeError, "d: got 2.0 of type float"),  # type: ignore[arg-type]
    "true": (lambda: objectives.FlowPrior(2, hidden=True), TypeError, "hidden: got True"),
    "columns": (lambda: moved(3).log_prob(Z), ValueError, r"z: got shape \(3, 2\); expected \(\.\.\., 3\)"),
    "empty": (lambda: moved(2).log_prob(Z[:0]), ValueError, r"z: got shape \(0, 2\)"),
    "scalar": (lambda: moved(2).log_prob(Z[0, 0]), ValueError, r"z: got shape \(\)"),
    "infinite": (
        lambda: objectives.FlowPrior(2).log_prob(Z + math.inf),
        ValueError,
        "z: got infinite or NaN",
    ),
    "integers": (lambda: moved(2).log_prob(Z.int()), TypeError, "z: got .*expected a floating-point"),
    "list": (lambda: moved(2).log_prob([0.0, 0.0]), TypeError, "z: got .*of type list"),  # type: ignore[arg-type]
    "type": (lambda: moved(2).log_prob(Z), TypeError, "z: got torch.float32 .*expected torch.float64"),
    "no samples": (lambda: moved(2).sample(0), ValueError, "n: got 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str) -> None:
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


def test_weights_that_are_no_numbers_are_named() -> None:
    prior = objectives.FlowPrior(2)
    with torch.no_grad():
        dict(prior.named_parameters())["layers.1.inner_bias"][0] = math.nan
    with pytest.raises(ValueError, match=r"layers\.1\.inner_bias: got infinite or NaN"):
        prior.log_prob(Z)
    with pytest.raises(ValueError, match=r"layers\.1\.inner_bias: got infinite or NaN"):
        prior.sample(4)

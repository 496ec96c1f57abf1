"""The objectives keep their contract, and the contract catches the bugs that such losses have."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from elboproof import objectives
from elboproof.objectives.contract import Breach, bilbo_breaches, elbo_breaches, expected_breaches
from elboproof.objectives.contract_bounded import baggins_breaches, bilbo_baggins_breaches
from elboproof.objectives.contract_steps import Decoder, Encoder, elbo_step, step_breaches

Tensor = torch.Tensor


def test_the_objectives_keep_their_contract() -> None:
    assert elbo_breaches(objectives.elbo) == []
    assert expected_breaches(objectives.elbo) == []
    assert bilbo_breaches(objectives.bilbo) == []
    assert baggins_breaches(objectives.baggins) == []
    assert bilbo_baggins_breaches(objectives.bilbo_baggins) == []
    assert step_breaches(elbo_step) == []


def _elbo(
    *,
    likelihood_variance: Callable[[Tensor], Tensor] = lambda v: v,
    half: float = 0.5,
    sum_outputs: Callable[[Tensor], Tensor] = lambda t: t.sum(1),
    sum_latents: Callable[[Tensor], Tensor] = lambda t: t.sum(1),
    constant: float = 2 * math.pi,
    divergence: Callable[[Tensor, Tensor], Tensor] = lambda m, w: (w.exp() + m**2 - 1 - w) / 2,
    over_batch: Callable[[Tensor], Tensor] = lambda t: t,
    floor: float = 0.0,
) -> Callable[..., Tensor]:
    """Return an ELBO written anew, with one mistake."""

    def mistaken(x: Tensor, mean_x: Tensor, mean: Tensor, log_variance: Tensor, *, variance: Any) -> Tensor:
        v = likelihood_variance(torch.as_tensor(variance, dtype=torch.float64)) * torch.ones_like(x)
        likelihood = -half * sum_outputs((x - mean_x) ** 2 / v + torch.log(constant * (v + floor)))
        return over_batch(likelihood - sum_latents(divergence(mean, log_variance)))

    return mistaken


ELBO_MUTANTS: dict[str, Callable[..., Tensor]] = {
    "a variance used as a deviation in the likelihood": _elbo(likelihood_variance=lambda v: v**2),
    "a deviation used as a variance in the likelihood": _elbo(likelihood_variance=lambda v: v.sqrt()),
    "the log variance used as a log deviation": _elbo(
        divergence=lambda m, w: ((2 * w).exp() + m**2 - 1 - 2 * w) / 2
    ),
    "the likelihood without 1/2": _elbo(half=1.0),
    "the divergence without 1/2": _elbo(divergence=lambda m, w: w.exp() + m**2 - 1 - w),
    "mean over the outputs": _elbo(sum_outputs=lambda t: t.mean(1)),
    "mean over the latents": _elbo(sum_latents=lambda t: t.mean(1)),
    "without log 2 pi": _elbo(constant=1.0),
    "without the -1 of the divergence": _elbo(divergence=lambda m, w: (w.exp() + m**2 - w) / 2),
    "sum over the batch": _elbo(over_batch=lambda t: t.sum()),
    "mean over the batch, for each": _elbo(over_batch=lambda t: t.mean().expand(len(t))),
    "the log variance detached": _elbo(
        divergence=lambda m, w: (w.detach().exp() + m**2 - 1 - w.detach()) / 2
    ),
    "the sign of the log term": _elbo(divergence=lambda m, w: (w.exp() + m**2 - 1 + w) / 2),
    "log(variance + 1e-8) in the divergence": _elbo(
        divergence=lambda m, w: (w.exp() + m**2 - 1 - torch.log(w.exp() + 1e-8)) / 2
    ),
    "log(variance + 1e-8) in the likelihood": _elbo(floor=1e-8),
    "log variances clamped at -20": _elbo(
        divergence=lambda m, w: (w.clamp(min=-20).exp() + m**2 - 1 - w.clamp(min=-20)) / 2
    ),
}


def test_the_elbo_written_anew_keeps_the_contract() -> None:
    assert elbo_breaches(_elbo()) == []


@pytest.mark.parametrize("name", ELBO_MUTANTS)
def test_a_mistake_in_an_elbo_is_caught(name: str) -> None:
    assert elbo_breaches(ELBO_MUTANTS[name])


def _bilbo(
    rate: Callable[[Tensor, Tensor], Tensor],
    half: float = 0.5,
    *,
    likelihood: Callable[..., Tensor] = lambda r, v: -(r**2 / v + torch.log(2 * math.pi * v)).sum(1) / 2,
    over_batch: Callable[[Tensor], Tensor] = lambda t: t,
) -> Callable[..., Tensor]:
    """Return a BILBO written anew, with one mistake."""

    def mistaken(
        x: Tensor, mean_x: Tensor, mean: Tensor, *, posterior_variance: Any, variance: Any
    ) -> Tensor:
        v = torch.as_tensor(variance, dtype=torch.float64) * torch.ones_like(x)
        return over_batch(likelihood(x - mean_x, v) - half * rate(mean, torch.as_tensor(posterior_variance)))

    return mistaken


def _gaussian(
    scale: float = 0.5, constant: float = 2 * math.pi, sign: float = 1.0, floor: float = 0.0
) -> Any:
    return lambda r, v: -scale * (r**2 / v + sign * torch.log(constant * (v + floor))).sum(1)


def _log1p_rate(mean: Tensor, s: Tensor) -> Tensor:
    return torch.log1p((mean**2).mean(0) / s).sum()


BILBO_MUTANTS = {
    "variance for the second moment": _bilbo(lambda m, s: torch.log1p(m.var(0, unbiased=False) / s).sum()),
    "the root of the second moment": _bilbo(lambda m, s: torch.log1p((m**2).mean(0).sqrt() / s).sum()),
    "without 1/2": _bilbo(_log1p_rate, half=1.0),
    "a variance used as a deviation": _bilbo(lambda m, s: torch.log1p((m**2).mean(0) / s**2).sum()),
    "mean of logarithms": _bilbo(lambda m, s: torch.log1p(m**2 / s).mean(0).sum()),
    "mean over the latents": _bilbo(lambda m, s: torch.log1p((m**2).mean(0) / s).mean()),
    "one latent too few": _bilbo(lambda m, s: torch.log1p((m**2).mean(0) / s)[1:].sum()),
    "a floor": _bilbo(lambda m, s: torch.log1p((m**2).mean(0) / (s + 1e-8)).sum()),
    "the likelihood's variance used as a deviation": _bilbo(
        _log1p_rate, likelihood=lambda r, v: _gaussian()(r, v**2)
    ),
    "the likelihood without 1/2": _bilbo(_log1p_rate, likelihood=_gaussian(scale=1.0)),
    "mean over the outputs": _bilbo(_log1p_rate, likelihood=lambda r, v: _gaussian()(r, v) / r.shape[1]),
    "without log 2 pi": _bilbo(_log1p_rate, likelihood=_gaussian(constant=1.0)),
    "the sign of the likelihood's log": _bilbo(_log1p_rate, likelihood=_gaussian(sign=-1.0)),
    "log(variance + 1e-8) in the likelihood": _bilbo(_log1p_rate, likelihood=_gaussian(floor=1e-8)),
    "the sign of the rate": _bilbo(_log1p_rate, half=-0.5),
    "sum over the batch": _bilbo(_log1p_rate, over_batch=lambda t: t.sum()),
    "mean over the batch, for each": _bilbo(_log1p_rate, over_batch=lambda t: t.mean().expand(len(t))),
    "means detached": _bilbo(lambda m, s: _log1p_rate(m.detach(), s)),
}


def test_a_bilbo_written_anew_keeps_the_contract() -> None:
    assert bilbo_breaches(_bilbo(_log1p_rate)) == []


@pytest.mark.parametrize("name", BILBO_MUTANTS)
def test_a_mistake_in_a_bilbo_is_caught(name: str) -> None:
    assert bilbo_breaches(BILBO_MUTANTS[name])


def _baggins(
    *,
    lam: Callable[[float], float] = lambda b: 1 / (4.0**b - 1),
    one: float = 1.0,
    floor: float = 0.0,
    half: float = 0.5,
    moment: Callable[[Tensor], Tensor] = lambda r: (r**2).mean(0),
    variance: Callable[[Tensor], Tensor] = lambda v: v,
    shift: float = 0.0,
    total: Callable[[Tensor], Tensor] = lambda t: t.sum(),
) -> Callable[..., Tensor]:
    """Return a bounded likelihood written anew, with one mistake."""

    def mistaken(residual: Tensor, v: Tensor, *, bits: float = 4.0, mode: str) -> Tensor:
        r, kept, v = moment(residual), v > 0, variance(v)
        if mode == "isotropic":
            r, v = r[kept].sum().expand(int(kept.sum())), v.sum().expand(int(kept.sum()))
        else:
            r, v = r[kept], v[kept]
        return total(half * torch.log((one + lam(bits)) * v / (r + lam(bits) * v + floor)) - shift)

    return mistaken


BAGGINS_MUTANTS = {
    "lambda = 4^-b": _baggins(lam=lambda b: 4.0**-b),
    "without lambda in the data's own Gaussian": _baggins(one=1.0 - 1 / (4.0**4 - 1)),
    "an additive floor": _baggins(floor=1e-3),
    "without 1/2": _baggins(half=1.0),
    "a variance used as a deviation": _baggins(variance=lambda v: v**2),
    "a deviation used as a variance": _baggins(variance=lambda v: v.sqrt()),
    "mean over the outputs": _baggins(total=lambda t: t.mean()),
    "a dropped constant": _baggins(shift=0.5 * math.log(2 * math.pi)),
    "the sign of the log": _baggins(half=-0.5),
    "log(variance + 1e-8)": _baggins(floor=1e-8),
    "sizes for squares": _baggins(moment=lambda r: r.abs().mean(0)),
    "a variance for the second moment": _baggins(moment=lambda r: r.var(0, unbiased=False)),
    "a sum over the batch": _baggins(moment=lambda r: (r**2).sum(0)),
    "residuals detached": _baggins(moment=lambda r: (r.detach() ** 2).mean(0) + 0 * r.sum()),
}


@pytest.mark.parametrize("name", BAGGINS_MUTANTS)
def test_a_mistake_in_a_bounded_likelihood_is_caught(name: str) -> None:
    assert baggins_breaches(BAGGINS_MUTANTS[name])


def _both(bounded: Callable[..., Tensor] | None = None, rate: Any = None) -> Callable[..., Tensor]:
    """Return BILBO + BAGGINS written anew, with one mistake in one of its parts."""
    likelihood, codes = bounded or _baggins(), rate or (lambda m: 0.5 * _log1p_rate(m, torch.ones(())))

    def mistaken(x: Tensor, mean_x: Tensor, mean: Tensor, v: Tensor, *, bits: float, mode: str) -> Tensor:
        return likelihood(x - mean_x, v, bits=bits, mode=mode) - codes(mean)

    return mistaken


BOTH_MUTANTS = {f"BAGGINS: {name}": _both(mutant) for name, mutant in BAGGINS_MUTANTS.items()} | {
    "the rate without 1/2": _both(rate=lambda m: _log1p_rate(m, torch.ones(()))),
    "the sign of the rate": _both(rate=lambda m: -0.5 * _log1p_rate(m, torch.ones(()))),
    "mean over the latents": _both(rate=lambda m: 0.5 * torch.log1p((m**2).mean(0)).mean()),
    "a sum over the batch": _both(rate=lambda m: 0.5 * torch.log1p((m**2).sum(0)).sum()),
    "a dropped constant": _both(rate=lambda m: 0.5 * torch.log((m**2).mean(0)).sum()),
    "a variance for the second moment": _both(
        rate=lambda m: 0.5 * torch.log1p(m.var(0, unbiased=False)).sum()
    ),
    "log(variance + 1e-8)": _both(rate=lambda m: 0.5 * torch.log1p((m**2).mean(0) + 1e-8).sum()),
    "means detached": _both(rate=lambda m: 0.5 * _log1p_rate(m.detach(), torch.ones(()))),
}


@pytest.mark.parametrize("name", BOTH_MUTANTS)
def test_a_mistake_in_bilbo_and_baggins_is_caught(name: str) -> None:
    assert bilbo_baggins_breaches(BOTH_MUTANTS[name])


def test_bilbo_and_baggins_written_anew_keep_the_contract() -> None:
    assert baggins_breaches(_baggins()) == []
    assert bilbo_baggins_breaches(_both()) == []


def test_constant_dimensions_that_count_are_caught() -> None:
    def counted(residual: Tensor, v: Tensor, *, bits: float = 4.0, mode: str) -> Tensor:
        return _baggins()(residual, v.clamp(min=1e-12), bits=bits, mode=mode)

    assert any(one.check == "constant dimensions" for one in baggins_breaches(counted))


def _step(
    deviation: Callable[[Tensor], Tensor] = lambda w: (w / 2).exp(),
    draw: Callable[..., Tensor] = torch.randn,
    shape: Callable[[Tensor], tuple[int, int]] = lambda m: (len(m), m.shape[1]),
    kept: Callable[[Tensor], Tensor] = lambda z: z,
) -> Callable[[Encoder, Decoder, Tensor, torch.Generator], Tensor]:
    """Return a training step written anew, with one mistake."""

    def mistaken(encoder: Encoder, decoder: Decoder, x: Tensor, generator: torch.Generator) -> Tensor:
        mean, log_variance = encoder(x)
        noise = draw(*shape(mean), generator=generator, dtype=mean.dtype)
        return objectives.elbo(x, decoder(kept(mean + deviation(log_variance) * noise)), mean, log_variance)

    return mistaken


def _stuck(*shape: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    assert generator is not None
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


STEP_MUTANTS = {
    "a variance used as a deviation": _step(deviation=lambda w: w.exp()),
    "the log variance detached from the noise": _step(deviation=lambda w: (w.detach() / 2).exp()),
    "one noise for all examples": _step(shape=lambda m: (1, m.shape[1])),
    "one noise for all dimensions": _step(shape=lambda m: (len(m), 1)),
    "the same noise at each call": _step(draw=_stuck),
    "uniform noise": _step(draw=torch.rand),
    "noise of variance 1.5": _step(deviation=lambda w: 1.5**0.5 * (w / 2).exp()),
    "z detached": _step(kept=lambda z: z.detach()),
    "no noise": _step(deviation=lambda w: 0 * w),
}


@pytest.mark.parametrize("name", STEP_MUTANTS)
def test_a_mistake_in_a_step_is_caught(name: str) -> None:
    assert step_breaches(STEP_MUTANTS[name])


def test_noise_of_its_own_generator_is_caught() -> None:
    def step(encoder: Encoder, decoder: Decoder, x: Tensor, generator: torch.Generator) -> Tensor:
        del generator
        return elbo_step(encoder, decoder, x, torch.Generator().manual_seed(int(torch.randint(2**31, (1,)))))

    assert Breach("noise", "the same seed gave other noise") in step_breaches(step)

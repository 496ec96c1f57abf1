"""What a training step must do with its noise, as checks of any ``step(encoder, decoder, x, generator)``.

The networks are stubs: the encoder returns what was designed, the decoder is linear and remembers the z that it was
given. So the noise of the step is seen, and given the noise its value and its gradient are known exactly.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch

from elboproof.objectives.contract import CLOSE, Breach, Design, Tensor, designs, leaves_of, reference_elbo
from elboproof.objectives.gaussian import elbo

Encoder: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
"""x (B, D) -> mean, log variance, (B, d) each."""
Decoder: TypeAlias = Callable[[Tensor], Tensor]
Step: TypeAlias = Callable[[Encoder, Decoder, Tensor, torch.Generator], Tensor]
"""Returns the ELBO of each example, (B,) nats, for a likelihood of variance 1."""
STEPS = 2000
FALSE_ALARM = 1e-9
"""Probability that noise as it should be is called a breach, at most."""


def elbo_step(encoder: Encoder, decoder: Decoder, x: Tensor, generator: torch.Generator) -> Tensor:
    """Return the ELBO of each example at fresh noise: the reference of a training step, variance 1."""
    mean, log_variance = encoder(x)
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return elbo(x, decoder(mean + (log_variance / 2).exp() * noise), mean, log_variance)


@dataclass
class _Stubs:
    """An encoder that returns a design's leaves, and a linear decoder that keeps what it was given."""

    design: Design
    w: Tensor
    seen: list[Tensor] = field(default_factory=list)

    def encode(self, _: Tensor) -> tuple[Tensor, Tensor]:
        return self.design.mean, self.design.log_variance

    def decode(self, z: Tensor) -> Tensor:
        self.seen.append(z)
        return z @ self.w.T

    def noise(self) -> Tensor:
        """Return the noise (B, d) of the last call."""
        z = self.seen[-1].detach()
        return (z - self.design.mean.detach()) / (self.design.log_variance.detach() / 2).exp()


def step_breaches(step: Step) -> list[Breach]:
    """Return what a training step breaks: fresh standard normal noise, its value and its gradient given the noise."""
    stubs = _stubs()
    return [*_exact(step, stubs), *_noise(step, stubs)]


def _stubs() -> _Stubs:
    plain = designs(5, extreme=False)["one variance"]
    generator = torch.Generator().manual_seed(6)
    w = torch.randn(plain.x.shape[1], plain.mean.shape[1], generator=generator, dtype=torch.float64)
    return _Stubs(replace(leaves_of(plain), variance=1.0), w)


def _exact(step: Step, stubs: _Stubs) -> Iterator[Breach]:
    """Yield breaches of the value and of the gradients in mean and log variance, given the noise that was drawn."""
    design, leaves = stubs.design, [stubs.design.mean, stubs.design.log_variance]
    found = step(stubs.encode, stubs.decode, design.x, torch.Generator().manual_seed(7))
    z = design.mean + (design.log_variance / 2).exp() * stubs.noise()
    wanted = reference_elbo(replace(design, mean_x=z @ stubs.w.T))
    if found.shape != wanted.shape:
        yield Breach(
            "value", f"a step: shape {tuple(found.shape)} for {tuple(wanted.shape)}, one for each example"
        )
        return
    if not torch.allclose(found, wanted, rtol=CLOSE, atol=CLOSE):
        yield Breach("value", f"a step: got {found.tolist()}, expected {wanted.tolist()}")
    slopes = torch.autograd.grad(found.sum(), leaves, materialize_grads=True, allow_unused=True)
    exact = torch.autograd.grad(wanted.sum(), leaves)
    for name, slope, true in zip(("mean", "log variance"), slopes, exact, strict=True):
        if not torch.allclose(slope, true, rtol=CLOSE, atol=CLOSE):
            yield Breach("noise gradient", f"a step: the gradient in the {name} is not that of its z")


def _noise(step: Step, stubs: _Stubs) -> Iterator[Breach]:
    """Yield breaches of independent standard normal noise, new at each call and the same for the same seed."""
    generator = torch.Generator().manual_seed(8)
    draws = []
    for _ in range(STEPS):
        step(stubs.encode, stubs.decode, stubs.design.x, generator)
        draws.append(stubs.noise())
    noise = torch.stack(draws).flatten(1)  # (steps, B d)
    again = torch.Generator().manual_seed(8)
    step(stubs.encode, stubs.decode, stubs.design.x, again)
    if not torch.equal(stubs.noise().flatten(), noise[0]):
        yield Breach("noise", "the same seed gave other noise")
    if len(torch.unique(noise[:, 0])) < STEPS:
        yield Breach("noise", "two calls drew the same noise")
    yield from _moments(noise)


def _moments(noise: Tensor) -> Iterator[Breach]:
    """Yield breaches of mean 0, variance 1 and no correlation between examples or dimensions."""
    # of n standard normal numbers the mean exceeds t / sqrt(n) with probability 2 exp(-t^2/2), at most; the mean of
    # products and of squares less 1 exceeds u = 2 (sqrt(x/n) + x/n) with probability 2 exp(-x) (Laurent and Massart)
    steps, size = noise.shape
    x = math.log(2 * (size + size**2) / FALSE_ALARM)
    means, moments = noise.mean(0), noise.T @ noise / steps
    if not bool((means.abs() <= math.sqrt(2 * x / steps)).all()):
        yield Breach("noise", f"its mean is {float(means.abs().max()):.3g}, not 0")
    off = (moments - torch.eye(size, dtype=noise.dtype)).abs()
    bound = 2 * (math.sqrt(x / steps) + x / steps)
    if not bool((off.diagonal() <= bound).all()):
        yield Breach("noise", f"its second moment is off 1 by {float(off.diagonal().max()):.3g}")
    if not bool((off - torch.diag(off.diagonal()) <= bound).all()):
        yield Breach("noise", "two examples or dimensions share noise")

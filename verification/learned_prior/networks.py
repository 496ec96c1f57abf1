"""VAEs of the digits with two latents: under N(0, I), with a RealNVP prior of their codes, and with one trained too."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .._shared.digits import Array, digits
from .._shared.kept import kept

LATENTS, WIDTH = 2, 64
HELD_OUT = 500
VARIANCE = 0.05
STEPS, FLOW_STEPS, MORE_STEPS = 1000, 400, 600
BATCH, RATE = 256, 8e-3
SAMPLES = 5
"""Of each q(z|x), the same for all priors: their differences have no noise of their own."""


@dataclass(frozen=True)
class Codes:
    """Means and log deviations (N, d), samples (S, N, d) and their log p(x|z) (S, N), torch tensors in float64."""

    means: Any
    log_stds: Any
    z: Any
    fit: Any


@dataclass(frozen=True)
class Fitted:
    """A trained VAE, its prior, and codes of the training data and of those held out."""

    train: Codes
    test: Codes
    prior: Any


def split(seed: int) -> tuple[Any, Any]:
    """Return training data and data held out, torch tensors in float32; the same ones for the same seed."""
    import torch

    data = torch.tensor(digits(), dtype=torch.float32)
    order = torch.tensor(np.random.default_rng([seed, 1]).permutation(len(data)))
    return data[order[HELD_OUT:]], data[order[:HELD_OUT]]


class Network:
    """Encoder, decoder and prior, and what they are trained on."""

    def __init__(self, seed: int) -> None:
        import torch

        from elboproof import objectives

        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)
        self.train, self.test = split(seed)
        pixels = self.train.shape[1]
        self.encoder = self._layers(pixels, 2 * LATENTS)
        self.decoder = self._layers(LATENTS, pixels)
        self.prior = objectives.FlowPrior(LATENTS, generator=self.generator)

    def _layers(self, inputs: int, outputs: int) -> Any:
        """Return two hidden tanh layers; weights by this network's own generator."""
        import torch

        sizes = (inputs, WIDTH, WIDTH, outputs)
        layers: list[Any] = []
        for a, b in pairwise(sizes):
            linear = torch.nn.Linear(a, b, device="meta").to_empty(device="cpu")
            with torch.no_grad():
                linear.weight[:] = (2 * torch.rand(b, a, generator=self.generator) - 1) / a**0.5
                linear.bias[:] = 0
            layers += [linear, torch.nn.Tanh()]
        return torch.nn.Sequential(*layers[:-1])

    def sampled(self, x: Any, *samples: int) -> tuple[Any, Any, Any, Any]:
        """Return means, log deviations, samples of q(z|x) and their log p(x|z)."""
        import torch

        m, log_s = self.encoder(x).chunk(2, 1)
        z = m + log_s.exp() * torch.randn(*samples, *m.shape, generator=self.generator)
        square = ((x - self.decoder(z)) ** 2).sum(-1)
        return m, log_s, z, -square / (2 * VARIANCE) - x.shape[1] / 2 * np.log(2 * np.pi * VARIANCE)

    def loss(self, x: Any) -> Any:
        """Return minus the ELBO of a batch, KL(q(z|x) || p) by the same samples."""
        m, log_s, z, fit = self.sampled(x)
        own = -(((z - m) * (-log_s).exp()) ** 2 / 2 + log_s + np.log(2 * np.pi) / 2).sum(1)
        return -(fit - own + self.prior.log_prob(z)).mean()

    def prior_loss(self, x: Any) -> Any:
        """Return minus E log p(z) of a batch, for an encoder that stays."""
        import torch

        with torch.no_grad():
            z = self.sampled(x)[2]
        return -self.prior.log_prob(z).mean()

    def learn(self, loss: Callable[[Any], Any], parameters: list[Any], steps: int, rate: float) -> None:
        """Take Adam's steps on batches, the rate falling to 0."""
        import torch

        optimiser = torch.optim.Adam(parameters, lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(steps):
            batch = self.train[torch.randint(len(self.train), (BATCH,), generator=self.generator)]
            optimiser.zero_grad()
            loss(batch).backward()
            optimiser.step()
            schedule.step()

    def continued(self) -> "Network":
        """Return a network of its own with the same weights, and the batches and noise of another seed."""
        other = Network(self.seed)
        for mine, theirs in zip(self.parts, other.parts, strict=True):
            theirs.load_state_dict(mine.state_dict())
        other.generator.manual_seed(self.seed + MORE_STEPS)
        return other

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """Encoder, decoder and prior."""
        return self.encoder, self.decoder, self.prior

    def codes(self, x: Any) -> Codes:
        """Return the codes of data."""
        import torch

        with torch.no_grad():
            return Codes(*(one.double() for one in self.sampled(x, SAMPLES)))

    def fitted(self) -> Fitted:
        """Return what the network has become, its prior in float64."""
        from copy import deepcopy

        return Fitted(self.codes(self.train), self.codes(self.test), deepcopy(self.prior).double())

    @property
    def weights(self) -> list[Any]:
        """Weights of encoder and decoder."""
        return [*self.encoder.parameters(), *self.decoder.parameters()]


@dataclass(frozen=True)
class Trained:
    """One seed's networks: trained under N(0, I); the same with a flow learned on its codes; both trained on."""

    unit: Fitted
    frozen: Fitted
    unit_again: Fitted
    joint: Fitted


@kept
def trained(seed: int) -> Trained:
    """Return the networks of a seed.

    The joint one starts where the frozen one ended, and N(0, I) is given as many further steps: from one start, at a
    rate that suits the encoder, a flow that is still moving costs more than its prior gains.
    """
    network = Network(seed)
    network.learn(network.loss, network.weights, STEPS, RATE)
    unit = network.fitted()
    again = network.continued()
    network.learn(network.prior_loss, list(network.prior.parameters()), FLOW_STEPS, RATE)
    frozen = Fitted(unit.train, unit.test, network.fitted().prior)
    joint = network.continued()
    again.learn(again.loss, again.weights, MORE_STEPS, RATE / 2)
    joint.learn(joint.loss, [*joint.weights, *joint.prior.parameters()], MORE_STEPS, RATE / 2)
    return Trained(unit, frozen, again.fitted(), joint.fitted())


def shown(codes: Codes) -> Array:
    """Return one sample of each q(z|x), (N, d)."""
    return np.asarray(codes.z[0])

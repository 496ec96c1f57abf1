"""A TD-VAE of small networks, trained on sequences, and what it predicts in one jump."""

from typing import Any

import numpy as np

from elboproof import objectives

from .oscillator import Array, Oscillator

HIDDEN, LATENTS, LONGEST = 24, 2, 6
BATCH, LENGTH, PAIRS = 64, 26, 6
"""Sequences of a step, their length, and pairs of times of each."""
RATE, CLIP = 1e-2, 5.0
LEAST, MOST = -6.0, 3.0
"""Of logarithms of variances: outside, one draw could dominate a step."""


def capped(raw: Any) -> Any:
    """Return logarithms of variances between LEAST and MOST, smoothly."""
    import torch

    middle, half = (LEAST + MOST) / 2, (MOST - LEAST) / 2
    return middle + half * torch.tanh((raw - middle) / half)


class Model:
    """A recurrent network for b_t, and four heads of one hidden layer.

    Parameters
    ----------
    outputs
        D.
    seed
        Of the first weights, and of all draws while training.
    """

    def __init__(self, outputs: int, seed: int) -> None:
        import torch

        self.generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrent = torch.nn.GRU(outputs, HIDDEN, batch_first=True)
            self.beliefs = self._head(HIDDEN, LATENTS)
            self.smoothers = self._head(LATENTS + HIDDEN + LONGEST, LATENTS)
            self.jumps = self._head(LATENTS + LONGEST, LATENTS)
            self.decoders = self._head(LATENTS, outputs)

    @staticmethod
    def _head(inputs: int, outputs: int) -> Any:
        import torch

        return torch.nn.Sequential(
            torch.nn.Linear(inputs, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 2 * outputs)
        )

    @property
    def parameters(self) -> list[Any]:
        """Return the weights of all networks."""
        modules = (self.recurrent, self.beliefs, self.smoothers, self.jumps, self.decoders)
        return [weight for module in modules for weight in module.parameters()]

    def states(self, x: Any) -> Any:
        """Return b_1, ..., b_T, (N, T, H)."""
        return self.recurrent(x)[0]

    def belief(self, b: Any) -> Any:
        """Return p_B(z|b)."""
        return self._split(self.beliefs(b))

    def smoother(self, z2: Any, b1: Any, b2: Any, jump: Any) -> Any:  # noqa: ARG002
        """Return q_S(z1|z2, b1): the best one does not depend on b2."""
        return self._split(self.smoothers(_joined(z2, b1, _times(jump))))

    def transition(self, z1: Any, jump: Any) -> Any:
        """Return p_T(z2|z1, jump), a change of z1."""
        mean, log_variance = self._split(self.jumps(_joined(z1, _times(jump))))
        return z1 + mean, log_variance

    def decoder(self, z: Any) -> Any:
        """Return p_D(x|z)."""
        return self._split(self.decoders(z))

    @staticmethod
    def _split(raw: Any) -> Any:
        mean, log_variance = raw.chunk(2, dim=-1)
        return mean, capped(log_variance)

    def terms(self, x: Any, early: Any, jump: Any) -> objectives.TDTerms:
        """Return the loss of pairs of times (N, P) for sequences (N, T, D), N P rows."""
        import torch

        rows = torch.arange(len(x))[:, None].expand_as(early)
        late = early + jump
        b = self.states(x)
        heads = self.belief, self.smoother, self.transition, self.decoder
        b1, b2, x2, steps = (
            one.flatten(0, 1) for one in (b[rows, early], b[rows, late], x[rows, late], jump)
        )
        return objectives.td_vae_loss(*heads, b1, b2, x2, steps, self.generator)

    def predicted(self, x: Array, origin: int, jump: int, samples: int) -> tuple[Array, Array]:
        """Return log p(x_{origin + jump} | x_1, ..., x_origin) by draws, (N,), and the mean's squared relative error.

        The logarithm of a mean over S draws is too small by half of that error, to leading order in 1/S.
        """
        import torch

        with torch.no_grad():
            data = torch.tensor(x, dtype=torch.float32)
            z, target = self._ahead(data[:, :origin], jump, samples), data[:, origin + jump - 1]
            mean, log_variance = self.decoder(z)
            square = (target - mean) ** 2 * (-log_variance).exp() + log_variance + np.log(2 * np.pi)
            logs = -0.5 * square.sum(-1).double().numpy()
        top = logs.max(0)
        weights = np.exp(logs - top)
        middle = weights.mean(0)
        return top + np.log(middle), weights.var(0, ddof=1) / samples / middle**2

    def _ahead(self, past: Any, jump: int, samples: int) -> Any:
        import torch

        mean, log_variance = self.belief(self.states(past)[:, -1])
        z = self._drawn(mean.expand(samples, -1, -1), log_variance)
        steps = torch.full(z.shape[:-1], float(jump))
        return self._drawn(*self.transition(z, steps))

    def _drawn(self, mean: Any, log_variance: Any) -> Any:
        import torch

        return mean + (0.5 * log_variance).exp() * torch.randn(mean.shape, generator=self.generator)


def _joined(*parts: Any) -> Any:
    import torch

    return torch.cat(parts, dim=-1)


def _times(jump: Any) -> Any:
    """Return jumps of 1 to LONGEST as unit vectors."""
    import torch

    return torch.nn.functional.one_hot(jump.long() - 1, LONGEST).float()


def train(system: Oscillator, seed: int, steps: int, longest: int = LONGEST) -> Model:
    """Return a model after as many steps of Adam, on new sequences each; jumps are drawn from 1, ..., ``longest``."""
    import torch

    rng = np.random.default_rng(seed)
    model = Model(len(system.c), seed)
    optimiser = torch.optim.Adam(model.parameters, lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = torch.tensor(system.sequences(rng, BATCH, LENGTH), dtype=torch.float32)
        jump = rng.integers(1, longest + 1, (BATCH, PAIRS))
        early = rng.integers(0, LENGTH - jump)
        loss = model.terms(x, torch.tensor(early), torch.tensor(jump)).loss.mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters, CLIP)
        optimiser.step()
        schedule.step()
    return model

"""A VAE with four latents of ten categories on binary digits: its exact ELBO and evidence, and how it is trained.

The latents are independent under q(z|x) = softmax of each latent's logits and uniform under the prior, so that the KL
is in closed form and has a gradient of its own; all 10^4 configurations are enumerated for the exact numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._shared.digits import digits
from .._shared.kept import kept

Array = NDArray[np.float64]
LATENTS, CATEGORIES, HIDDEN, PIXELS = 4, 10, 64, 64
TRAIN, BATCH, RATE = 1297, 100, 5e-3
EPS, TEMPERATURE, DECAY = 0.3, 0.5, 0.9
"""Of the direct estimators, of the relaxation, and of the score function's moving baseline; none is tuned."""


def binary_digits() -> Array:
    """Return the digits, 1 where a pixel exceeds 7 of 16, shape (1797, 64), in an order of their own."""
    images = (digits() * 16 > 7).astype(np.float64)
    return images[np.random.default_rng(0).permutation(len(images))]


class Network:
    """Encoder 64-64-40 and decoder 40-64-64, tanh, as float32 tensors drawn from a seed."""

    def __init__(self, seed: int) -> None:
        import torch

        generator = torch.Generator().manual_seed(seed)

        def layer(inputs: int, outputs: int) -> list[Any]:
            weight = torch.randn(inputs, outputs, generator=generator) / inputs**0.5
            return [weight.requires_grad_(), torch.zeros(outputs, requires_grad=True)]

        codes = LATENTS * CATEGORIES
        self.encoder = [*layer(PIXELS, HIDDEN), *layer(HIDDEN, codes)]
        self.decoder = [*layer(codes, HIDDEN), *layer(HIDDEN, PIXELS)]

    def logits(self, x: Any) -> Any:
        """Return the latents' logits, (B, N, K)."""
        w1, b1, w2, b2 = self.encoder
        return ((x @ w1 + b1).tanh() @ w2 + b2).reshape(len(x), LATENTS, CATEGORIES)

    def log_likelihood(self, x: Any, z: Any) -> Any:
        """Return log p(x|z), (B,), z one-hot or relaxed (B, N, K)."""
        return self._bernoulli(x, z.flatten(1) @ self.decoder[0] + self.decoder[1])

    def values(self, x: Any, z: Any) -> Any:
        """Return log p(x|z with latent n set to k), (B, N, K), without a graph."""
        import torch

        with torch.no_grad():
            w1, b1, _, _ = self.decoder
            rows = w1.reshape(LATENTS, CATEGORIES, HIDDEN)
            here = z.flatten(1) @ w1 + b1
            own = torch.einsum("bnk,nkh->bnh", z, rows)
            return self._bernoulli(x[:, None, None], here[:, None, None] - own[:, :, None] + rows[None])

    def _bernoulli(self, x: Any, hidden: Any) -> Any:
        import torch

        out = hidden.tanh() @ self.decoder[2] + self.decoder[3]
        return (x * out - torch.nn.functional.softplus(out)).sum(-1)


def divergence(logits: Any) -> Any:
    """Return KL(softmax(logits) || uniform) summed over the latents, (B,)."""
    log_q = logits.log_softmax(-1)
    return (log_q.exp() * (log_q + float(np.log(CATEGORIES)))).sum((1, 2))


@dataclass
class Step:
    """What an estimator is given: images, logits with their graph, Gumbels, the sample and the score's baseline."""

    network: Network
    x: Any
    logits: Any
    gumbels: Any
    baseline: float = 0.0

    @cached_property
    def sample(self) -> Any:
        """The arg max, one-hot, (B, N, K)."""
        import torch

        index = (self.logits.detach() + self.gumbels).argmax(-1)
        return torch.nn.functional.one_hot(index, CATEGORIES).float()


Objective = Callable[[Step], Any]
"""Returns a scalar whose gradient is that of the mean of E_q log p(x|z), or its estimate."""


def _with_gradient(step: Step, gradient: Any) -> Any:
    """Return log p(x|z) at the sample for the decoder, and a scalar with this gradient in the logits."""
    likelihood = step.network.log_likelihood(step.x, step.sample)
    return (likelihood + (step.logits * gradient).sum((1, 2))).mean()


def direct(step: Step, two_sided: bool) -> Any:
    """Direct optimisation, by the library."""
    from elboproof import objectives

    values = step.network.values(step.x, step.sample)
    return _with_gradient(step, objectives.direct_gradient(step.logits, values, EPS, step.gumbels, two_sided))


def local_expectation(step: Step) -> Any:
    """sum_k s_nk (f_nk - E f_n)."""
    values, s = step.network.values(step.x, step.sample), step.logits.detach().softmax(-1)
    return _with_gradient(step, s * (values - (s * values).sum(-1, keepdim=True)))


def score(step: Step) -> Any:
    """(f - b)(e_z - s), b a moving mean of f."""
    likelihood = step.network.log_likelihood(step.x, step.sample)
    centred = likelihood.detach() - step.baseline
    log_q = (step.sample * step.logits.log_softmax(-1)).sum((1, 2))
    return (likelihood + centred * log_q).mean()


def relaxed(step: Step) -> Any:
    """Log p(x|softmax((a + g)/tau))."""
    soft = ((step.logits + step.gumbels) / TEMPERATURE).softmax(-1)
    return step.network.log_likelihood(step.x, soft).mean()


def downwards(step: Step) -> Any:
    """Direct optimisation with the step down: a false neighbour."""
    from elboproof import objectives

    values = step.network.values(step.x, step.sample)
    return _with_gradient(step, -objectives.direct_gradient(step.logits, values, EPS, step.gumbels))


OBJECTIVES: dict[str, Objective] = {
    "score": score,
    "relaxed": relaxed,
    "direct, one side": lambda step: direct(step, two_sided=False),
    "direct, two sides": lambda step: direct(step, two_sided=True),
    "local expectation": local_expectation,
    "direct, downwards": downwards,
    "direct, without the KL": lambda step: direct(step, two_sided=True),
}
WITHOUT_KL = ("direct, without the KL",)
"""Trained with no gradient of the divergence, as if it were no part of the objective: a false neighbour."""


@kept
def trained(name: str, seed: int, steps: int) -> "Scores":
    """Train with an objective and return the exact scores; networks and batches depend on the seed alone."""
    import torch

    data = torch.tensor(binary_digits()).float()
    network, noise = Network(seed), torch.Generator().manual_seed(1000 + seed)
    batches = torch.Generator().manual_seed(2000 + seed)
    optimiser = torch.optim.Adam([*network.encoder, *network.decoder], lr=RATE)
    baseline = None
    for _ in range(steps):
        x = data[torch.randint(TRAIN, (BATCH,), generator=batches)]
        logits = network.logits(x)
        shape = logits.shape
        gumbels = -torch.empty(shape).exponential_(generator=noise).clamp(min=1e-30).log()
        step = Step(network, x, logits, gumbels, baseline or 0.0)
        fit = OBJECTIVES[name](step)
        optimiser.zero_grad()
        weight = 0.0 if name in WITHOUT_KL else 1.0
        (weight * divergence(logits).mean() - fit).backward()
        optimiser.step()
        if name == "score":
            now = float(network.log_likelihood(x, step.sample).detach().mean())
            baseline = now if baseline is None else DECAY * baseline + (1 - DECAY) * now
    return exact_scores(network, data[TRAIN:].double())


@dataclass(frozen=True)
class Scores:
    """Means over held-out images in nats, exact: ELBO, log evidence, KL to the prior."""

    elbo: float
    evidence: float
    rate: float


def exact_scores(network: Network, x: Any) -> Scores:
    """Return the scores by enumeration of all configurations, in float64."""
    import torch

    with torch.no_grad():
        one_hot = torch.eye(CATEGORIES, dtype=torch.float64)
        index = torch.tensor(list(product(range(CATEGORIES), repeat=LATENTS)))  # (10^4, N)
        w1, b1, w2, b2 = (tensor.double() for tensor in network.decoder)
        out = (one_hot[index].flatten(1) @ w1 + b1).tanh() @ w2 + b2
        likelihood = x @ out.T - torch.nn.functional.softplus(out).sum(1)  # (B, 10^4)
        logits = network.logits(x.float()).double()
        log_q = logits.log_softmax(-1)
        joint = sum((log_q[:, n, index[:, n]] for n in range(LATENTS)), torch.zeros_like(likelihood))
        rate = divergence(logits)
        elbo = (joint.exp() * likelihood).sum(1) - rate
        evidence = torch.logsumexp(likelihood, 1) - LATENTS * float(np.log(CATEGORIES))
    return Scores(float(elbo.mean()), float(evidence.mean()), float(rate.mean()))

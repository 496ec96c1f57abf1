"""One step of the training loop against plain torch, the same networks and loss; medians, the steps in turn.

    python benchmarks/training_loop.py            prints the table
    python benchmarks/training_loop.py --write    replaces it in benchmarks/README.md
    python benchmarks/training_loop.py --small    the first two rows

Batches of 128, float32, one thread; a step draws its batch and its noise. "plain" is what a user would write: the
loss by hand, ``torch.optim.Adam`` as it comes, and no look at what is not finite. "plain, fused" has the loop's
optimiser, ``Adam(fused=True)``: what is above 1 is what the loop's checks and its loss in pieces cost.
"""

import math
import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import section
from elboproof.networks.run import Run
from elboproof.networks.settings import Request, settings_of
from elboproof.networks.splits import Splits
from elboproof.networks.variants import VARIANTS

BATCH, EXAMPLES, ROUNDS = 128, 2000, 300
SIZES = {"64-128-128-8": (64, (128, 128), 8), "784-200-200-16": (784, (200, 200), 16)}
Step = Callable[[], None]


def data(outputs: int) -> Splits:
    """Return correlated rows, as images have them."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((EXAMPLES, 8)) @ rng.standard_normal((8, outputs))
    return Splits("rows", rows + rng.standard_normal(rows.shape), rows[:10], rows[:10])


def ours(name: str, variant: str) -> Step:
    """Return a step of the loop."""
    outputs, hidden, latents = SIZES[name]
    splits = data(outputs)
    request = Request(variant, latents, hidden, "silu", "mlp", 10, BATCH, 1e-3, 0, 10, None)
    return Run(settings_of(splits, request, 0), splits).advance


def plain(name: str, variant: str, *, fused: bool) -> Step:
    """Return a step in plain torch."""
    outputs, hidden, latents = SIZES[name]
    half = VARIANTS[variant].half_outputs
    encoder = _mlp(outputs, *hidden, latents if half else 2 * latents)
    decoder = _mlp(latents, *reversed(hidden), outputs)
    x = torch.from_numpy(data(outputs).train).float()
    x = (x - x.mean(0)) / x.var(0).mean().sqrt()
    total = x.var(0, correction=0).sum()
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=fused)

    def step() -> None:
        y = x[torch.randint(EXAMPLES, (BATCH,))]
        optimiser.zero_grad()
        loss = _half(encoder, decoder, y, total) if half else _sigma(encoder, decoder, y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def _half(encoder: nn.Module, decoder: nn.Module, y: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    mean = encoder(y)
    ratio = (y - decoder(mean + torch.randn_like(mean))).square().sum() / (len(y) * total)
    bounded = 0.5 * y.shape[1] * torch.log1p(ratio * (4.0**4 - 1))
    loss: torch.Tensor = bounded + 0.5 * torch.log1p(mean.square().mean(0)).sum()
    return loss


def _sigma(encoder: nn.Module, decoder: nn.Module, y: torch.Tensor) -> torch.Tensor:
    mean, log_s = encoder(y).chunk(2, 1)
    residual = y - decoder(mean + (log_s / 2).exp() * torch.randn_like(mean))
    closed = 0.5 * y.shape[1] * (torch.log(2 * math.pi * residual.square().mean()) + 1)
    loss: torch.Tensor = closed + 0.5 * (log_s.exp() + mean**2 - 1 - log_s).sum(1).mean()
    return loss


def medians(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return the median seconds of each step, in a random order in each round."""
    spent: dict[str, list[float]] = {name: [] for name in steps}
    order, rng = list(steps), random.Random(1)  # noqa: S311 - an order that anybody can repeat
    for n in range(rounds + rounds // 10):
        for name in rng.sample(order, len(order)):
            began = time.process_time()
            steps[name]()
            if n >= rounds // 10:  # the first tenth warms up
                spent[name].append(time.process_time() - began)
    return {name: median(seconds) for name, seconds in spent.items()}


def report(rounds: int, small: bool) -> str:
    """Return the table."""
    torch.set_num_threads(1)
    rows = [
        "| network | variant | loop, ms | plain, ms | loop / plain | loop / plain, fused |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in list(SIZES)[: 1 if small else None]:
        for variant in ("bilbo-baggins", "sigma-vae"):
            steps = {
                "loop": ours(name, variant),
                "plain": plain(name, variant, fused=False),
                "fused": plain(name, variant, fused=True),
            }
            found = medians(steps, 10 if small else rounds)
            loop, other, fused = (found[key] for key in ("loop", "plain", "fused"))
            times = f"{1e3 * loop:.2f} | {1e3 * other:.2f} | {loop / other:.2f} | {loop / fused:.2f}"
            rows.append(f"| {name} | {variant} | {times} |")
    return "\n".join(rows)


if __name__ == "__main__":
    section.command("training-loop", __doc__, report, ROUNDS)

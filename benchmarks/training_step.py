"""One training step of a half-output VAE against ordinary ones: ratios of medians, the steps in turn in one run.

    python benchmarks/training_step.py            prints the table
    python benchmarks/training_step.py --write    replaces it in benchmarks/README.md
    python benchmarks/training_step.py --small    a smoke test of a second

The same network for all: an encoder 784-400-20 and a decoder 20-400-784, batches of 128, Adam, float32, one thread.
"half outputs" is BILBO + BAGGINS; "plain" the ordinary loss with learned posterior variances (40 outputs of the
encoder) and a fixed likelihood variance; "variances" also learns a variance for each pixel (1,568 outputs of the
decoder). Both are written in plain torch, as a user would.
"""

import argparse
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import section
from elboproof import objectives

PIXELS, HIDDEN, LATENTS, BATCH = 784, 400, 20, 128
ROUNDS = 300
Step = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Network:
    """An encoder and a decoder with so many outputs, and the optimiser of both."""

    encoder: torch.nn.Module
    decoder: torch.nn.Module
    optimiser: torch.optim.Optimizer


def network(of_encoder: int, of_decoder: int) -> Network:
    """Return networks of one hidden layer each."""
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(
        torch.nn.Linear(PIXELS, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, of_encoder)
    )
    decoder = torch.nn.Sequential(
        torch.nn.Linear(LATENTS, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, of_decoder)
    )
    return Network(
        encoder, decoder, torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    )


def half_outputs(v: torch.Tensor) -> Callable[[torch.Tensor], None]:
    """Return a step of BILBO + BAGGINS; ``v`` (D,) are the data's variances."""
    net = network(LATENTS, PIXELS)

    def loss(x: torch.Tensor) -> torch.Tensor:
        mean = net.encoder(x)
        return -objectives.bilbo_baggins(x, net.decoder(mean + torch.randn_like(mean)), mean, v)

    return _step(net, loss)


def ordinary(*, variances: bool) -> Callable[[torch.Tensor], None]:
    """Return a step of the ordinary loss, with or without a learned variance for each pixel."""
    net = network(2 * LATENTS, 2 * PIXELS if variances else PIXELS)

    def loss(x: torch.Tensor) -> torch.Tensor:
        mean, log_variance = net.encoder(x).chunk(2, 1)
        outputs = net.decoder(mean + (log_variance / 2).exp() * torch.randn_like(mean))
        if variances:
            mean_x, log_v = outputs.chunk(2, 1)
            likelihood = -0.5 * ((x - mean_x) ** 2 * (-log_v).exp() + log_v + math.log(2 * math.pi)).sum(1)
        else:
            likelihood = -0.5 * ((x - outputs) ** 2 + math.log(2 * math.pi)).sum(1)
        divergence = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(1)
        average: torch.Tensor = (divergence - likelihood).mean()
        return average

    return _step(net, loss)


def _step(net: Network, loss: Step) -> Callable[[torch.Tensor], None]:
    def step(x: torch.Tensor) -> None:
        net.optimiser.zero_grad()
        loss(x).backward()  # type: ignore[no-untyped-call]
        net.optimiser.step()

    return step


def medians(rounds: int) -> dict[str, float]:
    """Return the median seconds of each step, one after the other in each round."""
    torch.manual_seed(1)
    x = torch.rand(BATCH, PIXELS)
    steps = {
        "half outputs": half_outputs(x.var(0)),
        "plain": ordinary(variances=False),
        "variances": ordinary(variances=True),
    }
    spent: dict[str, list[float]] = {name: [] for name in steps}
    order, rng = list(steps), random.Random(1)  # noqa: S311 - an order that anybody can repeat
    for n in range(rounds + rounds // 10):
        # in every order alike: a step finds the caches as the one before it has left them
        for name in rng.sample(order, len(order)):
            step = steps[name]
            began = time.process_time()
            step(x)
            if n >= rounds // 10:  # the first tenth warms up
                spent[name].append(time.process_time() - began)
    return {name: median(seconds) for name, seconds in spent.items()}


def table(found: dict[str, float]) -> str:
    """Return the table."""
    base = found["half outputs"]
    rows = ["| step | ms | half outputs / it |", "|---|---:|---:|"]
    rows += [f"| {name} | {1e3 * seconds:.2f} | {base / seconds:.2f} |" for name, seconds in found.items()]
    return "\n".join(rows)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the table in benchmarks/README.md")
    parser.add_argument("--small", action="store_true", help="a smoke test")
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = table(medians(10 if options.small else ROUNDS))
    print(text)
    if options.write:
        section.write("training-step", text)


if __name__ == "__main__":
    main()

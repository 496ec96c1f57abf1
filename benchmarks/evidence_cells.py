"""The cells of three proofs of log p(x): what the search kept, what it discarded, and with which bounds.

    python benchmarks/evidence_cells.py            prints their numbers
    python benchmarks/evidence_cells.py --write    writes evidence_cells.json, drawn by figures/evidence.py

The search is not changed to be observed: an energy that remembers what it is asked stands in for the usual one.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import elboproof as ep
from elboproof.commands.evidence_output import ball_text
from elboproof.evidence.domain import domain
from elboproof.evidence.energy import Bounds, Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.search import search
from elboproof.evidence.start import start
from elboproof.evidence.target import Target
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.floating import FLOATING
from elboproof.quadrature.cells import Cells

RECORD = Path(__file__).with_suffix(".json")
DIGITS = 5
"""Fewer than usual, so that single cells can be seen."""
SHARE = 1e-2
"""Of the tolerance: what one discarded cell may take."""
LEVELS = (0.5, 0.1, 0.01)
"""Of the posterior's peak: where contours are drawn."""
SECONDS, MOST_CELLS = 60.0, 1_000_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A model, a data point (floats that are written exactly), and the window in z that is drawn."""

    title: str
    latent: tuple[str, ...]
    decoder: tuple[str, ...]
    x: tuple[str, ...]
    window: float


PROBLEMS = (
    Problem("$f(z) = z^2$,  $\\sigma = 0.1$,  x = 0.7", ("z",), ("z**2",), ("0.7",), 2.0),
    Problem("$f(a, b) = a\\,b$,  $\\sigma = 0.1$,  x = 0.5", ("a", "b"), ("a*b",), ("0.5",), 4.5),
    Problem(
        "$f(a, b) = (\\sin a + b,\\ a\\,b)$,  $\\sigma = 0.1$,  x = (0.5, 0.3)",
        ("a", "b"),
        ("sin(a) + b", "a*b"),
        ("0.5", "0.3"),
        4.5,
    ),
)
VARIANCE = "1/100"


class Watched(Energy):
    """An energy that remembers the cells it was asked about and the bounds it gave."""

    def over(self, cells: Cells) -> Bounds:
        """Return bounds of U over cells."""
        bounds = super().over(cells)
        self.seen = [*getattr(self, "seen", []), (cells, bounds.least)]
        return bounds

    def discarded(self, target: Target) -> tuple[Cells, Array]:
        """Return the cells whose bounds were small enough to leave them out, with their bounds."""
        cells = Cells.joined([cells for cells, _ in self.seen])
        least = np.concatenate([bound for _, bound in self.seen])
        small = target.negligible(cells, least)
        return cells[small], least[small]


def record(problem: Problem) -> dict[str, Any]:
    """Return the cells of one proof, with the posterior as curves."""
    model = ep.LatentModel(list(problem.latent), list(problem.decoder), ep.Gaussian(variance=VARIANCE))
    x = BallArray(np.array([[float(value) for value in problem.x]]))
    floats = FloatEnergy(model)
    guess = start(floats, x.mid)
    where = domain(model, model.ceiling(x), guess.frames, guess.log_mass, DIGITS)
    roots = Cells(np.zeros(1, dtype=np.intp), where.centre, where.half)
    target = Target(guess.energy, np.exp(guess.log_mass + guess.energy), 0.5 * 10.0**-DIGITS, SHARE)
    energy = Watched(model, x, guess.frames)
    kept = Cells.joined(search(energy, floats, roots, target, np.inf, MOST_CELLS).cells)
    left_out, least_outside = energy.discarded(target)
    proved = ep.log_evidence(model, list(problem.x), DIGITS, seconds=SECONDS)
    cells, least = Cells.joined([kept, left_out]), np.append(energy.over(kept).least, least_outside)
    kinds = ["kept"] * len(kept) + ["discarded"] * len(left_out)
    peak = -float(guess.energy[0])
    log_mass = np.log(np.prod(2 * cells.half, axis=1)) - least - float(proved.midpoint)
    return {
        "title": problem.title,
        "variance": VARIANCE,
        "evidence": list(ball_text(float(proved.lower), float(proved.upper))),
        "window": problem.window,
        "cells": _leaves(cells, kinds, guess.frames[0], log_mass, -least - peak),
        "curves": _posterior(model, x.mid, problem.window, peak),
    }


def _leaves(
    cells: Cells, kinds: list[str], frame: Array, log_mass: Array, log_density: Array
) -> list[list[Any]]:
    """Return kind, centre and half edges in z (two coordinates each), log10 of mass and density bounds."""
    rows = []
    for k, kind in enumerate(kinds):
        numbers = np.zeros((3, 2))
        d = len(frame)
        numbers[0, :d] = frame @ cells.centre[k]
        numbers[1 : 1 + d, :d] = (frame * cells.half[k]).T
        tens = [log_mass[k] / np.log(10), log_density[k] / np.log(10)]
        rows.append([kind, *(float(f"{v:.6g}") for v in [*numbers.reshape(-1).tolist(), *tens])])
    return rows


def _posterior(
    model: ep.LatentModel, x: Array, window: float, peak: float
) -> list[tuple[str, list[float], list[float]]]:
    """Return named curves of points (x, y): the relative log10 density where d = 1, contours where d = 2."""
    compiled = model.quantities.compiled("energy", 0, FLOATING)
    axis = np.linspace(-window, window, 201)
    if model.latent_dim == 1:
        (value,) = compiled(axis, *x[0])
        density = (-value - peak) / np.log(10)
        return [("density", *_rounded(axis, density))]
    import contourpy

    grid = np.meshgrid(axis, axis)
    (value,) = compiled(*grid, *x[0])
    lines = contourpy.contour_generator(*grid, (-value - peak) / np.log(10))
    found = []
    for level in LEVELS:
        for k, line in enumerate(lines.lines(np.log10(level))):
            points = np.asarray(line)
            found.append((f"contour {level:g} #{k}", *_rounded(points[:, 0], points[:, 1])))
    return found


def _rounded(x: Array, y: Array) -> tuple[list[float], list[float]]:
    return [float(f"{v:.4g}") for v in x], [float(f"{v:.4g}") for v in y]


def main() -> None:
    """Record all problems."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    records = [record(problem) for problem in PROBLEMS]
    for entry in records:
        kinds = [cell[0] for cell in entry["cells"]]
        print(entry["title"], entry["evidence"], {kind: kinds.count(kind) for kind in sorted(set(kinds))})
    if write:
        text = json.dumps({"schema": 1, "digits": DIGITS, "problems": records}, separators=(",", ":"))
        RECORD.write_text(text.replace("],[", "],\n[") + "\n")


if __name__ == "__main__":
    main()

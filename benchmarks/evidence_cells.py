"""The cells of three proofs of log p(x): which are integrated, which are only bounded, and what each holds.

python benchmarks/evidence_cells.py            prints their numbers
python benchmarks/evidence_cells.py --write    writes evidence_cells.json, drawn by figures/evidence.py

The densities are bounds of their mean over a cell, relative to the highest density.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

import elboproof as ep
from elboproof.commands.evidence_output import ball_text
from elboproof.evidence.cells_record import EvidenceCells
from elboproof.numbers.floating import FLOATING

RECORD = Path(__file__).with_suffix(".json")
DIGITS = 5
"""Fewer than usual, so that single cells can be seen."""
LEVELS = (0.5, 0.1, 0.01)
"""Of the posterior's peak: where contours are drawn."""
POINTS = 201
"""Along each axis of the window, where the posterior is drawn."""

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


def record(problem: Problem) -> dict[str, Any]:
    """Return the cells of one proof, with the posterior as curves."""
    model = ep.LatentModel(list(problem.latent), list(problem.decoder), ep.Gaussian(variance=VARIANCE))
    cells = ep.evidence_cells(model, list(problem.x), DIGITS)
    peak = _peak(model, problem)
    return {
        "title": problem.title,
        "variance": VARIANCE,
        "evidence": list(ball_text(float(cells.evidence.lower), float(cells.evidence.upper))),
        "window": problem.window,
        "cells": _rows(cells, peak),
        "curves": _posterior(model, problem, peak),
    }


def _peak(model: ep.LatentModel, problem: Problem) -> float:
    """Return the largest log p(x, z), found from the best point of the window's grid."""
    x = list(map(float, problem.x))
    grid = _grid(model, problem)
    best = int(np.argmin(_energies(model, problem)))
    start = [axis.reshape(-1)[best] for axis in grid]
    return -float(minimize(lambda z: model.floating.energy(z, x), start, method="Nelder-Mead").fun)


def _grid(model: ep.LatentModel, problem: Problem) -> list[Array]:
    axis = np.linspace(-problem.window, problem.window, POINTS)
    return list(np.meshgrid(*[axis] * model.latent_dim))


def _energies(model: ep.LatentModel, problem: Problem) -> Array:
    (value,) = model.quantities.compiled("energy", 0, FLOATING)(
        *_grid(model, problem), *map(float, problem.x)
    )
    return np.asarray(value)


def _rows(cells: EvidenceCells, peak: float) -> list[list[Any]]:
    """Return kind, centre and half edges in z (two coordinates each), log10 of mass and of mean density bounds."""
    d = len(cells.latents)
    log_mass = np.log(cells.probabilities.upper)
    # p(z|x) at the peak is exp(peak) / p(x), and the mean over a cell its share of p(x) over its volume.
    volume = np.abs(np.linalg.det(2 * cells.edges))
    log_density = log_mass - np.log(volume) - (peak - float(cells.evidence.midpoint))
    rows = []
    for k, integrated in enumerate(cells.integrated):
        numbers = np.zeros((3, 2))
        numbers[0, :d], numbers[1 : 1 + d, :d] = cells.centres[k], cells.edges[k]
        tens = [log_mass[k] / np.log(10), log_density[k] / np.log(10)]
        kind = "kept" if integrated else "discarded"
        rows.append([kind, *(float(f"{v:.6g}") for v in [*numbers.reshape(-1).tolist(), *tens])])
    return rows


def _posterior(
    model: ep.LatentModel, problem: Problem, peak: float
) -> list[tuple[str, list[float], list[float]]]:
    """Return named curves of points (x, y): the relative log10 density where d = 1, contours where d = 2."""
    grid, density = _grid(model, problem), (-_energies(model, problem) - peak) / np.log(10)
    if model.latent_dim == 1:
        return [("density", *_rounded(grid[0], density))]
    import contourpy

    lines = contourpy.contour_generator(x=grid[0], y=grid[1], z=density)
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

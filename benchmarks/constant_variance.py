"""The proved constant-variance penalty against NumPy's floats, side by side.

    python benchmarks/constant_variance.py            prints the table
    python benchmarks/constant_variance.py --write    replaces it in benchmarks/README.md
    python benchmarks/constant_variance.py --small    the first two rows only, a smoke test

60,000 precision matrices A_n. NumPy gives the penalty by slogdet, and the ratio h by eigenvalues relative to the mean;
the proof encloses both, S*, the second order and the diagonal variant. Medians of CPU seconds in one process, taken in
turns.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np

import elboproof as ep
from benchmarks import section

COUNT, LATENTS = 60_000, (1, 2, 3, 5, 10)


def precisions(d: int, count: int = COUNT) -> Any:
    """Return I + G'G with Gaussian G (count, 3, d), a decoder of three outputs."""
    slopes = np.random.default_rng(d).normal(size=(count, 3, d))
    matrices = np.eye(d) + slopes.transpose(0, 2, 1) @ slopes
    return (matrices + matrices.transpose(0, 2, 1)) / 2


def by_floats(matrices: Any) -> tuple[float, float]:
    """Return the penalty and h, unproved."""
    mean = matrices.mean(0)
    penalty = (np.linalg.slogdet(mean)[1] - np.linalg.slogdet(matrices)[1].mean()) / 2
    root = np.linalg.inv(np.linalg.cholesky(mean))
    eigenvalues = np.linalg.eigvalsh(root @ matrices @ root.T)
    return float(penalty), float(eigenvalues.max() / eigenvalues.min())


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return CPU seconds and the result."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def line(d: int, rounds: int) -> str:
    """Return one row."""
    matrices = precisions(d)
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        floats, (penalty, _) = seconds(lambda: by_floats(matrices))
        proof, found = seconds(lambda: ep.constant_variance_penalty(matrices))
        spent[0].append(floats)
        spent[1].append(proof)
    if not abs(found.penalty.midpoint - penalty) < 1e-9:
        raise RuntimeError(f"d = {d}: the floats give {penalty}, outside of {found.penalty}")
    numbers, proved = map(median, spent)
    shown = f"{float(found.penalty.midpoint):.12f} | {float(found.penalty.width) / 2:.0e} | {found.specht_bound:.3f}"
    return f"| {d} | {numbers:.2f} | {proved:.2f} | {proved / numbers:.1f} | {shown} |"


def report(rounds: int, small: bool) -> str:
    """Return the table in Markdown."""
    heads = ("d", "NumPy, s", "proof, s", "ratio", "P*, nats", "proved +-", "Specht's bound")
    lines = [f"| {' | '.join(heads)} |", "|---:|---:|---:|---:|---:|---:|---:|"]
    return "\n".join([*lines, *(line(d, rounds) for d in LATENTS[: 2 if small else None])])


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    section.command("constant-variance", __doc__, report, 3, arguments)


if __name__ == "__main__":
    main()

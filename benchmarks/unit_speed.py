"""Gaps of curves in their arc length beside those in their latent: what they take, and how small they are.

    python benchmarks/unit_speed.py            prints the table
    python benchmarks/unit_speed.py --write    replaces it in benchmarks/README.md
    python benchmarks/unit_speed.py --small    the first two cases only, a smoke test

Both gaps are proved to the same significant digits, in turn in one process, and medians are compared. "proof of the
curve" is ep.unit_speed itself, once for a model.
"""

import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import elboproof as ep
from benchmarks import section

DIGITS = 6
CASES = [
    (decoder, x, sigma)
    for decoder, x in (
        (["z", "z**2"], ["0.7", "0.49"]),
        (["sinh(z)"], ["0.7"]),
        (["z", "exp(z)"], ["0", "1"]),
        (["z", "sin(3*z)"], ["0.5", "0.9"]),
    )
    for sigma in ("1/10", "1/10000")
]
"""Decoder, x and sigma."""


def timed(functions: Sequence[Callable[[], Any]], rounds: int) -> list[tuple[float, Any]]:
    """Return the median of milliseconds and the last result of each; they take turns."""
    spent: list[list[float]] = [[] for _ in functions]
    results = [function() for function in functions]  # to warm up and to compile
    for _ in range(rounds):
        for k, function in enumerate(functions):
            start = time.process_time()
            results[k] = function()
            spent[k].append(time.process_time() - start)
    return [(1000 * median(each), result) for each, result in zip(spent, results, strict=True)]


def line(decoder: Sequence[str], x: Sequence[str], sigma: str, rounds: int) -> str:
    """Return one line of the table."""
    model = ep.LatentModel("z", list(decoder), ep.Gaussian(Fraction(sigma) ** 2))
    curve = ep.unit_speed(model)
    (proof, _), (before, plain), (after, unit) = timed(
        [
            lambda: ep.unit_speed(model),
            lambda: ep.gap(model, x, DIGITS),
            lambda: curve.gap(x, DIGITS),
        ],
        rounds,
    )
    gaps = f"{float(plain.midpoint):.4e} | {float(unit.midpoint):.4e}"
    name = ", ".join(decoder).replace("**", "^")
    times = f"{proof:.1f} | {before:.1f} | {after:.1f} | {after / before:.1f}"
    return f"| {name} | {float(Fraction(sigma)):g} | {times} | {gaps} |"


def report(rounds: int, small: bool) -> str:
    """Return the table in Markdown."""
    heads = ["decoder", "sigma", "proof of the curve, ms", "gap in z, ms", "in t, ms", "ratio"]
    heads += ["in z, nats", "in t, nats"]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines += [line(*case, rounds) for case in CASES[: 2 if small else None]]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    section.command("unit_speed", __doc__, report, 5, arguments)


if __name__ == "__main__":
    main()

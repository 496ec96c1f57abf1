"""The reference evidences of the problem table, each by two routes that share no truncation.

    python benchmarks/references.py --check          recomputes all and compares with problems.csv (minutes)
    python benchmarks/references.py --write          replaces problems.csv
    python benchmarks/references.py --check sine     only problems whose name begins so

Route 1 is proved where the model reduces to one dimension by hand (``reference_proofs.py``). Where it does not
(networks, softmax), it is Gauss-Legendre on panels, and what is left out is bounded with arrays of balls. Route 2 is a
lattice (in three latents with a network, panels) over another domain, in other frames, cut elsewhere, run with two
steps (``reference_sums.py``).
"""

import argparse
import csv
import math
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, it finds the files beside it

from benchmarks.reference_proofs import proved, stem, variance
from benchmarks.reference_sums import lattice, panels, radial, whitened
from elboproof.model import problems
from elboproof.model.problems import BASE, COLUMNS, RELATIVE_RADIUS, Problem, Route

FILE = Path(problems.__file__).with_name("problems.csv")
STABLE = 2e-13  # relative change of a float route under another step and frame; a fifth of the radius


def floated(problem: Problem) -> Route:
    """Return route 2, computed twice: another step, and another frame or offset."""
    name = stem(problem)
    if name.startswith("oblique"):
        method, runs = "whitened lattice", (whitened(problem, 0.5, 1), whitened(problem, 0.4, 2))
    elif name == "shell" and variance(problem) < Fraction("1e-3"):
        sigma = math.sqrt(variance(problem))
        method, runs = "radial lattice", (radial(problem, sigma / 8), radial(problem, sigma / 10))
    else:
        method, runs = "rotated lattice", (lattice(problem, 0.7, 1), lattice(problem, 0.55, 2))
    return _stable(problem, method, runs)


def _stable(problem: Problem, method: str, runs: tuple[np.longdouble, np.longdouble]) -> Route:
    if abs(runs[0] - runs[1]) > STABLE * max(1.0, abs(float(runs[1]))):
        raise ArithmeticError(f"{problem.name}, {method}: got {runs}; expected runs within {STABLE}")
    return Route(method, Decimal(np.format_float_positional(runs[1], precision=18)), False)


def routes(problem: Problem) -> tuple[Route, Route]:
    """Return both routes of one problem."""
    second = floated(problem)
    first = proved(problem, float(second.value))
    if first is None:
        runs = panels(problem, 12), panels(problem, 16)
        first = _stable(problem, "panels with proved bounds", runs)
    return first, second


def row_of(problem: Problem) -> dict[str, str]:
    """Return the row of ``problems.csv``."""
    row = {"name": problem.name}
    first, second = routes(problem)
    for k, route in enumerate((first, second), 1):
        row |= {f"method_{k}": route.method, f"value_{k}": str(route.value)}
        row[f"proved_{k}"] = "yes" if route.proved else "no"
    return row | {"difference": f"{float(first.value - second.value):.1e}"}


def agrees(row: dict[str, str], problem: Problem) -> bool:
    """Whether both new values lie within the radius of the problem's reference, and of each other."""
    values = [Decimal(row["value_1"]), Decimal(row["value_2"]), problem.reference]
    radius = RELATIVE_RADIUS * max(Decimal(1), abs(values[0]))
    return max(values) - min(values) <= radius  # a NaN, of a problem without a row, raises


def write(rows: dict[str, dict[str, str]]) -> None:
    """Write the rows known so far in the order of the table."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[problem.name] for problem in BASE if problem.name in rows)


def main() -> int:
    """Recompute the references; return 1 if one is not what the file says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="replace the rows of problems.csv")
    parser.add_argument("--check", action="store_true", help="compare with problems.csv (the default)")
    parser.add_argument("prefixes", nargs="*", help="only problems whose name begins so")
    options = parser.parse_args()
    rows = {name: dict(row) for name, row in problems.stored().items()}
    wrong = 0
    for problem in BASE:
        if not problem.name.startswith(tuple(options.prefixes) or ("",)):
            continue
        start = time.perf_counter()
        row = row_of(problem)
        right = options.write or agrees(row, problem)
        wrong += not right
        print(
            f"{problem.name:28} {row['value_1'][:22]:>22} {row['difference']:>9} "
            f"{time.perf_counter() - start:7.1f} s  {'' if right else 'NOT WHAT THE FILE SAYS'}",
            flush=True,
        )
        if options.write:
            rows[problem.name] = row
            write(rows)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

"""The optimal decoder at scale, against a chunked matrix-product implementation in NumPy.

    python benchmarks/decoder.py            prints the tables
    python benchmarks/decoder.py --write    replaces them in benchmarks/README.md
    python benchmarks/decoder.py --small    a smoke test of a second

60,000 codes, 784 outputs, float32: the shape of MNIST, with synthetic clustered data in its place. Both
implementations run alternately in one process, in blocks of the same size; the ratio is the median over the rounds.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
from numpy.typing import NDArray

import elboproof as ep
from benchmarks import section
from elboproof.decoder.streaming import CODE_BLOCK, QUERY_BLOCK

Array = NDArray[np.floating[Any]]
MEGABYTE = 2.0**20
CHECKED = 40
"""Queries whose error is measured against float64."""


@dataclass(frozen=True)
class Case:
    """One row: latent dimensions, standard deviation, queries, and whether each code has its own covariance."""

    dimensions: int
    deviation: float
    queries: int
    own: bool = False

    @property
    def label(self) -> str:
        """What the row is called."""
        kind = "own (2, 2)" if self.own else "shared"
        return f"{self.dimensions} | {self.deviation:g} | {kind} | {self.queries:,}"


FULL = [Case(2, s, 10_000) for s in (1.0, 0.1, 0.01)]
OTHERS = [Case(8, 0.1, 2_000), Case(32, 1.0, 2_000), Case(2, 0.1, 10_000, own=True)]
SMALL = [Case(2, 0.1, 300), Case(2, 0.1, 300, own=True)]


@dataclass(frozen=True)
class Problem:
    """Codes (N, d), data (N, D), queries (Q, d), all float32, and covariances for `ep.OptimalDecoder`."""

    codes: Array
    data: Array
    queries: Array
    covariances: Any


def problem(case: Case, small: bool) -> Problem:
    """Return ten clusters in code and data space; the seed is fixed."""
    rng = np.random.default_rng(20)
    points, outputs = (2_000, 16) if small else (60_000, 784)
    d = case.dimensions
    centres, images = rng.normal(size=(10, d)), rng.random((10, outputs), dtype=np.float32)
    label = rng.integers(10, size=points)
    codes = (centres[label] + 0.3 * rng.normal(size=(points, d))).astype(np.float32)
    data = rng.standard_normal((points, outputs), dtype=np.float32)
    data *= np.float32(0.1)
    for k in range(10):  # in place: the memory of the data must not be doubled before it is measured
        data[label == k] += images[k]
    queries = centres[rng.integers(10, size=case.queries)] + 0.35 * rng.normal(size=(case.queries, d))
    covariances: Any = case.deviation**2
    if case.own:
        root = np.eye(d) + 0.3 * rng.normal(size=(points, d, d))
        covariances = case.deviation**2 * (root @ root.mT + 0.1 * np.eye(d))
    return Problem(codes, data, queries.astype(np.float32), covariances)


def matrix_product(p: Problem) -> Array:
    """Return the average by softmax(Q K^T / s^2 - |m|^2 / (2 s^2)) X in float32, the usual way."""
    keys = p.codes / np.float32(p.covariances)
    bias = -0.5 * (p.codes * keys).sum(1)
    out = np.empty((len(p.queries), p.data.shape[1]), np.float32)
    for start in range(0, len(out), QUERY_BLOCK):
        part = slice(start, start + QUERY_BLOCK)
        logits = np.empty((len(out[part]), len(keys)), np.float32)
        for first in range(0, len(keys), CODE_BLOCK):
            block = slice(first, first + CODE_BLOCK)
            logits[:, block] = p.queries[part] @ keys[block].T
            logits[:, block] += bias[block]
        logits -= logits.max(1, keepdims=True)
        np.exp(logits, out=logits)
        total = logits.sum(1, keepdims=True)
        np.matmul(logits, p.data, out=out[part])
        out[part] /= total
    return out


def reference(p: Problem, chosen: NDArray[np.intp]) -> Array:
    """Return the average in float64 at a few queries, from differences of coordinates."""
    rows = []
    data = p.data.astype(np.float64)
    precision = np.linalg.inv(p.covariances) if np.ndim(p.covariances) else None
    for z in p.queries[chosen].astype(np.float64):
        u = z - p.codes.astype(np.float64)
        if precision is None:
            scores = -0.5 * (u * u).sum(1) / p.covariances
        else:
            scores = -0.5 * np.einsum("nj,njk,nk->n", u, precision, u) + 0.5 * np.linalg.slogdet(precision)[1]
        weights = np.exp(scores - scores.max())
        rows.append(weights @ data / weights.sum())
    return np.array(rows)


def timed(function: Callable[[], Array]) -> tuple[float, Array]:
    """Return the seconds of a call and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def compare(case: Case, rounds: int, small: bool) -> dict[str, Any]:
    """Return the median seconds, the median ratio, and the largest errors relative to max |x|."""
    p = problem(case, small)
    decoder = ep.OptimalDecoder(p.codes, p.data, p.covariances)
    chosen = np.random.default_rng(1).choice(len(p.queries), min(CHECKED, len(p.queries)), replace=False)
    exact, largest = reference(p, chosen), float(np.abs(p.data).max())
    ours: list[float] = []
    theirs: list[float] = []
    row: dict[str, Any] = {"case": case.label}
    for _ in range(rounds):
        seconds, result = timed(lambda: decoder(p.queries))
        ours.append(seconds)
        row["error"] = float(np.abs(result[chosen] - exact).max()) / largest
        if not case.own:
            seconds, result = timed(lambda: matrix_product(p))
            theirs.append(seconds)
            row["their error"] = float(np.abs(result[chosen] - exact).max()) / largest
    row["seconds"] = median(ours)
    if theirs:
        row["their seconds"] = median(theirs)
        row["ratio"] = median(a / b for a, b in zip(ours, theirs, strict=True))
    return row


def memory(case: Case, small: bool) -> dict[str, Any]:
    """Return the peak memory in MB above the data and the result: what NumPy reports, and the process's growth."""
    p = problem(case, small)
    decoder = ep.OptimalDecoder(p.codes, p.data, p.covariances)
    decoder(p.queries[:2])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tracemalloc.start()
    result = decoder(p.queries)
    reported = (tracemalloc.get_traced_memory()[1] - result.nbytes) / MEGABYTE
    tracemalloc.stop()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before - result.nbytes / MEGABYTE
    return {"case": case.label, "reported": reported, "grown": grown}


def in_child(task: str, threads: int, options: list[str]) -> list[dict[str, Any]]:
    """Run a task in a fresh process with a number of BLAS threads, and return its rows."""
    count = str(threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
    command = [sys.executable, __file__, "--task", task, *options]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def run_task(task: str, number: int, rounds: int, small: bool) -> list[dict[str, Any]]:
    """Return the rows of one task in this process."""
    cases = SMALL if small else FULL + OTHERS
    if task == "memory":
        return [memory(cases[number], small)]
    return [compare(case, rounds if case.queries > 5_000 else 1, small) for case in cases]


def report(rounds: int, small: bool) -> str:
    """Return the tables in Markdown."""
    flag = ["--small"] if small else []
    lines = [
        "| threads | d | s | covariance | queries | ours, s | matrix product, s | ratio | our error | their error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for threads in (1, 2):
        rows = in_child("compare", threads, ["--rounds", str(rounds), *flag])
        lines += [f"| {threads} | {row['case']} | {_cells(row)} |" for row in rows]
    lines += [
        "",
        "| d | s | covariance | queries | NumPy's peak, MB | growth of the process, MB |",
        "|---|---|---|---|---|---|",
    ]
    for number in range(len(SMALL if small else FULL + OTHERS)):
        row = in_child("memory", 1, ["--case", str(number), *flag])[0]
        lines.append(f"| {row['case']} | {row['reported']:.0f} | {row['grown']:.0f} |")
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> str:
    if "ratio" not in row:
        return f"{row['seconds']:.2f} | - | - | {row['error']:.1e} | -"
    return (
        f"{row['seconds']:.2f} | {row['their seconds']:.2f} | {row['ratio']:.2f} "
        f"| {row['error']:.1e} | {row['their error']:.1e}"
    )


NOTE = """\
60,000 codes and 784 outputs in float32: the shape of MNIST, with synthetic clustered data. Both run
alternately in one process and the ratio is the median; errors are relative to max |x|
against float64; memory is above the data and the result."""


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the section in benchmarks/README.md")
    parser.add_argument("--small", action="store_true", help="tiny sizes: a smoke test")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each implementation (default 3)")
    parser.add_argument("--task", choices=["compare", "memory"], help=argparse.SUPPRESS)
    parser.add_argument("--case", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.task:
        print(json.dumps(run_task(options.task, options.case, options.rounds, options.small)))
        return
    tables = report(options.rounds, options.small)
    print(tables)
    if options.write:
        section.write("decoder", f"{NOTE}\n\n{tables}")


if __name__ == "__main__":
    main()

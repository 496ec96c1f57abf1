"""What exactness saves: latents integrated out, covariances as sums of squares, logarithms of sums with a pivot.

    python benchmarks/exactness.py            prints the table
    python benchmarks/exactness.py --write    replaces it in benchmarks/README.md
    python benchmarks/exactness.py --small    the first two cases only, a smoke test

Both ways take turns in one process, after a run of each that compiles; medians of CPU seconds. Without is the engine
over all latents, the quadratic form expanded term by term, and logarithms of evaluated exponentials.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
import sympy
from sympy import Expr, Rational

import elboproof as ep
from benchmarks import section
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import evidence_of, prove
from elboproof.model.ceilings import Ceiling
from elboproof.model.data import Data
from elboproof.model.quantities import Quantities
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.tape import Tape

SECONDS, CELLS = 60.0, 2_000_000
"""Limits of one evidence."""
PATIENT = 600.0
"""Of one that takes CPU seconds, on a machine with others at work."""
LONG = 2.0
"""Seconds; what takes longer is measured once, with what it compiles."""
Call = Callable[[], Evidence]


def expanded(covariance: tuple[tuple[Rational, ...], ...], residual: Sequence[Expr]) -> Expr:
    """Return log N(r; 0, C) with one term for each entry of C^-1."""
    matrix = sympy.Matrix(covariance)
    inverse, size = matrix.inv(), len(residual)
    terms = [
        sympy.Mul(inverse[j, k] * (1 if j == k else 2), residual[j], residual[k])
        for j in range(size)
        for k in range(j + 1)
    ]
    return -sympy.Add(*terms) / 2 - sympy.log((2 * sympy.pi) ** size * matrix.det()) / 2


class Blobs:
    """The integrand of a prior of narrow Gaussians with equal weights and x = (a + b^2, a b) of variance 1/10."""

    latent_dim, data_dim = 2, 2

    def __init__(self, means: Sequence[tuple[int, int]], variance: str) -> None:
        self._means, self._variance = means, Rational(variance)
        self._latents, self._data = sympy.symbols("a b", real=True), sympy.symbols("x y", real=True)
        self.quantities = Quantities(self._latents, self._data, None, (), self._lowered, lambda: None)

    placement = None

    def log_base(self, _: object) -> None:
        """Return None: there is no base measure."""

    def ceiling(self, x: BallArray) -> Ceiling:
        """N(z; m, v) / N(z; 0, 1) is largest at m / (1 - v)."""
        v = float(self._variance)
        ratio = -np.log(v) + max(a * a + b * b for a, b in self._means) / (2 * (1 - v))
        return Ceiling.flat(np.full(len(x), ratio - np.log(2 * np.pi / 10) + 1e-6))

    def _lowered(self, _: str, tape: Tape) -> list[int]:
        a, b = self._latents
        terms = [
            tape.lower(
                sympy.exp(-((a - p) ** 2 + (b - q) ** 2) / (2 * self._variance), evaluate=False)
                / (2 * sympy.pi * self._variance * len(self._means))
            )
            for p, q in self._means
        ]
        prior = terms[0]
        for term in terms[1:]:
            prior = tape.add(prior, term)
        misfit = (self._data[0] - a - b**2) ** 2 + (self._data[1] - a * b) ** 2
        likelihood = tape.lower(-5 * misfit - sympy.log(2 * sympy.pi / 10))
        return [tape.negate(tape.add(tape.call("log", prior), likelihood))]


@dataclass(frozen=True)
class Case:
    """One row: what is proved, to how many digits, with and without."""

    name: str
    digits: float
    ours: Call
    theirs: Call | None


def _eliminated(
    name: str, latents: Sequence[str], decoder: Sequence[str], x: Sequence[str], digits: float, variance: str
) -> Case:
    model = ep.LatentModel(list(latents), list(decoder), ep.Gaussian(variance))
    limits = {"seconds": SECONDS, "most_cells": CELLS}
    whole = (lambda: prove(model, list(x), digits, **limits)) if len(latents) <= 4 else None  # type: ignore[arg-type]
    return Case(name, digits, lambda: evidence_of(model, list(x), digits, **limits), whole)  # type: ignore[arg-type]


def _correlated(size: int, digits: float) -> Case:
    names, x = list("abcd"[:size]), ["0.3", "0.2", "0.1", "0.4"][:size]
    covariance = [["1" if j == k else "0.95" for k in range(size)] for j in range(size)]
    ours, theirs = (ep.LatentModel(names, names, ep.Gaussian(covariance=covariance)) for _ in range(2))

    def term_by_term() -> Evidence:
        with patch("elboproof.model.likelihood._full_log_density", expanded):
            return prove(theirs, x, digits, seconds=SECONDS, most_cells=CELLS)

    name = f"correlation .95, d = {size}, by cells"
    return Case(name, digits, lambda: prove(ours, x, digits, seconds=PATIENT, most_cells=CELLS), term_by_term)


def _blobs(count: int, variance: str, digits: float) -> Case:
    means = [(1, 1), (-1, -1), (1, -1), (-1, 1)][:count]
    data = Data(np.array([0.9, 0.5]))
    ours = Blobs(means, variance)
    theirs = Blobs(means, variance)

    def evaluated() -> Evidence:
        with patch("elboproof.numbers.tape.logarithm", lambda *_: None):
            return prove(theirs, data, digits, seconds=SECONDS, most_cells=CELLS)

    name = f"prior of {count} blobs of variance {variance}"
    return Case(name, digits, lambda: prove(ours, data, digits, seconds=SECONDS, most_cells=CELLS), evaluated)


def cases() -> list[Case]:
    """Return all rows."""
    chain = (["a", "b", "c"], ["a", "b + a**2", "c + a*b"], ["0.3", "0.2", "0.1"], 8)
    fifty = [f"z{k}" for k in range(50)]
    rows = [f"{'+'.join(f'{(j * k) % 7 - 3}/4*{name}' for k, name in enumerate(fifty))}" for j in range(50)]
    return [
        _eliminated("chain (a, b + a^2, c + ab), v = .01", *chain, "1/100"),
        _eliminated("the same, v = 1e-8", *chain, "1e-8"),
        _eliminated(
            "linear, d = 3", ["a", "b", "c"], ["a + c", "b - 2*c", "a/2"], ["0.3", "0.2", "0.1"], 8, "1/100"
        ),
        _eliminated("linear, d = 50", fifty, rows, ["1/2"] * 50, 10, "1/100"),
        _correlated(3, 8),
        _correlated(4, 5),
        _blobs(2, "1/100", 8),
        _blobs(4, "1/10", 8),
        _blobs(2, "1/2", 8),
    ]


def _measured(call: Call, rounds: int) -> tuple[float, Evidence]:
    times: list[float] = []
    for _ in range(rounds + 1):
        began = time.process_time()
        answer = call()
        times.append(time.process_time() - began)
        if times[-1] > LONG:
            return times[-1], answer
    return median(times[1:]), answer


def _words(seconds: float, answer: Evidence) -> tuple[str, str]:
    width = float(np.max(answer.enclosure.width))
    return f"{seconds:.3f}", f"{width:.0e}" if not any(answer.statuses) else f"{width:.0e}, undecided"


def _row(case: Case, rounds: int) -> str:
    ours, mine = _measured(case.ours, rounds)
    if case.theirs is None:
        return f"| {case.name} | {case.digits} | {' | '.join(_words(ours, mine))} | | refused | |"
    theirs, other = _measured(case.theirs, rounds)
    ratio = "" if any(other.statuses) else f"{theirs / ours:.1f}"  # time to no answer is no time to one
    columns = [*_words(ours, mine), *_words(theirs, other), ratio]
    return f"| {case.name} | {case.digits} | {' | '.join(columns)} |"


def report(rounds: int, small: bool) -> str:
    """Return the table."""
    head = "| what | digits | with, s | width | without, s | width | without / with |\n|---|---|---|---|---|---|---|"
    chosen = cases()[: 2 if small else None]
    return "\n".join([head, *(_row(case, rounds) for case in chosen)])


if __name__ == "__main__":
    section.command("exactness", __doc__, report, 5)

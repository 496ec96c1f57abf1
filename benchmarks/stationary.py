"""Proved stationary posteriors and gaps: milliseconds, and the gap with its proved digits.

    python benchmarks/stationary.py            prints the table
    python benchmarks/stationary.py --write    replaces it in benchmarks/README.md
    python benchmarks/stationary.py --small    the first two cases only, a smoke test

Each case runs once to warm up and to compile, then ``--rounds`` times; medians are given. "test" is Krawczyk's test at
the point that was found, with the gradient and Hessian it needs; "stationary" adds the search for all stationary
points and their ELBOs, "gap" the evidence. x is the image of a point for the networks and the chain.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np

import elboproof as ep
from benchmarks import section
from elboproof.posterior.ascent import Guess
from elboproof.posterior.certification import certify

DIGITS = 6
"""Significant digits of the gaps that are asked."""
LONG = 2.0
"""Seconds; what takes longer is measured once."""
SECONDS = 120.0
"""Limit of a gap."""


@dataclass(frozen=True)
class Case:
    """One row: a decoder, x and sigma.

    Attributes
    ----------
    target
        Milliseconds of the test that are aimed at.
    """

    name: str
    model: Any
    x: Sequence[str | float]
    sigma: str
    target: float


def network(inputs: int, latent: Sequence[float]) -> tuple[Any, list[float]]:
    """Return a tanh network with 4 hidden units and 6 outputs, and its image of a point."""
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(inputs, 4), torch.nn.Tanh(), torch.nn.Linear(4, 6)]
    module = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        return module, module(torch.tensor(latent, dtype=torch.float64)).tolist()


CHAIN = ["a", "b + a**2", "c + a*b"]


def _gaussian(sigma: str) -> Any:
    return ep.Gaussian(Fraction(sigma) ** 2)


def _written(
    name: str, latent: Sequence[str], decoder: Sequence[str], x: Sequence[str], target: float
) -> Any:
    """Return sigma -> case for a decoder of expressions."""
    return lambda s: Case(name, ep.LatentModel(list(latent), list(decoder), _gaussian(s)), list(x), s, target)


def _trained(name: str, latent: Sequence[float], target: float) -> Any:
    module, x = network(len(latent), latent)
    return lambda s: Case(name, ep.LatentModel.from_torch(module, _gaussian(s)), x, s, target)


def cases() -> list[Callable[[], Case]]:
    """Return the cases; each is built when it is measured."""
    closed, any_line, closed_plane, plane, space = 0.2, 5.0, 0.5, 100.0, 2000.0
    small, usual = ("1/10", "1/10000"), ("1", "1/10", "1/100", "1/10000")
    spatial = ("1/10", "1/100", "1/1000", "1/10000")
    rows = [
        (_written("sinh z", "z", ["sinh(z)"], ["0.7"], closed), small),
        (_written("z + z^3/5", "z", ["z + z**3/5"], ["0.7"], closed), small),
        (_written("z^2", "z", ["z**2"], ["0.7"], closed), small),
        (_written("tanh z", "z", ["tanh(z)"], ["0.5"], any_line), small),
        (_written("(a, b + a^2)", "ab", ["a", "b + a**2"], ["0.7", "0.5"], closed_plane), usual),
        (_trained("tanh network 2-4-6", [0.25, -0.25], plane), ("1/10", "1/100", "1/10000")),
        (_written("(a, b + a^2, c + ab)", "abc", CHAIN, ["0.7", "0.5", "0.3"], space), spatial),
        (_trained("tanh network 3-4-6", [0.25, -0.25, 0.5], space), spatial),
    ]
    return [lambda make=make, s=s: make(s) for make, sigmas in rows for s in sigmas]  # type: ignore[misc]


def timed(function: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Return the median of milliseconds and the last result."""
    start = time.perf_counter()
    function()
    spent = []
    for _ in range(rounds if time.perf_counter() - start < LONG else 1):
        start = time.perf_counter()
        result = function()
        spent.append(time.perf_counter() - start)
    return 1000 * median(spent), result


def tested(case: Case, point: ep.StationaryPoint) -> Callable[[], Any]:
    """Return the test alone, started at the point."""
    rows = [[float(entry) for entry in row] for row in point.posterior.cholesky()]
    factor = np.array([row + [0.0] * (len(rows) - len(row)) for row in rows])
    guess = Guess(np.array([float(m) for m in point.posterior.mean]), np.tril(factor))
    x = [Fraction(value) for value in case.x]
    return lambda: certify(case.model, x, "full", None, guess, time.monotonic() + SECONDS)


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Return what one case took and what it proved."""
    search, point = timed(lambda: ep.stationary_posterior(case.model, case.x), rounds)
    alone, proved = timed(tested(case, point), rounds)
    if proved is None:
        raise RuntimeError(
            f"{case.name}, sigma = {case.sigma}: the test failed at a point that it had proved"
        )
    whole, gap = timed(lambda: ep.gap(case.model, case.x, DIGITS, seconds=SECONDS), rounds)
    return {"case": case, "test": alone, "stationary": search, "whole": whole, "gap": gap}


def proved_digits(gap: ep.Enclosure) -> float:
    """Return the significant digits that the enclosure proves."""
    return -math.log10(float(gap.width) / 2 / float(gap.midpoint))


def line(row: dict[str, Any]) -> str:
    """Return one line of the table."""
    case, digits = row["case"], proved_digits(row["gap"])
    value = f"{float(row['gap'].midpoint):.{int(digits)}e}"
    times = f"{row['test']:.2f} | {case.target:g} | {row['stationary']:.1f} | {row['whole']:.1f}"
    sigma = f"{float(Fraction(case.sigma)):g}"
    return f"| {case.model.latent_dim} | {case.name} | {sigma} | {times} | {value} | {digits:.1f} |"


def report(rounds: int, small: bool) -> str:
    """Return the table in Markdown."""
    heads = (
        "d",
        "decoder",
        "sigma",
        "test, ms",
        "its target",
        "stationary, ms",
        "gap, ms",
        "gap, nats",
        "digits",
    )
    lines = [f"| {' | '.join(heads)} |", "|---:|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines += [line(measure(make(), rounds)) for make in cases()[: 2 if small else None]]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    section.command("stationary", __doc__, report, 5, arguments)


if __name__ == "__main__":
    main()

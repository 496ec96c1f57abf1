"""Compiled ball evaluation against hand-written python-flint code: the same work on the same machine in one run.

The two sides take turns, so that a change of load hits both; the table shows the median of the ratios of the turns.

    python benchmarks/ball_evaluation.py [--write]

``--write`` puts the table into benchmarks/README.md.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

from flint import acb, arb, fmpq

import elboproof as ep
from benchmarks import section
from elboproof.numbers.balls import COMPLEX_BALLS, REAL_BALLS
from elboproof.numbers.compiler import Ring
from elboproof.numbers.precision import current_bits

TURNS, TURN_SECONDS = 41, 0.02
LARGEST_RATIO = 2.0
ORDERS = range(5)

Values = tuple[object, ...]
Function = Callable[..., Values]


@dataclass(frozen=True)
class Case:
    """One function, compiled and by hand, at one point."""

    name: str
    compiled: Function
    by_hand: Function
    point: Sequence[object]
    model: ep.LatentModel
    quantity: str


def banana() -> Case:
    """U(u, v) for f = (u, v + u^2), variance 1/100, in real balls."""
    model = ep.LatentModel(["u", "v"], ["u", "v + u**2"], ep.Gaussian("1/100"))
    constant = 2 * (2 * arb.pi()).log() + (arb(1) / 100).log()
    half, fifty = arb(1) / 2, arb(50)

    def by_hand(u: arb, v: arb, x: arb, y: arb) -> Values:
        square = u * u
        a, b = x - u, y - v - square
        return ((square + v * v) * half + (a * a + b * b) * fifty + constant,)

    point = [arb("0.3"), arb("0.4"), arb("0.5"), arb("0.6")]
    return _case("banana energy, d = 2", model, "energy", REAL_BALLS, by_hand, point)


def sinh_energy() -> Case:
    """U(z) for f = sinh z in complex balls, the exponent of an evidence integrand; exp is taken on both sides."""
    model = ep.LatentModel("z", ["sinh(z)"], ep.Gaussian("1/100"))
    energy = model.quantities.compiled("energy", 0, COMPLEX_BALLS)
    constant = acb((2 * arb.pi()).log() + (arb(1) / 100).log() / 2)
    half, fifty = acb(0.5), acb(50)

    def compiled(z: acb, x: acb) -> Values:
        return ((-energy(z, x)[0]).exp(),)

    def by_hand(z: acb, x: acb) -> Values:
        r = x - z.sinh()
        return ((-(z * z * half + r * r * fifty + constant)).exp(),)

    point = [acb(0.7, 0.1), acb(0.5)]
    return Case("sinh integrand exp(-U), complex", compiled, by_hand, point, model, "energy")


def network() -> Case:
    """Tanh network 2-4-6 in real balls."""
    first = [[fmpq(3 * i + 5 * j - 7, 10) for j in range(3)] for i in range(4)]
    second = [[fmpq((2 * i + 3 * j) % 7 - 3, 9) for j in range(5)] for i in range(6)]
    hidden = [f"tanh({row[0]}*u + {row[1]}*v + {row[2]})".replace("+ -", "- ") for row in first]
    outputs = [
        " + ".join(f"({w})*{h}" for w, h in zip(row, hidden, strict=False)) + f" + ({row[4]})"
        for row in second
    ]
    model = ep.LatentModel(["u", "v"], outputs, ep.Gaussian(1))
    A, B = ([[arb(w) for w in row] for row in layer] for layer in (first, second))

    def by_hand(u: arb, v: arb, *_: object) -> Values:
        h = [(a * u + b * v + c).tanh() for a, b, c in A]
        return tuple(w[0] * h[0] + w[1] * h[1] + w[2] * h[2] + w[3] * h[3] + w[4] for w in B)

    return _case(
        "tanh network 2-4-6", model, "decoder", REAL_BALLS, by_hand, [arb("0.3"), arb("0.4"), *[None] * 6]
    )


def softmax() -> Case:
    """Softmax average of ten points in one dimension, in real balls."""
    codes = [fmpq(2 * i - 9, 5) for i in range(10)]
    data = [fmpq((7 * i) % 10 - 4, 3) for i in range(10)]
    weights = [f"exp(({m})*z - ({m * m / 2}))" for m in codes]
    over = " + ".join(f"({x})*{w}" for x, w in zip(data, weights, strict=True))
    model = ep.LatentModel("z", [f"({over})/({' + '.join(weights)})"], ep.Gaussian(1))
    rows = [(arb(m), arb(m * m / 2), arb(x)) for m, x in zip(codes, data, strict=True)]

    def by_hand(z: arb, _: object) -> Values:
        total, mean = arb(0), arb(0)
        for m, half, x in rows:
            weight = (m * z - half).exp()
            total += weight
            mean += x * weight
        return (mean / total,)

    return _case("softmax average of 10 points", model, "decoder", REAL_BALLS, by_hand, [arb("0.3"), None])


def _case(
    name: str, model: ep.LatentModel, quantity: str, ring: Ring, by_hand: Function, point: Sequence[object]
) -> Case:
    return Case(name, model.quantities.compiled(quantity, 0, ring), by_hand, point, model, quantity)


def require_same(case: Case) -> None:
    """Raise if the two sides do not compute the same numbers."""
    for ours, theirs in zip(case.compiled(*case.point), case.by_hand(*case.point), strict=True):
        if not (ours.is_finite() and ours.overlaps(theirs)):  # type: ignore[attr-defined]
            raise ValueError(f"{case.name}: got {ours} and {theirs}; expected balls that overlap")


def seconds(function: Function, point: Sequence[object], repeats: int) -> float:
    """Return the time of one call in seconds."""
    start = time.perf_counter()
    for _ in range(repeats):
        function(*point)
    return (time.perf_counter() - start) / repeats


def measured(case: Case) -> tuple[float, float, float]:
    """Return medians over the turns: seconds compiled, seconds by hand, ratio."""
    repeats = max(1, int(TURN_SECONDS / seconds(case.by_hand, case.point, 100)))
    turns = [
        (seconds(case.compiled, case.point, repeats), seconds(case.by_hand, case.point, repeats))
        for _ in range(TURNS)
    ]
    ours, theirs = zip(*turns, strict=True)
    return statistics.median(ours), statistics.median(theirs), statistics.median(a / b for a, b in turns)


def compile_times(case: Case) -> list[float]:
    """Return the seconds that a fresh model takes for each order of derivative, the lower ones done before."""
    model = ep.LatentModel(
        [str(z) for z in case.model.latents], list(case.model.decoder), case.model.likelihood
    )
    times = []
    for order in ORDERS:
        start = time.perf_counter()
        model.quantities.compiled(case.quantity, order, REAL_BALLS)
        times.append(time.perf_counter() - start)
    return times


def table(cases: Sequence[Case]) -> tuple[str, bool]:
    """Return the Markdown table and whether every ratio is within the limit."""
    lines = [
        "| function | compiled | by hand | ratio | compile, orders 0, 1, 2, 3, 4 |",
        "|---|---:|---:|---:|---:|",
    ]
    within = True
    for case in cases:
        require_same(case)
        ours, theirs, ratio = measured(case)
        compile_ms = ", ".join(f"{1e3 * t:.1f}" for t in compile_times(case))
        lines.append(
            f"| {case.name} | {1e6 * ours:.2f} µs | {1e6 * theirs:.2f} µs | {ratio:.2f} | {compile_ms} ms |"
        )
        within &= ratio <= LARGEST_RATIO
    note = (
        f"Medians of {TURNS} turns at {current_bits()} bits, one core; a ratio above {LARGEST_RATIO:g} fails."
    )
    return "\n".join([*lines, "", note]), within


def main() -> int:
    """Run the benchmark; return 1 if a ratio exceeds the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    arguments = parser.parse_args()
    text, within = table([banana(), sinh_energy(), network(), softmax()])
    print(text)
    if arguments.write:
        section.write("ball-evaluation", text)
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())

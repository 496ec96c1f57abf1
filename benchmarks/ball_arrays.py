"""Arrays of balls: nanoseconds per element, against plain NumPy and against one arb at a time.

    python benchmarks/ball_arrays.py            prints the table
    python benchmarks/ball_arrays.py --write    replaces it in benchmarks/README.md
    python benchmarks/ball_arrays.py --small    a smoke test of a second

Blocks of 4096 elements, one thread, processor time, all three in turn in one run; the least of the rounds counts, since
other processes can only add. "point" operands have radius 0, "ball" operands 0.01, "wide" ones 1. No NumPy
function is given where NumPy has none.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np
from flint import acb, arb

from benchmarks import section
from elboproof.numbers.ball_arrays import BallArray
from elboproof.numbers.ball_complex import ComplexBallArray
from elboproof.numbers.balls import working_precision
from elboproof.numbers.duals import Dual

SIZE = 4096
SCALARS = 400
"""Elements of the arb loop: enough for its time, few enough for the run."""
BITS = 53


@dataclass(frozen=True)
class Row:
    """One operation in up to three forms; each callable is one pass over its elements."""

    label: str
    ball: Callable[[], object]
    plain: Callable[[], object] | None
    scalar: Callable[[], object]


def _binary(label: str, operation: Callable[[Any, Any], Any], radius: float) -> Row:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2.0, (2, SIZE))
    a, b = BallArray(x, radius), BallArray(y, radius)
    pairs = [
        (arb(s, radius), arb(t, radius))
        for s, t in zip(x[:SCALARS].tolist(), y[:SCALARS].tolist(), strict=True)
    ]
    return Row(
        label, lambda: operation(a, b), lambda: operation(x, y), lambda: [operation(s, t) for s, t in pairs]
    )


def _unary(name: str, radius: float, word: str) -> Row:
    x = np.random.default_rng(1).uniform(1.1, 3.0, SIZE)
    balls = BallArray(x, radius)
    numbers = [arb(t, radius) for t in x[:SCALARS].tolist()]
    plain: dict[str, Any] = {"atan": np.arctan, "asinh": np.arcsinh, "square": np.square}
    function = plain.get(name) or getattr(np, name, None)
    special: dict[str, Callable[[Any], Any]] = {
        "sigmoid": lambda t: 1 / (1 + (-t).exp()),
        "softplus": lambda t: t.exp().log1p(),
        "square": lambda t: t * t,
    }
    one: Callable[[Any], Any] = special.get(name) or (lambda t: getattr(t, name)())
    return Row(
        f"{name}, {word}",
        lambda: getattr(balls, name)(),
        None if function is None else (lambda: function(x)),
        lambda: [one(t) for t in numbers],
    )


def _complex(label: str, operation: Callable[[Any], Any]) -> Row:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0.5, 2.0, SIZE), rng.uniform(-0.5, 0.5, SIZE)
    z = ComplexBallArray(BallArray(x, 0.01), BallArray(y, 0.01))
    plain = x + 1j * y
    numbers = [
        acb(arb(s, 0.01), arb(t, 0.01))
        for s, t in zip(x[:SCALARS].tolist(), y[:SCALARS].tolist(), strict=True)
    ]
    forms = {"exp": np.exp, "tanh": np.tanh}
    numpy_form = forms.get(label) or operation
    return Row(
        f"complex {label}",
        lambda: operation(z),
        lambda: numpy_form(plain),
        lambda: [operation(w) for w in numbers],
    )


def _banana() -> Row:
    """Return the mean-value energy of the two-dimensional banana: what branch and bound evaluates on each box."""
    rng = np.random.default_rng(3)
    u, v = rng.normal(size=(2, SIZE))
    boxes = BallArray(u, 0.05), BallArray(v, 0.05)

    def energy(a: Any, b: Any, square: Callable[[Any], Any]) -> Any:
        return (square(a - 0.7) + square(b + square(a) - 0.2)) * 50 + (square(a) + square(b)) * 0.5

    def bound() -> object:
        centre = energy(BallArray(u), BallArray(v), lambda t: t.square())
        first, second = Dual.variables(boxes)
        dual = energy(first, second, lambda t: t.square())
        offset = BallArray(np.zeros(SIZE), 0.05)
        return dual.mean_value(centre, [offset, offset]).lower()

    numbers = [
        (arb(s, 0.05), arb(t, 0.05)) for s, t in zip(u[:SCALARS].tolist(), v[:SCALARS].tolist(), strict=True)
    ]
    return Row(
        "mean-value banana energy (arb: plain)",
        bound,
        lambda: energy(u, v, np.square),
        lambda: [energy(s, t, lambda w: w * w) for s, t in numbers],
    )


def rows() -> list[Row]:
    """Return everything that is timed."""
    operations: list[tuple[str, Callable[[Any, Any], Any]]] = [
        ("add", lambda a, b: a + b),
        ("multiply", lambda a, b: a * b),
        ("divide", lambda a, b: a / b),
    ]
    points = (
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "cos",
        "tanh",
        "sinh",
        "asinh",
        "atan",
        "erf",
        "sigmoid",
        "softplus",
    )
    return [
        *(_binary(f"{name}, ball", operation, 0.01) for name, operation in operations),
        _unary("square", 0.01, "ball"),
        *(_unary(name, 0.0, "point") for name in points),
        *(_unary(name, 0.01, "ball") for name in ("exp", "tanh", "sin", "softplus")),
        *(_unary(name, 1.0, "wide") for name in ("exp", "tanh", "sin")),
        _complex("multiply", lambda z: z * z),
        _complex("exp", lambda z: z.exp()),
        _complex("tanh", lambda z: z.tanh()),
        _banana(),
    ]


def _seconds(work: Callable[[], object], passes: int) -> float:
    start = time.process_time()
    for _ in range(passes):
        work()
    return (time.process_time() - start) / passes


def measure(row: Row, rounds: int, passes: int) -> tuple[float, float | None, float]:
    """Return nanoseconds per element of the three forms, the least over rounds in which they take turns."""
    best: list[float] = [np.inf] * 3
    for _ in range(rounds):
        best[0] = min(best[0], _seconds(row.ball, passes) / SIZE)
        if row.plain is not None:
            best[1] = min(best[1], _seconds(row.plain, passes) / SIZE)
        best[2] = min(best[2], _seconds(row.scalar, 1) / SCALARS)
    ball, plain, scalar = (1e9 * b for b in best)
    return ball, None if row.plain is None else plain, scalar


@working_precision(BITS)
def table(rounds: int, passes: int) -> str:
    """Return the Markdown table."""
    lines = [
        f"Python loop over arb and acb at {BITS} bits; NumPy {np.__version__}; blocks of {SIZE:,}.",
        "",
        "| operation | balls, ns | NumPy, ns | balls / NumPy | arb, ns | arb / balls |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows():
        ball, plain, scalar = measure(row, rounds, passes)
        against = "| | |" if plain is None else f"| {plain:.1f} | {ball / plain:.1f} |"
        lines.append(f"| {row.label} | {ball:.1f} {against} {scalar:.0f} | {scalar / ball:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Time everything and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="replace the table in benchmarks/README.md")
    parser.add_argument("--small", action="store_true", help="one round of one pass")
    options = parser.parse_args()
    text = table(1, 1) if options.small else table(25, 20)
    print(text)
    if options.write:
        section.write("ball-arrays", text)


if __name__ == "__main__":
    main()

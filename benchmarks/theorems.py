"""Proofs over parameter boxes: leaves, point integrals, and the seconds of the search and of the check.

    python benchmarks/theorems.py            prints the table
    python benchmarks/theorems.py --write    replaces it in benchmarks/README.md
    python benchmarks/theorems.py --small    the first two statements only, a smoke test

Each statement is proved once to warm up imports and then ``--rounds`` times; the median is given. The check reads the
certificate that the last round saved.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import elboproof as ep
from benchmarks import section

Box = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Case:
    """One row: a statement over a box."""

    quantity: Any
    lower: str | None
    upper: str | None
    box: Box

    def statement(self) -> Any:
        """Return the statement."""
        if self.lower is None:
            return self.quantity <= self.upper
        return (
            self.quantity >= self.lower
            if self.upper is None
            else self.quantity.between(self.lower, self.upper)
        )

    @property
    def label(self) -> str:
        """What the row is called."""
        sides = ", ".join(f"{name} in [{low}, {high}]" for name, (low, high) in self.box.items())
        decoder, data = ", ".join(self.quantity.decoder), ", ".join(self.quantity.x)
        model = f"f = ({decoder}), x = ({data}), v = {self.quantity.variance}"
        return f"{self.statement()} | {model}; {sides}"


def cases() -> list[Case]:
    """Return the statements; that with .02 is false and must be refuted."""
    cubic, cubic_box = ep.Gap("z", ["z + c*z**3"], "v", ["7/10"]), {"c": ("0", "0.3"), "v": ("0.01", "1")}
    square = ep.Gap("z", ["z**2"], "sigma**2", ["x"])
    banana = ep.Gap(["a", "b"], ["a", "b + a**2"], "v", ["1/2", "x"])
    bent = ep.Gap(["a", "b"], ["a", "b + c*a**2"], "v", ["1/2", "x"])
    sine = ep.Gap("z", ["a*sin(z) + b*z"], "v", ["1/2"])
    evidence = ep.LogEvidence("z", ["z + c*z**3"], "v", ["7/10"])
    return [
        Case(cubic, None, "0.1", cubic_box),
        Case(cubic, None, "0.05", cubic_box),
        Case(cubic, None, "0.03", cubic_box),
        Case(cubic, None, "0.02", cubic_box),
        Case(square, "0.6", "0.9", {"sigma": ("0.05", "0.3"), "x": ("0.6", "0.8")}),
        Case(sine, None, "0.05", {"a": ("0.2", "0.5"), "b": ("0.6", "0.8"), "v": ("0.1", "1")}),
        Case(banana, None, "0.1", {"x": ("0.6", "0.8"), "v": ("0.5", "1")}),
        Case(bent, None, "0.1", {"c": ("0.5", "1"), "x": ("0.6", "0.8"), "v": ("0.5", "1")}),
        Case(evidence, "-2", "0", cubic_box),
    ]


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a call and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def measure(case: Case, rounds: int, folder: Path) -> dict[str, Any]:
    """Return what one statement took."""
    ep.for_all(case.statement(), case.box)
    runs = [timed(lambda: ep.for_all(case.statement(), case.box)) for _ in range(rounds)]
    answer = runs[-1][1]
    row: dict[str, Any] = {
        "case": case.label,
        "answer": type(answer).__name__,
        "seconds": median(seconds for seconds, _ in runs),
    }
    if isinstance(answer, ep.Proof):
        file = folder / "certificate.json"
        answer.certificate.save(file)
        checks = [timed(lambda: ep.recheck(file))[0] for _ in range(rounds)]
        row |= {"leaves": answer.leaves, "integrals": answer.integrals, "check": median(checks)}
        row["kilobytes"] = file.stat().st_size / 1000
    return row


def report(rounds: int, small: bool) -> str:
    """Return the table in Markdown."""
    lines = [
        "| statement | model and box | answer | leaves | integrals | seconds | recheck, s | certificate, kB |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases()[: 2 if small else None]:
            row = measure(case, rounds, Path(folder))
            known = [f"{row[name]}" if name in row else "" for name in ("leaves", "integrals")]
            check = f"{row['check']:.2f} | {row['kilobytes']:.0f}" if "check" in row else " | "
            lines.append(
                f"| {row['case']} | {row['answer']} | {' | '.join(known)} | {row['seconds']:.2f} | {check} |"
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    section.command("theorems", __doc__, report, 3, arguments)


if __name__ == "__main__":
    main()

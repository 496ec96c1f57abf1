"""A uniform prior as a true box, against the same model written with N(0, I) and an erf in the decoder.

    python benchmarks/priors.py            prints the table
    python benchmarks/priors.py --write    replaces it in benchmarks/README.md
    python benchmarks/priors.py --small    a smoke test

Both run alternately in one process, in seconds of its own time; functions are compiled before.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np

import elboproof as ep
from benchmarks import section
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import prove

SECONDS, CELLS = 60.0, 500_000


@dataclass(frozen=True)
class Case:
    """A problem on the box [low, high]^d; the decoder's latents stand in braces."""

    name: str
    low: str
    high: str
    decoder: tuple[str, ...]
    latents: tuple[str, ...]
    variance: str
    x: tuple[str, ...]
    digits: float

    def box(self) -> ep.LatentModel:
        """Return the model with the prior that is meant."""
        places = {name: name for name in self.latents}
        return self._model(places, ep.Uniform(self.low, self.high))

    def pushed(self) -> ep.LatentModel:
        """Return the model in which a normal latent's distribution function stands for the uniform one."""
        side = f"(({self.high}) - ({self.low}))"
        places = {name: f"(({self.low}) + {side}*(1 + erf({name}/sqrt(2)))/2)" for name in self.latents}
        return self._model(places, ep.Normal())

    def _model(self, places: dict[str, str], prior: ep.Normal | ep.Uniform) -> ep.LatentModel:
        decoder = [entry.format(**places) for entry in self.decoder]
        return ep.LatentModel(list(self.latents), decoder, ep.Gaussian(variance=self.variance), prior=prior)


CASES = [
    Case("line", "0", "3", ("{z}",), ("z",), "1/100", ("1",), 8),
    Case("parabola", "-2", "2", ("{u}", "{v} + {u}**2"), ("u", "v"), "1/100", ("1/2", "7/10"), 6),
    Case("wave", "0", "6", ("(2 + cos({u})*cos({v}))**2",), ("u", "v"), "1", ("5",), 6),
    Case("ridge", "-2", "2", ("{v} + {u}**2",), ("u", "v"), "1e-4", ("7/10",), 6),
    Case(
        "three latents", "-2", "2", ("{a}", "{b} + {a}**2", "{c} + {a}*{b}"), ("a", "b", "c"), "1/100",
        ("1/2", "1/4", "1/3"), 5,
    ),
    Case("three in one", "-2", "2", ("{a} + {b}*{c}",), ("a", "b", "c"), "1/4", ("1/2",), 4),
]  # fmt: skip


def timed(model: ep.LatentModel, case: Case) -> tuple[float, Evidence]:
    """Return seconds of the process and what was proved."""
    began = time.process_time()
    found = prove(model, [list(case.x)], case.digits, seconds=SECONDS, most_cells=CELLS)
    return time.process_time() - began, found


def report(rounds: int, small: bool) -> str:
    """Return the table."""
    lines = [
        f"At most {CELLS:,} cells and {SECONDS:g} s each; digits are half widths, asked and reached.",
        "",
        "| problem | latents | digits | box, s | erf, s | erf / box | box reaches | erf reaches |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for case in CASES[:2] if small else CASES:
        models = case.box(), case.pushed()
        for model in models:
            timed(model, case)
        runs = [[timed(model, case) for model in models] for _ in range(rounds)]
        box, erf = (median(run[k][0] for run in runs) for k in (0, 1))
        ratio = median(run[1][0] / run[0][0] for run in runs)
        reached = [_digits(found) for _, found in runs[0]]
        _require_agreement(runs[0][0][1], runs[0][1][1])
        lines.append(
            f"| {case.name} | {len(case.latents)} | {case.digits:g} | {box:.3f} | {erf:.3f} | {ratio:.1f} "
            f"| {reached[0]:.1f} | {reached[1]:.1f} |"
        )
    return "\n".join(lines)


def _digits(found: Evidence) -> float:
    width = float(found.enclosure.width[0])
    return float(-np.log10(width / 2)) if np.isfinite(width) else 0.0


def _require_agreement(a: Evidence, b: Evidence) -> None:
    if not max(a.enclosure.lower[0], b.enclosure.lower[0]) <= min(a.enclosure.upper[0], b.enclosure.upper[0]):
        raise ValueError(f"evidences: got {a.enclosure} and {b.enclosure}; expected intervals that overlap")


if __name__ == "__main__":
    section.command("priors", __doc__, report, 3)

"""Thin surfaces in three dimensions: how cells and time grow as the likelihood's deviation falls.

    python benchmarks/thin_surfaces.py            prints the table
    python benchmarks/thin_surfaces.py --write    replaces it in benchmarks/README.md
    python benchmarks/thin_surfaces.py --small    the first two rows only, a smoke test

One output and three latents: the mass lies on a surface whose thickness is proportional to sigma. Growth is that of
cells since the row before, as a power of 1/sigma. All latents are searched here; `ep.log_evidence` integrates those
that enter linearly by a formula, which leaves nothing thin of the last three.
"""

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, it finds the files beside it

import numpy as np

import elboproof as ep
from benchmarks import section
from elboproof.evidence.evidences import Evidence
from elboproof.evidence.log_evidence import prove
from elboproof.model.data import Data

SURFACES = {
    "sphere": ("a**2 + b**2 + c**2", "2"),
    "paraboloid": ("c + a**2 + b**2", "1"),
    "saddle": ("c + a*b", "1/2"),
    "plane": ("a - 2*b + 3*c", "1/2"),
}
SIGMAS = ("1/4", "1/8", "1/16", "1/32", "1/64", "1/128")
DIGITS, SECONDS, CELLS = 4, 90.0, 40_000_000


@dataclass(frozen=True)
class Run:
    """One proof: CPU seconds and what came out."""

    seconds: float
    found: Evidence

    @property
    def decided(self) -> bool:
        """Whether the digits were proved."""
        return not self.found.statuses[0]


def run(surface: str, sigma: str) -> Run:
    """Prove one evidence, over all latents, and take the time."""
    decoder, x = SURFACES[surface]
    model = ep.LatentModel(["a", "b", "c"], [decoder], ep.Gaussian(Fraction(sigma) ** 2))
    data = Data(np.array([[x]], dtype=object))
    before = process_time()
    found = prove(model, data, DIGITS, seconds=SECONDS, most_cells=CELLS)
    return Run(process_time() - before, found)


def report(rounds: int, small: bool) -> str:
    """Return the table; a row stops at the first sigma that is not decided."""
    lines = ["| surface | sigma | cells | growth | CPU s | half width |", "|---|---:|---:|---:|---:|---:|"]
    for surface in list(SURFACES)[: 1 if small else None]:
        before: int | None = None
        for sigma in SIGMAS[: 2 if small else None]:
            done = min((run(surface, sigma) for _ in range(rounds)), key=lambda one: one.seconds)
            cells, width = done.found.cells, float(done.found.enclosure.width[0]) / 2
            grown = "-" if before is None else f"{math.log2(cells / before):.1f}"
            shown = f"{width:.1e}" if done.decided else f"undecided ({width:.1e})"
            lines.append(f"| {surface} | {sigma} | {cells:,} | {grown} | {done.seconds:.2f} | {shown} |")
            before = cells
            if not done.decided:
                break
    return "\n".join([*lines, "", f"{DIGITS} digits, {SECONDS:g} s and {CELLS:,} cells at most."])


if __name__ == "__main__":
    section.command("thin-surfaces", __doc__, report, rounds=1)

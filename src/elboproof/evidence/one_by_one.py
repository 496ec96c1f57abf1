"""Evidences of one latent, row by row: in balls of python-flint, or with arrays where those are expected to be faster.

A cell in arrays takes a tenth of the time, but an array costs as much as some hundred cells alone.
"""

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb

from elboproof.evidence import line
from elboproof.evidence.by_arrays import by_arrays
from elboproof.evidence.energy import Energy
from elboproof.evidence.evidences import Evidence, told
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.forecast import Forecast, forecast
from elboproof.evidence.integrand import Integrand
from elboproof.evidence.line_point import LineFunctions, LinePoint
from elboproof.evidence.search import TOO_DEEP
from elboproof.evidence.target import Target
from elboproof.model.data import Data
from elboproof.quadrature.cells import Cells

MANY = 256
"""Cells that are expected, from which on arrays are faster."""
SHARE = 0.5
"""Of the time that is left: what arrays may take before the row goes back to balls of python-flint."""


def one_by_one(
    functions: LineFunctions, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> Evidence:
    """Return the evidences of one latent, one data point after the other."""
    lines: list[line.Line] = []
    cells = 0
    for n in range(len(data)):
        lines.append(_row(functions, data.part([n]), wanted, deadline, most - cells))
        cells += lines[-1].cells
    pairs = tuple((found.lower, found.upper) for found in lines)
    enclosure, statuses = told(pairs, wanted[0], [found.stopped or "the number of rounds" for found in lines])
    return Evidence(enclosure, statuses, cells, 0.0, pairs)


def _row(
    functions: LineFunctions, data: Data, wanted: tuple[float, bool], deadline: float, most: int
) -> line.Line:
    """Return the better bounds of both ways, the second one only where the first one is not enough."""
    digits, sharp = wanted
    many = None if sharp else Trial(functions.integrand, data).many
    found = line.on_line(functions, data.rows[0], digits, deadline, most, many)
    if found.stopped != line.ARRAYS:
        return found
    now = time.monotonic()
    arrays = by_arrays(
        functions.integrand, data, wanted, now + SHARE * (deadline - now), (most - found.cells) // 2
    )
    found = _with_arrays(found, arrays)
    if not arrays.statuses[0]:
        return found
    again = line.on_line(functions, data.rows[0], digits, deadline, most - found.cells)
    return line.Line(
        max(again.lower, found.lower), min(again.upper, found.upper), again.cells + found.cells, again.stopped
    )


def _with_arrays(found: line.Line, arrays: Evidence) -> line.Line:
    """Return the better bounds of both, with the cells of both."""
    ends = arrays.balls[0] if arrays.balls else (arrays.enclosure.lower[0], arrays.enclosure.upper[0])
    lower, upper = max(found.lower, arb(ends[0])), min(found.upper, arb(ends[1]))
    return line.Line(lower, upper, found.cells + arrays.cells, found.stopped)


@dataclass(frozen=True)
class Trial:
    """A row whose cells are counted in plain floats."""

    integrand: Integrand
    data: Data

    @cached_property
    def functions(self) -> tuple[FloatEnergy, Energy]:
        """The energy in floats, and with the row's data."""
        return FloatEnergy(self.integrand), Energy(self.integrand, self.data.balls, np.eye(1)[None])

    def many(self, point: LinePoint, share: float, so_far: int) -> bool:
        """Return whether many cells are expected, in a search that has looked at some."""
        # Of a needle that nobody has found yet, floats see nothing, and the scale is wrong: then the search, which
        # looks for it, goes on for a while.
        expected = self._forecast(point, share)
        lowest = np.nanmin(expected.energy, initial=np.inf)
        seen = bool(abs(lowest - point.shift) < TOO_DEEP) or so_far > line.TRIALS[0]
        return len(expected.cells) > MANY and seen

    def _forecast(self, point: LinePoint, share: float) -> Forecast:
        centre, half = point.root()[0]
        mass = np.exp(np.minimum(point.log_mass + point.shift, 700.0))
        target = Target(np.array([point.shift]), np.array([mass]), 0.5 * 10.0**-point.digits, share)
        root = Cells(np.zeros(1, dtype=np.intp), np.array([[centre]]), np.array([[half]]))
        return forecast(*self.functions, root, target, most=MANY)

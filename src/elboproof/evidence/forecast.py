"""A forecast in plain floats of what the search will do with a cell, so that balls are spent on the last cells only.

The forecast takes U for its second-order Taylor polynomial at the cell's centre. It proves nothing: every cell it
returns still has to be discarded, accepted or halved by a proof, and a wrong forecast costs time.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import BLOCK, Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.steps import Steps
from elboproof.evidence.target import Target, widest
from elboproof.quadrature.cells import Cells

_MOST = 4 * BLOCK
"""Cells at which the forecast stops; the search comes back to it."""


@dataclass(frozen=True)
class Forecast:
    """Cells with what is expected of them.

    Attributes
    ----------
    cells : Cells
    smooth : (B,)
        Whether a rule is expected to succeed at once.
    energy : (B,)
        U at the centres, NaN where unknown.
    """

    cells: Cells
    smooth: NDArray[np.bool_]
    energy: FloatArray

    def __getitem__(self, part: Any) -> "Forecast":
        return Forecast(self.cells[part], self.smooth[part], self.energy[part])


def forecast(
    floats: FloatEnergy,
    energy: Energy,
    cells: Cells,
    target: Target,
    deadline: float = math.inf,
    most: int = _MOST,
) -> Forecast:
    """Halve cells until each is expected to be discarded or accepted.

    Or until there are more than ``most``, or ``time.monotonic()`` passes the deadline.
    """
    done: list[Forecast] = []
    count, steps = 0, Steps(deadline)
    while len(cells):
        # Each turn takes all cells (B, d) that nobody has settled yet, so that the arrays stay long. A cell
        # leaves when it looks negligible, smooth, or hopeless; all of that is checked again by proofs.
        value, spread, least = _taylor(floats, energy, cells)
        negligible = target.negligible(cells, least)
        smooth = target.smooth(spread) & ~negligible
        leaf = smooth | negligible | ~np.isfinite(spread).all(1)
        if count + len(cells) > most or not steps.another():
            leaf[:] = True
        done.append(Forecast(cells[leaf], smooth[leaf], value[leaf]))
        count += int(leaf.sum())
        cells = cells[~leaf].split(widest(spread[~leaf], cells.half[~leaf]))
    return joined(done) if done else Forecast(cells, np.zeros(0, dtype=bool), np.zeros(0))


def joined(parts: list[Forecast]) -> Forecast:
    """Return all cells of several forecasts."""
    return Forecast(
        Cells.joined([part.cells for part in parts]),
        np.concatenate([part.smooth for part in parts]),
        np.concatenate([part.energy for part in parts]),
    )


def _taylor(floats: FloatEnergy, energy: Energy, cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return U at the centres, the slopes' variation times half width (B, d), and the least U expected.

    Along an axis on which the slope seems to keep its sign the least value is expected on a face, as the proof has it.
    """
    value, gradient, hessian = energy.jet(floats, cells, cells.centre)
    half = cells.half
    with np.errstate(all="ignore"):
        # spread_k = h_k sum_l |H_kl| h_l: how much the slope along k varies over the cell, times its half
        # width. Where the slope outweighs that, U's least value is expected on a face.
        spread = half * (np.abs(hessian) * half[:, None, :]).sum(-1)
        steep = np.abs(gradient) * half > spread
        corner, slopes, _ = energy.jet(floats, cells, cells.centre - np.sign(gradient) * half * steep)
        steep &= slopes * gradient > 0
        least = corner - np.where(steep, 0.0, np.abs(gradient) * half + spread).sum(-1)
    return value, spread, least

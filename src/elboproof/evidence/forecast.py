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
        value, spread, least = _taylor(floats, energy, cells, target)
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


def _taylor(
    floats: FloatEnergy, energy: Energy, cells: Cells, target: Target
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return U at the centres, the slopes' variation times half width (B, d), and the least U expected."""
    value, gradient, hessian = energy.jet(floats, cells, cells.centre)
    half = cells.half
    with np.errstate(all="ignore"):
        # spread_k = h_k sum_l |H_kl| h_l: how much the slope along k varies over the cell, times its half width.
        spread = half * (np.abs(hessian) * half[:, None, :]).sum(-1)
        least = value - (np.abs(gradient) * half + spread).sum(-1)
        # Only there the faces may decide: elsewhere a cell is negligible anyhow, or is not by its centre alone.
        which = target.negligible(cells, value) & ~target.negligible(cells, least)
        if which.any():
            part = cells[which], gradient[which], spread[which]
            least[which] = np.fmax(least[which], _least_by_slopes(floats, energy, *part))
    return value, spread, least


def _least_by_slopes(
    floats: FloatEnergy, energy: Energy, cells: Cells, gradient: FloatArray, spread: FloatArray
) -> FloatArray:
    """Return the least U expected (B,): along an axis on which the slope seems to keep its sign, it is on a face.

    As the proof has it. On an interval the slopes at both ends tell; else where a slope outweighs its variation.
    """
    half, line = cells.half, cells.half.shape[1] == 1
    steep = np.abs(gradient) * half > spread if not line else np.ones(half.shape, dtype=np.bool_)
    step = np.sign(gradient) * half * steep
    corner, slopes, _ = energy.jet(floats, cells, cells.centre - step)
    steep &= slopes * gradient > 0
    if line:
        steep &= energy.jet(floats, cells, cells.centre + step)[1] * gradient > 0
        return np.where(steep[:, 0], corner, -np.inf)
    return np.asarray(corner - np.where(steep, 0.0, np.abs(gradient) * half + spread).sum(-1))

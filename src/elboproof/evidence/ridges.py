"""Root cells along the ridges of a posterior with two latents.

Where a thin curved ridge is crossed by boxes, they must be as short as it is thin. So the domain is cut into slabs
across u_1, short enough that a straight line follows the ridge in each, and each slab into regions between such lines.
Cells between lines are long where the ridge is long.

Ridges are sought in plain floats. What the proof needs is checked here: the regions of a slab share their lines, the
lines do not cross within it, and together the regions cover the root box.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from elboproof.arrays import FloatArray
from elboproof.evidence.energy import Energy
from elboproof.evidence.floats import FloatEnergy
from elboproof.evidence.target import Target
from elboproof.quadrature.cells import Cells, halves
from elboproof.quadrature.charts import BetweenLines
from elboproof.shapes import Float64

COLUMNS = 512
"""Places along u_1 where ridges are sought: 2^9, the slabs' finest division."""
ROWS = 97
STEPS = 4
BEND = 16.0
"""A slab may be so long that a ridge leaves its line by BEND / 2 standard deviations."""
MARGIN = 1e-9


@dataclass(frozen=True)
class Ridge:
    """Points of ridges, one a column and a ridge: u_1, u_2, the slope du_2/du_1, and the reach of a line, all (K,)."""

    column: Float64[FloatArray, "K"]
    place: Float64[FloatArray, "K"]
    slope: Float64[FloatArray, "K"]
    reach: Float64[FloatArray, "K"]


def roots(energy: Energy, floats: FloatEnergy, root: Cells, target: Target, *, beyond: bool = True) -> Cells:
    """Return cells that cover one root box, which is centred at 0; if not ``beyond``, any box, and nothing else."""
    owner, centre, half = int(root.owner[0]), root.centre[0], root.half[0]
    regions = _regions if beyond else _regions_within
    ridge = _ridges(energy, floats, owner, centre, half, target)
    cells = [
        part
        for middle, reach in _slabs(ridge, float(centre[0]), float(half[0]))
        for part in regions(
            owner, middle, reach, (float(centre[1]), float(half[1])), _lines(ridge, middle, reach)
        )
    ]
    return Cells.joined(cells)


def _ridges(
    energy: Energy, floats: FloatEnergy, owner: int, centre: FloatArray, half: FloatArray, target: Target
) -> Ridge:
    """Return the minima of U along u_2 that matter, column by column."""
    # Floats only: U on a grid (COLUMNS, ROWS) of the plane u; its minima along u_2 are followed by damped
    # Newton steps and kept where their mass may matter. A ridge that is missed costs cells.
    columns = centre[0] + (np.arange(COLUMNS) + 0.5) * (2 * half[0] / COLUMNS) - half[0]
    rows = centre[1] + np.linspace(-half[1], half[1], ROWS)
    grid = np.stack(np.meshgrid(columns, rows, indexing="ij"), -1).reshape(-1, 2)
    value = _values(energy, floats, owner, grid).reshape(COLUMNS, ROWS)
    low = np.minimum(value[:, :-2], value[:, 2:])
    column, row = np.nonzero((value[:, 1:-1] <= low) & np.isfinite(value[:, 1:-1]))
    u = np.stack([columns[column], rows[row + 1]], 1)
    spacing = rows[1] - rows[0]
    for _ in range(STEPS):
        _, gradient, hessian = _jet(energy, floats, owner, u)
        step = gradient[:, 1] / np.maximum(np.abs(hessian[:, 1, 1]), 1.0)
        u[:, 1] -= np.clip(np.nan_to_num(step), -spacing, spacing)
    found, _, hessian = _jet(energy, floats, owner, u)
    room = target.shift[owner] + np.log(max(target.mass[owner], 1e-300)) - np.log(target.tolerance) + 12.0
    matters = (found < target.shift[owner] + max(room - target.shift[owner], 30.0)) & (hessian[:, 1, 1] > 1.0)
    return _measured(u[matters], hessian[matters], 2 * half[0] / COLUMNS)


def _measured(u: FloatArray, hessian: FloatArray, spacing: float) -> Ridge:
    """Return slopes, and how far a straight line follows each ridge, from the slopes next to it."""
    # K points. Along a ridge dU/du_2 = 0, so du_2/du_1 = -H_12 / H_22; how fast that changes from column to
    # column says how long a line follows it.
    slope = -hessian[:, 0, 1] / hessian[:, 1, 1]
    width = 1 / np.sqrt(hessian[:, 1, 1])
    bend = np.zeros(len(u))
    for side in (-1, 1):
        ahead = u[:, 1] + side * spacing * slope
        near = (
            (np.abs(u[:, 0, None] + side * spacing - u[None, :, 0]) < spacing / 4) if len(u) < 4096 else None
        )
        if near is not None and len(u):
            distance = np.where(near, np.abs(ahead[:, None] - u[None, :, 1]), np.inf)
            partner = distance.argmin(1)
            known = np.isfinite(distance.min(1))
            bend = np.maximum(bend, np.where(known, np.abs(slope[partner] - slope) / spacing, 0.0))
    reach = np.sqrt(BEND * width / np.maximum(bend, 1e-12))
    return Ridge(u[:, 0], u[:, 1], slope, reach)


def _slabs(ridge: Ridge, centre: float, half: float) -> list[tuple[float, float]]:
    """Return (middle, half width) of dyadic slabs that are as short as their ridges ask for."""
    # Halves are exact, nine times at most, so that the slabs cover centre +- half and share their ends; the
    # floats of the ridges only say when to stop.
    waiting, found = [(centre, half)], []
    while waiting:
        middle, reach = waiting.pop()
        inside = np.abs(ridge.column - middle) <= reach
        if reach > half / COLUMNS * 1.5 and inside.any() and ridge.reach[inside].min() < reach:
            waiting += halves(middle, reach)
        else:
            found.append((middle, reach))
    return found


def _lines(ridge: Ridge, middle: float, reach: float) -> list[tuple[float, float]]:
    """Return lines (p0, p1) along the ridges of a slab, from below, that do not cross in it."""
    inside = np.abs(ridge.column - middle) <= reach
    if not inside.any():
        return []
    # The ridges of the column nearest to the middle, (K,) from below. A line that would meet the one below it
    # in the slab is left out: that makes a larger region, and no gap.
    column = ridge.column[inside][np.abs(ridge.column[inside] - middle).argmin()]
    chosen = np.flatnonzero(ridge.column == column)
    lines: list[tuple[float, float]] = []
    for k in chosen[np.argsort(ridge.place[chosen])]:
        slope = float(ridge.slope[k])
        line = (float(ridge.place[k]) - slope * float(column), slope)
        if not lines or _above(lines[-1], line, middle, reach):
            lines.append(line)
    return lines


def _above(low: tuple[float, float], high: tuple[float, float], middle: float, reach: float) -> bool:
    """Whether a line lies above another in a whole slab, by more than the rounding of four operations on `size`."""
    ends = (middle - reach, middle + reach)
    # The difference of two affine functions is affine: positive at both ends, it is positive between them.
    size = sum(map(abs, (*low, *high))) * (1 + max(map(abs, ends)))
    return all(high[0] - low[0] + (high[1] - low[1]) * u > MARGIN * (1 + size) for u in ends)


def _regions(
    owner: int, middle: float, reach: float, side: tuple[float, float], lines: list[tuple[float, float]]
) -> list[Cells]:
    """Return the cells between a slab's lines, with lines outside that reach beyond the root box.

    They are parallel to the outermost lines and lie beyond the box at both ends of the slab, so all along it. The few
    operations round relatively to the sizes in ``slack``, far less than its `MARGIN`.
    """
    # Two lines bound each cell, and neighbours share one, so between the outermost there is no gap; those reach
    # beyond the box. Affine functions are compared at both ends of the slab, which decides for all of it.
    ends, half = (middle - reach, middle + reach), side[1]
    lines = lines or [(0.0, 0.0)]
    slack = MARGIN * (1 + half + max(abs(p) + abs(q) * (abs(middle) + reach) for p, q in lines))
    below = max(lines[0][0] + lines[0][1] * u for u in ends) + half + slack
    above = half - min(lines[-1][0] + lines[-1][1] * u for u in ends) + slack
    if below > 0:
        lines = [(lines[0][0] - below - slack, lines[0][1]), *lines]
    if above > 0:
        lines = [*lines, (lines[-1][0] + above + slack, lines[-1][1])]
    return _between(owner, middle, reach, lines)


def _regions_within(
    owner: int, middle: float, reach: float, side: tuple[float, float], lines: list[tuple[float, float]]
) -> list[Cells]:
    """Return the cells between a slab's lines and the faces of the root box, outside of which there is no prior."""
    # Lines that leave the box in the slab are left out: the faces themselves are the outermost lines.
    low, high = (side[0] - side[1], 0.0), (side[0] + side[1], 0.0)
    inside = [k for k in lines if _above(low, k, middle, reach) and _above(k, high, middle, reach)]
    return _between(owner, middle, reach, [low, *inside, high])


def _between(owner: int, middle: float, reach: float, lines: list[tuple[float, float]]) -> list[Cells]:
    centre, size = np.array([[middle, 0.5]]), np.array([[reach, 0.5]])
    return [
        Cells(np.array([owner]), centre, size, BetweenLines(np.array([[*low, *high]])))
        for low, high in pairwise(lines)
    ]


def _values(energy: Energy, floats: FloatEnergy, owner: int, u: FloatArray) -> FloatArray:
    # (P, 2), one point a row: A u is the row times A'.
    z = u @ energy.frames[owner].T
    return floats.values(z, energy.x.mid[[owner]])


def _jet(
    energy: Energy, floats: FloatEnergy, owner: int, u: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    owners = np.full(len(u), owner)
    return energy.jet(floats, Cells(owners, u, np.zeros_like(u)), u)

"""The plot of the cells of an evidence: what was integrated, and how little what was only bounded can hold."""

from typing import TYPE_CHECKING

import numpy as np

from elboproof.plotting import YELLOW, FloatArray, add_polygons, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elboproof.evidence.cells_record import EvidenceCells

LOWEST = -30.0
"""log10 of the least that colours and the axis tell apart."""
MAP = "Blues"
SIDES = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def drawn(found: "EvidenceCells", ax: "Axes | None") -> "Axes":
    """Return the axes with the cells."""
    axes = axes_of(ax)
    (_line if len(found.latents) == 1 else _plane)(found, axes)
    axes.set_xlabel(found.latents[0])
    count = int(found.integrated.sum())
    axes.set_title(
        f"log p(x) = {found.evidence:S} nats\n{count} cells integrated, {len(found) - count} only bounded"
    )
    return axes


def _line(found: "EvidenceCells", axes: "Axes") -> None:
    """Draw each cell's mean density, or what it is at most, as a bar."""
    widths = 2 * np.abs(found.edges[:, 0, 0])
    heights = np.maximum(found.probabilities.upper, 10**LOWEST) / widths
    parts = (
        ("integrated", found.integrated, YELLOW),
        ("only bounded, at most", ~found.integrated, "#9ecae1"),
    )
    for label, part, colour in parts:
        if part.any():
            axes.bar(
                found.centres[part, 0],
                heights[part],
                widths[part],
                color=colour,
                edgecolor="0.35",
                label=label,
            )
    axes.set(yscale="log", ylabel=f"mean density of p(z | x) in the cell, per unit of {found.latents[0]}")
    axes.legend(frameon=False)


def _plane(found: "EvidenceCells", axes: "Axes") -> None:
    """Draw the parallelograms; colours of those that were only bounded are bounds of what they hold."""
    from matplotlib.patches import Patch

    corners = found.centres[:, None, :] + np.einsum("ks,bsd->bkd", SIDES, found.edges)
    rest = ~found.integrated
    if rest.any():
        cells = add_polygons(axes, corners[rest], cmap=MAP, clim=(LOWEST, 0.0))
        cells.set_array(_log10(found.probabilities.upper[rest]))
        label = "only bounded: log10 of the proved bound of P(cell | x)"
        axes.figure.colorbar(cells, ax=axes, label=label, extend="min")
    add_polygons(axes, corners[found.integrated], facecolors=YELLOW)
    axes.set(ylabel=found.latents[1], aspect="equal")
    axes.legend(handles=[Patch(facecolor=YELLOW, edgecolor="0.35", label="integrated")], loc="upper right")


def _log10(values: FloatArray) -> FloatArray:
    return np.asarray(np.log10(np.maximum(values, 10.0 ** (2 * LOWEST))))

"""The plot of a decomposition: a stacked bar for each row, and whiskers as long as what is not known."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from elboproof.numbers.enclosure import Enclosure
from elboproof.plotting import BLUE, RED, YELLOW, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elboproof.posterior.decomposition import Decomposition

SEPARATE = 64
"""Rows up to which bars stand apart."""


def drawn(found: "Decomposition", ax: "Axes | None") -> "Axes":
    """Return the axes with the bars."""
    axes, rows = axes_of(ax), np.arange(len(found))
    known = np.logical_and.reduce([_finite(part) for part in _parts(found).values()])
    width = 0.8 if len(rows) <= SEPARATE else 1.0
    above, below, radius = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    for (label, part), (colour, hatch) in zip(_parts(found).items(), STYLES, strict=False):
        height = np.where(known, part.midpoint, 0.0)
        bottom = np.where(height < 0, below, above)  # a part below 0 stands below the axis
        axes.bar(rows, height, width, bottom, color=colour, hatch=hatch, edgecolor="white", label=label)
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
        radius = np.maximum(radius, np.where(known, part.width / 2, 0.0))
    axes.errorbar(rows[known], above[known], radius[known], fmt="none", ecolor="0.2", capsize=2)
    if not known.all():
        axes.plot(
            rows[~known], np.zeros((~known).sum()), "x", color="0.2", label="not bounded", clip_on=False
        )
    axes.axhline(0, color="0.2", linewidth=0.8)
    axes.set(xlabel="row", ylabel="nats", title=_title(found), xlim=(-0.6, len(rows) - 0.4))
    axes.locator_params(axis="x", integer=True)
    axes.legend(frameon=False)
    return axes


STYLES = ((BLUE, ""), (RED, "//"), (YELLOW, ".."))


def _parts(found: "Decomposition") -> dict[str, Enclosure]:
    first = {"approximation gap, at most": found.approximation}
    last = {"amortisation gap, at least": found.amortisation}
    if found.constant_variance is None:
        return first | last
    return first | {"one covariance": found.constant_variance} | last


def _finite(part: Enclosure) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(part.lower) & np.isfinite(part.upper))


def _title(found: "Decomposition") -> str:
    open_rows = sum(bool(status) for status in found.statuses)
    return "log p(x) - ELBO in parts" + (f"; {open_rows} rows undecided" if open_rows else "")

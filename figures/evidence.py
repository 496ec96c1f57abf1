"""How log p(x) is proved: where the posterior is, cells are kept and integrated; elsewhere they are bounded."""

from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from elboproof.commands.figures import WideRows

RECORD = "benchmarks/evidence_cells.json"
COLUMNS = (
    "panel",
    "series",
    "x",
    "y",
    "edge_1_x",
    "edge_1_y",
    "edge_2_x",
    "edge_2_y",
    "log10_mass",
    "log10_density",
)
"""Of a cell: centre, half edges, and bounds of its share of p(x) and of the mean density relative to the peak."""

TITLE = "title: "
"""Begins the series whose name is a panel's title and whose x is the half width of its window."""
KEPT, CURVE = "#f5d76e", "#b2182b"
SCALE = Normalize(-30, -6)
"""log10 of the colours' range; smaller bounds have the last colour."""
MAP = "Blues"
LOWEST = -30
"""log10 of the density at the lower end of the first panel."""


def rows(record: dict[str, Any]) -> WideRows:
    """Pick the curves and cells of each problem."""
    found: WideRows = []
    for panel, problem in zip("abc", record["problems"], strict=True):
        middle, radius = problem["evidence"]
        title = f"{TITLE}{problem['title']}\nlog p(x) = {middle} $\\pm$ {radius}"
        found.append((panel, title, problem["window"], *[0.0] * 7))
        for name, x, y in problem["curves"]:
            found += [(panel, name, a, b, *[0.0] * 6) for a, b in zip(x, y, strict=True)]
        found += [(panel, kind, *numbers) for kind, *numbers in problem["cells"]]
    return found


def draw(table: WideRows) -> Figure:
    """Draw one panel for each problem."""
    figure = Figure(figsize=(12.5, 5.0), layout="constrained")
    panels = {title: list(group) for title, group in groupby(table, key=lambda row: row[0])}
    axes = figure.subplots(1, len(panels))
    for entries, place in zip(panels.values(), axes, strict=True):
        series: Series = {
            name: list(group) for name, group in groupby(sorted(entries, key=_series), key=_series)
        }
        title = next(name for name in series if name.startswith(TITLE))
        window = series[title][0][2]
        (_line if "density" in series else _plane)(place, series, window)
        count = {kind: len(series[kind]) for kind in ("kept", "discarded")}
        words = title.removeprefix(TITLE).replace("= -", "= −")
        place.set_title(
            f"{words}\n{count['kept']} cells kept, {count['discarded']} discarded",
        )
    scale = figure.colorbar(ScalarMappable(SCALE, MAP), ax=axes, extend="min", shrink=0.8, pad=0.01)
    scale.set_label("discarded cell: proved bound of its share of p(x)")
    scale.set_ticks([-30, -24, -18, -12, -6], labels=[f"$10^{{{k}}}$" for k in (-30, -24, -18, -12, -6)])
    _legend(figure)
    return figure


def _series(row: tuple[Any, ...]) -> str:
    return str(row[1])


Series = dict[str, list[tuple[Any, ...]]]


def _line(axes: Axes, series: Series, window: float) -> None:
    """Draw the density below a bar for each cell, as high as what was proved of it."""
    for kind in ("discarded", "kept"):
        for row in series[kind]:
            centre, half, mass, top = row[2], abs(row[4]), row[8], row[9]
            colour = KEPT if kind == "kept" else ScalarMappable(SCALE, MAP).to_rgba(mass)
            axes.bar(
                centre,
                max(top, LOWEST) - LOWEST,
                2 * half,
                LOWEST,
                color=colour,
                edgecolor="0.35",
                linewidth=0.6,
            )
    axes.plot(
        [r[2] for r in series["density"]], [r[3] for r in series["density"]], color=CURVE, linewidth=1.6
    )
    axes.set(
        xlim=(-window, window),
        ylim=(LOWEST, 2.5),
        xlabel="z",
        ylabel="density relative to its peak; bars: bounds of its mean",
    )
    ticks = range(LOWEST, 1, 6)
    axes.set_yticks(list(ticks), labels=[f"$10^{{{k}}}$" for k in ticks])


def _plane(axes: Axes, series: Series, window: float) -> None:
    """Draw the cells in the plane, and the posterior's contours over them."""
    cells = series["discarded"]
    shown = PolyCollection(
        [_corners(row) for row in cells], edgecolors="0.45", linewidths=0.25, cmap=MAP, norm=SCALE
    )
    shown.set_array([row[8] for row in cells])
    axes.add_collection(shown)
    kept = [_corners(row) for row in series["kept"]]
    axes.add_collection(PolyCollection(kept, facecolors=KEPT, edgecolors="0.35", linewidths=0.25))
    for name, points in series.items():
        if name.startswith("contour"):
            axes.plot([r[2] for r in points], [r[3] for r in points], color=CURVE, linewidth=0.9)
    axes.set(xlim=(-window, window), ylim=(-window, window), xlabel="a", ylabel="b", aspect="equal")


def _corners(row: tuple[Any, ...]) -> list[tuple[float, float]]:
    x, y, ax, ay, bx, by = row[2:8]
    return [(x + s * ax + t * bx, y + s * ay + t * by) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def _legend(figure: Figure) -> None:
    figure.legend(
        handles=[
            Line2D([], [], color=CURVE, label="posterior; contours at 1/2, 1/10, 1/100 of its peak"),
            Patch(facecolor=KEPT, edgecolor="0.35", label="kept: integrated, with a proved error"),
            Patch(facecolor="#6baed6", edgecolor="0.35", label="discarded: only bounded"),
        ],
        loc="outside lower center",
        ncols=3,
    )

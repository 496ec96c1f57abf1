"""decoder-smoothness: three decoders in the complex plane with tubes and poles, and their slopes (S3, S4, S5)."""

from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series

CHECK = "decoder-smoothness/S4/decoders_in_the_plane"
SETS = {
    "two codes": "Two codes: the tube ends\nat the first pole",
    "three codes": "Three codes on a line:\na wider tube than proved in general",
    "two variances": "Variances 0.2 and 1.8: poles inside\nthe tube of the average variance",
}
SINGLE = ("tube", "exact", "bound")
PAIRS = {"poles": ("pole, re", "pole, im"), "decoder": ("z", "decoder"), "slope": ("z", "slope")}
LEVELS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LEAST = 0.0626
"""Drawn for what is smaller: a logarithm is taken."""
TUBE = "a, b, c: π s² / diam(m), in c with the average variance for s²"
WALL, EXACT, POLE = "C1", "#004488", "black"


def rows(findings: Findings) -> Rows:
    """Pick the recorded series; a modulus on the grid is named by its height."""
    found: Rows = []
    for name in SETS:
        found += [(name, key, 0.0, series(findings, CHECK, f"{name}: {key}")[0]) for key in SINGLE]
        for key, (x, y) in PAIRS.items():
            columns = (series(findings, CHECK, f"{name}: {column}") for column in (x, y))
            found += [(name, key, a, b) for a, b in zip(*columns, strict=True)]
        found += [(name, "codes", m, 0.0) for m in series(findings, CHECK, f"{name}: codes")]
        grid = (series(findings, CHECK, f"{name}: {column}") for column in ("re", "im", "modulus"))
        found += [(name, f"modulus, Im z = {y:g}", x, size) for x, y, size in zip(*grid, strict=True)]
    return found


def draw(table: Rows) -> Figure:
    """Draw the complex plane above the line, one column for each data set."""
    figure = Figure(figsize=(11.4, 6.9), layout="constrained")
    upper, lower = figure.subplots(2, 3, height_ratios=(1.65, 1))
    curves = curves_of(table)
    shown = None
    for axes, below, (name, title) in zip(upper, lower, SETS.items(), strict=True):
        shown = _plane(axes, curves, name)
        axes.set_title(title)
        _line(below, curves, name)
    upper[0].set_ylabel("Im z")
    # One legend below all panels: in a plane it would cover poles.
    figure.legend(*upper[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    lower[0].set_ylabel("slope $|f^{*\\prime}(z)|$")
    if shown is not None:
        bar = figure.colorbar(shown, ax=list(upper), label="$|f^*(z) - 1/2|$, data between 0 and 1", pad=0.01)
        bar.set_ticks(list(LEVELS[1:]), labels=[f"{level:g}" for level in LEVELS[1:]])
    return figure


def _grid(curves: Curves, name: str) -> tuple[list[float], list[float], list[list[float]]]:
    """Return Re z, Im z and the modulus on both half planes."""
    heights = {float(key.rpartition("= ")[2]): curve for (set_, key), curve in curves.items()
               if set_ == name and key.startswith("modulus")}  # fmt: skip
    upper = sorted(heights)
    order = [-y for y in reversed(upper) if y > 0] + upper
    x = [row[2] for row in heights[upper[0]]]
    return x, order, [[max(row[3], LEAST) for row in heights[abs(y)]] for y in order]


def _plane(axes: Axes, curves: Curves, name: str) -> QuadContourSet:
    x, y, modulus = _grid(curves, name)
    filled = axes.contourf(x, y, modulus, levels=LEVELS, cmap="YlGnBu_r", extend="max", norm="log")
    axes.contour(x, y, modulus, levels=LEVELS, colors="white", linewidths=0.4)
    tube, exact = (curves[name, key][0][3] for key in ("tube", "exact"))
    for sign in (-1, 1):
        axes.axhline(sign * exact, color=EXACT, linewidth=1.4, label="widest tube" if sign > 0 else None)
        # Drawn last, so that it is seen where both are one line.
        axes.axhline(sign * tube, color=WALL, linestyle="--", linewidth=1.6, label=TUBE if sign > 0 else None)
        poles = curves[name, "poles"]
        axes.plot(
            [row[2] for row in poles], [sign * row[3] for row in poles], "X", color=POLE, markeredgecolor="white",
            markersize=8, clip_on=True, label="poles" if sign > 0 else None,
        )  # fmt: skip
    codes = [row[2] for row in curves[name, "codes"]]
    axes.plot(codes, [0.0] * len(codes), "o", color=POLE, markersize=5, label="codes")
    axes.set(xlim=(-3, 3), ylim=(-3.6, 3.6))
    return filled


def _line(axes: Axes, curves: Curves, name: str) -> None:
    slope = curves[name, "slope"]
    axes.plot([row[2] for row in slope], [row[3] for row in slope], color=EXACT, linewidth=1.6)
    bound = curves[name, "bound"][0][3]
    words = "proved for these variances" if name == "two variances" else "diam(x) diam(m) / (4 s²)"
    axes.axhline(bound, color=WALL, linestyle="--", linewidth=1.6, label=words)
    if name == "two variances":
        axes.axhline(0.25, color="0.5", linestyle=":", linewidth=1.6, label="by the average variance: false")
    axes.set(xlim=(-3, 3), ylim=(0, 1.42 * max(bound, 0.25)), xlabel="Re z")
    axes.legend(loc="upper right")

"""constant-variance-solutions: gaps before and after unit speed (S3), and what curvature costs (S4)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series

CLAIM = "constant-variance-solutions"
GAPS = f"{CLAIM}/S3/gaps_before_and_after"
PENALTIES = f"{CLAIM}/S4/radial_maps_of_the_sphere"
CURVES = {"(z, z^2)": "(z, z²)", "(z, e^z)": "(z, eᶻ)", "(z, z^3/3)": "(z, z³/3)"}
COLOURS = ("C0", "C2", "C1")
MARKERS = "osD"
MAPS = {
    "stereographic, 2 tan(r/2)": "stereographic, 2 tan(r/2)",
    "Lambert, 2 sin(r/2)": "Lambert's equal-area, 2 sin(r/2)",
    "equidistant, r": "equidistant, r",
    "r + r^3/48": "r + r³/48",
}
MAP_COLOURS = ("C4", "C3", "C2", "C0")
MAP_LINES = ("s-.", "o--", "^:", "D-")


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    sigma = series(findings, GAPS, "sigma")
    for name in CURVES:
        for coordinate in "zt":
            values = series(findings, GAPS, f"{name}/{coordinate}")
            found += [("gap", f"{name} in {coordinate}", x, y) for x, y in zip(sigma, values, strict=True)]
            leading, order = series(findings, GAPS, f"{name}/{coordinate}/law")
            found += [("gap", f"{name} in {coordinate}: law", order, leading)]
    rho = series(findings, PENALTIES, "rho")
    for name in MAPS:
        values = series(findings, PENALTIES, name)
        found += [("penalty", name, x, y) for x, y in zip(rho, values, strict=True)]
    return found


def draw(table: Rows) -> Figure:
    """Draw both panels."""
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    curves = curves_of(table)
    _gaps(left, curves)
    _penalties(right, curves)
    return figure


def _gaps(axes: Axes, curves: Curves) -> None:
    """Markers are proved gaps, lines the laws."""
    grid = [10 ** (-4.15 + 3.4 * k / 20) for k in range(21)]
    for name, colour, marker in zip(CURVES, COLOURS, MARKERS, strict=True):
        for coordinate, fill in (("z", "none"), ("t", "full")):
            points = [(row[2], row[3]) for row in curves["gap", f"{name} in {coordinate}"]]
            _, _, order, leading = curves["gap", f"{name} in {coordinate}: law"][0]
            axes.plot(grid, [leading * sigma**order for sigma in grid], color=colour, linewidth=0.9)
            axes.plot(*zip(*points, strict=True), marker, color=colour, markersize=5, fillstyle=fill)
    axes.text(1.0e-4, 1e-6, "q Gaussian in z:\n(3/4) σ² (f′·f″)² / |f′|⁶", fontsize=9.5, va="bottom")
    axes.text(2.2e-3, 3e-17, "q Gaussian in t, of unit speed:\nκ⁴ σ⁴ / 48", fontsize=9.5, va="top")
    axes.set(xscale="log", yscale="log", xlim=(7e-5, 0.2), ylim=(1e-21, 1))
    axes.set(xlabel="σ, standard deviation of p(x|z)", ylabel="gap: log p(x) − ELBO, nats")
    axes.set_yticks([10.0**k for k in range(-20, 1, 4)])
    axes.set_title("The same p(x), another coordinate: the gap falls\nlike σ⁴ where it fell like σ²")
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=label)
        for label, colour, marker in zip(CURVES.values(), COLOURS, MARKERS, strict=True)
    ]
    handles += [
        Line2D([], [], color="0.3", marker="o", fillstyle="none", linestyle="", label="proved, in z"),
        Line2D([], [], color="0.3", marker="o", linestyle="", label="proved, in t"),
        Line2D([], [], color="0.3", linewidth=0.9, label="law"),
    ]
    axes.legend(handles=handles, loc="upper left", ncols=2)


def _penalties(axes: Axes, curves: Curves) -> None:
    """Draw penalties over the least one's law: at small discs they tend to 1, 10/9 and 2."""
    for (name, label), colour, line in zip(MAPS.items(), MAP_COLOURS, MAP_LINES, strict=True):
        points = [(row[2], row[3] / (row[2] ** 4 / 192)) for row in curves["penalty", name]]
        axes.plot(*zip(*points, strict=True), line, color=colour, markersize=5, linewidth=1.2, label=label)
    axes.axhline(1.0, color="black", linestyle="--", linewidth=1)
    axes.text(0.1, 0.965, "least over all coordinates, to leading order: K² ρ⁴ / 192", fontsize=8.5, va="top")
    axes.set(xlabel="ρ, radius of the disc on the unit sphere, rad", ylabel="penalty / (K² ρ⁴ / 192)")
    axes.set(xscale="log", xlim=(0.088, 0.95), ylim=(0.85, 2.3))
    axes.set_xticks([0.1, 0.2, 0.4, 0.8], labels=["0.1", "0.2", "0.4", "0.8"])
    axes.minorticks_off()
    axes.set_title("Curvature forbids one variance for all x:\nwhat radial coordinates of the sphere cost")
    axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.55))

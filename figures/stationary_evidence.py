"""stationary-evidence: the gap against sigma, over a box, on finite data, and where it comes from (S2 to S6)."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from elboproof.commands.figures import Curves, Findings, Row, Rows, curves_of, series, xy

CLAIM = "stationary-evidence"
AFFINE = f"{CLAIM}/S2/proved_points_reach_the_evidence"
CURVES = {
    "sinh z, one preimage": (f"{CLAIM}/S3/gaps_fall_as_the_law_says", "sinh z"),
    "circle of radius 2, unit speed": (f"{CLAIM}/S4/gaps_of_unit_speed_fall", "circle of radius 2"),
    "z², two preimages": (f"{CLAIM}/S5/gap_tends_to_the_missing_mass", "z^2"),
}
BOX = f"{CLAIM}/S5/gap_over_a_box"
EDGES = ("s_low", "s_high", "x_low", "x_high", "upper")
MISSED = f"{CLAIM}/S5/gaussians_miss_the_posterior"
MISSES = {
    "at a preimage": "z²: the best Gaussian holds one preimage\n(x = 0.7, σ = 0.1)",
    "at 0": "z², larger σ: it straddles both\n(x = 0.6, σ = 0.3)",
}
FINITE = f"{CLAIM}/S6/gap_grows_as_the_variance_falls"
DATA = {"-1": "C0", "0": "C2", "5/2": "C1"}
STYLES = ("-", "--", "-.")
COLOURS = ("C0", "C2", "C1")
POSTERIOR, GAUSSIAN = "#333333", "C3"
BOUND = 0.9
"""Of the gap over the box, in nats."""


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = _paired(findings, "gap", "affine", AFFINE, "sigma", "largest")
    for name, (check, part) in CURVES.items():
        for end in ("lower", "upper"):
            found += _paired(findings, "gap", f"{name}: {end}", check, f"{part}/sigma", f"{part}/{end}")
        limit, order, leading = series(findings, check, f"{part}/law")
        found += [("gap", f"{name}: limit", 0.0, limit), ("gap", f"{name}: law", order, leading)]
    columns = {name: series(findings, BOX, name) for name in EDGES}
    for name, column in columns.items():
        found += [("box", name, float(k), number) for k, number in enumerate(column)]
    for end in ("lower", "upper"):
        found += _paired(findings, "finite", end, FINITE, "variance", end)
    for part in MISSES:
        for name in ("posterior", "gaussian"):
            found += _paired(findings, part, name, MISSED, f"{part}/z", f"{part}/{name}")
        found += [(part, "gap", 0.0, series(findings, MISSED, f"{part}/gap")[0])]
    for name in (f"{kind} of {x}" for x in DATA for kind in ("posterior", "gaussian")):
        found += _paired(findings, "data", name, FINITE, "z", name)
    return found


def _paired(findings: Findings, panel: str, name: str, check: str, x: str, y: str) -> Rows:
    pairs = zip(series(findings, check, x), series(findings, check, y), strict=True)
    return [(panel, name, a, b) for a, b in pairs]


def draw(table: Rows) -> Figure:
    """Draw six panels."""
    figure = Figure(figsize=(12.6, 7.6), layout="constrained")
    upper, lower = figure.subplots(2, 3)
    curves = curves_of(table)
    _gaps(upper[0], curves)
    _box(figure, upper[1], curves)
    _finite(upper[2], curves)
    for axes, (part, title) in zip(lower, MISSES.items(), strict=False):
        _missed(axes, curves, part, title)
    _posteriors(lower[2], curves)
    return figure


def _xy(curve: Iterable[Row]) -> tuple[list[float], list[float]]:
    return xy(sorted(curve, key=lambda row: row[2:]))


LABELS = {
    "sinh z, one preimage": (1.2e-4, 2e-6, "sinh z: falls like σ²"),
    "circle of radius 2, unit speed": (1.3e-2, 3e-13, "circle: falls like σ⁴"),
    "z², two preimages": (1.2e-4, 4e-2, "z², two preimages: tends to log 2"),
}
"""Where the labels of the lines stand."""


def _gaps(axes: Axes, curves: Curves) -> None:
    """Draw proved intervals as bars; where they are narrower than a line, the marker is what is seen."""
    grid = [10 ** (-4 + k / 20 * 3.3) for k in range(21)]
    for (name, colour), marker in zip(zip(CURVES, reversed(COLOURS), strict=True), "sDo", strict=True):
        limit = curves["gap", f"{name}: limit"][0][3]
        _, _, order, leading = curves["gap", f"{name}: law"][0]
        axes.plot(grid, [limit + leading * sigma ** (2 * order) for sigma in grid], color=colour, linewidth=1)
        sigma, low = _xy(curves["gap", f"{name}: lower"])
        _, high = _xy(curves["gap", f"{name}: upper"])
        axes.vlines(sigma, low, high, color=colour, linewidth=2)
        axes.plot(sigma, high, marker, color=colour, markersize=5, fillstyle="none")
        x, y, text = LABELS[name]
        axes.text(x, y, text, color=colour, fontsize=8.5)
    affine = max(_xy(curves["gap", "affine"])[1])
    axes.axhline(affine, color="black", linestyle="--", linewidth=1)
    axes.text(0.45, affine / 4, f"affine: 0, proved below {affine:.0e}", fontsize=8.5, ha="right", va="top")
    axes.set(xscale="log", yscale="log", ylim=(1e-17, 3e2), xlim=(7e-5, 0.5))
    axes.set(xlabel="σ, standard deviation of p(x|z)", ylabel="gap: log p(x) − ELBO, nats")
    axes.set_yticks([10.0**k for k in range(-16, 1, 4)])
    axes.set_title("No gap for affine decoders, a falling one\nfor curves, log 2 for two preimages")
    handles = [
        Line2D([], [], color="0.4", marker="o", linestyle="", fillstyle="none", label="proved"),
        Line2D([], [], color="0.4", linewidth=1, label="law, by ep.gap_law"),
    ]
    axes.legend(handles=handles, loc="upper left", ncols=2)


def _box(figure: Figure, axes: Axes, curves: Curves) -> None:
    """Draw the leaves of the proof, coloured by their distance from the bound."""
    leaves = zip(*([row[3] for row in curves["box", name]] for name in EDGES), strict=True)
    corners, margins = [], []
    for s_low, s_high, x_low, x_high, bound in leaves:
        corners.append([(s_low, x_low), (s_high, x_low), (s_high, x_high), (s_low, x_high)])
        margins.append(BOUND - bound)
    shown = PolyCollection(corners, edgecolors="white", linewidths=0.8, cmap="viridis")
    shown.set_array(margins)
    axes.add_collection(shown)
    axes.autoscale_view()
    axes.margins(0)
    axes.set(
        xlabel="σ, standard deviation of p(x|z)",
        ylabel="datum x",
    )
    title = f"z²: for ALL σ and x of this box the gap\nis between 0.6 and 0.9 nats ({len(margins)} leaves)"
    axes.set_title(title)
    figure.colorbar(shown, ax=axes, label="margin: 0.9 − proved bound, nats")


def _finite(axes: Axes, curves: Curves) -> None:
    variance, low = _xy(curves["finite", "lower"])
    _, high = _xy(curves["finite", "upper"])
    axes.plot(variance, high, ":", color="0.5", linewidth=1)
    axes.vlines(variance, low, high, color="black", linewidth=2)
    axes.plot(variance, high, "ko", markersize=5, fillstyle="none", label="proved at the best encoder found")
    axes.set(
        xlabel="σ², variance of p(x|z)",
        ylabel="mean gap of three data, nats",
        xscale="log",
        ylim=(0, 0.6),
    )
    axes.set_title("Finite data, decoder refitted:\nthe gap GROWS as σ² falls")
    axes.legend(loc="upper right")


def _missed(axes: Axes, curves: Curves, part: str, title: str) -> None:
    gap = curves[part, "gap"][0][3]
    axes.fill_between(*_xy(curves[part, "posterior"]), color=POSTERIOR, alpha=0.25, linewidth=0)
    axes.plot(*_xy(curves[part, "posterior"]), color=POSTERIOR, linewidth=1.2, label="posterior p(z|x)")
    axes.plot(
        *_xy(curves[part, "gaussian"]),
        "--",
        color=GAUSSIAN,
        linewidth=1.6,
        label=f"best Gaussian, gap {gap:.3f}",
    )
    axes.set(xlabel="latent z", ylabel="density", xlim=(-2, 2))
    axes.set_title(title)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.3)
    axes.legend(loc="upper left")


def _posteriors(axes: Axes, curves: Curves) -> None:
    for (x, colour), style in zip(DATA.items(), STYLES, strict=True):
        label = {"5/2": "2.5", "-1": "−1"}.get(x, x)
        axes.fill_between(*_xy(curves["data", f"posterior of {x}"]), color=colour, alpha=0.3, linewidth=0)
        line = _xy(curves["data", f"gaussian of {x}"])
        axes.plot(*line, style, color=colour, linewidth=1.6, label=f"x = {label}")
    axes.set(
        xlabel="latent z",
        ylabel="density",
        xlim=(-2, 2.5),
        ylim=(0, 3.6),
    )
    axes.set_title("Finite data, σ² = 0.01: posteriors (filled)\nhave edges, Gaussians (lines) cannot")
    axes.legend(loc="upper right")

"""riemannian-likelihoods: the gap of n Poisson counts in four coordinates, and over all coordinates alpha (S4)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

CHECK = "riemannian-likelihoods/S4/the_law_is_a_parabola"
NAMES = ("mean", "natural", "unit speed", "alpha = 1/3")
LABELS = ("mean, α = −1", "natural, α = 1", "unit speed, α = 0", "α = 1/3")
COLOURS = ("C1", "C4", "C3", "C0")
MARKERS = ("s", "^", "D", "o")
PANELS = ("n = 30", "n = 16000")


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    pairs = {("replicates", name): ("n", name) for name in NAMES}
    pairs |= {("replicates", f"law, {name}"): ("n", f"law, {name}") for name in NAMES}
    pairs |= {("coordinates", name): ("alpha", name) for name in PANELS}
    pairs[("coordinates", "parabola")] = ("fine alpha", "parabola")
    found: Rows = []
    for (panel, name), (x, y) in pairs.items():
        columns = zip(series(findings, CHECK, x), series(findings, CHECK, y), strict=True)
        found += [(panel, name, a, b) for a, b in columns]
    return found


def draw(table: Rows) -> Figure:
    """Draw two panels."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    lines = curves_of(table)
    _replicates(left, lines)
    _coordinates(right, lines)
    return figure


def _replicates(axes: Axes, lines: Curves) -> None:
    """Draw n times the gap: constant in the limit but for the coordinate that cancels the third derivative."""
    for name, label, colour, marker in zip(NAMES, LABELS, COLOURS, MARKERS, strict=True):
        axes.plot(*xy(lines["replicates", f"law, {name}"]), color=colour, linewidth=0.9, linestyle="--")
        axes.plot(
            *xy(lines["replicates", name]),
            color=colour,
            marker=marker,
            markersize=4,
            linestyle="",
            label=label,
        )
    axes.set(
        title="The gap of n Poisson counts falls like 1/n,\nin the coordinate α = 1/3 like 1/n²",
        xlabel="number n of counts, mean 2",
        ylabel="n · (log p(x) − best ELBO), nats",
        xscale="log",
        yscale="log",
    )
    axes.legend(loc="center right", title="proved gaps; dashed: the law")


def _coordinates(axes: Axes, lines: Curves) -> None:
    """Draw n times the gap over alpha with the law; constant variance is at 0, the least gap at 1/3."""
    axes.plot(*xy(lines["coordinates", "parabola"]), color="0.4", linewidth=1, label="law as n → ∞")
    for name, colour, marker in zip(PANELS, ("C1", "C0"), ("s", "o"), strict=True):
        axes.plot(
            *xy(lines["coordinates", name]),
            color=colour,
            marker=marker,
            markersize=4,
            linestyle="",
            label=name,
        )
    for place, words in ((0.0, "constant\nvariance"), (1 / 3, "no third\nderivative")):
        axes.axvline(place, color="0.6", linewidth=0.7, linestyle=":")
        side = "right" if place == 0 else "left"
        axes.annotate(
            words,
            (place, 0.115),
            xytext=(-4 if place == 0 else 4, 0),
            textcoords="offset points",
            ha=side,
            fontsize=8,
        )
    axes.set(
        title="Constant posterior variance (α = 0) and the\nleast gap (α = 1/3) are two coordinates",
        xlabel="coordinate α: dz = V^(−(1+α)/2) dμ",
        ylabel="n · (log p(x) − best ELBO), nats",
    )
    axes.legend(loc="upper right")

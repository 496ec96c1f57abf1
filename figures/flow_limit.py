"""flow-limit: the corrections to the change of variables (S2, S3), where it fails (S3), and the best decoder (S4)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

LAWS = "flow-limit/S2/laws_leave_the_fourth_order"
SIX = "flow-limit/S3/an_immersion_is_not_enough"
BEST = "flow-limit/S4/the_supremum_rises"
CURVES = {"sinh z at x = 7/10": "sinh z", "(z, z^2) at z0 = 7/10": "(z, z²)"}
COLOURS = {"evidence": "C0", "ELBO": "C1"}
MARKS = {"sinh z": "o", "(z, z²)": "s"}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    for name, short in CURVES.items():
        for what in COLOURS:
            columns = zip(
                series(findings, LAWS, "sigma"), series(findings, LAWS, f"{what} {name}"), strict=True
            )
            found += [("laws", f"{what} {short}", a, b) for a, b in columns]
            found.append(
                ("laws", f"{what} law {short}", 0.0, series(findings, LAWS, f"{what} law {name}")[0])
            )
    pairs = zip(series(findings, SIX, "sigma"), series(findings, SIX, "shifted"), strict=True)
    found += [("six", "shifted", a, b) for a, b in pairs]
    found.append(("six", "local", 0.0, series(findings, SIX, "local")[0]))
    best = zip(series(findings, BEST, "sigma"), series(findings, BEST, "supremum"), strict=True)
    return [*found, *(("best", "supremum", a, b) for a, b in best)]


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(13.2, 3.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    lines = curves_of(table)
    _laws(left, lines)
    _six(middle, lines)
    _best(right, lines)
    return figure


def _laws(axes: Axes, lines: Curves) -> None:
    """Draw the measured corrections over sigma^2, and the predicted intercepts as lines."""
    for what, colour in COLOURS.items():
        for short, mark in MARKS.items():
            axes.axhline(
                lines["laws", f"{what} law {short}"][0][3], color=colour, linewidth=0.7, linestyle=":"
            )
            style = "-" if what == "evidence" else "--"
            points = xy(lines["laws", f"{what} {short}"])
            axes.plot(
                *points, color=colour, linestyle=style, marker=mark, markersize=4.5, label=f"{what}, {short}"
            )
    axes.set(
        title="Evidence and ELBO leave the change of variables\nwith the predicted coefficients (dotted)",
        xlabel="σ, standard deviation of p(x|z)",
        ylabel="(value − limit) / σ², nats",
        xlim=(0, None),
        ylim=(None, 0.95),
    )
    axes.legend(ncols=2, loc="upper left")


def _six(axes: Axes, lines: Curves) -> None:
    """Draw the evidence of an immersion that comes back to its own point."""
    axes.axhline(
        lines["six", "local"][0][3],
        color="C1",
        linestyle="--",
        linewidth=1,
        label="log N(0) − log |f′(0)|",
    )
    axes.plot(*xy(lines["six", "shifted"]), color="C0", marker="o", markersize=4.5, label="proved")
    axes.set(
        title="An injective immersion that comes back\nto x has no such limit",
        xlabel="σ, standard deviation of p(x|z)",
        ylabel="log p(x) + ½ log 2πσ², nats",
        xscale="log",
    )
    axes.legend()


def _best(axes: Axes, lines: Curves) -> None:
    """Draw the largest mean log evidence that any decoder has."""
    axes.plot(*xy(lines["best", "supremum"]), color="C0", marker="o", markersize=4.5)
    axes.set(
        title="The best decoder of all gains\nas the variance falls: data ±1",
        xlabel="σ, standard deviation of p(x|z)",
        ylabel="supremum of the mean log p(x), nats",
        xlim=(0, None),
    )

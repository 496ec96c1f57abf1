"""hessian-estimator: what a probe is, how fast the mean of many converges, and what noise adds to a loss (S3, S4)."""

from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

PROBES = "hessian-estimator/S4/errors_fall_like_the_root"
ORDER = "hessian-estimator/S3/remainder_has_second_order"
LOSSES = {"(1/2 - tanh z)^2 5/2": "$(1/2 - \\tanh z)^2\\, 5/2$", "sigmoid z": "sigmoid z"}
COLOURS = ("C0", "C1")


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    pairs = {
        ("probes", "g"): (PROBES, "z", "g"),
        ("probes", "weight"): (PROBES, "probe_z", "weight"),
        ("mean", "error"): (PROBES, "n", "error"),
        ("mean", "expected"): (PROBES, "n", "expected"),
        ("mean", "biased"): (PROBES, "n", "biased"),
    }
    pairs |= {("order", name): (ORDER, f"{name}/s", f"{name}/remainder") for name in LOSSES}
    for (panel, name), (check, x, y) in pairs.items():
        columns = zip(series(findings, check, x), series(findings, check, y), strict=True)
        found += [(panel, name, a, b) for a, b in columns]
    return [*found, ("mean", "exact", 0.0, series(findings, PROBES, "exact")[0])]


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(12.6, 3.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    curves = curves_of(table)
    _probes(figure, left, curves)
    _mean(middle, curves)
    _order(right, curves)
    return figure


def _probes(figure: Figure, axes: Axes, curves: Curves) -> None:
    """Draw each probe on the loss, coloured by the weight with which it enters the estimate."""
    z, g = xy(curves["probes", "g"])
    places, weights = xy(curves["probes", "weight"])
    step = z[1] - z[0]
    heights = [g[min(max(round((place - z[0]) / step), 0), len(g) - 1)] for place in places]
    axes.plot(z, g, color="0.6", linewidth=1)
    shown = axes.scatter(
        places,
        heights,
        c=weights,
        s=22,
        cmap="RdBu_r",
        norm=CenteredNorm(halfrange=3),
        zorder=3,
        edgecolors="0.5",
        linewidths=0.4,
    )
    axes.set(
        title="Samples of q probe the curvature of the loss:\nouter ones count positive, inner ones negative",
        xlabel="latent z = m + √s ε",
        ylabel="reconstruction loss g(z), nats",
        xlim=(z[0], z[-1]),
    )
    figure.colorbar(shown, ax=axes, label="weight ε² − 1", extend="max")


def _mean(axes: Axes, curves: Curves) -> None:
    n, error = xy(curves["mean", "error"])
    exact = curves["mean", "exact"][0][3]
    label = "$n^{-1/2}$ standard deviation of one probe"
    axes.loglog(*xy(curves["mean", "expected"]), color="0.6", linewidth=1, label=label)
    axes.loglog(
        *xy(curves["mean", "biased"]), "s", color=COLOURS[1], fillstyle="none", label="weight ε²: biased"
    )
    axes.loglog(n, error, "o", color=COLOURS[0], fillstyle="none", label="weight ε² − 1")
    axes.set(
        title=f"Their mean converges to s E[g″] = {exact:.4f};\nwithout the −1 it does not",
        xlabel="n, number of probes",
        ylabel="root mean square error, nats",
    )
    axes.legend(loc="lower left")


def _order(axes: Axes, curves: Curves) -> None:
    for (name, label), colour, marker in zip(LOSSES.items(), COLOURS, "os", strict=True):
        s, remainder = xy(curves["order", name])
        sizes = [abs(r) for r in remainder]
        axes.loglog(s, [sizes[-1] * (t / s[-1]) ** 2 for t in s], color="0.6", linewidth=1)
        axes.loglog(s, sizes, marker, color=colour, fillstyle="none", label=label)
    axes.plot([], [], color="0.6", linewidth=1, label="order $s^2$")
    axes.set(
        title="Noise adds ½ tr(S Hess) to a loss:\nwhat is left falls like $s^2$ (proved)",
        xlabel="s, variance of the noise",
        ylabel="$|E[g(m + \\sqrt{s}ε)] - g(m) - \\frac{1}{2} s g″(m)|$",
    )
    axes.legend(loc="upper left")

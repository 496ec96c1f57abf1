"""bilbo: the rate bounds the information of the code (S4), and is optimistic on minibatches (S6)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

CODES = "bilbo/S4/information_and_excess"
BIAS = "bilbo/S6/bias_has_this_expansion"
SNRS = ("1", "4", "1000")
COLOURS = {"1": "C0", "4": "C1", "1000": "C3"}
MARKS = {"1": "o", "4": "s", "1000": "^"}
LAWS = {"1": "-", "4": "-.", "1000": ":"}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    pairs = {("codes", name): (CODES, "mu", name) for name in ("rate", "information")}
    pairs |= {
        ("bias", f"{kind} {snr}"): (BIAS, "B", f"{kind} {snr}") for snr in SNRS for kind in ("snr", "law")
    }
    pairs[("bias", "bound")] = (BIAS, "B", "bound")
    found: Rows = []
    for (panel, name), (check, x, y) in pairs.items():
        columns = zip(series(findings, check, x), series(findings, check, y), strict=True)
        found += [(panel, name, a, b) for a, b in columns]
    return [*found, ("codes", "cap", 0.0, series(findings, CODES, "cap")[0])]


def draw(table: Rows) -> Figure:
    """Draw two panels."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    curves = curves_of(table)
    _codes(left, curves)
    _bias(right, curves)
    return figure


def _codes(axes: Axes, curves: Curves) -> None:
    """Draw rate and information of two codes; between them lies the divergence from the fitted prior."""
    mu, rate = xy(curves["codes", "rate"])
    _, information = xy(curves["codes", "information"])
    axes.fill_between(
        mu, information, rate, color="C1", alpha=0.15, linewidth=0, label="KL(q(z) ‖ fitted prior)"
    )
    axes.plot(mu, rate, color="C1", marker="s", markersize=3.5, label="rate  ½ log(1 + µ²)")
    axes.plot(mu, information, color="C0", marker="o", markersize=3.5, label="information  I(x; z)")
    axes.axhline(
        0.6931471805599453, color="0.5", linestyle=":", linewidth=1, label="log 2: all that two codes hold"
    )
    axes.set(
        title="The rate is more than the code's information:\ntwo codes ±µ, posterior variance 1",
        xlabel="µ, half the distance of the codes",
        ylabel="rate and information, nats",
        xlim=(0, mu[-1]),
        ylim=(0, None),
    )
    axes.legend()


def _bias(axes: Axes, curves: Curves) -> None:
    """Draw how far the mean rate of a batch lies below the rate of all data."""
    batch, bound = xy(curves["bias", "bound"])
    axes.plot(batch, bound, color="0.3", linewidth=1.2, linestyle="--", label="bound for every v/s")
    for snr in SNRS:
        sizes, exact = xy(curves["bias", f"snr {snr}"])
        _, law = xy(curves["bias", f"law {snr}"])
        axes.plot(sizes, exact, MARKS[snr], color=COLOURS[snr], markersize=4.5, label=f"exact, v/s = {snr}")
        axes.plot(sizes, law, LAWS[snr], color=COLOURS[snr], linewidth=1.1, label=f"r²/(2B), v/s = {snr}")
    axes.set(
        title="On minibatches the rate is too small:\nGaussian codes of variance v, r = v/(v + s)",
        xlabel="batch size B",
        ylabel="rate − mean rate of batches, nats",
        yscale="log",
    )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.legend()

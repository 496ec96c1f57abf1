"""constant-variance-penalty: the sharp bound and what attains it, and three true penalties against sigma (S2, S5)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from elboproof.commands.figures import Curves, Findings, Row, Rows, curves_of, series, xy

CLAIM = "constant-variance-penalty"
ATTAINED = f"{CLAIM}/S2/attained"
FIXED = f"{CLAIM}/S5/true_penalties"
REFITTED = f"{CLAIM}/S5/three_penalties"
BOUNDS = ("specht", "hoeffding", "two equal points")
LAWS = ("commuting", "non-commuting")
RATIOS = {"2": "C0", "10": "C2", "100": "C1"}
RATIO_STYLES = {"2": "-", "10": "--", "100": "-."}
DECODERS = {"sinh": "C0", "shear": "C1"}
DECODER_MARKERS = "os"
NAMES = {"sinh": "sinh z, three data", "shear": "(u, v + u²), two data"}
PENALTIES = ("refitted", "leading", "kept")
BOUND, OTHER, REFIT = "#333333", "C3", "C2"


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    for name in BOUNDS:
        found += _paired(findings, "ratio", name, ATTAINED, "curve/h", f"curve/{name}")
    for name in LAWS:
        found += _paired(findings, "ratio", name, ATTAINED, f"{name}/h", f"{name}/penalty")
    for h in RATIOS:
        found += _paired(findings, "share", f"h = {h}", ATTAINED, f"h = {h}/share", f"h = {h}/penalty")
        found += _paired(
            findings, "share", f"h = {h}: best", ATTAINED, f"h = {h}/best share", f"h = {h}/bound"
        )
    for name in DECODERS:
        for kind in ("true", "leading"):
            found += _paired(findings, "fixed", f"{name}: {kind}", FIXED, "sigma", f"{name}/{kind}")
        found.append(("fixed", f"{name}: limit", 0.0, series(findings, FIXED, f"{name}/limit")[0]))
    for name in PENALTIES:
        found += _paired(findings, "refitted", name, REFITTED, "variance", name)
    found.append(("refitted", "limit", 0.0, series(findings, REFITTED, "limit")[0]))
    return found


def _paired(findings: Findings, panel: str, name: str, check: str, x: str, y: str) -> Rows:
    pairs = zip(series(findings, check, x), series(findings, check, y), strict=True)
    return [(panel, name, a, b) for a, b in pairs]


def draw(table: Rows) -> Figure:
    """Draw four panels."""
    figure = Figure(figsize=(10.4, 7.8), layout="constrained")
    (ratio, share), (fixed, refitted) = figure.subplots(2, 2)
    curves = curves_of(table)
    _ratio(ratio, curves)
    _share(share, curves)
    _fixed(fixed, curves)
    _refitted(refitted, curves)
    return figure


def _xy(curve: list[Row]) -> tuple[list[float], list[float]]:
    return xy(sorted(curve, key=lambda row: row[2:]))


def _ratio(axes: Axes, curves: Curves) -> None:
    """Draw the bound, what is true but not sharp above it, and the false one below."""
    equal = "½ log((1+h) / 2√h): all that two\nequally weighted points can lose"
    axes.plot(
        *_xy(curves["ratio", "hoeffding"]),
        "--",
        color="0.55",
        linewidth=1.2,
        label="(log h)² / 16: not sharp",
    )
    axes.plot(
        *_xy(curves["ratio", "specht"]), color=BOUND, linewidth=1.6, label="½ log Specht(h): the sharp bound"
    )
    axes.plot(*_xy(curves["ratio", "two equal points"]), ":", color=OTHER, linewidth=1.8, label=equal)
    for name, marker, colour in (("commuting", "o", "C0"), ("non-commuting", "x", "C1")):
        axes.plot(
            *_xy(curves["ratio", name]),
            marker,
            color=colour,
            markersize=7.5,
            fillstyle="none",
            label=f"attained by {name} precisions",
        )
    axes.set(xscale="log", xlim=(1, 140), ylim=(0, 1.35))
    axes.set_xticks([1, 2, 4, 10, 30, 100], labels=["1", "2", "4", "10", "30", "100"])
    axes.set(xlabel="h, where B ≤ A ≤ hB for all data", ylabel="P* / d, nats per latent")
    axes.set_title("What one covariance costs at most;\nbelow 0.03 nats per latent up to h = 2")
    axes.legend(loc="upper left")


def _share(axes: Axes, curves: Curves) -> None:
    """Draw penalties of two precisions as shares of the bound."""
    for h, colour in RATIOS.items():
        place, (bound,) = _xy(curves["share", f"h = {h}: best"])
        share, penalty = _xy(curves["share", f"h = {h}"])
        axes.plot(share, [one / bound for one in penalty], RATIO_STYLES[h], color=colour, label=f"h = {h}")
        axes.plot(place, [1], "o", color=colour, markersize=7, fillstyle="none")
    axes.axvline(0.5, color=OTHER, linestyle=":", linewidth=1.4)
    axes.text(0.51, 0.05, "equal weights", color=OTHER, fontsize=8.5)
    axes.set(ylim=(0, 1.08), xlim=(0, 1))
    axes.set(xlabel="share of the data with precision h (the others: 1)", ylabel="P* / Specht's bound")
    axes.set_title("Two precisions: the bound is met (circles)\nat a share below ½")
    axes.legend(loc="lower center", bbox_to_anchor=(0.3, 0))


def _fixed(axes: Axes, curves: Curves) -> None:
    """Draw penalties as shares of their limits."""
    handles = [
        Line2D([], [], color="0.4", label="true penalty, proved"),
        Line2D([], [], color="0.4", linestyle="--", label="P* at the free optima"),
    ]
    for (name, colour), marker in zip(DECODERS.items(), DECODER_MARKERS, strict=True):
        limit = curves["fixed", f"{name}: limit"][0][3]
        for kind, style, fill in (("true", "-", "full"), ("leading", "--", "none")):
            sigma, penalty = _xy(curves["fixed", f"{name}: {kind}"])
            shares = [1, *(one / limit for one in penalty)]
            axes.plot([0, *sigma], shares, style + marker, color=colour, markersize=5, fillstyle=fill)
        label = f"{NAMES[name]}: P0 = {limit:.4f} nats"
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle="", label=label))
    axes.set(xlabel="σ, standard deviation of p(x|z)", ylabel="penalty / P0, its limit", xlim=(-0.005, 0.21))
    axes.set_title("Fixed decoder: P* to leading order,\nfrom below (sinh) or from above (shear)")
    axes.legend(handles=handles, loc="lower left")


LABELS = {
    "kept": ("^", "C1", "decoder kept from the free optimum"),
    "leading": ("s", "C0", "P* at the free optimum"),
    "refitted": ("o", REFIT, "decoder refitted to one covariance"),
}


def _refitted(axes: Axes, curves: Curves) -> None:
    for name, (marker, colour, label) in LABELS.items():
        line = f"-{marker}"
        axes.plot(
            *_xy(curves["refitted", name]), line, color=colour, markersize=6, fillstyle="none", label=label
        )
    limit = curves["refitted", "limit"][0][3]
    axes.axhline(limit, color=REFIT, linestyle=":", linewidth=1.2)
    axes.text(
        1.15,
        limit + 0.002,
        "(1/6) log(1024/729):\nan argument for σ → 0",
        color=REFIT,
        fontsize=8,
        ha="right",
    )
    axes.set(xlabel="σ², variance of p(x|z)", ylabel="mean penalty of three data, nats")
    axes.set(xscale="log", ylim=(0, 0.17))
    axes.set_title("Finite data, optimal decoder: three different\npenalties (proved local maxima)")
    axes.legend(loc="upper right")

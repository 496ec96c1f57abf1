"""temporal-difference-vae: networks against an exact filter (S11, S9), and what far pairs make beliefs learn (S9)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

TRAINED = "temporal-difference-vae/S11/trained_model_nears_the_filter"
ONE_STEP = "temporal-difference-vae/S9/one_step_networks_are_nearer"
LINEAR = "temporal-difference-vae/S9/best_linear_beliefs"
SHOWN = ("1", "2", "4")
COLOURS = {"1": "#222222", "2": "C0", "4": "C1"}
MARKS = {"1": "o", "2": "s", "4": "^"}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    pairs = {("networks", name): (TRAINED, "jump", name) for name in ("excess", "error", "information")}
    pairs |= {("networks", "one step"): (ONE_STEP, "longest", "excess")}
    pairs |= {("linear", name): (LINEAR, "jump", name) for name in ("filter", "best belief")}
    pairs |= {("weights", name): (LINEAR, "lag", f"weights, {name}") for name in SHOWN}
    found: Rows = []
    for (panel, name), (check, x, y) in pairs.items():
        columns = zip(series(findings, check, x), series(findings, check, y), strict=True)
        found += [(panel, name, a, b) for a, b in columns]
    return found


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(12.0, 3.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    lines = curves_of(table)
    _networks(left, lines)
    _linear(middle, lines)
    _weights(right, lines)
    return figure


def _networks(axes: Axes, lines: Curves) -> None:
    """Draw nats over the filter of the trained models, between the filter, 0, and the marginal law."""
    jumps, excess = xy(lines["networks", "excess"])
    error = xy(lines["networks", "error"])[1]
    marginal = xy(lines["networks", "information"])[1]
    axes.plot(jumps, marginal, color="0.5", linestyle="--", label="marginal law: nothing learned")
    axes.errorbar(
        jumps, excess, yerr=error, color="C0", marker="o", markersize=4, capsize=2, label="jumps 1 to 6"
    )
    alone = lines["networks", "one step"][0]
    axes.plot([1], [alone[3]], color="C1", marker="D", linestyle="none", label="one-step pairs alone")
    axes.axhline(0, color="0.2", linewidth=0.8)
    axes.annotate("exact filter", (jumps[-1], 0), (0, 3), textcoords="offset points", ha="right", fontsize=8)
    axes.set(
        title="Trained on an oscillator, in one jump:\nnear the exact filter, never better",
        xlabel="steps ahead",
        ylabel="predictive loss over the filter, nats",
        ylim=(-0.03, 1.15),
    )
    axes.legend(loc="center right")


def _linear(axes: Axes, lines: Curves) -> None:
    """Draw what the loss of a fixed jump is above its bound."""
    axes.plot(
        *xy(lines["linear", "filter"]), color="#222222", marker="o", markersize=4, label="exact beliefs"
    )
    axes.plot(
        *xy(lines["linear", "best belief"]),
        color="C2",
        marker="v",
        markersize=4,
        label="best linear beliefs",
    )
    axes.set(
        title="Over a fixed jump exact beliefs\nare not the best (scalar system)",
        xlabel="jump Δ in training",
        ylabel="loss above −log p(x₂|b₁), nats",
        ylim=(-0.004, None),
    )
    axes.legend(loc="center right")


def _weights(axes: Axes, lines: Curves) -> None:
    """Draw how beliefs weigh the past."""
    for name in SHOWN:
        label = "Δ = 1: the filter" if name == "1" else f"Δ = {name}"
        axes.plot(
            *xy(lines["weights", name]), color=COLOURS[name], marker=MARKS[name], markersize=4, label=label
        )
    axes.set(
        title="They ignore what the jump skips:\nweights of past observations",
        xlabel="steps back",
        ylabel="weight in the belief's mean",
        yscale="log",
        ylim=(2e-4, 2),
    )
    axes.legend(loc="upper right")

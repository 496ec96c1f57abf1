"""direct-argmax: squared errors against the step (S4, S6, S7), and held-out ELBOs of a categorical VAE (S9)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

ONE = "direct-argmax/S6/an_unbiased_estimate_wins_in_the_end"
SEVERAL = "direct-argmax/S7/large_steps_pay_in_bias"
TRAINING = "direct-argmax/S9/a_longer_training"
SAMPLES = (1, 100, 10_000)
SIDES = {"one side": "--", "two sides": "-"}
COLOURS = ("C0", "C1", "C3")
MARKERS = ("o", "s", "^")
NAMES = {
    "local expectation": "local\nexpectation",
    "direct, two sides": "direct,\ntwo sides",
    "relaxed": "Gumbel-\nsoftmax",
    "direct, one side": "direct,\none side",
    "score": "score\nfunction",
}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    found: Rows = []
    for panel, check, rival in (("one", ONE, "score"), ("several", SEVERAL, "local expectation")):
        steps = series(findings, check, "eps")
        for name in [f"{side}, M = {M}" for side in SIDES for M in SAMPLES]:
            pairs = zip(steps, series(findings, check, name), strict=True)
            found += [(panel, name, x, y) for x, y in pairs]
        levels = zip(series(findings, check, "samples"), series(findings, check, rival), strict=True)
        found += [(panel, "rival", x, y) for x, y in levels]
    for place, name in enumerate(NAMES):
        found += [("training", name, float(place), elbo) for elbo in series(findings, TRAINING, name)]
    return found


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(12.6, 4.1), layout="constrained")
    left, middle, right = figure.subplots(1, 3, gridspec_kw={"width_ratios": (1, 1, 0.9)})
    lines = curves_of(table)
    _errors(left, lines, "one", "score function, best baseline")
    left.set_title("One variable, ten categories:\nthe best step falls with the number M of samples")
    figure.legend(handles=left.get_legend_handles_labels()[0], loc="outside lower center", ncols=6)
    _errors(middle, lines, "several", "local expectation gradient")
    middle.set_title(
        "Three latents: with the same decoder values\nthe local expectation gradient has no bias"
    )
    _training(right, lines)
    return figure


def _errors(axes: Axes, lines: Curves, panel: str, rival: str) -> None:
    """Draw the errors of each number of samples; levels of the rival are dotted."""
    levels = [row[3] for row in lines[panel, "rival"]]
    for M, level, colour, marker in zip(SAMPLES, levels, COLOURS, MARKERS, strict=True):
        for side, style in SIDES.items():
            steps, errors = xy(lines[panel, f"{side}, M = {M}"])
            label = f"M = {M:,}, {side}"
            axes.plot(steps, errors, style + marker, color=colour, fillstyle="none", markevery=6, label=label)
        ends = [steps[0], steps[-1]]
        axes.plot(ends, [level, level], ":" + marker, color=colour, fillstyle="none", linewidth=1)
    axes.set(
        xlabel=f"step ε (dotted: {rival})",
        ylabel="mean squared error of the gradient\n(units of f²)",
        xscale="log",
        yscale="log",
    )


def _training(axes: Axes, lines: Curves) -> None:
    """Draw each seed's ELBO."""
    for name in NAMES:
        places, elbos = xy(lines["training", name])
        axes.plot(places, elbos, "o", color="C0", markersize=5, alpha=0.8)
    axes.set_xticks(range(len(NAMES)), list(NAMES.values()), fontsize=7.5)
    axes.set(
        title="A categorical VAE on digits, three seeds:\nnothing tuned, exact ELBO",
        ylabel="held-out ELBO, nats",
        xlim=(-0.5, len(NAMES) - 0.5),
    )
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)

"""baggins: information per dimension with its cap (S2, S4), and the step that noise keeps stable (S5)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

CURVES = "baggins/S4/it_tends_to_the_best_variance"
STEPS = "baggins/S5/noise_keeps_a_stable_step"
BITS = ("1", "2", "4", "8")
COLOURS = ("C0", "C1", "C3", "C4")
STYLES = ("-", "--", "-.", (0, (3, 1, 1, 1, 1, 1)))
UNBOUNDED = (0, (1, 1))


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    names = [*(f"{bits} bits" for bits in BITS), "without noise"]
    pairs = {("bits", name): (CURVES, "ratio", name) for name in names}
    pairs |= {("step", name): (STEPS, "variance", name) for name in ("plain", "bounded")}
    found: Rows = []
    for (panel, name), (check, x, y) in pairs.items():
        columns = zip(series(findings, check, x), series(findings, check, y), strict=True)
        found += [(panel, name, a, b) for a, b in columns]
    return found


def draw(table: Rows) -> Figure:
    """Draw two panels."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    lines = curves_of(table)
    _bits(left, lines)
    _step(right, lines)
    return figure


def _bits(axes: Axes, lines: Curves) -> None:
    """Draw what a dimension tells against how well it is met; caps are dotted."""
    ratio, plain = xy(lines["bits", "without noise"])
    name = "best variance, no noise: unbounded"
    axes.plot(ratio, plain, color="0.4", linestyle=UNBOUNDED, linewidth=1.2, label=name)
    for bits, colour, style in zip(BITS, COLOURS, STYLES, strict=True):
        axes.axhline(float(bits), color=colour, linewidth=0.7, linestyle=":")
        axes.plot(*xy(lines["bits", f"{bits} bits"]), color=colour, linestyle=style, label=f"b = {bits}")
    axes.set(
        title="BAGGINS (a reconstruction) is capped at b bits\nper dimension, and 0 where the mean is predicted",
        xlabel="residual relative to the data, r/v",
        ylabel="bits per dimension",
        xscale="log",
        xlim=(ratio[-1], ratio[0]),
        ylim=(-2, 14),
    )
    axes.legend(loc="upper right")


def _step(axes: Axes, lines: Curves) -> None:
    """Draw the largest stable step of gradient descent."""
    axes.plot(*xy(lines["step", "plain"]), color="C0", marker="o", markersize=4, label="N(x; wz, σ²)")
    axes.plot(
        *xy(lines["step", "bounded"]), color="C1", marker="s", markersize=4, label="BAGGINS, λv = 0.001"
    )
    axes.set(
        title="Noise keeps a step of gradient descent stable\nas the variance vanishes",
        xlabel="variance σ² of likelihood and data noise",
        ylabel="largest stable step in w, units of w² per nat",
        xscale="log",
        yscale="log",
    )
    axes.legend(loc="upper left")

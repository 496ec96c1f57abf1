"""learned-prior: the codes of digits, the flow learned on them and N(0, I) (S3), and what joint training gains (S7)."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

CODES = "learned-prior/S3/a_flow_gains_on_frozen_codes"
SEEDS = "learned-prior/S7/five_seeds_gain"
RADII = (3, 2, 1)
"""Of N(0, I)'s contours: the flow's are drawn at the same densities."""
GAINS = {
    "gain": ("ELBO", "C0", "o"),
    "reconstruction": ("its reconstruction", "C1", "s"),
    "gain held out": ("ELBO, held out", "C0", "^"),
    "reconstruction held out": ("its reconstruction, held out", "C1", "v"),
}


def rows(findings: Findings) -> Rows:
    """Pick the recorded series; the density of the flow is a series for each row of its lattice."""
    points = zip(series(findings, CODES, "codes 1"), series(findings, CODES, "codes 2"), strict=True)
    found: Rows = [("codes", "codes", a, b) for a, b in points]
    side = series(findings, CODES, "side")
    density = np.array(series(findings, CODES, "log density")).reshape(len(side), len(side))
    for k, second in enumerate(side):
        found += [("flow", f"z2 = {second:g}", a, density[j, k]) for j, a in enumerate(side)]
    for name in GAINS:
        pairs = zip(series(findings, SEEDS, "seed"), series(findings, SEEDS, name), strict=True)
        found += [("gain", name, a, b) for a, b in pairs]
    return found


def draw(table: Rows) -> Figure:
    """Draw two panels."""
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    curves = curves_of(table)
    _codes(left, curves)
    _gains(right, curves)
    return figure


def _codes(axes: Axes, curves: Curves) -> None:
    """Draw samples of q(z), and both priors at the same densities."""
    axes.plot(*xy(curves["codes", "codes"]), ".", color="0.6", markersize=3, label="codes, z ~ q(z)")
    lattice = [curve for (panel, _), curve in curves.items() if panel == "flow"]
    side = xy(lattice[0])[0]
    levels = [-r * r / 2 - math.log(2 * math.pi) for r in RADII]
    axes.contour(
        side, side, [xy(curve)[1] for curve in lattice], levels=levels, colors="C1", linewidths=1.3,
        linestyles="solid",
    )  # fmt: skip
    turn = np.linspace(0, 2 * math.pi, 200)
    for r in RADII:
        axes.plot(r * np.cos(turn), r * np.sin(turn), color="C0", linestyle="--", linewidth=1)
    axes.plot([], [], color="C1", label="RealNVP prior learned on them")
    axes.plot([], [], color="C0", linestyle="--", label="N(0, I), the same three densities")
    axes.set(
        title="Codes of digits trained under N(0, I)\nare no N(0, I), and a flow learns how",
        xlabel="$z_1$",
        ylabel="$z_2$",
        xlim=(-4, 4),
        ylim=(-5.2, 4),
        aspect="equal",
    )
    axes.legend(loc="lower left")


def _gains(axes: Axes, curves: Curves) -> None:
    """Draw each seed's gains."""
    for shift, (name, (label, colour, marker)) in enumerate(GAINS.items()):
        seeds, values = xy(curves["gain", name])
        places = [seed + 0.12 * (shift - 1.5) for seed in seeds]
        filled = "none" if "held out" in name else colour
        axes.plot(places, values, marker, color=colour, markerfacecolor=filled, markersize=6, label=label)
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.set(
        title="Trained on with the flow rather\nthan N(0, I): what is gained",
        xlabel="seed",
        ylabel="gain for each digit, nats",
        xticks=seeds,
        ylim=(-0.02, 0.58),
    )
    axes.legend(loc="upper right", ncols=2)

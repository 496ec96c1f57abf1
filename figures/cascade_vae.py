"""cascade-vae: codes of the first stage by class and by flux, and the accuracy of each variant and seed (S5)."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import Curves, Findings, Rows, curves_of, series, xy

CHECK = "cascade-vae/S5/one_stage_against_two"
GALAXY, STAR = "C1", "C0"
VARIANTS = {
    "pixels, 2-means": "pixels, 2-means",
    "one stage, 2-means": "one stage,\n2-means",
    "one stage, whitened, 2-means": "one stage,\nwhitened",
    "two stages, mixture on codes": "two stages,\nmixture",
    "two stages, mixture on whitened codes": "two stages,\nwhitened, mixture",
    "two stages, VAE on codes": "two stages, VAE",
    "two stages, VAE on whitened codes": "two stages,\nwhitened, VAE",
    "radius threshold, with a teacher": "radius threshold,\nwith a teacher",
}
MARKERS = {"star": "*", "galaxy": "o"}
OBJECTS = 3000
"""In each survey; labels that know nothing have 1/2 + 1/sqrt(2 pi n) (S3)."""


def rows(findings: Findings) -> Rows:
    """Pick the recorded series."""
    first, second = (series(findings, CHECK, f"{name} axis") for name in ("first", "second"))
    galaxy, flux = (series(findings, CHECK, name) for name in ("galaxy", "log flux"))
    points = list(zip(first, second, galaxy, flux, strict=True))
    found: Rows = [("class", "star", x, y) for x, y, g, _ in points if not g]
    found += [("class", "galaxy", x, y) for x, y, g, _ in points if g]
    found += [("flux", "place", x, y) for x, y, _, _ in points]
    found += [("flux", "log flux", float(k), f) for k, (_, _, _, f) in enumerate(points)]
    for place, name in enumerate(VARIANTS):
        found += [("accuracy", name, value, float(place)) for value in series(findings, CHECK, name)]
    return found


def draw(table: Rows) -> Figure:
    """Draw three panels."""
    figure = Figure(figsize=(12.6, 4.1), layout="constrained")
    left, middle, right = figure.subplots(1, 3, gridspec_kw={"width_ratios": (0.85, 1, 1.1)})
    lines = curves_of(table)
    for name, colour in (("star", STAR), ("galaxy", GALAXY)):
        size = 5 if name == "star" else 3
        left.plot(
            *xy(lines["class", name]), MARKERS[name], color=colour, markersize=size, alpha=0.7, label=name
        )
    left.set(
        title="Codes of one stage, by class", xlabel="first principal axis", ylabel="second principal axis"
    )
    left.legend(loc="upper left")
    _flux(figure, middle, lines)
    _accuracy(right, lines)
    return figure


def _flux(figure: Figure, axes: Axes, lines: Curves) -> None:
    """Draw the codes coloured by flux."""
    _, flux = xy(lines["flux", "log flux"])
    drawn = axes.scatter(*xy(lines["flux", "place"]), c=flux, s=8, cmap="viridis")
    axes.set(title="The same, by flux: outliers are faint", xlabel="first principal axis")
    figure.colorbar(drawn, ax=axes, label="$\\log_{10}$ flux, counts")


def _accuracy(axes: Axes, lines: Curves) -> None:
    """Draw each seed's accuracy and the mean of each variant."""
    for place, name in enumerate(VARIANTS):
        values, _ = xy(lines["accuracy", name])
        colour = GALAXY if name.startswith("two") else STAR if name.startswith("one") else "0.4"
        axes.plot(values, [place] * len(values), "o", color=colour, markersize=5, alpha=0.7)
        axes.plot([sum(values) / len(values)] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=1.5)
    axes.axvline(0.5 + 1 / math.sqrt(2 * math.pi * OBJECTS), color="0.6", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(VARIANTS)), list(VARIANTS.values()), fontsize=7.5)
    axes.set(
        title="No second stage is better in the mean\n(five seeds; dotted: guesses)",
        xlabel="accuracy",
        xlim=(0.48, 1.0),
    )
    axes.invert_yaxis()

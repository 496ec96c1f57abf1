"""The picture of a trained model's diagnostics: four panels, drawn without a window or global state."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from elboproof.arguments import wrong_type
from elboproof.plotting import BLUE, RED, YELLOW

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from elboproof.diagnostics.diagnostics import Diagnostics

GAINS = (
    "approximation gap",
    "amortisation gap",
    "decoder gap",
    "decoder gap, best variances",
    "gain of the variance",
    "gain of pixel variances",
    "gain of rescaling",
    "gain of a Gaussian prior",
    "aggregate KL",
    "cost of one covariance",
)
"""What stands in nats side by side."""
SIZE = (10.0, 7.5)
MOST_BARS = 64
STYLES = {"exact": (BLUE, ""), "proved": (YELLOW, ".."), "estimate": (RED, "//")}
"""Colour and hatch of each kind."""


def drawn(found: "Diagnostics", figure: "Figure | None") -> "Figure":
    """Return the figure with its panels."""
    from matplotlib.figure import Figure

    given: object = figure
    if given is not None and not isinstance(given, Figure):
        raise wrong_type("figure", figure, "a matplotlib Figure, or None")
    made = Figure(figsize=SIZE, layout="constrained") if figure is None else figure
    axes = made.subplots(2, 2)
    made.suptitle(f"{found.name}: N = {found.sizes[0]}, D = {found.sizes[1]}, d = {found.sizes[2]}")
    for panel, one in zip((_latents, _gains, _pixels, _rows), axes.ravel(), strict=True):
        panel(found, one)
    return made


def _latents(found: "Diagnostics", axes: Any) -> None:
    own = found.latents
    order = np.argsort(-own.kl)[:MOST_BARS]
    colours = ["tab:blue" if own.active[k] else "lightgray" for k in order]
    axes.bar([str(k) for k in order], own.kl[order], color=colours)
    axes.set(title="KL of each latent; grey: not active", xlabel="latent", ylabel="nats")


def _gains(found: "Diagnostics", axes: Any) -> None:
    names = {one.name: one for one in found.items}
    kept = [names[name] for name in GAINS if name in names and math.isfinite(names[name].value)]
    errors = [one.error if math.isfinite(one.error) else 0.0 for one in kept]
    signs = {"": "", "at least": ">= ", "at most": "<= "}
    labels = [f"{signs[one.bound]}{one.name}" for one in kept]
    bars = axes.barh(labels, [one.value for one in kept], xerr=errors)
    shown: dict[str, Any] = {}
    for one, bar in zip(kept, bars, strict=True):
        colour, hatch = STYLES.get(one.kind, ("gray", "xx"))
        bar.set(facecolor=colour, hatch=hatch, edgecolor="white")
        shown.setdefault(one.kind, bar)
    axes.invert_yaxis()
    axes.set(title="where nats are", xlabel="nats")
    axes.legend(list(shown.values()), list(shown), loc="lower right")


def _pixels(found: "Diagnostics", axes: Any) -> None:
    axes.set(title="sigma of each pixel")
    if found.pixels is None:
        axes.text(0.5, 0.5, "no Gaussian likelihood", ha="center", transform=axes.transAxes)
        return
    side = math.isqrt(len(found.pixels))
    if side > 1 and side * side == len(found.pixels):
        image = axes.imshow(found.pixels.reshape(side, side), vmin=0.0)
        axes.figure.colorbar(image, ax=axes)
        return
    axes.plot(found.pixels, ".")
    axes.set(xlabel="dimension", ylabel="root mean squared residual", ylim=(0.0, None))


def _rows(found: "Diagnostics", axes: Any) -> None:
    axes.set(title="gaps and tails of the rows")
    if found.elbos is None or found.evidences is None:
        axes.text(0.5, 0.5, "no decoder", ha="center", transform=axes.transAxes)
        return
    gaps = found.evidences - found.elbos
    if found.pareto_k is None:
        axes.hist(gaps, bins=20)
        axes.set(xlabel="log p(x) - ELBO, nats", ylabel="rows")
        return
    axes.plot(found.pareto_k, gaps, ".")
    axes.axvline(0.7, color="gray", linestyle=":")
    axes.set(xlabel="Pareto k of the encoder's weights", ylabel="log p(x) - ELBO, nats")

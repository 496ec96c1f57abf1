"""half-output-networks: scales, scores, information, decoders, the gap's parts, and images to look at (S3 to S8).

Data: one run of ``python -m verification.half_output_networks.record``, the small protocol (digits, networks 64-64, 8
latents; 16-16 and 2 latents for decoders and gaps), seed 0 where no seeds are shown.
"""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elboproof.commands.figures import WideRows

RECORD = "figures/half_output_networks.json"
COLUMNS = ("panel", "series", "x", "y", "value")
COLOURS = ("C0", "C1", "C2", "C3", "C4")
LINES = ("o-", "s--", "^-.", "v:", "D-")
PIXELS = 8

Table = dict[tuple[str, str], list[tuple[float, ...]]]


def rows(record: Any) -> WideRows:
    """Pick the recorded series."""
    found: WideRows = []
    for name, values in record["sweep"].items():
        pairs = zip(record["exponents"], values, strict=True)
        found += [("sweep", name, k, math.nan if y is None else y, 0) for k, y in pairs]
    for name, one in record["scores"].items():
        for score, values in one.items():
            found += [("scores", f"{name}: {score}", seed, y, 0) for seed, y in enumerate(values)]
    for bits, curve in record["information"].items():
        found += [("information", bits, step, y, float(bits)) for step, y in curve]
    return found + _plane(record["plane"]) + _parts(record["parts"]) + _images(record["images"])


def _plane(plane: Any) -> WideRows:
    first, second = plane["axes"]
    places = [(a, b) for a in first for b in second]
    found: WideRows = []
    for name in ("learned", "optimal"):
        found += [("plane", name, a, b, v) for (a, b), v in zip(places, plane[name], strict=True)]
    return [*found, *(("plane", "codes", a, b, 0) for a, b in plane["codes"])]


def _parts(parts: Any) -> WideRows:
    return [
        ("parts", name, n, middle, half)
        for name, values in parts.items()
        for n, (middle, half) in enumerate(values)
    ]


def _images(images: Any) -> WideRows:
    return [
        ("images", name, n, k, pixel)
        for name, row in images.items()
        for n, image in enumerate(row)
        for k, pixel in enumerate(image)
    ]


def draw(table: WideRows) -> Figure:
    """Draw two rows of panels above the images."""
    curves: Table = {}
    for panel, name, *numbers in table:
        curves.setdefault((panel, name), []).append(tuple(numbers))
    figure = Figure(figsize=(12, 11.5), layout="constrained")
    # the images keep their aspect: in one grid with the panels they would squeeze these
    grid = figure.add_gridspec(2, 1, height_ratios=(1.9, 1))
    above, below = (figure.add_subfigure(grid[k]) for k in range(2))
    panels = above.subplots(2, 3)
    _sweep(panels[0, 0], curves)
    _scores(panels[0, 1], curves)
    _information(panels[0, 2], curves)
    _decoder(panels[1, 0], curves, "learned")
    _decoder(panels[1, 1], curves, "optimal")
    _gap(panels[1, 2], curves)
    _pictures(below.subplots(), curves)
    return figure


def _of(curves: Table, panel: str) -> dict[str, list[tuple[float, ...]]]:
    return {name: points for (place, name), points in curves.items() if place == panel}


def _sweep(axes: Axes, curves: Table) -> None:
    for (name, points), colour, line in zip(_of(curves, "sweep").items(), COLOURS, LINES, strict=True):
        x, y, _ = zip(*points, strict=True)
        axes.plot(x, y, line, color=colour, fillstyle="none", label=name)
    axes.set(
        title="Pixels multiplied by $2^k$",
        xlabel="k",
        ylabel="test ELBO in units of the data, nats",
        ylim=(-160, -45),
    )
    axes.legend(loc="lower center")


def _scores(axes: Axes, curves: Table) -> None:
    found = _of(curves, "scores")
    names = list(dict.fromkeys(name.partition(": ")[0] for name in found))
    styles = (("amortised", COLOURS[0], "o", 0.12), ("refined", COLOURS[1], "s", -0.12))
    for score, colour, marker, shift in styles:
        for place, name in enumerate(names):
            values = [point[1] for point in found[f"{name}: {score}"]]
            level, label = place + shift, score if not place else None
            axes.plot(
                values,
                [level] * len(values),
                marker,
                color=colour,
                fillstyle="none",
                markersize=4,
                label=label,
            )
            axes.plot([sum(values) / len(values)], [level], "|", color=colour, markersize=14)
    labels = {
        "learned, fixed": "sigma-VAE: learned, fixed",
        "constant, floating": "BILBO: constant, floating",
    }
    axes.set_yticks(range(len(names)), [labels.get(name, name) for name in names], fontsize=7)
    axes.set(
        title="Posterior variance and prior, each seed",
        xlabel="test ELBO, nats",
        ylim=(-0.6, len(names) + 0.3),
    )
    axes.legend(loc="upper left")


def _information(axes: Axes, curves: Table) -> None:
    for (bits, points), colour, line in zip(_of(curves, "information").items(), COLOURS, LINES, strict=False):
        x, y, _ = zip(*points, strict=True)
        axes.plot(x, y, line, color=colour, markevery=4, markersize=4, label=f"b = {bits}")
        axes.axhline(float(bits), color=colour, linewidth=0.7, linestyle=":")
    axes.set(
        title="Information, and its caps b (dotted)",
        xlabel="training step",
        ylabel="BAGGINS, bits per dimension",
        ylim=(-0.1, 1.5),
    )
    axes.legend(loc="upper left", ncols=2)


def _decoder(axes: Axes, curves: Table, name: str) -> None:
    points = np.array(curves["plane", name])
    side = round(len(points) ** 0.5)
    x, y, value = (points[:, k].reshape(side, side) for k in range(3))
    image = axes.pcolormesh(x, y, value, cmap="gray", vmin=0, vmax=1, shading="nearest", rasterized=True)
    codes = np.array(curves["plane", "codes"])
    inside = (
        (codes[:, 0] > x.min()) & (codes[:, 0] < x.max()) & (codes[:, 1] > y.min()) & (codes[:, 1] < y.max())
    )
    axes.plot(
        *codes[inside, :2].T, "o", color=COLOURS[1], markersize=2.8, mec="white", mew=0.4
    )  # on any grey
    titles = {
        "learned": "Learned decoder, one pixel",
        "optimal": "Optimal decoder $f^*$, the same pixel",
    }
    axes.set(title=titles[name], xlabel="$z_1$", ylabel="$z_2$")
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="value of the pixel")


def _gap(axes: Axes, curves: Table) -> None:
    found = _of(curves, "parts")
    bottom = np.zeros(len(next(iter(found.values()))))
    fills = zip((COLOURS[3], COLOURS[2], COLOURS[0]), ("//", "", "\\\\"), strict=True)
    for (name, points), (colour, hatch) in zip(found.items(), fills, strict=True):
        place, middle, half = (np.array(one) for one in zip(*points, strict=True))
        bottom = bottom + middle
        bars = axes.bar(place, middle, bottom=bottom - middle, color=colour, width=0.6, label=name)
        for bar in bars:
            bar.set(hatch=hatch, edgecolor="white", linewidth=0)
        axes.errorbar(place, bottom, yerr=half, fmt="none", color="black", capsize=4, linewidth=1)
    axes.set_xticks(range(len(bottom)))
    axes.set(
        title="log p(x) − ELBO in proved parts\n(whiskers: enclosures)",
        xlabel="test image",
        ylabel="part of the gap, nats",
    )
    axes.legend(reverse=True)


def _pictures(axes: Axes, curves: Table) -> None:
    found = _of(curves, "images")
    strips = []
    for points in found.values():
        pixels = np.array(points)[:, 2].reshape(-1, PIXELS, PIXELS)
        padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)), constant_values=1.0)
        strips.append(np.concatenate(list(padded), axis=1))
    picture = np.concatenate(strips, axis=0)
    axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    side = PIXELS + 2
    axes.set_yticks([side * (k + 0.5) for k in range(len(found))], list(found), fontsize=8)
    axes.set_xticks([])
    axes.set(title="Reconstructions and samples (means of x), seed 0")

"""The plot of a proof's leaves: bounds over intervals of one parameter, or rectangles of two, coloured by a bound."""

from fractions import Fraction
from typing import TYPE_CHECKING

from elboproof.plotting import BLUE, RED, add_polygons, at_most_two, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from elboproof.theorems.results import Proof

ORDERS = 100
"""Ratio of the ends of a positive side from which its axis is logarithmic."""
Side = tuple[float, float]
Claims = list[float | None]


def drawn(proof: "Proof", ax: "Axes | None") -> "Axes":
    """Return the axes with the leaves."""
    at_most_two("proof", len(proof.parameters), "parameters")
    axes, leaves = axes_of(ax), proof.certificate.content["leaves"]
    boxes = [[_side(pair) for pair in leaf["box"]] for leaf in leaves]
    claims: list[Claims] = [
        [None if b is None else float(Fraction(b)) for b in leaf["bounds"]] for leaf in leaves
    ]
    axes.set(title=f"{proof.statement}: {len(leaves)} leaves", xlabel=proof.parameters[0])
    (_line if len(proof.parameters) == 1 else _plane)(proof, axes, boxes, claims)
    for name, (low, high) in zip("xy", proof.box, strict=False):
        axes.set(**{f"{name}lim": (float(low), float(high))})
        if low > 0 and high >= ORDERS * low:
            axes.set(**{f"{name}scale": "log"})
    return axes


def _side(pair: list[str]) -> Side:
    return float(Fraction(pair[0])), float(Fraction(pair[1]))


def _line(proof: "Proof", axes: "Axes", boxes: list[list[Side]], claims: list[Claims]) -> None:
    """Draw what was proved over each interval, and the statement's bounds as dashed lines."""
    for place, (colour, word) in enumerate(((BLUE, "lower"), (RED, "upper"))):
        pairs = [(box[0], claim[place]) for box, claim in zip(boxes, claims, strict=True)]
        known = [(side, height) for side, height in pairs if height is not None]
        if known:
            heights = [height for _, height in known]
            lows, highs = zip(*(side for side, _ in known), strict=True)
            axes.hlines(heights, lows, highs, color=colour, label=f"proved {word} bound")
        stated = getattr(proof.statement, word)
        if stated is not None:
            axes.axhline(
                float(stated), color=colour, linestyle="--", linewidth=1, label=f"stated {word} bound"
            )
    for (low, _), *_rest in boxes:
        axes.axvline(low, color="0.85", linewidth=0.6, zorder=0)
    axes.set_ylabel(f"{proof.statement.quantity.name}, nats")
    axes.legend(frameon=False)


def _plane(proof: "Proof", axes: "Axes", boxes: list[list[Side]], claims: list[Claims]) -> None:
    """Draw the rectangles, coloured by the bound that the statement is about; of two, by the upper one."""
    corners = [[(a, c), (b, c), (b, d), (a, d)] for (a, b), (c, d) in boxes]
    place, word = (1, "upper") if proof.statement.upper is not None else (0, "lower")
    known = [k for k, claim in enumerate(claims) if claim[place] is not None]
    others = [corner for k, corner in enumerate(corners) if k not in set(known)]
    if others:
        add_polygons(axes, others, facecolors="white", hatch="//")
    if known:
        cells = add_polygons(axes, [corners[k] for k in known], cmap="cividis", edgecolors="white")
        cells.set_array([claims[k][place] for k in known])
        axes.figure.colorbar(
            cells, ax=axes, label=f"proved {word} bound of {proof.statement.quantity.name}, nats"
        )
    axes.set_ylabel(proof.parameters[1])
